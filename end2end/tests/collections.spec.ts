import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";
import { lookAt } from "../support/looks.ts";

test("cycles and modules are listed, and lead to their work items", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  await new Integrations(admin).add({ name: "Planned", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);

  const items = new WorkItems(admin);
  await items.openProject("Web Platform", "Planned");
  const project = new URL(admin.url()).pathname;
  await admin.getByRole("link", { name: "Cycles and modules" }).click();
  const collections = admin.getByRole("region", { name: "Cycles and modules" });
  const row = (name: string) => collections.getByRole("row").filter({ has: admin.getByRole("rowheader", { name, exact: true }) });
  await expect(collections.getByRole("rowheader")).toHaveCount(2);
  await expect(row("Sprint 12")).toContainText("Cycle");
  await expect(row("Sprint 12").getByRole("cell").last()).toHaveText("Work items: 20");
  await expect(row("Sync engine")).toContainText("Module");
  await expect(row("Sync engine").getByRole("cell").last()).toHaveText("Work items: 15");
  if (scripts) await lookAt(admin, "collections", guard);

  await collections.getByRole("link", { name: "Sprint 12" }).click();
  await expect(items.rows()).toHaveCount(20);
  await expect(items.field("Cycle or module").locator(":checked")).toContainText("Sprint 12");
  if (scripts) await lookAt(admin, "work-items-of-cycle", guard);

  await items.choose("Cycle or module", "Module Sync engine");
  await items.filter();
  await expect(items.rows()).toHaveCount(15);
  await expect(admin, "what the form left empty is not in the address").not.toHaveURL(/=(&|$)/);
  await admin.getByRole("link", { name: /^Take away: / }).click();
  await expect(admin).toHaveURL(new RegExp(`${project}\\?sort=updated$|${project}$`));
  await expect(items.rows()).toHaveCount(50);

  await items.openProject("Operations", "Planned");
  await expect(admin.getByRole("link", { name: "Cycles and modules" })).toBeHidden();
  await admin.goto(`${new URL(admin.url()).pathname}/collections`);
  await expect(admin.getByRole("heading", { name: "No cycle and no module was copied" })).toBeVisible();
  if (scripts) await lookAt(admin, "collections-empty", guard);
});
