import { fileURLToPath } from "node:url";

import type { Page } from "@playwright/test";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
const WIDTHS = [1280, 390];

/** Keeps pictures of a whole page, in both themes and both widths, in `artifacts/`. */
export async function takeScreenshots(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      await page.screenshot({ path: `${ARTIFACTS}${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  if (before) await page.setViewportSize(before);
}
