import { type Locator, type Page, expect } from "@playwright/test";

/** The table of a project's work items. */
export class WorkItems {
  constructor(private readonly page: Page) {}

  /** Opens a project by its name from the list of projects. */
  async openProject(name: string): Promise<void> {
    await this.page.goto("/projects");
    await this.page.getByRole("link", { name }).first().click();
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
  }

  rows(): Locator {
    return this.page.getByRole("region", { name: "Work items" }).locator("tbody tr");
  }

  row(text: string): Locator {
    return this.rows().filter({ hasText: text });
  }

  async choose(label: string, option: string): Promise<void> {
    await this.page.getByRole("search").getByLabel(label, { exact: true }).selectOption({ label: option });
  }

  async filter(): Promise<void> {
    await this.page.getByRole("search").getByRole("button", { name: "Filter" }).click();
  }

  async search(words: string): Promise<void> {
    await this.page.getByLabel("Words or number").fill(words);
    await this.filter();
  }
}
