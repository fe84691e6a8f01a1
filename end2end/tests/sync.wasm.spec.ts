import type { Page } from "@playwright/test";

import { expect, test } from "../fixtures.ts";
import { ConnectionTest } from "../pages/connection_test.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";

/** What the open page has shown, from now until it is loaded anew: the text of `main` each time it has changed. */
async function watch(page: Page): Promise<string[]> {
  const shown: string[] = [];
  await page.exposeFunction("isShown", (text: string) => shown.push(text));
  await page.evaluate(() => {
    const main = document.querySelector("main")!;
    const bar = () => `Bar ${main.querySelector("progress")?.getAttribute("value") ?? "-"}`;
    const tell = () => (window as unknown as { isShown(text: string): void }).isShown(`${main.innerText}\n${bar()}`);
    tell();
    new MutationObserver(tell).observe(main, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  return shown;
}

/** The different values of one figure, in the order in which they were shown. */
function values(shown: string[], figure: RegExp): number[] {
  const all = shown.flatMap((text) => figure.exec(text)?.[1] ?? []).map((digits) => Number(digits.replace(",", "")));
  return all.filter((value, at) => value !== all[at - 1]);
}

const rising = (numbers: number[]) => numbers.every((number, at) => at === 0 || number > numbers[at - 1]!);

test("the numbers of a running sync rise on the open page, which is never loaded anew before the end", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Watched", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 700 }, on_path: "/work-items/" });
  const runs = new Runs(admin);
  await runs.start();
  const shown = await watch(admin);
  await runs.expectOutcome("Succeeded", true);

  for (const [what, figure, least] of [
    ["the project", /Project (\d) of 3/, 3],
    ["the projects that are done", /Projects\s+(\d) of 3/, 3],
    // One page holds a thousand work items.
    ["the page", /Project \d of 3, page (\d)/, 1],
    ["work items read", /Work items read\s+([\d,]+)/, 3],
    ["requests", /Requests to Plane\s+([\d,]+)/, 4],
    ["the bar", /Bar (\d+)/, 4],
  ] as const) {
    const seen = values(shown, figure);
    expect(seen.length, `${what}: ${seen}`).toBeGreaterThanOrEqual(least);
    if (what !== "the page") expect(rising(seen), `${what} rises: ${seen}`).toBe(true);
  }
  const headlines = new Set(shown.flatMap((text) => /Copying .*\./.exec(text)?.[0] ?? []));
  expect(headlines).toContain("Copying work items of Web Platform.");
  expect(await runs.fact("Work items read").innerText()).toBe("407");
});

test("a run that waits for the rate limit counts the seconds down", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Counted", address: plane.url, workspace: "acme", key: await plane.newKey() });
  await plane.limit(5);
  const runs = new Runs(admin);
  await runs.start();
  await expect(admin.getByRole("status")).toHaveText("Waiting for Plane’s rate limit, then going on.", { timeout: 15_000 });
  const shown = await watch(admin);
  const wait = /Waiting for the limit\s+(\d+) s/;
  await expect.poll(() => values(shown, wait).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(3);
  const seconds = values(shown, wait);
  expect(rising(seconds.toReversed()), `${seconds}`).toBe(true);
  await runs.cancel();
  await runs.expectOutcome("Cancelled", true);
});

test("the stages of a slow test appear one by one, and the page stays", async ({ admin, plane }) => {
  // A key of its own: what was learnt of another one's limit by connections that are tested by themselves would be told.
  const key = await plane.newKey();
  const path = await new Integrations(admin).add({ name: "Staged", address: plane.url, workspace: "acme", key });
  await plane.fail({ what: { latency: 700 } });
  await new Integrations(admin).test();

  const tested = new ConnectionTest(admin);
  await expect(tested.stages()).toHaveCount(9);
  await expect(tested.stage("Plane")).toContainText("Under way");
  await expect(tested.stage("Connect")).toContainText("Passed");
  await expect(tested.stage("API key")).toContainText("Waiting");
  await expect(tested.stage("API key")).toContainText("Under way");
  await expect(tested.stage("Plane")).toContainText("Passed");
  await expect(tested.stage("Projects")).toContainText("Waiting");
  await expect(admin.getByRole("main")).toContainText("The connection works: this key sees 5 projects.", { timeout: 15_000 });
  await expect(tested.stages().filter({ hasText: "Passed" })).toHaveCount(9);
  await expect(admin).toHaveURL(new RegExp(`${path}$`));
});

test("a test of a Plane that does not answer ends in ten seconds, with one thing to do", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Silent", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 60_000 }, on_path: "/users/me/" });
  await new Integrations(admin).test();

  const tested = new ConnectionTest(admin);
  await expect(tested.stage("API key")).toContainText("Under way");
  await expect(await tested.advice()).toHaveText(/\w.*\.$/);
  await expect(tested.stage("Plane")).toContainText("Passed");
  await expect(tested.stage("API key")).toContainText("Failed");
  for (const later of ["Workspace", "Projects", "Rate limit"]) await expect(tested.stage(later)).toContainText("Not tried");
});

test("pages without islands load no script, and the whole app is small", async ({ admin }) => {
  const loaded: { url: string; bytes: number }[] = [];
  admin.on("response", async (response) => {
    if (/\.(js|wasm)$/.test(response.url())) {
      loaded.push({ url: response.url(), bytes: Number(response.headers()["content-length"] ?? 0) });
    }
  });
  await admin.goto("/settings/profile");
  await admin.waitForLoadState("networkidle");
  expect(loaded).toEqual([]);

  await admin.goto("/integrations/new");
  await expect.poll(() => loaded.length).toBe(2);
  const bytes = loaded.reduce((sum, file) => sum + file.bytes, 0);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThanOrEqual(100_000);
});
