import { AxeBuilder } from "@axe-core/playwright";
import { type ConsoleMessage, type Page, expect } from "@playwright/test";

/** Watches pages and keeps what none of them may do: errors, policy violations, broken requests. */
export class Guard {
  private readonly complaints: string[] = [];
  private readonly pages: Page[] = [];
  private readonly refused = new Set<string>();
  private readonly runsScripts: boolean;

  constructor(runsScripts: boolean) {
    this.runsScripts = runsScripts;
  }

  watch(page: Page): void {
    this.pages.push(page);
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => this.hear(message));
    page.on("response", (response) => {
      // A page that refuses says so with its status, and Chromium repeats it on the console.
      const isRefusal = response.status() >= 400 && response.status() < 500;
      if (isRefusal && response.request().isNavigationRequest()) this.refused.add(response.url());
      if (response.status() >= 500 && response.status() !== 503) {
        this.complaints.push(`${response.url()} answered ${response.status()}`);
      }
    });
  }

  /** Looks at the page once more, as it is when its test has passed, and forgets it. */
  async leave(page: Page): Promise<void> {
    this.pages.splice(this.pages.indexOf(page), 1);
    // axe is JavaScript: it runs where the page's own may.
    if (page.isClosed() || !this.runsScripts || !page.url().startsWith("http")) return;
    const { violations } = await new AxeBuilder({ page }).analyze();
    for (const rule of violations) {
      const where = rule.nodes.map((node) => node.html).join("\n    ");
      this.complaints.push(`${page.url()}: axe: ${rule.help} (${rule.id})\n    ${where}`);
    }
  }

  /** Fails the test when there was anything to complain about. */
  expectSilence(): void {
    expect(this.complaints, "console, requests and axe").toEqual([]);
  }

  /** Leaves out a complaint that a test has brought about on purpose. */
  excuse(part: string): void {
    const kept = this.complaints.filter((complaint) => !complaint.includes(part));
    this.complaints.splice(0, this.complaints.length, ...kept);
  }

  private hear(message: ConsoleMessage): void {
    if (message.type() !== "error" && !message.text().includes("Content Security Policy")) return;
    const { url } = message.location();
    if (message.text().startsWith("Failed to load resource") && this.refused.has(url)) return;
    this.complaints.push(`${url}: ${message.text()}`);
  }
}
