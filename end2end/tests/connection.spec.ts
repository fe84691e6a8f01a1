import { readFile } from "node:fs/promises";
import { expect, test } from "../fixtures.ts";
import { ConnectionTest } from "../pages/connection_test.ts";
import { Integrations } from "../pages/integrations.ts";
import { lookAt } from "../support/looks.ts";

test("a connection says whether it works, by every test that told, and gives them as files", async ({
  admin,
  plane,
  guard,
  javaScriptEnabled,
}) => {
  const scripts = javaScriptEnabled !== false;
  const integrations = new Integrations(admin);
  const key = await plane.newKey();
  const path = await integrations.add({ name: "Checked", address: plane.url, workspace: "acme", key });
  await integrations.test();
  await expect(admin.getByRole("main")).toContainText("The key sees", { timeout: 15_000 });
  await admin.goto(path);
  await admin.getByRole("link", { name: "All tests" }).click();

  const main = admin.getByRole("main");
  await expect(main).toContainText(/Works\s+For/);
  const rows = admin.getByRole("region", { name: "Connection tests" }).getByRole("row");
  await expect(rows.filter({ hasText: "somebody" })).toHaveCount(1);
  await admin.getByRole("link", { name: "Failed" }).click();
  await expect(main).toContainText("No test failed");

  await plane.fail({ what: { status: [503, "", []] } });
  await admin.goto(path);
  await integrations.test();
  await expect(main).toContainText("Plane itself failed with status 503.", { timeout: 15_000 });
  await admin.goto("/integrations");
  const mark = integrations.row("Checked").getByRole("link", { name: /latest tests together: \d failed/ });
  await expect(mark).toContainText("Connection unsteady");
  await mark.click();
  await expect(main).toContainText("After three in a row it counts as failing.");
  if (scripts) await lookAt(admin, "connection", guard);

  const [file] = await Promise.all([
    admin.waitForEvent("download"),
    admin.getByRole("link", { name: "Export as CSV" }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(/^connection-.*\.csv$/);
  const lines = (await readFile(await file.path(), "utf8")).trim().split("\n");
  expect(lines[0]).toContain("started_at,success,status,error");
  expect(lines[1]).toContain(",false,plane_fault,");

  await rows.nth(1).getByRole("link").click();
  await expect(new ConnectionTest(admin).stage("Plane")).toContainText("Failed");
});
