import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { People } from "../pages/people.ts";
import { LEAD } from "../support/people.ts";

/** A form that no page of ours has, from our own address: what somebody sends who knows an admin's form by heart. */
async function forge(page: Page, action: string, fields: Record<string, string>): Promise<void> {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
  const form = `<form method="post" action="${action}">${inputs.join("")}<button>Send</button></form>`;
  const body = `<!doctype html><html lang="en"><title>Forged</title><main><h1>Forged</h1>${form}</main></html>`;
  await page.route("**/forged", (route) => route.fulfill({ contentType: "text/html", body }));
  await page.goto("/forged");
  await page.getByRole("button", { name: "Send" }).click();
}

test("a lead sees the data and no buttons, and is refused politely", async ({ admin, signIn, plane, guard }) => {
  await new People(admin).ensure(LEAD);
  const integration = await new Integrations(admin).add({ name: "Seen", address: plane.url, workspace: "acme", key: plane.keys.member });
  const lead = await signIn(LEAD);
  for (const path of ["/", "/integrations", integration, `${integration}/history`, `${integration}/webhook`, "/projects", "/runs", "/webhooks", "/problems", "/objectives", `${integration}/trends`, `${integration}/objectives`, "/settings/screens", "/alerts", "/alerts/log", "/settings/people", "/settings/backups"]) {
    await lead.goto(path);
    await expect(lead.getByRole("heading", { level: 1 })).toBeVisible();
    const main = lead.getByRole("main");
    const change = /Back up|Sync|Test|Edit|Replace|Deactivate|Delete|Add|Change|Make/;
    await expect(main.getByRole("button", { name: change }), path).toHaveCount(0);
    await expect(main.getByRole("link", { name: /^(Edit|Replace|Delete|Add)/ }), path).toHaveCount(0);
  }
  for (const path of ["edit", "key", "delete"]) {
    guard.expectRefusal(403, `${integration}/${path}`);
    await lead.goto(`${integration}/${path}`);
    await expect(lead.getByRole("heading", { level: 1, name: "Only an admin may do this" })).toBeVisible();
  }
});

test("a lead who sends an admin’s form gets the 403 page, and nothing changes", async ({ admin, signIn, plane, guard }) => {
  await new People(admin).ensure(LEAD);
  const name = "Untouched";
  const path = await new Integrations(admin).add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
  const id = path.split("/").at(-1) ?? "";
  const lead = await signIn(LEAD);

  for (const [form, fields] of [
    ["set_integration_active", { id, is_active: "false" }],
    ["delete_integration", { id, typed_name: name }],
    ["start_sync", { id }],
    ["pause_integration", { id, note: "" }],
    ["add_person", { name: "Mallory", email: "mallory@example.com", password: LEAD.password, role: "admin" }],
  ] as const) {
    const action = `/api/ui/${form}`;
    guard.expectRefusal(403, action);
    await forge(lead, action, fields);
    await expect(lead.getByRole("heading", { level: 1, name: "Only an admin may do this" }), form).toBeVisible();
    await expect(lead.getByRole("main"), form).toContainText("Ask one of the admins");
  }

  await admin.goto(path);
  await expect(admin.getByRole("heading", { level: 1, name })).toBeVisible();
  await expect(admin.getByRole("button", { name: "Deactivate" })).toBeVisible();
  await expect(admin.getByRole("main")).toContainText("Never synced.");
  await admin.goto("/settings/people");
  await expect(admin.getByRole("region", { name: "People" })).toContainText(LEAD.email);
  await expect(admin.getByRole("region", { name: "People" })).not.toContainText("mallory");
});
