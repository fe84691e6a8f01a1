import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";

test("runs are filtered by what set them off and by days, and the address keeps it", async ({ admin, plane, javaScriptEnabled }) => {
  const name = "Filtered";
  await new Integrations(admin).add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", javaScriptEnabled !== false);

  await admin.goto("/runs");
  const filters = admin.getByRole("search", { name: "Filter sync runs" });
  await filters.getByLabel("Integration").selectOption(name);
  await filters.getByLabel("Started by").selectOption("A person");
  await filters.getByLabel("Time").selectOption("Last 24 hours");
  await filters.getByRole("button", { name: "Filter" }).click();
  await expect(admin, "without what was left empty").toHaveURL(/\?integration=[0-9a-f-]{36}&trigger=person&time=24h$/);
  const rows = admin.getByRole("region", { name: "Sync runs" }).getByRole("row");
  await expect(rows).toHaveCount(2);
  await expect(filters.getByLabel("Started by")).toHaveValue("person");

  await filters.getByLabel("Started by").selectOption("The schedule");
  await filters.getByRole("button", { name: "Filter" }).click();
  await expect(admin.getByRole("heading", { name: "No run matches" })).toBeVisible();
  await filters.getByLabel("Started by").selectOption("Anything");
  await filters.getByLabel("Or from").fill("2020-01-01");
  await filters.getByLabel(/^To\b/).fill("2020-01-31");
  await filters.getByRole("button", { name: "Filter" }).click();
  await expect(admin.getByRole("heading", { name: "No run matches" })).toBeVisible();
  await expect(filters.getByLabel("Or from")).toHaveValue("2020-01-01");
});

test("a run shows its time, its calls and what is new since the one before", async ({ admin, plane, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const path = await new Integrations(admin).add({ name: "Compared", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  for (let run = 0; run < 2; run += 1) {
    await admin.goto(path);
    await runs.start();
    await runs.expectOutcome("Succeeded", scripts);
  }
  const compared = admin.getByRole("region", { name: "This run and the one before" });
  await expect(compared.getByRole("row").filter({ hasText: "Created" })).toContainText("−407");
  await expect(admin.getByRole("img", { name: /phases over time/ })).toBeVisible();
  await admin.getByText("Step by step").click();
  await expect(admin.getByRole("region", { name: "The run step by step" })).toContainText("Web Platform");

  await admin.getByRole("link", { name: /^All calls/ }).click();
  const calls = admin.getByRole("region", { name: "Calls to Plane" });
  await expect(calls).toContainText("/work-items/");
  await expect(calls).toContainText("200");
  expect(await admin.content()).not.toContain(plane.keys.member);
});
