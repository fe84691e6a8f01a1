import { expect, test } from "../fixtures.ts";
import { SetUp } from "../pages/set_up.ts";
import { SignIn } from "../pages/sign_in.ts";
import { ADMIN } from "../support/people.ts";

test("the first admin is made once, by the link from the log", async ({ page, freshPortal, guard }) => {
  guard.expectRefusal(404, "/setup");
  await page.goto(`${freshPortal.url}/setup?token=00000000000000000000000000000000`);
  await expect(page.getByRole("heading", { level: 1, name: "This set-up link does not work" })).toBeVisible();

  await page.goto(freshPortal.setUpLink);
  await new SetUp(page).make(ADMIN);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

  guard.expectRefusal(404, "/setup");
  await page.goto(freshPortal.setUpLink);
  await expect(page.getByRole("main")).toContainText(/sign in/i);
});

test("a weak password is refused at its field and the rest is kept", async ({ page, freshPortal }) => {
  await page.goto(freshPortal.setUpLink);
  await page.getByLabel("Your name").fill(ADMIN.name);
  await page.getByLabel("E-mail address").fill(ADMIN.email);
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Make the account" }).click();

  await expect(page.getByLabel("Password")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("E-mail address")).toHaveValue(ADMIN.email);
  await expect(page.getByLabel("Password")).toHaveValue("");
});

test("signing in leads back to the page that was asked for, and out again", async ({ page, admin }) => {
  await expect(admin).toHaveURL("about:blank");
  await page.goto("/runs?outcome=failed");
  await expect(page).toHaveURL(/\/sign-in\?next=/);

  await new SignIn(page).send({ email: ADMIN.email, password: "not the password at all" });
  await expect(page.getByRole("alert")).toBeVisible();

  await new SignIn(page).as(ADMIN);
  await expect(page).toHaveURL(/\/runs\?outcome=failed/);

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto("/integrations");
  await expect(page).toHaveURL(/\/sign-in/);
});
