import { type Locator, type Page, expect } from "@playwright/test";

/** The list of problems, and a problem's own page. */
export class Problems {
  constructor(private readonly page: Page) {}

  /** The row of the list. */
  row(name: string): Locator {
    return this.page.getByRole("table", { name: "Problems" }).getByRole("row").filter({ hasText: name });
  }

  /** Opens the list again and again until it shows this; failures are looked at every ten seconds. */
  async expectRow(name: string, filter = ""): Promise<void> {
    await expect(async () => {
      await this.page.goto(`/problems${filter}`);
      await expect(this.row(name).first()).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 60_000 });
  }

  /** Opens the list again and again until nothing fails any more. */
  async expectNone(): Promise<void> {
    await expect(async () => {
      await this.page.goto("/problems");
      await expect(this.page.getByRole("heading", { name: "No problems" })).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 90_000 });
  }

  /** Opens the problem of that name from the list; answers its path. */
  async open(name: string): Promise<string> {
    await this.page.getByRole("rowheader", { name }).getByRole("link", { name, exact: true }).first().click();
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
    return new URL(this.page.url()).pathname;
  }

  async acknowledge(): Promise<void> {
    await this.page.getByRole("button", { name: "Acknowledge", exact: true }).click();
    await this.expectState("Acknowledged");
  }

  async snooze(length: string): Promise<void> {
    await this.page.getByLabel("Snooze").selectOption({ label: length });
    await this.page.getByRole("button", { name: "Snooze" }).click();
    await this.expectState("Snoozed");
  }

  async wake(): Promise<void> {
    await this.page.getByRole("button", { name: "Wake" }).click();
  }

  async assign(person: string): Promise<void> {
    await this.page.getByLabel("Owner").selectOption({ label: person });
    await this.page.getByRole("button", { name: "Save owner" }).click();
    await expect(this.page.getByRole("main")).toContainText(`${person} sees to it.`);
  }

  async note(text: string): Promise<void> {
    await this.page.getByLabel("Note").fill(text);
    await this.page.getByRole("button", { name: "Save note" }).click();
    await expect(this.page.getByLabel("Note")).toHaveValue(text);
  }

  /** What the page's heading says. */
  async expectState(word: string): Promise<void> {
    await expect(this.page.locator(".page-says").getByText(word, { exact: true })).toBeVisible();
  }
}
