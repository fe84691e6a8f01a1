import { type Locator, type Page, expect } from "@playwright/test";

/** An integration's webhook, and the log of what webhooks brought. */
export class Webhooks {
  constructor(private readonly page: Page) {}

  /** From the integration's own page. */
  async open(): Promise<void> {
    await this.page.getByRole("main").getByRole("link", { name: "Webhook", exact: true }).click();
    await expect(this.page.getByRole("heading", { level: 1, name: /^Webhook of / })).toBeVisible();
  }

  /** Makes the address; answers it. */
  async makeAddress(): Promise<string> {
    await this.page.getByRole("button", { name: "Make the address" }).click();
    return this.page.getByLabel("Address of the webhook").inputValue();
  }

  async saveSecret(secret: string): Promise<void> {
    await this.page.getByLabel(/^(New s|S)ecret/).fill(secret);
    await this.page.getByRole("button", { name: "Save the secret" }).click();
  }

  /** What the page says in one word of the webhook's state. */
  async expectState(word: string): Promise<void> {
    await expect(async () => {
      await this.page.reload();
      await expect(this.page.getByRole("main").getByText(word, { exact: true }).first()).toBeVisible({ timeout: 500 });
    }).toPass();
  }

  /** Opens the log and waits for a line with this title; answers it. */
  async line(title: string): Promise<Locator> {
    const line = this.page.getByRole("row").filter({ has: this.page.getByRole("rowheader", { name: title }) });
    await expect(async () => {
      await this.page.goto("/webhooks");
      await expect(line.first()).toBeVisible({ timeout: 500 });
    }).toPass();
    return line.first();
  }
}
