import { expect, test } from "../fixtures.ts";
import { SetUp } from "../pages/set_up.ts";
import { SignIn } from "../pages/sign_in.ts";
import { ADMIN } from "../support/people.ts";

test("the first admin is made once, by the link from the log", async ({ page, freshPortal }) => {
  const wrong = await page.goto(`${freshPortal.url}/setup?token=00000000000000000000000000000000`);
  expect(wrong?.status()).toBeGreaterThanOrEqual(400);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();

  await page.goto(freshPortal.setUpLink);
  await new SetUp(page).make(ADMIN);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();

  const used = await page.goto(freshPortal.setUpLink);
  expect(used?.status()).toBeGreaterThanOrEqual(400);
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

  await page.getByRole("button", { name: "Sign out" }).locator("visible=true").click();
  await page.goto("/integrations");
  await expect(page).toHaveURL(/\/sign-in/);
});

test("the theme is chosen once and stands in the first byte of every page", async ({ admin }) => {
  await admin.goto("/settings");
  await admin.getByRole("main").getByRole("button", { name: "Dark" }).click();
  const html = await (await admin.request.get("/integrations")).text();
  expect(html).toContain('data-theme="dark"');
  await admin.goto("/integrations");
  await expect(admin.locator("html")).toHaveCSS("background-color", "rgb(17, 19, 23)");
  await admin.goto("/settings");
  await admin.getByRole("main").getByRole("button", { name: "Auto" }).click();
  expect(await (await admin.request.get("/integrations")).text()).not.toContain("data-theme");
});
