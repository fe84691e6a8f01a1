import { type Locator, type Page, expect } from "@playwright/test";

/** Choosing integrations in their list, and the page of what is done to them. */
export class Bulk {
  constructor(private readonly page: Page) {}

  /** The list with the integrations whose names have this in them. */
  async openList(q: string): Promise<void> {
    await this.page.goto(`/integrations?sort=name&q=${encodeURIComponent(q)}`);
  }

  tick(name: string): Locator {
    return this.page.getByRole("checkbox", { name: `Choose ${name}`, exact: true });
  }

  /** Chooses what to do, with its argument, and looks at what that would be. */
  async preview(action: string, argument?: { label: string; value: string }): Promise<void> {
    const bar = this.page.getByRole("form", { name: "Many integrations at once" });
    await bar.getByLabel("With the chosen").selectOption({ label: action });
    if (argument) await bar.getByLabel(argument.label).fill(argument.value);
    await bar.getByRole("button", { name: "Preview" }).click();
  }

  async start(): Promise<void> {
    await this.page.getByRole("button", { name: "Start" }).click();
  }

  /** Waits for the end: by itself with JavaScript, by "Refresh" without. */
  async expectResult(says: string | RegExp, scripts: boolean): Promise<void> {
    await expect(async () => {
      if (!scripts) await this.page.reload();
      await expect(this.page.locator(".notice-title")).toHaveText(says, { timeout: 500 });
    }).toPass({ timeout: 30_000, intervals: [50, 100, 250] });
  }

  /** The row of an integration on the operation's page. */
  item(name: string): Locator {
    return this.page.getByRole("row").filter({ has: this.page.getByRole("rowheader", { name, exact: true }) });
  }
}
