import { type Locator, type Page, expect } from "@playwright/test";

/** A connection test that is shown, whether live or as a page. */
export class ConnectionTest {
  constructor(private readonly page: Page) {}

  /** The stages: of the live test while it is there, of the last one otherwise. */
  stages(): Locator {
    return this.page.getByRole("main").getByRole("list", { name: "Stages of the connection test" }).getByRole("listitem");
  }

  stage(name: string): Locator {
    return this.stages().filter({ has: this.page.getByText(name, { exact: true }) });
  }

  /** Waits for the one stage that failed; answers the one thing that it says to do. */
  async advice(): Promise<Locator> {
    const failed = this.stages().filter({ has: this.page.getByText("Failed", { exact: true }) });
    await expect(failed).toHaveCount(1, { timeout: 15_000 });
    const advice = failed.getByRole("paragraph");
    await expect(advice).toHaveCount(1);
    return advice;
  }
}
