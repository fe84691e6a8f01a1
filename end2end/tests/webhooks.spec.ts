import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { Webhooks } from "../pages/webhooks.ts";
import type { Guard } from "../support/guard.ts";
import { lookAt } from "../support/looks.ts";
import { type FakePlane, withTinyProject } from "../support/plane.ts";

test("a webhook is set up, a change in Plane is seen, and its secret is replaced without losing one", async ({
  admin,
  guard,
  javaScriptEnabled,
}) => {
  await withTinyProject((plane) => setUp(admin, plane, guard, javaScriptEnabled !== false));
});

async function setUp(admin: Page, plane: FakePlane, guard: Guard, scripts: boolean): Promise<void> {
  const key = plane.keys.member;
  const page = await new Integrations(admin).add({ name: "Hooked", address: plane.url, workspace: "acme", key });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);

  const webhooks = new Webhooks(admin);
  const main = admin.getByRole("main");
  await admin.goto(page);
  await webhooks.open();
  await expect(main.getByText("Not set up")).toBeVisible();
  // The portal of the tests listens on this machine alone.
  await expect(main.getByText(/^Plane refuses 127\.0\.0\.1/)).toBeVisible();
  if (scripts) await lookAt(admin, "webhook-start", guard);

  const url = await webhooks.makeAddress();
  expect(url).toMatch(/\/api\/webhooks\/plane\/[0-9a-f]{32}$/);
  const made = (await plane.edit({ op: "add_webhook", workspace: "acme", url })) as { id: string; secret: string };
  await webhooks.saveSecret("not one");
  await expect(admin.getByLabel(/^Secret/)).toHaveAccessibleDescription(/This is no secret of Plane’s/);
  await webhooks.saveSecret(made.secret);
  await expect(main.getByText("Waiting for the first delivery")).toBeVisible();
  await expect(main).not.toContainText(made.secret);
  if (scripts) await lookAt(admin, "webhook-waiting", guard);

  await plane.edit({ op: "edit_item", workspace: "acme", item: "TINY-1", name: "Told by a webhook" });
  const line = await webhooks.line("TINY-1 Told by a webhook");
  await expect(async () => {
    await admin.reload();
    await expect(line.getByText("Updated", { exact: true })).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(line).toContainText("work_item.updated name");
  if (scripts) await lookAt(admin, "webhook-log", guard);
  const [since, until] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
  await admin.goto(`/webhooks?about=work_item&since=${since}&until=${until}`);
  await expect(line).toBeVisible();
  await expect(main.getByText(/^Only what was first received from/)).toBeVisible();
  if (scripts) await lookAt(admin, "webhook-log-of-a-bar", guard);
  await admin.goto(`/webhooks?since=2020-01-01T00:00:00Z&until=${since}`);
  await expect(line).toBeHidden();
  await main.getByRole("link", { name: "Show any time" }).click();
  await line.getByRole("link", { name: /^TINY-1/ }).click();
  await expect(main).toContainText("The copy was brought up to date.");
  await main.getByText("As it came").first().click();
  await expect(main.getByLabel("Body")).toContainText('"event": "issue"');
  if (scripts) await lookAt(admin, "webhook-burst", guard);
  await main.getByRole("link", { name: "Open the copy" }).click();
  await expect(admin.getByRole("heading", { level: 1 })).toContainText("Told by a webhook");

  await admin.goto(`${page}/webhook`);
  await admin.getByRole("button", { name: "Begin to replace the secret" }).click();
  await expect(main.getByText("Replacing the secret")).toBeVisible();
  const { secret } = (await plane.edit({ op: "regenerate_secret", webhook: made.id })) as { secret: string };
  await plane.edit({ op: "edit_item", workspace: "acme", item: "TINY-2", name: "Told meanwhile" });
  await expect(async () => {
    await admin.reload();
    await expect(main).toContainText("1 delivery waits for the new secret.", { timeout: 500 });
  }).toPass();
  if (scripts) await lookAt(admin, "webhook-rotating", guard);
  await webhooks.saveSecret(secret);
  await expect(admin.getByRole("status")).toContainText("1 verified, 0 rejected");
  await expect(main.getByText("Receiving")).toBeVisible();
  if (scripts) await lookAt(admin, "webhook-receiving", guard);
  await webhooks.line("TINY-2 Told meanwhile");
}
