import { type Locator, type Page, expect } from "@playwright/test";

import type { Person } from "../support/people.ts";

/** The page of people, as an admin sees it. */
export class People {
  constructor(private readonly page: Page) {}

  async open(): Promise<void> {
    await this.page.goto("/settings/people");
  }

  row(person: Pick<Person, "email">): Locator {
    return this.page.getByRole("region", { name: "People" }).getByRole("row").filter({ hasText: person.email });
  }

  /** Adds somebody, unless an earlier test on the same portal has. */
  async ensure(person: Person): Promise<void> {
    await this.open();
    if ((await this.row(person).count()) > 0) return;
    await this.page.getByLabel("Name", { exact: true }).fill(person.name);
    await this.page.getByLabel("E-mail address").fill(person.email);
    await this.page.getByLabel("First password").fill(person.password);
    await this.page.getByLabel("May").selectOption(person.may);
    await this.page.getByRole("button", { name: "Add person" }).click();
    await expect(this.row(person)).toBeVisible();
  }

  /** What can be changed about somebody; unfolds when it is pressed. */
  change(person: Pick<Person, "name">): Locator {
    // A `summary` has no role of its own in ARIA; it is called by its label.
    return this.page.getByLabel(`Change ${person.name}`, { exact: true });
  }
}
