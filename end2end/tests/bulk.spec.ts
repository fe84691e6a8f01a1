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
  await addAll(admin, plane, ["Sync A", "Sync B", "Sync C"]);
  await bulk.openList("Sync");
  await bulk.tick("Sync A").check();
  await bulk.tick("Sync C").check();
  if (scripts) await lookAt(admin, "bulk-choice", guard);
  await bulk.preview("Sync now");

  await expect(admin.getByRole("heading", { level: 1, name: "Sync 2 integrations" })).toBeVisible();
  await expect(admin.getByRole("main")).toContainText("Nothing has been done yet.");
  await expect(bulk.item("Sync A")).toContainText("at least 2");
  await expect(bulk.item("Sync B")).toHaveCount(0);
  if (scripts) await lookAt(admin, "bulk-plan", guard);

  await plane.fail({ what: { latency: 400 }, on_path: "/work-items/" });
  await bulk.start();
  if (scripts) await lookAt(admin, "bulk-running", guard);
  await bulk.expectResult("2 done.", scripts);
  await expect(bulk.item("Sync A")).toContainText(/Done.*407 work items read/);
  await bulk.item("Sync C").getByRole("link", { name: "Open the run" }).click();
  await expect(admin.getByRole("heading", { level: 1, name: "Sync of Sync C" })).toBeVisible();
  await admin.goto("/bulk");
  await expect(admin.getByRole("row").filter({ hasText: "Sync 2 integrations" })).toContainText("2 done");
});

test("all that match are tagged, and the tag leads to them", async ({ admin, plane }) => {
  const scripts = test.info().project.name === "wasm";
  const bulk = new Bulk(admin);
  await addAll(admin, plane, ["Tagged A", "Tagged B"]);
  await bulk.openList("Tagged");
  await admin.getByRole("checkbox", { name: "All 2 that match" }).check();
  await bulk.preview("Add a tag", { label: "Tag", value: "North" });
  await expect(admin.getByRole("heading", { level: 1, name: "Tag 2 integrations with north" })).toBeVisible();
  await bulk.start();
  await bulk.expectResult("2 done.", scripts);
  await bulk.openList("Tagged");
  await admin.getByRole("link", { name: "north" }).first().click();
  await expect(admin.getByRole("rowheader")).toHaveCount(2);
  await admin.getByRole("rowheader", { name: "Tagged A" }).getByRole("link", { name: "Tagged A" }).click();
  await expect(admin.getByRole("main")).toContainText("Changed the tags. Part of a bulk operation");
});

test("what failed says what to do, and is retried alone", async ({ admin, plane, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const bulk = new Bulk(admin);
  const integrations = new Integrations(admin);
  await addAll(admin, plane, ["Retried A"]);
  const bad = await integrations.add({ name: "Retried B", address: plane.url, workspace: "acme", key: plane.keys.revoked });
  await bulk.openList("Retried");
  await admin.getByRole("checkbox", { name: "All 2 that match" }).check();
  await bulk.preview("Test the connection");
  await bulk.start();
  await bulk.expectResult("1 done, 1 failed.", scripts);
  await expect(bulk.item("Retried B")).toContainText(/Failed.*key/);
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
  await addAll(admin, plane, ["Kept A", "Kept B"]);
  const bulk = new Bulk(admin);
  await bulk.openList("Kept");
  await bulk.tick("Kept B").check();
  await bulk.preview("Add a tag", { label: "Tag", value: "two words" });
  await expect(admin.getByRole("alert")).toContainText("one word");
  await expect(bulk.tick("Kept B")).toBeChecked();
  await expect(bulk.tick("Kept A")).not.toBeChecked();
  await expect(admin.getByLabel("Tag", { exact: true })).toHaveValue("two words");
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
