import { fileURLToPath } from "node:url";

import { type Page, expect } from "@playwright/test";

import type { Guard } from "./guard.ts";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
const WIDE = { width: 1280, height: 800 };
const TELEPHONE = { width: 390, height: 800 };

/** Looks at a page in both themes and both widths: axe finds nothing, nothing is cut on a telephone. Keeps its pictures in `artifacts/`. */
export async function lookAt(page: Page, name: string, guard: Guard): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const viewport of [WIDE, TELEPHONE]) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: `${ARTIFACTS}${name}-${colorScheme}-${viewport.width}.png`, fullPage: true });
    }
    await guard.ask(page);
  }
  await expectToFit(page, `${name} on a telephone`);
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await page.setViewportSize(WIDE);
}

/** Looks at a page as it is printed on A4, upright: in daylight colours, nothing beyond the edge, nothing that can only be pressed. Keeps its picture. */
export async function lookAtPrint(page: Page, name: string): Promise<void> {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize({ width: 718, height: 1047 });
  await page.screenshot({ path: `${ARTIFACTS}${name}-print.png`, fullPage: true });
  await expectToFit(page, `${name} on paper`);
  await expect(page.getByRole("navigation")).toHaveCount(0);
  await expect(page.getByRole("button")).toHaveCount(0);
  await page.emulateMedia({ media: null, colorScheme: null });
  await page.setViewportSize(WIDE);
}

/** The page does not scroll sideways, and what is chosen can be read. */
async function expectToFit(page: Page, where: string): Promise<void> {
  const cut = await page.evaluate(() => {
    const found: string[] = [];
    const beyond = document.documentElement.scrollWidth - window.innerWidth;
    if (beyond > 0) found.push(`the page is ${beyond} px too wide`);
    const pen = document.createElement("canvas").getContext("2d")!;
    for (const select of document.querySelectorAll("select")) {
      const style = getComputedStyle(select);
      pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const text = select.selectedOptions[0]?.text ?? "";
      // The arrow takes the height of the text.
      const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - parseFloat(style.fontSize);
      if (select.clientWidth > 0 && pen.measureText(text).width > room) found.push(`“${text}” is cut`);
    }
    return found;
  });
  expect(cut, where).toEqual([]);
}
