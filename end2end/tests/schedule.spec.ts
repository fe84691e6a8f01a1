import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { ADMIN } from "../support/people.ts";

test("an integration is paused with a note, says so everywhere, and goes on", async ({ admin, plane }) => {
  const name = "Paused one";
  const integrations = new Integrations(admin);
  const path = await integrations.add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
  const note = admin.getByLabel("Note");
  await expect(note).toBeHidden();
  await admin.getByText("Pause…").click();
  await note.fill("Plane moves to new disks");
  await admin.getByRole("button", { name: "Pause syncing" }).click();

  const main = admin.getByRole("main");
  await expect(main).toContainText(`${ADMIN.name} paused this integration.`);
  await expect(main).toContainText("Plane moves to new disks");
  await expect(main).toContainText("Paused: no scheduled sync starts");
  await expect(admin.getByRole("button", { name: "Sync now" })).toBeVisible();
  await admin.goto("/integrations?show=paused");
  await expect(integrations.row(name)).toContainText("Paused");
  await admin.goto("/");
  await expect(integrations.row(name)).toContainText("Paused");

  await admin.goto(path);
  await admin.getByRole("button", { name: "Resume" }).click();
  await expect(admin.getByText("Pause…")).toBeVisible();
  await expect(main).not.toContainText("paused this integration");
  await admin.goto(`${path}/history`);
  await expect(main).toContainText("Paused: Plane moves to new disks");
  await expect(main).toContainText("Resumed.");
});

test("pausing and resuming need no mouse", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Keyed pause", address: plane.url, workspace: "acme", key: plane.keys.member });
  const menu = admin.getByText("Pause…");
  await menu.focus();
  await admin.keyboard.press("Enter");
  await admin.keyboard.press("Tab");
  await expect(admin.getByLabel("Note")).toBeFocused();
  await admin.keyboard.type("By keys");
  await admin.keyboard.press("Enter");
  await expect(admin.getByRole("main")).toContainText("By keys");
  await admin.getByRole("button", { name: "Resume" }).focus();
  await admin.keyboard.press("Space");
  await expect(menu).toBeVisible();
});

test("quiet hours are kept, and mistakes in them are told at their field", async ({ admin, plane }) => {
  const integrations = new Integrations(admin);
  const path = await integrations.add({ name: "Quiet one", address: plane.url, workspace: "acme", key: plane.keys.member });
  await admin.goto(`${path}/edit`);
  const hours = admin.getByRole("group", { name: "Quiet hours" });
  await hours.getByLabel("From").fill("22:00");
  await hours.getByLabel("Time zone").fill("Middle Earth");
  await integrations.save();
  await integrations.expectMistake("Time zone", /such as Europe\/Berlin/);
  await expect(hours.getByLabel("From")).toHaveValue("22:00");

  await hours.getByLabel("To").fill("06:00");
  await hours.getByLabel("Time zone").fill("Europe/Berlin");
  await integrations.save();
  await expect(admin.getByRole("main")).toContainText("22:00 to 06:00 (Europe/Berlin)");
  await admin.goto(`${path}/edit`);
  await expect(hours.getByLabel("To")).toHaveValue("06:00");
});
