import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { lookAt } from "../support/looks.ts";

test("a first sync copies what the key can read and says so", async ({ admin, plane, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new Integrations(admin).add({ name: "Parcels", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);
  await expect(runs.fact("Work items read")).toHaveText("407");
  await expect(runs.fact("Projects")).toHaveText("3");

  await admin.goto("/runs?outcome=succeeded");
  await expect(admin.getByRole("region", { name: "Sync runs" })).toContainText("Parcels");
  await admin.goto("/integrations");
  await expect(new Integrations(admin).row("Parcels")).toContainText("407");
});

test("a run that waits for a slow Plane is cancelled long before that answers", async ({ admin, plane, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new Integrations(admin).add({ name: "Slow", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 60_000 }, on_path: "/work-items/" });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectUnderWay(/Copying work items of/, scripts);

  expect(await runs.cancelled(), "ms from the button to the outcome").toBeLessThan(20_000);
  await runs.expectOutcome("Cancelled", scripts);
});

test("a run that waits for Plane’s rate limit is cancelled long before that is over", async ({ admin, plane, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new Integrations(admin).add({ name: "Limited", address: plane.url, workspace: "acme", key: await plane.newKey() });
  await plane.limit(5);
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectUnderWay(/Waiting for Plane’s rate limit/, scripts);

  expect(await runs.cancelled(), "ms from the button to the outcome").toBeLessThan(20_000);
  await runs.expectOutcome("Cancelled", scripts);
});

test("a project that can't be read is named and the others are copied", async ({ admin, plane, javaScriptEnabled }) => {
  await new Integrations(admin).add({ name: "Partly", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({
    what: { status: [403, '{"detail":"You do not have permission to perform this action."}', []] },
    on_path: "/states/",
    times: 1,
  });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Partial", javaScriptEnabled !== false);
  await expect(admin.getByRole("main")).toContainText("Design System");
});

test("a Plane that suddenly lists nothing is held: nothing is removed, and the run says what to do", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new Integrations(admin).add({ name: "Emptied", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);

  const nothing = { total_count: 0, total_results: 0, count: 0, total_pages: 0, results: [], extra_stats: null };
  const cursors = { next_cursor: "1000:1:0", prev_cursor: "1000:-1:1", next_page_results: false, prev_page_results: false };
  const empty = JSON.stringify({ ...nothing, ...cursors, grouped_by: null, sub_grouped_by: null });
  await plane.fail({ what: { status: [200, empty, []] }, on_path: "/work-items/" });
  await admin.getByRole("button", { name: "Sync again" }).click();
  await runs.expectOutcome("Held", scripts);
  await expect(admin.getByRole("main")).toContainText("Plane no longer lists");
  await expect(runs.fact("Missing in Plane")).toHaveText("407");
  await expect(runs.fact("Deleted")).toHaveText("0");
  if (scripts) await lookAt(admin, "run-held", guard);

  await admin.goto("/integrations");
  await expect(new Integrations(admin).row("Emptied")).toContainText("407");
});
