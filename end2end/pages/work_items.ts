import { type Locator, type Page, expect } from "@playwright/test";

/** The table of a project's work items. */
export class WorkItems {
  constructor(private readonly page: Page) {}

  /** Opens the project of an integration from the list of projects. */
  async openProject(name: string, integration: string): Promise<void> {
    await this.page.goto(`/projects?q=${encodeURIComponent(name)}`);
    const row = this.page.getByRole("row").filter({ has: this.page.getByRole("link", { name: integration, exact: true }) });
    await row.getByRole("link", { name, exact: true }).click();
    await expect(this.page.getByRole("heading", { level: 1, name })).toBeVisible();
  }

  /** The rows without the header's. */
  rows(): Locator {
    const region = this.page.getByRole("region", { name: "Work items" });
    return region.getByRole("row").filter({ has: this.page.getByRole("rowheader") });
  }

  /** The numbers of the rows, in their order. */
  async numbers(): Promise<string[]> {
    const texts = await this.rows().getByRole("cell").filter({ hasText: /^[A-Z]+-\d+$/ }).allInnerTexts();
    return texts.map((text) => text.trim());
  }

  /** Opens the first row's work item. */
  async openFirst(): Promise<void> {
    await this.rows().first().getByRole("link").first().click();
  }

  /** A field of the filter. */
  field(label: string): Locator {
    return this.page.getByRole("search").getByLabel(label, { exact: true });
  }

  /** Chooses the option that begins so; answers its whole text. */
  async choose(label: string, begins: string): Promise<string> {
    const options = await this.field(label).getByRole("option").allInnerTexts();
    const option = options.find((text) => text.startsWith(begins));
    if (option === undefined) throw new Error(`${label} has no ${begins}, only ${options.join(", ")}`);
    await this.field(label).selectOption({ label: option });
    return option;
  }

  async filter(): Promise<void> {
    await this.page.getByRole("search").getByRole("button", { name: "Filter" }).click();
  }

  async search(words: string): Promise<void> {
    await this.page.getByLabel("Words or number").fill(words);
    await this.filter();
  }
}
