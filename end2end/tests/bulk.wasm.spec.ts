import { expect, test } from "../fixtures.ts";
import { Bulk } from "../pages/bulk.ts";
import { Integrations } from "../pages/integrations.ts";

test("rows are chosen one by one, by range and by page, and the page says how many", async ({ admin, plane }) => {
  for (const name of ["Many-ranged 1", "Many-ranged 2", "Many-ranged 3", "Many-ranged 4"]) {
    await new Integrations(admin).add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
  }
  const bulk = new Bulk(admin);
  await bulk.openList("Many-ranged");
  const chosen = admin.getByRole("status");
  const page = admin.getByRole("checkbox", { name: "Choose all on this page" });
  const preview = admin.getByRole("button", { name: "Preview" });
  await expect(chosen).toHaveText("None is chosen.");
  await expect(preview).toBeDisabled();

  await bulk.tick("Many-ranged 1").click();
  await expect(chosen).toHaveText("1 chosen.");
  await expect(preview).toBeEnabled();
  await expect(page).toBeChecked({ indeterminate: true });
  await bulk.tick("Many-ranged 3").click({ modifiers: ["Shift"] });
  await expect(bulk.tick("Many-ranged 2")).toBeChecked();
  await expect(bulk.tick("Many-ranged 4")).not.toBeChecked();
  await expect(chosen).toHaveText("3 chosen.");

  await page.check();
  await expect(chosen).toHaveText("4 chosen.");
  await bulk.tick("Many-ranged 2").focus();
  await admin.keyboard.press("Space");
  await expect(chosen).toHaveText("3 chosen.");
  await page.check();
  await page.uncheck();
  await expect(chosen).toHaveText("None is chosen.");
  await admin.getByRole("checkbox", { name: "All 4 that match" }).check();
  await expect(chosen).toHaveText("All are chosen.");
  await expect(preview).toBeEnabled();
});

test("rows are told where they stand while it goes on, and the page is loaded anew at the end alone", async ({ admin, plane }) => {
  for (const name of ["Many-live 1", "Many-live 2"]) {
    await new Integrations(admin).add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
  }
  const bulk = new Bulk(admin);
  await bulk.openList("Many-live");
  await admin.getByRole("checkbox", { name: "All 2 that match" }).check();
  await bulk.preview("Sync now");
  await plane.fail({ what: { latency: 1500 }, on_path: "/work-items/" });
  await bulk.start();
  await expect(bulk.item("Many-live 1")).toContainText("Under way");
  await expect(bulk.item("Many-live 1").getByRole("link", { name: "Open the run" })).toBeVisible();
  await expect(admin.getByRole("main")).toContainText("0 of 2");
  const places = async () => Promise.all(["Many-live 1", "Many-live 2"].map((name) => bulk.item(name).boundingBox()));
  const before = await places();
  await admin.evaluate(() => Object.assign(window, { isSame: true }));
  await expect(admin.getByRole("button", { name: "Stop after what is under way" })).toBeVisible();
  expect(await places()).toEqual(before);
  expect(await admin.evaluate(() => "isSame" in window)).toBe(true);
  await bulk.expectResult("2 done.", true);
  expect(await admin.evaluate(() => "isSame" in window)).toBe(false);
});
