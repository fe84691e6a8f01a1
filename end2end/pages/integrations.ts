import { type Locator, type Page, expect } from "@playwright/test";

/** What the form of an integration asks for. */
export interface Answers {
  name: string;
  address: string;
  workspace: string;
  key?: string;
  minutes?: string;
  description?: string;
}

/** The list of integrations, their forms and their own pages. */
export class Integrations {
  constructor(private readonly page: Page) {}

  /** The row of the list. */
  row(name: string): Locator {
    return this.page.getByRole("row").filter({ hasText: name });
  }

  async openForm(): Promise<void> {
    await this.page.goto("/integrations/new");
  }

  async fill(answers: Partial<Answers>): Promise<void> {
    const fields: [string, string | undefined][] = [
      ["Name", answers.name],
      ["Plane’s address", answers.address],
      ["Workspace slug", answers.workspace],
      ["API key", answers.key],
      ["Sync every", answers.minutes],
      ["Description", answers.description],
    ];
    for (const [label, value] of fields) {
      if (value !== undefined) await this.page.getByLabel(label).fill(value);
    }
  }

  async save(): Promise<void> {
    await this.page.getByRole("button", { name: /^(Save|Add integration)/ }).click();
  }

  /** Adds one and waits for its page; answers its path. */
  async add(answers: Answers): Promise<string> {
    await this.openForm();
    await this.fill(answers);
    await this.save();
    await expect(this.page.getByRole("heading", { level: 1, name: answers.name })).toBeVisible();
    return new URL(this.page.url()).pathname;
  }

  /** A mistake, as its field says it. */
  async expectMistake(label: string, says: RegExp): Promise<void> {
    const field = this.page.getByLabel(label);
    await expect(field).toHaveAttribute("aria-invalid", "true");
    await expect(field).toHaveAccessibleDescription(says);
  }

  /** Tests the integration, or the form, whose page is open; the result comes live or as a page. */
  async test(): Promise<void> {
    await this.page.getByRole("button", { name: "Test connection" }).click();
  }

  async replaceKey(key: string): Promise<void> {
    await this.page.getByRole("link", { name: "Replace key" }).first().click();
    await this.page.getByLabel("New API key").fill(key);
    await this.page.getByRole("button", { name: "Test and replace" }).click();
  }

  async delete(typed: string): Promise<void> {
    await this.page.getByRole("link", { name: "Delete" }).click();
    await this.page.getByLabel(/to confirm/).fill(typed);
    await this.page.getByRole("button", { name: "Delete integration" }).click();
  }
}
