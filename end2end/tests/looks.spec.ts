import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { ConnectionTest } from "../pages/connection_test.ts";
import { Integrations } from "../pages/integrations.ts";
import { People } from "../pages/people.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";
import type { Guard } from "../support/guard.ts";
import { lookAt } from "../support/looks.ts";
import { LEAD } from "../support/people.ts";

test.describe.configure({ timeout: 300_000 });

/** Opens each page and looks at it; without JavaScript there is no more to see than that it is there. */
async function lookAtEach(page: Page, pages: Record<string, string>, guard: Guard, scripts: boolean): Promise<void> {
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 }), path).toBeVisible();
    if (scripts) await lookAt(page, name, guard);
  }
}

test("every page looks right", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new People(admin).ensure(LEAD);
  const integration = await new Integrations(admin).add({ name: "Acme product", address: plane.url, workspace: "acme", key: plane.keys.member });
  await new Integrations(admin).test();
  await expect(admin.getByRole("main")).toContainText("The key sees 5 projects", { timeout: 15_000 });
  await admin.goto(integration);
  await new Runs(admin).start();
  await new Runs(admin).expectOutcome("Succeeded", scripts);
  const run = new URL(admin.url()).pathname;
  await admin.goto(integration);
  const test = await admin.getByRole("link", { name: "Open result" }).getAttribute("href");
  const items = new WorkItems(admin);
  await items.openProject("Web Platform", "Acme product");
  const project = new URL(admin.url()).pathname;
  await items.openFirst();
  const item = new URL(admin.url()).pathname;

  const pages = {
    overview: "/",
    integrations: "/integrations",
    "integrations-no-match": "/integrations?q=zzzz",
    integration,
    "integration-new": "/integrations/new",
    "integration-edit": `${integration}/edit`,
    "integration-key": `${integration}/key`,
    "integration-delete": `${integration}/delete`,
    "integration-history": `${integration}/history`,
    "connection-test": test ?? "none",
    connection: `${integration}/connection`,
    health: `${integration}/health`,
    timeline: `${integration}/timeline`,
    calls: `${integration}/calls`,
    "problems-resolved-none": "/problems?state=resolved",
    projects: "/projects",
    "projects-filtered": "/projects?q=web",
    "work-items": `${project}?priority=urgent`,
    "work-items-no-match": `${project}?q=zzzz`,
    labels: `${project}/labels`,
    "work-item": item,
    runs: "/runs",
    "runs-no-match": "/runs?outcome=failed",
    run,
    "run-calls": `${run}/calls`,
    settings: "/settings",
    people: "/settings/people",
    profile: "/settings/profile",
  };
  await lookAtEach(admin, pages, guard, scripts);
});

test("a second run, a pause and quiet hours look right", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const integrations = new Integrations(admin);
  const integration = await integrations.add({ name: "Acme paused", address: plane.url, workspace: "acme", key: await plane.newKey() });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);
  // It needs four calls: Plane's limit is in the way of the last one.
  await plane.limit(3);
  await admin.goto(integration);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts, 150_000);
  const run = new URL(admin.url()).pathname;
  await admin.getByText("Step by step").click();
  if (scripts) await lookAt(admin, "run-second", guard);

  await admin.goto(`${integration}/edit`);
  await admin.getByLabel("From").fill("22:00");
  await admin.getByLabel(/^To\b/).fill("06:00");
  await integrations.save();
  await admin.goto(integration);
  await admin.getByText("Pause…").click();
  if (scripts) await lookAt(admin, "integration-pausing", guard);
  await admin.getByLabel("Note").fill("Plane moves to new disks until Thursday.");
  await admin.getByRole("button", { name: "Pause syncing" }).click();
  await expect(admin.getByRole("button", { name: "Resume" })).toBeVisible();
  const pages = {
    "integration-paused": integration,
    "integration-quiet-hours": `${integration}/edit`,
    "integrations-paused": "/integrations?show=paused",
    "overview-paused": "/",
    "runs-filtered": "/runs?trigger=person&time=today",
    "run-second-calls": `${run}/calls`,
  };
  await lookAtEach(admin, pages, guard, scripts);
});

test("what is under way looks right: a run, a wait, a connection test", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const integration = await new Integrations(admin).add({ name: "Acme firmware", address: plane.url, workspace: "acme", key: await plane.newKey() });
  await plane.fail({ what: { latency: 60_000 }, on_path: "/work-items/" });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectUnderWay(/Copying work items of/, scripts);
  const run = new URL(admin.url()).pathname;
  const pages = { "run-under-way": run, "integration-under-way": integration, "overview-under-way": "/", "runs-under-way": "/runs" };
  await lookAtEach(admin, pages, guard, scripts);
  await admin.goto(run);
  await runs.cancel();
  await runs.expectOutcome("Cancelled", scripts);
  if (scripts) await lookAt(admin, "run-cancelled", guard);

  await plane.heal();
  await plane.limit(5);
  await admin.goto(integration);
  await runs.start();
  await runs.expectUnderWay(/Waiting for Plane’s rate limit/, scripts);
  if (scripts) await lookAt(admin, "run-waiting", guard);
  await runs.cancel();
  await runs.expectOutcome("Cancelled", scripts);
});

