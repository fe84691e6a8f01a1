import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";

test("a running sync moves on the open page and ends in its final state", async ({ admin, plane }) => {
  await new Integrations(admin).add({ name: "Watched", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 400 } });
  const runs = new Runs(admin);
  await runs.start();
  const status = admin.getByRole("status").first();
  const first = await status.innerText();
  await expect(status).not.toHaveText(first, { timeout: 15_000 });
  await plane.heal();
  await runs.expectOutcome("Succeeded", true);
});

test("the stages of a test appear one by one", async ({ admin, plane }) => {
  const path = await new Integrations(admin).add({ name: "Staged", address: plane.url, workspace: "acme", key: plane.keys.member });
  await plane.fail({ what: { latency: 700 } });
  await admin.getByRole("button", { name: "Test connection" }).click();
  const live = admin.locator("#live-test");
  await expect(live).toContainText("Connect");
  await expect(live).not.toContainText("The key sees");
  await expect(live).toContainText("The key sees 5 projects", { timeout: 15_000 });
  await expect(admin).toHaveURL(new RegExp(`${path}$`));
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
