import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { Alerts } from "../pages/alerts.ts";
import { Bulk } from "../pages/bulk.ts";
import { Integrations } from "../pages/integrations.ts";
import { Problems } from "../pages/problems.ts";
import { lookAt } from "../support/looks.ts";
import { type Fault, FakePlane } from "../support/plane.ts";
import { Receiver } from "../support/receiver.ts";

interface Breakage {
  name: string;
  fault: Fault;
  /** What the problem is called, and what to do about it. */
  problem: string;
  advice: string;
  /** How the run ends. */
  outcome: string;
}

const WORK_ITEMS = "/work-items/";

function answers(status: number, body: unknown, on_path?: string): Fault {
  const what = { status: [status, JSON.stringify(body), []] };
  return on_path === undefined ? { what } : { what, on_path };
}

/** A list without rows, which says that there are none. */
const NOTHING = {
  total_count: 0,
  total_results: 0,
  count: 0,
  total_pages: 0,
  results: [],
  extra_stats: null,
  next_cursor: "1000:1:0",
  prev_cursor: "1000:-1:1",
  next_page_results: false,
  prev_page_results: false,
  grouped_by: null,
  sub_grouped_by: null,
};

const BREAKAGES: Breakage[] = [
  { name: "Dropped", fault: { what: "drop" }, problem: "Plane can’t be reached", advice: "Check that Plane is running", outcome: "Unreachable" },
  { name: "Revoked", fault: answers(403, { detail: "Given API token is not valid" }), problem: "Plane refuses the API key", advice: "Make a new key in Plane", outcome: "Rejected" },
  { name: "Stripped", fault: answers(401, { detail: "Authentication credentials were not provided." }), problem: "The API key does not arrive", advice: "check that proxies in between pass that header on", outcome: "Rejected" },
  { name: "Locked out", fault: answers(403, { detail: "You do not have permission to perform this action." }, WORK_ITEMS), problem: "Plane gives the key no access", advice: "Add the key’s owner to the workspace", outcome: "Rejected" },
  { name: "Gone", fault: answers(404, { error: "The requested resource does not exist." }, WORK_ITEMS), problem: "Plane does not have what is asked for", advice: "Look in Plane whether the workspace and the project still exist", outcome: "Rejected" },
  { name: "Too old", fault: answers(404, { error: "Page not found." }), problem: "This Plane does not offer what is needed", advice: "Update Plane", outcome: "Failed" },
  { name: "Picky", fault: answers(400, { name: ["This field is required."] }, WORK_ITEMS), problem: "Plane does not take a request", advice: "report it as a fault of Hangar", outcome: "Failed" },
  { name: "Broken", fault: answers(502, {}, WORK_ITEMS), problem: "Plane itself fails", advice: "Look at the log of Plane’s API server", outcome: "Unreachable" },
  { name: "Login page", fault: { what: "html_with200" }, problem: "Something else than Plane answers", advice: "Enter the address of Plane’s API", outcome: "Failed" },
  { name: "Garbled", fault: { what: "garbage_json", on_path: WORK_ITEMS }, problem: "Plane’s answer is not understood", advice: "Look whether a proxy cuts answers short", outcome: "Failed" },
  { name: "Emptied", fault: answers(200, NOTHING, WORK_ITEMS), problem: "Many work items are gone at once", advice: "Look at what is missing in Plane", outcome: "Held" },
];

/** Does something to every integration, and waits for the end. */
async function toAll(admin: Page, action: "Sync now" | "Test the connection"): Promise<void> {
  const bulk = new Bulk(admin);
  await admin.goto("/integrations");
  await admin.getByRole("checkbox", { name: /^All \d+/ }).check();
  await bulk.preview(action);
  await bulk.start();
  await expect(async () => {
    await admin.reload();
    await expect(admin.getByRole("button", { name: "Stop" })).toHaveCount(0, { timeout: 500 });
    await expect(admin.getByText("Not started")).toHaveCount(0, { timeout: 500 });
  }).toPass({ timeout: 120_000 });
}

test("whatever breaks in Plane is told with what to do, and told again when it is over", async ({ freshPortal, setUp, guard }) => {
  test.setTimeout(400_000);
  const admin = await setUp(freshPortal);
  admin.setDefaultTimeout(20_000);
  const [integrations, problems, main] = [new Integrations(admin), new Problems(admin), admin.getByRole("main")];
  const receiver = await Receiver.start();
  const planes: FakePlane[] = [];
  try {
    await new Alerts(admin).addHook("Webhook", "Our own", receiver.url("hook"));
    for (const { name } of BREAKAGES) {
      const plane = await FakePlane.start();
      planes.push(plane);
      await integrations.add({ name, address: plane.url, workspace: "acme", key: plane.keys.member });
    }
    await toAll(admin, "Sync now");
    await problems.expectNone();

    for (const [n, { fault }] of BREAKAGES.entries()) await planes[n]?.fail(fault);
    await toAll(admin, "Sync now");
    for (const { name, problem, advice, outcome } of BREAKAGES) {
      await problems.expectRow(problem);
      await expect(problems.row(problem).first(), name).toContainText(name);
      await problems.open(problem);
      await expect(main, name).toContainText(advice);
      await main.getByRole("link", { name, exact: true }).click();
      await expect(main.getByText(outcome, { exact: true }).first(), name).toBeVisible();
    }
    const told = (kind: string): string[] =>
      receiver.bodies
        .map((body) => JSON.parse(body) as { type: string; data: { title: string } })
        .filter(({ type }) => type === `incident.${kind}`)
        .map(({ data }) => data.title);
    await expect(async () => {
      expect(told("opened").sort()).toEqual(BREAKAGES.map(({ problem }) => problem).sort());
    }).toPass({ timeout: 30_000 });
    await admin.goto("/problems");
    await lookAt(admin, "problems-many", guard);
    await admin.goto("/");
    await expect(main.getByRole("region", { name: "Problems" })).toContainText("nobody is on it");
    await lookAt(admin, "overview-problems", guard);
    await admin.goto("/alerts");
    await lookAt(admin, "alerts-many", guard);

    for (const plane of planes) await plane.heal();
    // A server that was left alone is asked at once by a test.
    await toAll(admin, "Test the connection");
    await toAll(admin, "Sync now");
    await toAll(admin, "Sync now");
    await problems.expectNone();
    await expect(async () => {
      // What only asks for somebody to look is told without its end.
      const over = BREAKAGES.filter(({ name }) => name !== "Emptied");
      expect(told("closed").sort()).toEqual(over.map(({ problem }) => problem).sort());
    }).toPass({ timeout: 30_000 });
    await admin.goto("/problems?state=resolved");
    await lookAt(admin, "problems-resolved", guard);
  } finally {
    receiver.stop();
    for (const plane of planes) await plane.stop();
  }
});
