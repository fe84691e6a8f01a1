import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";

test.describe.configure({ mode: "serial" });

const INTEGRATION = "Browsed";

test("what was synced can be found", async ({ admin, plane, javaScriptEnabled }) => {
  await new Integrations(admin).add({ name: INTEGRATION, address: plane.url, workspace: "acme", key: plane.keys.member });
  await new Runs(admin).start();
  await new Runs(admin).expectOutcome("Succeeded", javaScriptEnabled !== false);

  await admin.goto("/projects");
  const projects = admin.getByRole("region", { name: "Projects" });
  await expect(projects).toContainText("Mobile App");
  await expect(projects).toContainText("Not a member");
  await expect(projects).toContainText("Archived");
  await expect(projects).not.toContainText("Security Reviews");

  await admin.getByLabel("Integration").selectOption({ label: INTEGRATION });
  await admin.getByRole("button", { name: "Filter" }).click();
  await admin.getByLabel("Name or identifier").fill("web");
  await admin.getByRole("button", { name: "Filter" }).click();
  await expect(projects.getByRole("rowheader")).toHaveCount(1);
  await expect(projects).toContainText("Web Platform");
  await expect(admin).toHaveURL(/q=web&integration=/);
});

/** The rows, the address and the fields are the same after a reload. */
async function expectToLast(page: Page, fields: Record<string, string>): Promise<void> {
  const items = new WorkItems(page);
  const [url, numbers] = [page.url(), await items.numbers()];
  await page.reload();
  expect(page.url()).toBe(url);
  expect(await items.numbers()).toEqual(numbers);
  for (const [label, value] of Object.entries(fields)) {
    await expect(items.field(label).locator(":checked"), label).toHaveText(value);
  }
}

for (const { field, begins, address, rows } of [
  { field: "State", begins: "Completed", address: /state=completed/, rows: /Completed/ },
  { field: "Label", begins: "bug", address: /label=[0-9a-f-]{36}/, rows: /bug/ },
  { field: "Assignee", begins: "ada", address: /assignee=[0-9a-f-]{36}/, rows: /\bada\b/ },
  { field: "Priority", begins: "Urgent", address: /priority=urgent/, rows: /Urgent/ },
]) {
  test(`work items are filtered by ${field.toLowerCase()}, in the address`, async ({ admin }) => {
    const items = new WorkItems(admin);
    await items.openProject("Web Platform", INTEGRATION);
    await expect(items.rows()).toHaveCount(50);
    const chosen = await items.choose(field, begins);
    await items.filter();

    await expect(admin).toHaveURL(address);
    const found = await items.rows().allInnerTexts();
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((row) => !rows.test(row))).toEqual([]);
    // A label's option tells how many there are.
    const told = /\((\d+)\)$/.exec(chosen)?.[1];
    if (told) expect(found.length).toBe(Number(told));
    await expectToLast(admin, { [field]: chosen });

    await admin.getByRole("link", { name: new RegExp(`^Take away: ${field}: ${begins}`) }).click();
    await expect(admin).not.toHaveURL(address);
    await expect(items.rows()).toHaveCount(50);
  });
}

test("work items are found by words and by number", async ({ admin }) => {
  const items = new WorkItems(admin);
  await items.openProject("Web Platform", INTEGRATION);
  await items.search("WEB-7");
  await expect(admin).toHaveURL(/q=WEB-7/);
  expect(await items.numbers()).toEqual(["WEB-7"]);
  await expectToLast(admin, {});

  const words = (await items.rows().getByRole("link").first().innerText()).toLowerCase();
  await items.search(words);
  expect(await items.numbers()).toContain("WEB-7");
  await items.search("zzzzqqq");
  await expect(items.rows()).toHaveCount(0);
  await expect(admin.getByRole("heading", { name: "No work item matches" })).toBeVisible();
  await admin.getByRole("link", { name: "Clear all filters" }).click();
  await expect(items.rows()).toHaveCount(50);
});

test("filters join, and order and page keep them", async ({ admin }) => {
  const items = new WorkItems(admin);
  await items.openProject("Web Platform", INTEGRATION);
  await items.choose("State", "Completed");
  await items.choose("Order", "Oldest");
  await items.filter();
  await expect(admin).toHaveURL(/state=completed&.*sort=oldest/);
  await expectToLast(admin, { State: "Completed", Order: "Oldest" });
  const first = await items.numbers();
  const ascending = (numbers: string[]) => numbers.map((number) => Number(number.split("-")[1]));
  expect(ascending(first)).toEqual(ascending(first).toSorted((a, b) => a - b));

  await admin.getByRole("link", { name: "Next page" }).click();
  await expect(admin).toHaveURL(/state=completed&sort=oldest&after=/);
  await expectToLast(admin, { State: "Completed", Order: "Oldest" });
  const second = await items.numbers();
  expect(second.filter((number) => first.includes(number))).toEqual([]);
  expect(ascending([...first, ...second])).toEqual(ascending([...first, ...second]).toSorted((a, b) => a - b));
  expect((await items.rows().allInnerTexts()).filter((row) => !row.includes("Completed"))).toEqual([]);

  await items.choose("Priority", "High");
  await items.filter();
  await expect(admin, "a new filter begins at the first page").not.toHaveURL(/after=/);
  await expect(admin).toHaveURL(/state=completed&.*priority=high&sort=oldest/);
  const joined = await items.rows().allInnerTexts();
  expect(joined.length).toBeGreaterThan(0);
  expect(joined.filter((row) => !/Completed[^]*High/.test(row))).toEqual([]);
});

test("a project is leafed through to its end and back", async ({ admin }) => {
  const items = new WorkItems(admin);
  await items.openProject("Web Platform", INTEGRATION);
  const numbers = new Set(await items.numbers());
  const next = admin.getByRole("link", { name: "Next page" });
  while (await next.isVisible()) {
    await next.click();
    await expect(admin).toHaveURL(/after=/);
    for (const number of await items.numbers()) numbers.add(number);
  }
  expect(numbers.size).toBe(348);
  await expect(admin.getByRole("navigation", { name: "Pages" })).toContainText("This is the last page.");
  await admin.getByRole("link", { name: "First page" }).click();
  await expect(admin).not.toHaveURL(/after=/);
});

test("a work item is shown without what its text could do", async ({ admin }) => {
  const items = new WorkItems(admin);
  await items.openProject("Web Platform", INTEGRATION);
  await items.search("WEB-1");
  await items.openFirst();

  const main = admin.getByRole("main");
  await expect(main).toContainText("Release it.");
  expect(await main.innerHTML()).not.toContain("<script");
  const link = admin.getByRole("link", { name: /Open in Plane/ });
  await expect(link).toHaveAttribute("rel", /noopener/);
  await expect(link).toHaveAttribute("href", /\/acme\/projects\//);
});

test("labels lead to the items that carry them", async ({ admin }) => {
  await new WorkItems(admin).openProject("Web Platform", INTEGRATION);
  await admin.getByRole("link", { name: /labels$/ }).click();
  const bug = admin.getByRole("region", { name: "Labels" }).getByRole("row").filter({ hasText: "bug" }).first();
  await bug.getByRole("link").first().click();
  await expect(admin).toHaveURL(/label=/);
  await expect(new WorkItems(admin).rows().first()).toContainText("bug");
});
