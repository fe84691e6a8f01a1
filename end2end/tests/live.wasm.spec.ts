import { type Page, expect } from "@playwright/test";

import { test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { lookAt } from "../support/looks.ts";

/** Whether the page is still the one that was marked, not loaded anew. */
async function mark(page: Page): Promise<() => Promise<boolean>> {
  await page.evaluate(() => Object.assign(window, { marked: true }));
  return () => page.evaluate(() => "marked" in window);
}

test("the time bar of a run under way grows on the open page, and hatches the wait for the limit", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Drawn", address: plane.url, workspace: "acme", key: await plane.newKey() });
  await plane.limit(5);
  const runs = new Runs(admin);
  await runs.start();
  const isSame = await mark(admin);
  const phases = admin.getByRole("region", { name: "Time by phase" });
  await expect(phases).toBeVisible();
  await admin.getByText("Step by step").click();
  const steps = admin.getByRole("region", { name: "The run step by step" });
  const first = await steps.getByRole("row").nth(1).elementHandle();

  await expect(admin.getByRole("status")).toHaveText("Waiting for Plane’s rate limit, then going on.", { timeout: 15_000 });
  await expect(admin.getByRole("listitem").filter({ hasText: "Waiting for Plane’s limit" })).toBeVisible();
  const waited = () => phases.getByRole("row").last().getByRole("cell").last().innerText();
  const before = await waited();
  await expect.poll(waited, { message: "the wait goes on" }).not.toBe(before);
  await expect(steps, "what was unfolded stays so").toBeVisible();
  expect(await first?.evaluate((row) => row.isConnected), "rows stay where they are").toBe(true);
  expect(await isSame()).toBe(true);

  await runs.cancel();
  await runs.expectOutcome("Cancelled", true);
  await expect(admin.getByRole("listitem").filter({ hasText: "Waiting for Plane’s limit" })).toBeVisible();
});

test("calls are added to the open log of a run under way, below those that are there", async ({ admin, plane, guard }) => {
  await new Integrations(admin).add({ name: "Logged", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 2_000 }, on_path: "/work-items/" });
  const runs = new Runs(admin);
  await runs.start();
  const run = new URL(admin.url()).pathname;
  await admin.goto(`${run}/calls`);
  const isSame = await mark(admin);
  const calls = admin.getByRole("region", { name: "Calls to Plane" });
  const rows = calls.getByRole("row").filter({ has: admin.getByRole("rowheader") });
  await expect(rows.first()).toBeVisible();
  const known = await rows.count();
  const last = rows.nth(known - 1);
  const [text, element] = [await last.innerText(), await last.elementHandle()];
  await expect(admin.getByText("further calls are added here")).toBeVisible();

  await expect.poll(() => rows.count()).toBeGreaterThan(known);
  expect(await last.innerText()).toBe(text);
  expect(await element?.evaluate((row) => row.isConnected)).toBe(true);
  await lookAt(admin, "run-calls-under-way", guard);
  await plane.heal();
  await expect(admin.getByText("further calls are added here"), "the run has ended").toBeHidden({ timeout: 30_000 });
  expect(await isSame()).toBe(true);

  const seen = await rows.count();
  await admin.goto(run);
  await runs.expectOutcome("Succeeded", true);
  await expect(runs.fact("Requests to Plane")).toHaveText(String(seen));
});

test("a page whose events stop says so, and goes on by itself when they come again", async ({ admin, plane, guard }) => {
  await new Integrations(admin).add({ name: "Cut off", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 60_000 }, on_path: "/work-items/" });
  // 204 tells a browser not to ask again.
  await admin.route("**/live/runs/*", (route) => route.fulfill({ status: 204 }));
  const runs = new Runs(admin);
  await runs.start();
  const isSame = await mark(admin);
  const lost = admin.getByRole("alert");
  await expect(lost).toContainText("Live updates stopped");
  await expect(lost.getByRole("link", { name: "Reload" })).toHaveAttribute("href", "");
  await lookAt(admin, "run-cut-off", guard);

  await admin.unroute("**/live/runs/*");
  await expect(lost).toBeHidden({ timeout: 60_000 });
  await expect(admin.getByRole("status")).toContainText("Copying work items of");
  expect(await isSame()).toBe(true);
  await runs.cancel();
  await runs.expectOutcome("Cancelled", true);
});
