import { type Page, expect } from "@playwright/test";

import { test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { lookAt, lookAtPrint } from "../support/looks.ts";
import type { Portal } from "../support/portal.ts";

/** Goes on so many minutes later, and waits for a run that the schedule starts then. */
async function later(portal: Portal, admin: Page, minutes: number): Promise<void> {
  const rows = admin.getByRole("region", { name: "Sync runs" }).getByRole("row");
  await admin.goto("/runs");
  const before = await rows.count();
  await portal.reopen(minutes);
  await expect(async () => {
    await admin.goto("/runs");
    expect(await rows.count()).toBeGreaterThan(before);
    await expect(rows.nth(1)).not.toContainText("Running", { timeout: 100 });
  }).toPass({ timeout: 60_000 });
}

test("the overview draws how syncing went and what explains it, objectives are kept or not, and a screen shows it by itself", async ({
  browser,
  freshPortal,
  setUp,
  guard,
}) => {
  test.setTimeout(300_000);
  const [portal, plane] = [freshPortal, freshPortal.plane];
  const admin = await setUp(portal);
  admin.setDefaultTimeout(15_000);
  const main = admin.getByRole("main");
  await admin.goto("/objectives");
  await expect(main.getByRole("heading", { name: "Nothing is promised yet" })).toBeVisible();
  await lookAt(admin, "objectives-none", guard);
  const page = await new Integrations(admin).add({ name: "Acme", address: plane.url, workspace: "acme", key: plane.keys.member });
  await admin.goto(`${page}/trends`);
  await expect(main.getByText("Nothing was measured in this time").first()).toBeVisible();
  await lookAt(admin, "integration-trends-empty", guard);
  await admin.goto(page);
  await new Runs(admin).start();
  await new Runs(admin).expectOutcome("Succeeded", true);
  await later(portal, admin, 40);
  await later(portal, admin, 80);
  await plane.fail({ what: { status: [500, "", []] } });
  await later(portal, admin, 100);
  await later(portal, admin, 140);
  await plane.heal();
  await later(portal, admin, 175);
  await admin.goto(page);
  await new Integrations(admin).replaceKey(await plane.newKey());
  await admin.goto(page);
  await admin.getByText("Pause…").click();
  await admin.getByRole("button", { name: "Pause syncing" }).click();
  await admin.getByRole("button", { name: "Resume" }).click();
  await expect(admin.getByText("Pause…")).toBeVisible();
  await later(portal, admin, 200);

  await expect(async () => {
    await admin.goto("/?range=6h");
    await expect(main.getByRole("group", { name: /^Age of copies/ })).toBeVisible({ timeout: 500 });
  }).toPass();
  for (const figure of ["Projects fresh", "Oldest copy", "Syncs succeeded, 7 d", "Webhook coverage, 24 h", "Error budget left, 28 d"]) {
    await expect(main.getByRole("term").filter({ hasText: figure })).toBeVisible();
  }
  await expect(main.getByRole("region", { name: "Projects, worst first" })).toContainText("in Acme");
  const runs = main.getByRole("figure").filter({ hasText: "Sync runs" });
  await expect(runs).toContainText(/\d+ of \d+ succeeded/);
  // The latest stretch is the one stop of a chart for the Tab key; from there the arrow keys go back.
  const stretches = runs.getByRole("link");
  const focused = runs.locator("a:focus");
  await stretches.last().focus();
  await expect(focused).toHaveCount(1);
  const last = await focused.getAttribute("aria-label");
  await admin.keyboard.press("ArrowLeft");
  await expect(focused).not.toHaveAttribute("aria-label", last ?? "");
  await expect(focused.locator(".chart-detail")).toBeVisible();
  await runs.getByText("As a table").click();
  await main.getByText(/^What happened in this time/).click();
  const happened = main.locator("#happened").getByRole("listitem");
  await expect(happened.filter({ hasText: "Plane did not work for Acme" }).last()).toBeVisible();
  await expect(happened.filter({ hasText: /Acme, .*key/i }).last()).toBeVisible();
  const bar = runs.getByRole("table").getByRole("row").filter({ hasNotText: /(0\s*){7}$/ }).getByRole("link").first();
  await runs.getByText("As a table").click();
  await lookAt(admin, "overview-full", guard);
  await lookAtPrint(admin, "overview-full");
  await runs.getByText("As a table").click();
  await bar.click();
  await expect(admin).toHaveURL(/\/runs\?since=.*&until=/);
  await expect(main.getByText(/^Only runs that started from/)).toBeVisible();
  await expect(main.getByRole("link", { name: "Acme" }).first()).toBeVisible();

  await admin.goto("/");
  // What happened often in a bar is one mark, which leads to the list, folded as it is.
  const often = main.getByRole("figure").filter({ hasText: "Sync runs" }).getByRole("link", { name: /\d changes within 1 h$/ });
  await expect(main.locator("#happened")).toBeHidden();
  await often.first().focus();
  await expect(often.first().locator(".chart-detail")).toBeVisible();
  await admin.keyboard.press("Enter");
  await expect(main.locator("#happened")).toBeVisible();
  await expect(main.locator("#happened")).toContainText("Resumed");
  await lookAt(admin, "overview-happened", guard);
  await main.getByRole("link", { name: "30 d" }).click();
  await expect(admin).toHaveURL(/range=30d/);
  await admin.goto(`${page}/trends?range=6h`);
  await expect(main.getByRole("figure").filter({ hasText: "Duration of runs" })).toBeVisible();
  await lookAt(admin, "integration-trends", guard);

  await admin.goto("/objectives");
  await main.getByText("Announce maintenance…").click();
  await main.getByLabel("For", { exact: true }).fill("0");
  await main.getByLabel("Why").fill("Plane moves house");
  await main.getByLabel("For", { exact: true }).evaluate((field: HTMLInputElement) => field.form?.setAttribute("novalidate", ""));
  await main.getByRole("button", { name: "Announce" }).click();
  await expect(main.getByLabel("For", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await lookAt(admin, "objectives-refused", guard);
  await main.getByLabel("For", { exact: true }).fill("60");
  await main.getByRole("button", { name: "Announce" }).click();
  const announced = main.getByRole("region", { name: "Maintenance" });
  await expect(announced).toContainText("Goes on");
  await lookAt(admin, "objectives", guard);
  await announced.getByRole("button", { name: "End now" }).click();
  await expect(announced).toContainText("Over");
  await lookAtPrint(admin, "objectives");
  await main.getByRole("link", { name: "Acme", exact: true }).first().click();
  await main.getByRole("textbox", { name: "Freshness" }).fill("99");
  await main.getByRole("button", { name: "Save objectives" }).click();
  await expect(main.getByText("99 %", { exact: true }).first()).toBeVisible();
  await lookAt(admin, "integration-objectives", guard);

  await admin.goto("/settings/screens");
  await lookAt(admin, "screens-none", guard);
  await main.getByLabel("Name").fill("Hall");
  await main.getByRole("button", { name: "Add screen" }).click();
  const address = await main.getByLabel("Address of Hall").inputValue();
  await lookAt(admin, "screens", guard);
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  const wall = await context.newPage();
  guard.watch(wall);
  await wall.goto(address);
  expect(wall.url(), "the secret leaves the address").toBe(`${portal.url}/screen`);
  await expect(wall.getByRole("heading", { level: 1 })).toBeVisible();
  const bare = await browser.newContext({ javaScriptEnabled: false });
  const bareWall = await bare.newPage();
  await bareWall.goto(address);
  const goesOn = async (one: Page, how: string) => {
    const asOf = () => one.getByText(/^as of/).innerText();
    const before = await asOf();
    await expect.poll(asOf, { message: `it is brought up to date ${how}`, timeout: 90_000 }).not.toBe(before);
  };
  await Promise.all([goesOn(wall, "by itself"), goesOn(bareWall, "without a script")]);
  await bare.close();
  await expect(wall.getByRole("link")).toHaveCount(0);
  await expect(wall.getByRole("button")).toHaveCount(0);
  await lookAt(wall, "screen", guard);
  await guard.leave(wall);
  await context.close();
});
