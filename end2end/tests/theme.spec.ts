import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";

const LIGHT = "rgb(251, 251, 250)";
const DARK = "rgb(17, 19, 23)";

async function choose(page: Page, theme: "Auto" | "Light" | "Dark"): Promise<void> {
  await page.goto("/settings");
  const button = page.getByRole("main").getByRole("button", { name: theme });
  await button.click();
  await expect(button).toHaveAttribute("aria-pressed", "true");
}

test("light and dark are chosen against the system’s wish, auto follows it, and the first byte says so", async ({ admin }) => {
  const page = admin.locator("html");
  const html = async () => (await admin.request.get("/integrations")).text();

  for (const [theme, system, colour] of [
    ["Dark", "light", DARK],
    ["Light", "dark", LIGHT],
  ] as const) {
    await choose(admin, theme);
    await admin.emulateMedia({ colorScheme: system });
    for (const path of ["/settings", "/integrations", "/"]) {
      await admin.goto(path);
      await expect(page, `${theme} on ${path}`).toHaveCSS("background-color", colour);
    }
    expect(await html()).toContain(`data-theme="${theme.toLowerCase()}"`);
  }

  await choose(admin, "Auto");
  expect(await html()).not.toContain("data-theme");
  await admin.emulateMedia({ colorScheme: "dark" });
  await expect(page).toHaveCSS("background-color", DARK);
  await admin.emulateMedia({ colorScheme: "light" });
  await expect(page).toHaveCSS("background-color", LIGHT);
  await admin.emulateMedia({ colorScheme: null });
});

test("somebody who has not signed in can choose too, and stays where he was", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/sign-in?next=/runs");
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page).toHaveURL(/\/sign-in\?next=\/runs$/);
  await expect(page.locator("html")).toHaveCSS("background-color", DARK);
});
