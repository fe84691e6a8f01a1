import { expect, test } from "../fixtures.ts";
import { People } from "../pages/people.ts";
import { SignIn } from "../pages/sign_in.ts";
import { lookAt } from "../support/looks.ts";
import { LEAD } from "../support/people.ts";

test("an admin backs up now and sees how to restore; a lead sees what is kept", async ({ freshPortal, setUp, browser, guard, javaScriptEnabled }) => {
  const scripts = javaScriptEnabled !== false;
  const admin = await setUp(freshPortal);
  const main = admin.getByRole("main");
  await new People(admin).ensure(LEAD);
  await admin.goto("/settings");
  await main.getByRole("link", { name: "Backups" }).click();
  await expect(main.getByRole("heading", { level: 1, name: "Backups" })).toBeVisible();
  await expect(main).toContainText("No backup yet");
  if (scripts) await lookAt(admin, "backups-empty", guard);

  await main.getByRole("button", { name: "Back up now" }).click();
  const table = admin.getByRole("table", { name: "Backups, latest first" });
  await expect(async () => {
    await admin.goto("/settings/backups");
    await expect(table).toContainText("Verified", { timeout: 500 });
  }).toPass({ timeout: 30_000 });
  await expect(table).toContainText("Asked for by");
  await expect(main.getByLabel("The command that restores")).toHaveValue(/^hangar restore \/.+\/hangar-.+\.surql\.gz --data NEW_DIRECTORY\s*$/);
  if (scripts) await lookAt(admin, "backups", guard);

  const context = await browser.newContext({ baseURL: freshPortal.url, javaScriptEnabled });
  const lead = await context.newPage();
  guard.watch(lead);
  await lead.goto("/sign-in");
  await new SignIn(lead).as(LEAD);
  await lead.goto("/settings/backups");
  await expect(lead.getByRole("table", { name: "Backups, latest first" })).toContainText("Verified");
  await expect(lead.getByRole("main").getByRole("button")).toHaveCount(0);
  await expect(lead.getByLabel("The command that restores")).toHaveValue(/^hangar restore hangar-/);
  await guard.leave(lead);
  await context.close();
});
