import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";
import { LEAD } from "../support/people.ts";
import { takeScreenshots } from "../support/screenshots.ts";

test.describe.configure({ mode: "serial" });

let integration = "";
let run = "";

test("what was synced can be found", async ({ admin, plane, javaScriptEnabled }) => {
  integration = await new Integrations(admin).add({
    name: "Browsed",
    address: plane.url,
    workspace: "acme",
    key: plane.keys.member,
  });
  await new Runs(admin).start();
  await new Runs(admin).expectOutcome("Succeeded", javaScriptEnabled !== false);
  run = new URL(admin.url()).pathname;

  await admin.goto("/projects");
  const projects = admin.getByRole("region", { name: "Projects" });
  await expect(projects).toContainText("Mobile App");
  await expect(projects).toContainText("Not a member");
  await expect(projects).toContainText("Archived");
  await expect(projects).not.toContainText("Security Reviews");
});

test("the table filters, sorts and pages, all in the address", async ({ admin }) => {
  const items = new WorkItems(admin);
  await items.openProject("Web Platform");
  await expect(items.rows()).toHaveCount(50);

  await items.choose("Priority", "Urgent");
  await items.filter();
  await expect(admin).toHaveURL(/priority=urgent/);
  for (const row of await items.rows().all()) await expect(row).toContainText("Urgent");
  await admin.reload();
  await expect(items.rows().first()).toContainText("Urgent");

  await items.openProject("Web Platform");
  await items.choose("State", "Completed");
  await items.choose("Order", "Oldest");
  await items.filter();
  await expect(admin).toHaveURL(/state=completed/);
  for (const row of await items.rows().all()) await expect(row).toContainText("Completed");

  await items.openProject("Web Platform");
  await items.search("WEB-7");
  await expect(items.rows()).toHaveCount(1);
  await expect(items.rows().first()).toContainText("WEB-7");
  await items.search("zzzzqqq");
  await expect(items.rows()).toHaveCount(0);

  await items.openProject("Web Platform");
  const first = await items.rows().first().innerText();
  await admin.getByRole("link", { name: "Next page" }).click();
  await expect(admin).toHaveURL(/after=/);
  expect(await items.rows().first().innerText()).not.toBe(first);
});

test("a work item is shown without what its text could do", async ({ admin }) => {
  const items = new WorkItems(admin);
  await items.openProject("Web Platform");
  await items.search("WEB-1");
  await items.rows().first().getByRole("link").first().click();

  const main = admin.getByRole("main");
  await expect(main).toContainText("Release it.");
  expect(await main.innerHTML()).not.toContain("<script");
  const link = admin.getByRole("link", { name: /Open in Plane/ });
  await expect(link).toHaveAttribute("rel", /noopener/);
  await expect(link).toHaveAttribute("href", /\/acme\/projects\//);
});

test("labels lead to the items that carry them", async ({ admin }) => {
  await new WorkItems(admin).openProject("Web Platform");
  await admin.getByRole("link", { name: /labels$/ }).click();
  const bug = admin.getByRole("region", { name: "Labels" }).getByRole("row").filter({ hasText: "bug" }).first();
  await bug.getByRole("link").first().click();
  await expect(admin).toHaveURL(/label=/);
  await expect(new WorkItems(admin).rows().first()).toContainText("bug");
});

test("a lead sees the data and no buttons, and is refused politely", async ({ admin, signIn, guard }) => {
  await admin.goto("/settings/people");
  if ((await admin.getByText(LEAD.email).count()) === 0) {
    await admin.getByLabel("Name", { exact: true }).fill(LEAD.name);
    await admin.getByLabel("E-mail address").fill(LEAD.email);
    await admin.getByLabel("First password").fill(LEAD.password);
    await admin.getByLabel("May").selectOption("lead");
    await admin.getByRole("button", { name: "Add person" }).click();
    await expect(admin.getByRole("region", { name: "People" })).toContainText(LEAD.email);
  }
  const lead = await signIn(LEAD);
  for (const path of ["/", "/integrations", integration, "/projects", "/runs", run]) {
    await lead.goto(path);
    const buttons = lead.getByRole("main").getByRole("button", { name: /Sync|Test|Edit|Replace|Deactivate|Delete|Add/ });
    await expect(buttons, path).toHaveCount(0);
  }
  await lead.goto(`${integration}/edit`);
  await expect(lead.getByRole("heading", { level: 1, name: /Only an admin/ })).toBeVisible();
  guard.excuse("403");
});

test("pages that aren't there help", async ({ admin }) => {
  for (const path of ["/nothing/here", "/integrations/not-an-id", "/runs/019ab2c0-0000-7000-8000-000000000000"]) {
    const answer = await admin.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(admin.getByRole("heading", { level: 1 })).toHaveCount(1);
    await expect(admin.getByRole("main")).toContainText(answer?.headers()["x-request-id"] ?? "no id");
  }
});

test("the keyboard reaches the content first", async ({ admin }) => {
  await admin.goto("/integrations");
  await admin.keyboard.press("Tab");
  await expect(admin.getByRole("link", { name: /Skip/ })).toBeFocused();
  await admin.keyboard.press("Enter");
  await expect(admin).toHaveURL(/#main$/);
});

test("every page fits a telephone and keeps its picture", async ({ admin, page, javaScriptEnabled }) => {
  test.slow();
  const items = new WorkItems(admin);
  await items.openProject("Web Platform");
  const project = new URL(admin.url()).pathname;
  await items.rows().first().getByRole("link").first().click();
  const item = new URL(admin.url()).pathname;
  const pages: [string, string][] = [
    ["overview", "/"],
    ["integrations", "/integrations"],
    ["integrations-none", "/integrations?q=zzzz"],
    ["integration", integration],
    ["integration-new", "/integrations/new"],
    ["integration-edit", `${integration}/edit`],
    ["integration-key", `${integration}/key`],
    ["integration-delete", `${integration}/delete`],
    ["integration-history", `${integration}/history`],
    ["projects", "/projects"],
    ["work-items", project],
    ["work-items-none", `${project}?q=zzzz`],
    ["labels", `${project}/labels`],
    ["work-item", item],
    ["runs", "/runs"],
    ["run", run],
    ["settings", "/settings"],
    ["people", "/settings/people"],
    ["profile", "/settings/profile"],
    ["not-found", "/nothing"],
  ];
  for (const [name, path] of pages) {
    await admin.goto(path);
    await admin.setViewportSize({ width: 390, height: 800 });
    if (javaScriptEnabled !== false) {
      const overflow = await admin.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow, `${name} scrolls sideways`).toBeLessThanOrEqual(0);
      await takeScreenshots(admin, name);
    }
    await admin.setViewportSize({ width: 1280, height: 800 });
  }
  await page.goto("/sign-in");
  await expect(page.getByLabel("Password")).toBeVisible();
  if (javaScriptEnabled !== false) await takeScreenshots(page, "sign-in");
});
