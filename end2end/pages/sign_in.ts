import type { Page } from "@playwright/test";

import type { Person } from "../support/people.ts";

/** The sign-in page. */
export class SignIn {
  constructor(private readonly page: Page) {}

  /** Fills the form in and sends it; where that leads is for the test to say. */
  async send(person: Pick<Person, "email" | "password">): Promise<void> {
    await this.page.getByLabel("E-mail address").fill(person.email);
    await this.page.getByLabel("Password").fill(person.password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Signs in and waits until the sign-in page is gone. */
  async as(person: Pick<Person, "email" | "password">): Promise<void> {
    await this.send(person);
    await this.page.waitForURL((url) => url.pathname !== "/sign-in");
  }
}
