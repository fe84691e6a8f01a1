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

  /** The page of the latest line in the log. */
  async latest(): Promise<string> {
    await this.page.goto("/webhooks");
    const link = this.page.getByRole("region", { name: "Deliveries" }).getByRole("rowheader").first().getByRole("link");
    const path = await link.getAttribute("href");
    if (path === null) throw new Error("the latest line leads nowhere");
    return path;
  }

  /** Waits until a line has been tried in vain more often than that; answers how often. */
  async failedMoreThan(path: string, times: number): Promise<number> {
    const table = this.page.getByRole("region", { name: "Tries that failed" });
    let rows = 0;
    await expect(async () => {
      await this.page.goto(path);
      await expect(table).toBeVisible({ timeout: 500 });
      rows = await table.getByRole("row").count();
      expect(rows, "with the head of the table").toBeGreaterThan(times + 1);
    }).toPass({ timeout: 20_000 });
    return rows - 1;
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
