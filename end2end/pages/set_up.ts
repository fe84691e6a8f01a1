import type { Page } from "@playwright/test";

import type { Person } from "../support/people.ts";

/** The form behind the set-up link. */
export class SetUp {
  constructor(private readonly page: Page) {}

  /** Makes the first admin, who is signed in afterwards. */
  async make(admin: Person): Promise<void> {
    await this.page.getByLabel("Your name").fill(admin.name);
    await this.page.getByLabel("E-mail address").fill(admin.email);
    await this.page.getByLabel("Password").fill(admin.password);
    await this.page.getByRole("button", { name: "Make the account" }).click();
    await this.page.waitForURL((url) => url.pathname === "/");
  }
}
