import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";
import type { Guard } from "../support/guard.ts";
import { lookAt } from "../support/looks.ts";
import { type FakePlane, withTinyProject } from "../support/plane.ts";

test("what is deleted in Plane is held when it is much, released by an admin, and put back from the list of deleted", async ({
  admin,
  guard,
  javaScriptEnabled,
}) => {
  await withTinyProject((plane) => prune(admin, plane, guard, javaScriptEnabled !== false));
});

async function prune(admin: Page, plane: FakePlane, guard: Guard, scripts: boolean): Promise<void> {
  await new Integrations(admin).add({ name: "Pruned", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);

  for (let n = 1; n <= 12; n += 1) await plane.edit({ op: "delete_item", workspace: "acme", item: `TINY-${n}` });
  await admin.getByRole("button", { name: "Sync again" }).click();
  await runs.expectOutcome("Held", scripts);

  const items = new WorkItems(admin);
  await items.openProject("Tiny", "Pruned");
  await expect(admin.getByRole("main")).toContainText("Plane no longer lists 12 of 14 work items.");
  if (scripts) await lookAt(admin, "project-held", guard);
  await admin.getByRole("button", { name: "Release and sync" }).click();
  await runs.expectOutcome("Succeeded", scripts);
  await expect(runs.fact("Deleted")).toHaveText("12");

  await items.openProject("Tiny", "Pruned");
  await expect(items.rows()).toHaveCount(2);
  await admin.getByRole("link", { name: "Deleted", exact: true }).click();
  const deleted = admin.getByRole("region", { name: "Deleted work items" });
  await expect(deleted.getByRole("rowheader")).toHaveCount(12);
  if (scripts) await lookAt(admin, "deleted-work-items", guard);
  await admin.setViewportSize({ width: 390, height: 800 });
  const back = await admin.getByRole("button", { name: "Put TINY-7 back", exact: true }).boundingBox();
  expect(back!.x + back!.width, "no way sideways to the button on a telephone").toBeLessThanOrEqual(390);
  await admin.setViewportSize({ width: 1280, height: 800 });

  await admin.getByRole("button", { name: "Put TINY-7 back", exact: true }).click();
  await expect(admin.getByRole("main")).toContainText("Plane does not have this work item.");
  if (scripts) await lookAt(admin, "work-item-put-back", guard);
  await admin.getByRole("button", { name: "Take out again" }).click();
  await expect(deleted.getByRole("rowheader")).toHaveCount(12);
  await admin.getByRole("button", { name: "Put all back" }).click();
  await expect(admin.getByRole("main")).toContainText("Nothing was deleted");
  await items.openProject("Tiny", "Pruned");
  await expect(items.rows()).toHaveCount(14);
}
