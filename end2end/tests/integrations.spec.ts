import { expect, test } from "../fixtures.ts";
import { ConnectionTest } from "../pages/connection_test.ts";
import { Integrations } from "../pages/integrations.ts";
import { People } from "../pages/people.ts";
import { ADMIN, OTHER_ADMIN } from "../support/people.ts";

let serial = 0;
/** A name that no other test of this worker uses. */
const named = (name: string) => `${name} ${(serial += 1)}`;

test("mistakes are shown at their fields, what was typed is kept, and the key never comes back", async ({ admin, plane }) => {
  const form = new Integrations(admin);
  await form.openForm();
  await form.fill({ name: "Mistaken", address: plane.url, workspace: "not a slug", key: plane.keys.member, minutes: "1" });
  await form.save();

  await form.expectMistake("Workspace slug", /letters, digits/);
  await form.expectMistake("Sync every", /between 5 and 1440/);
  await expect(admin.getByLabel("Name")).toHaveValue("Mistaken");
  expect(await admin.content()).not.toContain(plane.keys.member);

  await form.fill({ name: named("Mended"), workspace: "acme", minutes: "15" });
  await form.save();
  await expect(admin.getByRole("heading", { level: 1, name: /Mended/ })).toBeVisible();
});

test("an integration is tested, edited, switched off and on, and deleted", async ({ admin, plane }) => {
  const name = named("Acme");
  const integrations = new Integrations(admin);
  await integrations.add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });

  await admin.getByRole("link", { name: "Edit" }).first().click();
  await integrations.fill({ description: "Everything about parcels", minutes: "30" });
  await integrations.save();
  await expect(admin.getByRole("main")).toContainText("Everything about parcels");

  await admin.getByRole("button", { name: "Deactivate" }).click();
  await expect(admin.getByRole("button", { name: "Activate" })).toBeVisible();
  await admin.goto("/integrations?show=inactive");
  await expect(integrations.row(name)).toContainText("Inactive");
  await integrations.row(name).getByRole("link").first().click();
  await admin.getByRole("button", { name: "Activate" }).click();
  await expect(admin.getByRole("button", { name: "Deactivate" })).toBeVisible();

  await integrations.delete("something else");
  await expect(admin.getByLabel(/to confirm/)).toHaveAttribute("aria-invalid", "true");
  await admin.getByLabel(/to confirm/).fill(name);
  await admin.getByRole("button", { name: "Delete integration" }).click();
  await expect(admin.getByRole("heading", { level: 1, name: "Integrations" })).toBeVisible();
  await expect(integrations.row(name)).toHaveCount(0);
});

test("a passing test shows nine stages, a failing one says what to do", async ({ admin, plane, javaScriptEnabled }) => {
  const integrations = new Integrations(admin);
  const good = await integrations.add({ name: named("Good"), address: plane.url, workspace: "acme", key: await plane.newKey() });
  await integrations.test();
  await expect(admin.getByRole("main")).toContainText("The key sees 5 projects", { timeout: 15_000 });
  const tested = new ConnectionTest(admin);
  for (const stage of ["Address", "DNS", "Connect", "TLS", "Plane", "API key", "Workspace", "Projects", "Rate limit"]) {
    await expect(tested.stage(stage)).toContainText("Passed");
  }
  if (javaScriptEnabled !== false) await expect(admin).toHaveURL(new RegExp(`${good}$`));

  for (const [why, workspace, key, says] of [
    ["Revoked", "acme", plane.keys.revoked, /refused this API key/],
    ["Unknown workspace", "nowhere", plane.keys.member, /workspace/i],
  ] as const) {
    await integrations.add({ name: named(why), address: plane.url, workspace, key });
    await integrations.test();
    await expect(await tested.advice(), why).toHaveText(/\w.*\.$/);
    await expect(admin.getByRole("main"), why).toContainText(says);
  }
});

test("what answers but is not Plane is told from Plane", async ({ admin, plane }) => {
  const integrations = new Integrations(admin);
  await integrations.add({ name: named("Elsewhere"), address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: "html_with200" });
  await integrations.test();
  const tested = new ConnectionTest(admin);
  await tested.advice();
  await expect(tested.stage("Plane")).toContainText("Failed");
});

test("the second of two admins is told who was faster, nothing is overwritten, and what was typed stays", async ({ admin, signIn, plane }) => {
  await new People(admin).ensure(OTHER_ADMIN);
  const other = await signIn(OTHER_ADMIN);
  const [mine, theirs] = [new Integrations(admin), new Integrations(other)];
  const name = named("Shared");
  const path = await mine.add({ name, address: plane.url, workspace: "acme", key: plane.keys.member, description: "before" });
  await admin.goto(`${path}/edit`);
  await other.goto(`${path}/edit`);

  await mine.fill({ description: "mine" });
  await mine.save();
  await expect(admin.getByRole("main")).toContainText("mine");
  await theirs.fill({ description: "theirs", minutes: "45" });
  await theirs.save();

  const alert = other.getByRole("alert");
  await expect(alert).toContainText(`${ADMIN.name} changed this integration while you were editing; nothing was overwritten.`);
  const differs = alert.getByRole("row").filter({ hasText: "Description" });
  await expect(differs.getByRole("cell")).toHaveText(["mine", "theirs"]);
  await expect(other.getByLabel("Description")).toHaveValue("theirs");
  await expect(other.getByLabel("Sync every")).toHaveValue("45");
  await admin.goto(path);
  await expect(admin.getByRole("main")).toContainText("mine");
  await expect(admin.getByRole("main")).not.toContainText("theirs");
  await expect(admin.getByRole("main")).toContainText("15 min");

  // Who has seen both may choose.
  await theirs.save();
  await expect(other.getByRole("heading", { level: 1, name })).toBeVisible();
  await admin.goto(path);
  await expect(admin.getByRole("main")).toContainText("theirs");
  await expect(admin.getByRole("main")).toContainText("45 min");
});

test("a key is replaced only when Plane accepts it, and the history names it", async ({ admin, plane }) => {
  const integrations = new Integrations(admin);
  const path = await integrations.add({ name: named("Rotated"), address: plane.url, workspace: "acme", key: plane.keys.member });

  await integrations.replaceKey(plane.keys.revoked);
  await expect(admin.getByLabel("New API key")).toHaveAccessibleDescription(/old key stays/i);
  await admin.goto(path);
  await expect(admin.getByRole("main")).toContainText(`…${plane.keys.member.slice(-4)}`);

  await integrations.replaceKey(plane.keys.admin);
  await expect(admin.getByRole("main")).toContainText(`…${plane.keys.admin.slice(-4)}`);
  await admin.goto(`${path}/history`);
  // The key it was added with, and the one in its place.
  const lines = admin.getByRole("main").getByRole("row").filter({ has: admin.getByRole("cell") });
  await expect(lines.filter({ hasText: /key/i })).toHaveCount(2);
  expect(await admin.content()).not.toContain(plane.keys.admin);
});
