import { expect, test } from "../fixtures.ts";
import { Guard } from "../support/guard.ts";

test("the guard hears the console, sees policy violations and asks axe", async ({ browser, portal }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const guard = new Guard(true);
  guard.watch(page);
  await page.goto(`${portal.url}/sign-in`);
  guard.expectSilence();

  const violation = page.waitForEvent("console", (message) => message.text().includes("Content Security Policy"));
  await page.evaluate(() => {
    console.error("a broken island");
    const picture = document.createElement("img");
    picture.src = "http://127.0.0.1:9/elsewhere.png";
    document.body.append(picture);
  });
  await violation;
  await guard.leave(page);
  await context.close();

  expect(() => guard.expectSilence()).toThrow(/a broken island[^]*Content Security Policy[^]*image-alt/);
});

test("the guard hears of a refused page, unless it was announced, and of an announcement without one", async ({ browser, portal }) => {
  const context = await browser.newContext({ baseURL: portal.url });
  const page = await context.newPage();
  const guard = new Guard(true);
  guard.watch(page);
  guard.expectRefusal(404, "/nothing");
  expect(() => guard.expectSilence()).toThrow(/nothing was not answered 404/);
  // Nobody is signed in: the page at "/nothing" is a 404 all the same.
  await page.goto("/nothing");
  guard.expectSilence();

  await page.goto("/nothing");
  expect(() => guard.expectSilence()).toThrow(/nothing answered 404/);
  await context.close();
});
