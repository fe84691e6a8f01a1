import { type Locator, type Page, expect } from "@playwright/test";

/** How a project's copy compares with Plane. */
export class Drift {
  constructor(private readonly page: Page) {}

  /** From the page of the project, by the note in its head. */
  async open(): Promise<void> {
    await this.page.getByRole("link", { name: /^(not yet compared|verified equal|\+)/ }).click();
    await expect(this.page.getByRole("heading", { level: 1, name: /compared with Plane$/ })).toBeVisible();
  }

  /** Compares now; the result is the latest row. */
  async compare(): Promise<void> {
    const known = await this.rows().count();
    await this.page.getByRole("button", { name: /^Compare now/ }).click();
    await expect(this.rows()).toHaveCount(known + 1);
  }

  /** The comparisons, the latest first. */
  rows(): Locator {
    const region = this.page.getByRole("region", { name: "Comparisons" });
    return region.getByRole("row").filter({ has: this.page.getByRole("rowheader") });
  }

  trend(): Locator {
    return this.page.getByRole("img", { name: "Difference from Plane over time" });
  }
}
