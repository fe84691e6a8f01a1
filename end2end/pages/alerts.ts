import { type Page, expect } from "@playwright/test";

/** Rules and channels, and what was sent. */
export class Alerts {
  constructor(private readonly page: Page) {}

  /** Adds a channel that speaks HTTP; answers its path. */
  async addHook(kind: string, name: string, url: string): Promise<string> {
    await this.page.goto("/alerts");
    await this.page.getByRole("link", { name: "Add channel" }).first().click();
    await this.page.getByRole("navigation", { name: "Kind of channel" }).getByRole("link", { name: kind }).click();
    await this.page.getByLabel("Name").fill(name);
    await this.page.getByLabel(/URL/).fill(url);
    await this.page.getByRole("button", { name: "Add channel" }).click();
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
    return new URL(this.page.url()).pathname;
  }

  async sendTest(): Promise<void> {
    await this.page.getByRole("button", { name: "Send a test" }).click();
    await expect(this.page.getByRole("table", { name: "Messages" })).toContainText("Test: ");
  }

  async openRule(name: string): Promise<void> {
    await this.page.goto("/alerts");
    await this.page.getByRole("table", { name: "Rules" }).getByRole("link", { name }).click();
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
  }
}
