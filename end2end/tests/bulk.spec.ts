import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Bulk } from "../pages/bulk.ts";
import { Integrations } from "../pages/integrations.ts";
import { People } from "../pages/people.ts";
import { lookAt } from "../support/looks.ts";
import { LEAD } from "../support/people.ts";
import type { FakePlane } from "../support/plane.ts";

async function addAll(admin: Page, plane: FakePlane, names: string[]): Promise<void> {
  for (const name of names) {
    await new Integrations(admin).add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
  }
}

test("two of three are synced: looked at first, started, and told one by one", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const bulk = new Bulk(admin);
  await addAll(admin, plane, ["Many-synced A", "Many-synced B", "Many-synced C"]);
  await bulk.openList("Many-synced");
  await bulk.tick("Many-synced A").check();
  await bulk.tick("Many-synced C").check();
  if (scripts) await lookAt(admin, "bulk-choice", guard);
  await bulk.preview("Sync now");

  await expect(admin.getByRole("heading", { level: 1, name: "Sync 2 integrations" })).toBeVisible();
  await expect(admin.getByRole("main")).toContainText("Nothing has been done yet.");
  await expect(bulk.item("Many-synced A")).toContainText("at least 2");
  await expect(bulk.item("Many-synced B")).toHaveCount(0);
  if (scripts) await lookAt(admin, "bulk-plan", guard);

  await plane.fail({ what: { latency: 4000 }, on_path: "/work-items/" });
  await bulk.start();
  if (scripts) await lookAt(admin, "bulk-running", guard);
  await plane.heal();
  await bulk.expectResult("2 done.", scripts);
  await expect(bulk.item("Many-synced A")).toContainText(/Done.*407 work items read/);
  await bulk.item("Many-synced C").getByRole("link", { name: "Open the run" }).click();
  await expect(admin.getByRole("heading", { level: 1, name: "Sync of Many-synced C" })).toBeVisible();
  await admin.goto("/bulk");
  await expect(admin.getByRole("row").filter({ hasText: "Sync 2 integrations" }).first()).toContainText("2 done");
  if (scripts) await lookAt(admin, "bulk-operations", guard);
});

test("all that match are tagged, and the tag leads to them", async ({ admin, plane, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const bulk = new Bulk(admin);
  await addAll(admin, plane, ["Many-tagged A", "Many-tagged B"]);
  await bulk.openList("Many-tagged");
  await admin.getByRole("checkbox", { name: "All 2 that match" }).check();
  await bulk.preview("Add a tag", { label: "Tag", value: "North" });
  await expect(admin.getByRole("heading", { level: 1, name: "Tag 2 integrations with north" })).toBeVisible();
  await bulk.start();
  await bulk.expectResult("2 done.", scripts);
  await bulk.openList("Many-tagged");
  await admin.getByRole("link", { name: "north" }).first().click();
  await expect(admin.getByRole("rowheader")).toHaveCount(2);
  await admin.getByRole("rowheader", { name: "Many-tagged A" }).getByRole("link", { name: "Many-tagged A" }).click();
  await expect(admin.getByRole("main")).toContainText("Changed the tags. Part of a bulk operation");
});

test("what failed says what to do, and is retried alone", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const bulk = new Bulk(admin);
  const integrations = new Integrations(admin);
  await addAll(admin, plane, ["Many-retried A"]);
  const bad = await integrations.add({ name: "Many-retried B", address: plane.url, workspace: "acme", key: plane.keys.revoked });
  await bulk.openList("Many-retried");
  await admin.getByRole("checkbox", { name: "All 2 that match" }).check();
  await bulk.preview("Test the connection");
  await bulk.start();
  await bulk.expectResult("1 done, 1 failed.", scripts);
  await expect(bulk.item("Many-retried B")).toContainText(/Failed.*key/);
  if (scripts) await lookAt(admin, "bulk-failed", guard);
  const page = admin.url();

  await admin.goto(bad);
  await integrations.replaceKey(plane.keys.member);
  await admin.goto(page);
  await admin.getByRole("button", { name: "Retry the 1 that failed" }).click();
  await expect(admin.getByRole("heading", { level: 1, name: "Test the connection of 1 integration" })).toBeVisible();
  await bulk.start();
  await bulk.expectResult("1 done.", scripts);
});

test("nothing chosen is told before anything is done", async ({ admin, plane, javaScriptEnabled }) => {
  await addAll(admin, plane, ["Unchosen A"]);
  const bulk = new Bulk(admin);
  await bulk.openList("Unchosen");
  const preview = admin.getByRole("button", { name: "Preview" });
  if (javaScriptEnabled !== false) {
    await expect(preview).toBeDisabled();
    return;
  }
  await preview.click();
  await expect(admin.getByRole("alert")).toContainText("Choose integrations first");
  await expect(bulk.tick("Unchosen A")).toBeVisible();
});

test("a mistake in the argument keeps what was ticked", async ({ admin, plane }) => {
  await addAll(admin, plane, ["Many-kept A", "Many-kept B"]);
  const bulk = new Bulk(admin);
  await bulk.openList("Many-kept");
  await bulk.tick("Many-kept B").check();
  await bulk.preview("Add a tag", { label: "Tag", value: "two words" });
  await expect(admin.getByRole("alert")).toContainText("one word");
  await expect(bulk.tick("Many-kept B")).toBeChecked();
  await expect(bulk.tick("Many-kept A")).not.toBeChecked();
  await expect(admin.getByRole("textbox", { name: "Tag" })).toHaveValue("two words");
});

test("a lead sees operations, and nothing to choose", async ({ admin, plane, signIn }) => {
  await new People(admin).ensure(LEAD);
  await addAll(admin, plane, ["Looked at"]);
  const bulk = new Bulk(admin);
  await bulk.openList("Looked at");
  await bulk.tick("Looked at").check();
  await bulk.preview("Pause", { label: "Note", value: "Plane moves" });
  await expect(admin.getByRole("main")).toContainText("Note: Plane moves");
  const lead = await signIn(LEAD);
  await lead.goto("/integrations");
  await expect(lead.getByRole("checkbox")).toHaveCount(0);
  await lead.goto(new URL(admin.url()).pathname);
  await expect(lead.getByRole("heading", { level: 1, name: "Pause 1 integration" })).toBeVisible();
  await expect(lead.getByRole("main").getByRole("button")).toHaveCount(0);
});
