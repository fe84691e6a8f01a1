import { AxeBuilder } from "@axe-core/playwright";
import { type ConsoleMessage, type Page, type Response, expect } from "@playwright/test";

/** An answer that a test brings about on purpose. */
interface Refusal {
  status: number;
  path: string;
  seen: boolean;
}

/** Watches pages and keeps what none of them may do: errors, policy violations, broken or refused requests. */
export class Guard {
  private readonly complaints: string[] = [];
  private readonly pages: Page[] = [];
  private readonly refusals: Refusal[] = [];
  private readonly runsScripts: boolean;

  constructor(runsScripts: boolean) {
    this.runsScripts = runsScripts;
  }

  watch(page: Page): void {
    this.pages.push(page);
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => this.hear(message));
    page.on("response", (response) => this.see(response));
  }

  /** Announces that one page at `path` will be answered with `status`; the test fails when none is. */
  expectRefusal(status: number, path: string): void {
    this.refusals.push({ status, path, seen: false });
  }

  /** Looks at the page once more, as it is when its test has passed, and forgets it. */
  async leave(page: Page): Promise<void> {
    this.pages.splice(this.pages.indexOf(page), 1);
    if (page.isClosed() || !page.url().startsWith("http")) return;
    await this.ask(page);
  }

  /** Asks axe about a page as it is now. */
  async ask(page: Page): Promise<void> {
    // axe is JavaScript: it runs where the page's own may.
    if (!this.runsScripts) return;
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const rule of violations) {
      const where = rule.nodes.map((node) => node.html).join("\n    ");
      this.complaints.push(`${page.url()}: axe: ${rule.help} (${rule.id})\n    ${where}`);
    }
  }

  /** Fails the test when there was anything to complain about. */
  expectSilence(): void {
    const missed = this.refusals
      .filter((refusal) => !refusal.seen)
      .map(({ status, path }) => `${path} was not answered ${status}`);
    expect([...this.complaints, ...missed], "console, requests and axe").toEqual([]);
  }

  private see(response: Response): void {
    const status = response.status();
    if (status < 400) return;
    const { pathname } = new URL(response.url());
    const announced = this.refusals.find(
      (refusal) => !refusal.seen && refusal.status === status && refusal.path === pathname,
    );
    if (announced && response.request().isNavigationRequest()) {
      announced.seen = true;
    } else {
      this.complaints.push(`${response.url()} answered ${status}`);
    }
  }

  private hear(message: ConsoleMessage): void {
    if (message.type() !== "error" && !message.text().includes("Content Security Policy")) return;
    // Chromium's echo of a status that `see` judges.
    if (message.text().startsWith("Failed to load resource: the server responded with a status of")) return;
    this.complaints.push(`${message.location().url}: ${message.text()}`);
  }
}
