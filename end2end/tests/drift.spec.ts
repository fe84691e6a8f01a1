import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Drift } from "../pages/drift.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";
import type { Guard } from "../support/guard.ts";
import { lookAt } from "../support/looks.ts";
import { type FakePlane, withTinyProject } from "../support/plane.ts";

test("a copy is compared with Plane, what differs is put right by reading everything again, and the trend shows it", async ({
  admin,
  guard,
  javaScriptEnabled,
}) => {
  await withTinyProject((plane) => compare(admin, plane, guard, javaScriptEnabled !== false));
});

async function compare(admin: Page, plane: FakePlane, guard: Guard, scripts: boolean): Promise<void> {
  await new Integrations(admin).add({ name: "Drifted", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);

  const items = new WorkItems(admin);
  await items.openProject("Tiny", "Drifted");
  const drift = new Drift(admin);
  await drift.open();
  const main = admin.getByRole("main");
  await expect(main.getByRole("heading", { name: "Nothing was compared yet" })).toBeVisible();
  if (scripts) await lookAt(admin, "drift-empty", guard);

  await admin.getByRole("button", { name: "Compare now (6 requests)" }).click();
  await expect(drift.rows()).toHaveCount(1);
  // The sample is drawn by chance.
  await expect(main).toContainText(/Verified equal: Plane’s count of 14 work items, and every field of [1-5]\./);
  await expect(main).toContainText("a trend shows from the second one on");
  await expect(drift.trend()).toBeHidden();
  if (scripts) await lookAt(admin, "drift-first", guard);

  await plane.edit({ op: "add_items", workspace: "acme", project: "TINY", count: 3 });
  await drift.compare();
  await expect(main).toContainText("+3 / −0 of 17 work items differed.");
  await expect(drift.rows().first()).toContainText("Count and sample");
  await expect(drift.trend()).toBeVisible();
  for (let n = 1; n <= 5; n += 1) await plane.edit({ op: "delete_item", workspace: "acme", item: `TINY-${n}` });
  await drift.compare();
  await expect(main).toContainText(/\+\d+ \/ −[1-9]\d* of 12 work items differed/);
  if (scripts) await lookAt(admin, "drift", guard);

  await admin.getByRole("button", { name: /^Read everything again \(about \d+ requests\)$/ }).click();
  await expect(admin).toHaveURL(/\/runs\//);
  await runs.expectOutcome("Succeeded", scripts);
  await items.openProject("Tiny", "Drifted");
  await expect(items.rows()).toHaveCount(12);
  await drift.open();
  await drift.compare();
  await expect(main).toContainText("Verified equal: Plane’s count of 12 work items");
  await expect(drift.trend()).toHaveAccessibleDescription(/5 comparisons: 2 equal, 3 differed, at most by 8 work items/);
}
