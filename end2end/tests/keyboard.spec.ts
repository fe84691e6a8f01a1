import type { Locator, Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { People } from "../pages/people.ts";
import { LEAD, type Person } from "../support/people.ts";

const KIM: Person = { ...LEAD, name: "Kim Keys", email: "kim@example.com" };

/** Focused, and to be seen so. */
async function expectFocus(stop: Locator): Promise<void> {
  await expect(stop).toBeFocused();
  await expect(stop).toHaveCSS("outline-style", "solid");
  await expect(stop).toHaveCSS("outline-width", "2px");
}

/** Presses Tab once for each stop. */
async function tabThrough(page: Page, stops: Locator[]): Promise<void> {
  for (const stop of stops) {
    await page.keyboard.press("Tab");
    await expectFocus(stop);
  }
}

/** Skips to the content and presses Tab until `stop` has the focus. */
async function tabTo(page: Page, stop: Locator, most = 20): Promise<void> {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#main$/);
  const isThere = stop.and(page.locator(":focus"));
  for (let pressed = 0; pressed < most && (await isThere.count()) === 0; pressed += 1) await page.keyboard.press("Tab");
  await expectFocus(stop);
}

test("tab reaches the skip link, the navigation and the main action, in this order, and shows where it is", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Keyed", address: plane.url, workspace: "acme", key: plane.keys.member });
  await admin.goto("/integrations");
  const link = (name: string) => admin.getByRole("link", { name, exact: true });
  const navigation = ["Overview", "Integrations", "Projects", "Sync runs", "Webhooks", "Problems", "Alerts", "Settings"].map((name) =>
    admin.getByRole("navigation", { name: "Main" }).getByRole("link", { name }));
  const colours = ["Auto", "Light", "Dark"].map((name) => admin.getByRole("group", { name: "Colours" }).getByRole("button", { name }));
  await tabThrough(admin, [
    link("Skip to the content"),
    link("Hangar"),
    ...navigation,
    link("Ada Admin"),
    admin.getByRole("button", { name: "Sign out" }),
    ...colours,
    link("Add integration"),
    admin.getByLabel("Search by name or workspace"),
    admin.getByRole("button", { name: "Search" }),
  ]);
});

test("the skip link leads past the navigation to the main action", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Skipped", address: plane.url, workspace: "acme", key: plane.keys.member });
  await admin.goto("/integrations");
  await tabThrough(admin, [admin.getByRole("link", { name: "Skip to the content" })]);
  await expect(admin.getByRole("link", { name: "Skip to the content" })).toBeInViewport();
  await admin.keyboard.press("Enter");
  await expect(admin).toHaveURL(/#main$/);
  await tabThrough(admin, [admin.getByRole("link", { name: "Add integration" })]);
  await admin.keyboard.press("Enter");
  await expect(admin.getByRole("heading", { level: 1, name: "Add integration" })).toBeVisible();
});

test("on a telephone the menu opens by the keyboard", async ({ admin }) => {
  await admin.setViewportSize({ width: 390, height: 800 });
  await admin.goto("/runs");
  const menu = admin.getByText("Menu", { exact: true });
  await tabThrough(admin, [
    admin.getByRole("link", { name: "Skip to the content" }),
    admin.getByRole("link", { name: "Hangar", exact: true }),
    menu,
  ]);
  await expect(admin.getByRole("link", { name: "Overview" })).toBeHidden();
  await admin.keyboard.press("Enter");
  const navigation = admin.getByRole("navigation", { name: "Main" });
  await tabThrough(admin, [navigation.getByRole("link", { name: "Overview" }), navigation.getByRole("link", { name: "Integrations" })]);
  await admin.keyboard.press("Enter");
  await expect(admin.getByRole("heading", { level: 1, name: "Integrations" })).toBeVisible();
});

test("an integration is deleted by the keyboard alone, and only when its name is typed", async ({ admin, plane }) => {
  const path = await new Integrations(admin).add({ name: "Unkeyed", address: plane.url, workspace: "acme", key: plane.keys.member });
  await admin.goto(path);
  await tabTo(admin, admin.getByRole("link", { name: "Delete" }));
  await admin.keyboard.press("Enter");
  await expect(admin).toHaveURL(/\/delete$/);

  await tabTo(admin, admin.getByLabel(/to confirm/));
  await admin.keyboard.type("Something else");
  await tabThrough(admin, [admin.getByRole("button", { name: "Delete integration" })]);
  await admin.keyboard.press("Enter");
  await expect(admin.getByLabel(/to confirm/)).toHaveAttribute("aria-invalid", "true");

  await admin.goto(`${path}/delete`);
  await tabTo(admin, admin.getByLabel(/to confirm/));
  await admin.keyboard.type("Unkeyed");
  await admin.keyboard.press("Enter");
  await expect(admin.getByRole("heading", { level: 1, name: "Integrations" })).toBeVisible();
  await expect(new Integrations(admin).row("Unkeyed")).toHaveCount(0);
});

test("somebody is switched off and on by the keyboard, and is asked before", async ({ admin }) => {
  const people = new People(admin);
  await people.ensure(KIM);
  for (const [does, state] of [
    ["off", "Inactive"],
    ["on", "Active"],
  ] as const) {
    await people.open();
    await tabTo(admin, people.change(KIM));
    const button = admin.getByRole("button", { name: `Switch ${KIM.name} ${does}` });
    await expect(button).toBeHidden();
    await admin.keyboard.press("Enter");
    await tabThrough(admin, [admin.getByRole("button", { name: `Make an admin: ${KIM.name}` }), button]);
    await admin.keyboard.press("Enter");
    await expect(people.row(KIM)).toContainText(state);
  }
});