test("connection tests look right: under way, failed", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new Integrations(admin).add({ name: "Tested", address: plane.url, workspace: "nowhere", key: plane.keys.member });
  await plane.fail({ what: { latency: 4_000 }, on_path: "/users/me/" });
  const tested = new ConnectionTest(admin);
  await new Integrations(admin).test();
  if (scripts) {
    await expect(tested.stage("API key")).toContainText("Under way");
    await lookAt(admin, "connection-test-under-way", guard);
  }
  await tested.advice();
  if (scripts) await lookAt(admin, "connection-test-failed", guard);
});

test("the doors look right: set-up, sign-in", async ({ page, freshPortal, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const doors = { "set-up": freshPortal.setUpLink, "sign-in": `${freshPortal.url}/sign-in`, "sign-in-refused": `${freshPortal.url}/sign-in?error=invalid` };
  await lookAtEach(page, doors, guard, scripts);

  await page.goto(freshPortal.setUpLink);
  await page.getByLabel("Your name").fill("Ada Admin");
  await page.getByLabel("E-mail address").fill("ada@example.com");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  if (scripts) await lookAt(page, "set-up-mistake", guard);

  guard.expectRefusal(404, "/setup");
  await page.goto(`${freshPortal.url}/setup?token=00000000000000000000000000000000`);
  await expect(page.getByRole("heading", { level: 1, name: "This set-up link does not work" })).toBeVisible();
  if (scripts) await lookAt(page, "set-up-refused", guard);
});

test("a portal with nothing in it says what to do first", async ({ freshPortal, setUp, guard, javaScriptEnabled }) => {
  const admin = await setUp(freshPortal);
  const pages = {
    "overview-empty": "/",
    "integrations-empty": "/integrations",
    "projects-empty": "/projects",
    "runs-empty": "/runs",
    "people-alone": "/settings/people",
  };
  await lookAtEach(admin, pages, guard, javaScriptEnabled !== false);

  for (const [path, says] of [
    ["/", "Three steps to your first numbers"],
    ["/integrations", "No integrations yet"],
    ["/projects", "Nothing is connected yet"],
    ["/runs", "Nothing was synced yet"],
  ] as const) {
    await admin.goto(path);
    await expect(admin.getByRole("heading", { level: 2, name: says })).toBeVisible();
  }
  await admin.goto("/settings/people");
  await expect(admin.getByRole("main")).toContainText("1 person can sign in, 1 admin");
});

test("pages that refuse look right: 403, 404", async ({ admin, signIn, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new People(admin).ensure(LEAD);
  const integration = await new Integrations(admin).add({ name: "Refused", address: plane.url, workspace: "acme", key: plane.keys.member });
  const lead = await signIn(LEAD);
  guard.expectRefusal(403, `${integration}/edit`);
  await lead.goto(`${integration}/edit`);
  await expect(lead.getByRole("heading", { level: 1, name: "Only an admin may do this" })).toBeVisible();
  if (scripts) await lookAt(lead, "failure-403", guard);

  for (const path of ["/nothing/here", "/integrations/not-an-id", "/runs/019ab2c0-0000-7000-8000-000000000000"]) {
    guard.expectRefusal(404, path);
    const answer = await admin.goto(path);
    await expect(admin.getByRole("heading", { level: 1, name: "There is nothing at this address" })).toBeVisible();
    await expect(admin.getByRole("main")).toContainText(answer?.headers()["x-request-id"] ?? "no id");
  }
  if (scripts) await lookAt(admin, "failure-404", guard);
});

test("pages that can't be shown say what to do: 500, 503", async ({ failingPortal, setUp, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  guard.expectRefusal(503, "/");
  const admin = await setUp(failingPortal);
  await expect(admin.getByRole("heading", { level: 1, name: /Hangar can.t reach its database/ })).toBeVisible();
  await expect(admin.getByRole("link", { name: "Try again" })).toHaveAttribute("href", "/");
  if (scripts) await lookAt(admin, "failure-503", guard);

  guard.expectRefusal(500, "/runs");
  await admin.goto("/runs");
  await expect(admin.getByRole("heading", { level: 1, name: "Something went wrong in Hangar" })).toBeVisible();
  await expect(admin.getByRole("main")).toContainText("Reference: c0ffee00c0ffee00");
  if (scripts) await lookAt(admin, "failure-500", guard);
});
