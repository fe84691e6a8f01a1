import { type Locator, type Page, expect } from "@playwright/test";

/** A sync run's page, and the way to it. */
export class Runs {
  constructor(private readonly page: Page) {}

  /** Presses "Sync now" on the integration's page and arrives at the run's. */
  async start(): Promise<void> {
    await this.page.getByRole("button", { name: "Sync now" }).first().click();
    await this.page.waitForURL(/\/runs\//);
  }

  /** Waits until the run is there: by itself with JavaScript, by "Refresh" without. */
  async expectUnderWay(says: RegExp, scripts: boolean): Promise<void> {
    await this.until(scripts, 15_000, async () => {
      await expect(this.page.getByRole("main")).toContainText(says, { timeout: 500 });
    });
  }

  /** Waits until the run says this outcome: by itself with JavaScript, by "Refresh" without. */
  async expectOutcome(word: string, scripts: boolean, timeout = 60_000): Promise<void> {
    const main = this.page.getByRole("main");
    await this.until(scripts, timeout, async () => {
      await expect(main.getByText(word, { exact: true }).first()).toBeVisible({ timeout: 500 });
      await expect(this.page.getByRole("button", { name: "Sync again" })).toBeVisible({ timeout: 500 });
    });
  }

  async cancel(): Promise<void> {
    await this.page.getByRole("button", { name: "Cancel" }).click();
  }

  /** Cancels; answers how many ms later the portal says so. It is asked beside the browser, which takes its own time to draw. */
  async cancelled(): Promise<number> {
    const run = this.page.url();
    const pressed = Date.now();
    const pressing = this.cancel();
    await expect(async () => {
      const answer = await this.page.request.get(run);
      expect(await answer.text()).toMatch(/>Cancelled<[^]*>Sync again</);
    }).toPass({ intervals: [50] });
    const took = Date.now() - pressed;
    await pressing;
    return took;
  }

  /** A number of the run's page. */
  fact(label: string): Locator {
    const term = this.page.getByRole("main").getByRole("term").filter({ hasText: label });
    return term.locator("xpath=following-sibling::dd[1]");
  }

  private async until(scripts: boolean, timeout: number, look: () => Promise<void>): Promise<void> {
    await expect(async () => {
      if (!scripts) await this.page.reload();
      await look();
    }).toPass({ timeout, intervals: [50, 100, 250] });
  }
}
