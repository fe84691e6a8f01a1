import { type Page, expect } from "@playwright/test";

/** A sync run's page, and the way to it. */
export class Runs {
  constructor(private readonly page: Page) {}

  /** Presses "Sync now" on the integration's page and arrives at the run's. */
  async start(): Promise<void> {
    await this.page.getByRole("button", { name: "Sync now" }).first().click();
    await this.page.waitForURL(/\/runs\//);
  }

  /** Waits until the run says this outcome: by itself with JavaScript, by "Refresh" without. */
  async expectOutcome(word: string, scripts: boolean): Promise<void> {
    const main = this.page.getByRole("main");
    await expect(async () => {
      if (!scripts) await this.page.reload();
      await expect(main.getByText(word, { exact: true }).first()).toBeVisible({ timeout: 1_000 });
      await expect(this.page.getByRole("button", { name: "Sync again" })).toBeVisible({ timeout: 1_000 });
    }).toPass({ timeout: 25_000 });
  }

  async cancel(): Promise<void> {
    await this.page.getByRole("button", { name: "Cancel" }).click();
  }

  /** A number of the run's page. */
  async expectFact(label: string, value: string): Promise<void> {
    const fact = this.page.getByRole("main").locator("dt", { hasText: label }).first();
    await expect(fact.locator("xpath=following-sibling::dd[1]")).toHaveText(value);
  }
}
