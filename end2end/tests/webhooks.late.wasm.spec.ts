import { createHmac } from "node:crypto";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { Webhooks } from "../pages/webhooks.ts";
import { lookAt } from "../support/looks.ts";

/** Tries before a line is given up: domain/src/inbox.rs. */
const TRIES = 8;

test("a webhook that fell silent is told, and what was given up is applied once more", async ({ freshPortal, setUp, guard }) => {
  test.setTimeout(180_000);
  const [portal, plane] = [freshPortal, freshPortal.plane];
  const admin = await setUp(portal);
  const main = admin.getByRole("main");
  const page = await new Integrations(admin).add({ name: "Left alone", address: plane.url, workspace: "acme", key: plane.keys.member });
  const runs = new Runs(admin);
  await runs.start();
  await runs.expectOutcome("Succeeded", true);
  await admin.goto(page);
  const webhooks = new Webhooks(admin);
  await webhooks.open();
  const address = await webhooks.makeAddress();
  await main.getByText("For senders that take a secret").click();
  await main.getByRole("button", { name: "Make a secret here" }).click();
  const secret = await main.getByLabel("Secret of the webhook").inputValue();
  await lookAt(admin, "webhook-made-secret", guard);
  await main.getByRole("button", { name: "I have it: hide it" }).click();
  await main.getByRole("button", { name: "Send a test delivery" }).click();
  await expect(main.getByText("It arrived")).toBeVisible();

  // Plane told of one thing, refuses to say more of it, and then tells nothing any more.
  const { id } = (await plane.edit({ op: "delete_item", workspace: "acme", item: "OPS-1" })) as { id: string };
  await plane.fail({ what: { status: [401, "{}", []] }, on_path: id });
  const { workspaces } = (await plane.state()) as { workspaces: { slug: string; projects: { id: string; identifier: string }[] }[] };
  const project = workspaces.find(({ slug }) => slug === "acme")?.projects.find(({ identifier }) => identifier === "OPS")?.id;
  const body = JSON.stringify({
    version: "v2",
    event_id: crypto.randomUUID(),
    entity_id: id,
    event: "workitem.deleted",
    data: {},
    previous_attributes: { project_id: project, name: "Gone in Plane", sequence_id: 1 },
  });
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const headers = { "content-type": "application/json", "x-plane-signature": signature };
  const delivered = await fetch(address, { method: "POST", headers, body });
  expect(delivered.status).toBe(200);
  const line = await webhooks.latest();
  await webhooks.failedMoreThan(line, 0);
  for (const item of ["OPS-2", "OPS-3", "OPS-4", "OPS-5"]) {
    await plane.edit({ op: "edit_item", workspace: "acme", item, name: `${item}, changed in silence` });
  }

  let minutes = 20;
  await later(minutes);
  await expect(async () => {
    await admin.goto("/");
    await expect(main.getByText("A webhook has gone silent")).toBeVisible({ timeout: 500 });
  }, "what a poll had to catch is looked at twice a minute").toPass({ timeout: 60_000 });
  await lookAt(admin, "overview-silent", guard);
  await main.getByRole("link", { name: "Left alone" }).first().click();
  await expect(main.getByText("Plane has probably switched the webhook off")).toBeVisible();
  await lookAt(admin, "webhook-silent", guard);

  for (let tries = await webhooks.failedMoreThan(line, 0); tries < TRIES; ) {
    minutes += 65;
    await later(minutes);
    tries = await webhooks.failedMoreThan(line, tries);
  }
  await expect(main).toContainText("Given up after 8 tries.");
  await lookAt(admin, "webhook-given-up", guard);

  await plane.heal();
  await admin.goto("/webhooks?result=dead");
  await main.getByRole("checkbox", { name: "Choose" }).first().check();
  await main.getByRole("button", { name: "Look at the chosen lines" }).click();
  await expect(admin.getByRole("heading", { level: 1 })).toHaveText("What a replay would change");
  await expect(main.getByText("Nothing was changed yet.")).toBeVisible();
  await expect(main.getByRole("cell", { name: "Would ask Plane" })).toBeVisible();
  await lookAt(admin, "webhook-replay-look", guard);
  await main.getByRole("button", { name: "Apply 1 line" }).click();
  await expect(admin.getByRole("heading", { level: 1 })).toHaveText("Replay");
  await expect(main.getByText("Done", { exact: true })).toBeVisible();
  await expect(main.getByRole("cell", { name: /^(Removed|Unchanged)/ })).toBeVisible();
  await lookAt(admin, "webhook-replay", guard);
  await admin.goto(line);
  await expect(main).toContainText(/Plane said that it is gone|The copy said so already/);
  await main.getByRole("link", { name: /^Show them/ }).click();
  await main.getByText("As it came").first().click();
  await expect(main.getByLabel("As a curl command")).toHaveValue(/^curl 'http/);
  await lookAt(admin, "webhook-unmasked", guard);

  async function later(minutes: number): Promise<void> {
    await admin.goto("about:blank");
    await portal.reopen(minutes);
  }
});
