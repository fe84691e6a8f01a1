import { expect, test } from "../fixtures.ts";

/** Keeps the page's background in each frame that is painted, from the first one on. */
function keepBackgrounds(): void {
  const painted = new Set<string>();
  (window as unknown as { painted: Set<string> }).painted = painted;
  const look = () => {
    painted.add(getComputedStyle(document.documentElement).backgroundColor);
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

test("no page flashes in the other theme, however late the style sheet comes", async ({ admin }) => {
  await admin.goto("/settings");
  await admin.getByRole("main").getByRole("button", { name: "Dark" }).click();
  await expect(admin.locator("html")).toHaveAttribute("data-theme", "dark");

  await admin.emulateMedia({ colorScheme: "light" });
  await admin.addInitScript(keepBackgrounds);
  // The document is all there before the style sheet is.
  await admin.route(/\/pkg\/main-.*\.css$/, async (route) => {
    await admin.waitForFunction(() => document.querySelector(".frame") !== null);
    await route.continue();
  });
  for (const path of ["/integrations", "/settings/profile", "/integrations/new"]) {
    await admin.goto(path);
    await expect.poll(() => admin.evaluate(() => [...(window as unknown as { painted: Set<string> }).painted])).toEqual([
      "rgb(17, 19, 23)",
    ]);
  }
  await admin.unrouteAll();
  await admin.goto("/settings");
  await admin.getByRole("main").getByRole("button", { name: "Auto" }).click();
  await expect(admin.locator("html")).not.toHaveAttribute("data-theme");
});
