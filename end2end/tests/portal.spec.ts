import { expect, test } from "../fixtures.ts";

test("the portal says that it is alive and ready", async ({ request }) => {
  expect(await (await request.get("/livez")).text()).toBe("ok\n");
  expect((await request.get("/readyz")).status()).toBe(200);
});

test("the style sheet and the scripts are named by their content and kept for ever", async ({ page, request }) => {
  await page.goto("/sign-in");
  const css = await page.locator('link[rel="stylesheet"]').getAttribute("href");
  expect(css).toMatch(/^\/pkg\/main-[0-9a-f]{8}\.css$/);

  const sheet = await request.get(css ?? "", { headers: { "accept-encoding": "br" } });
  expect(sheet.headers()["content-encoding"]).toBe("br");
  expect(sheet.headers()["cache-control"]).toContain("immutable");
});
