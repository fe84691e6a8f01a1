import { type BrowserContext, type Page, test as base, expect } from "@playwright/test";

import { SetUp } from "./pages/set_up.ts";
import { SignIn } from "./pages/sign_in.ts";
import { Guard } from "./support/guard.ts";
import { ADMIN, type Person } from "./support/people.ts";
import type { FakePlane } from "./support/plane.ts";
import { Portal } from "./support/portal.ts";

/** A person's session, in the form that a browser context takes. */
type Session = Awaited<ReturnType<BrowserContext["storageState"]>>;

interface PerWorker {
  /** A portal of this worker's own, with a Plane of its own. */
  portal: Portal;
  /** The session of `ADMIN`, who has set the worker's portal up. */
  adminSession: Session;
}

interface PerTest {
  /** The Plane that the worker's portal talks to; its faults and limit are taken back after each test. */
  plane: FakePlane;
  /** A page of the signed-in admin. */
  admin: Page;
  /** Opens a page for somebody else who can sign in to the worker's portal. */
  signIn: (person: Pick<Person, "email" | "password">) => Promise<Page>;
  /** A portal that nobody has set up yet, for this test alone. */
  freshPortal: Portal;
  /** A portal that can't read its copy, for this test alone. */
  failingPortal: Portal;
  /** Sets such a portal up; answers a page of its admin. */
  setUp: (portal: Portal) => Promise<Page>;
  /** Fails a test whose pages complain: on the console, by status, or to axe. */
  guard: Guard;
}

/** Playwright's test with portals, people and a guard over every page; `page` is a visitor's. */
export const test = base.extend<PerTest, PerWorker>({
  portal: [
    async ({}, use) => {
      const portal = await Portal.start();
      await use(portal);
      expect(await portal.stop(), "the exit code of the portal").toBe(0);
    },
    { scope: "worker", timeout: 60_000 },
  ],

  adminSession: [
    async ({ browser, portal }, use) => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(portal.setUpLink);
      await new SetUp(page).make(ADMIN);
      await use(await context.storageState());
      await context.close();
    },
    { scope: "worker" },
  ],

  baseURL: async ({ portal }, use) => use(portal.url),

  plane: async ({ portal }, use) => {
    await use(portal.plane);
    await portal.plane.heal();
    await portal.plane.limit(0);
  },

  guard: [
    async ({ javaScriptEnabled }, use, testInfo) => {
      const guard = new Guard(javaScriptEnabled !== false);
      await use(guard);
      // A test that failed has said enough.
      if (testInfo.status === testInfo.expectedStatus) guard.expectSilence();
    },
    { auto: true },
  ],

  page: async ({ page, guard }, use) => {
    guard.watch(page);
    await use(page);
    await guard.leave(page);
  },

  admin: async ({ browser, baseURL, adminSession, guard, javaScriptEnabled, viewport }, use) => {
    const context = await browser.newContext({
      baseURL,
      javaScriptEnabled,
      viewport,
      storageState: adminSession,
    });
    const page = await context.newPage();
    guard.watch(page);
    await use(page);
    await guard.leave(page);
    await context.close();
  },

  signIn: async ({ browser, baseURL, guard, javaScriptEnabled, viewport }, use) => {
    const pages: Page[] = [];
    await use(async (person) => {
      const context = await browser.newContext({ baseURL, javaScriptEnabled, viewport });
      const page = await context.newPage();
      pages.push(page);
      guard.watch(page);
      await page.goto("/sign-in");
      await new SignIn(page).as(person);
      return page;
    });
    for (const page of pages) {
      await guard.leave(page);
      await page.context().close();
    }
  },

  freshPortal: async ({}, use) => {
    const portal = await Portal.start();
    await use(portal);
    await portal.stop();
  },

  failingPortal: async ({}, use) => {
    const portal = await Portal.startFailing();
    await use(portal);
    await portal.stop();
  },

  setUp: async ({ browser, guard, javaScriptEnabled, viewport }, use) => {
    const pages: Page[] = [];
    await use(async (portal) => {
      const context = await browser.newContext({ baseURL: portal.url, javaScriptEnabled, viewport });
      const page = await context.newPage();
      pages.push(page);
      guard.watch(page);
      await page.goto(portal.setUpLink);
      await new SetUp(page).make(ADMIN);
      return page;
    });
    for (const page of pages) {
      await guard.leave(page);
      await page.context().close();
    }
  },
});

export { expect };
