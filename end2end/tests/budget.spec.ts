import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { lookAt } from "../support/looks.ts";
import { withTinyProject } from "../support/plane.ts";

test("what a key used of Plane's limit is told, drawn and tabled, over any range", async ({
  admin,
  guard,
  javaScriptEnabled,
}) => {
  const scripts = javaScriptEnabled !== false;
  await withTinyProject(async (plane) => {
    await new Integrations(admin).add({
      name: "Budgeted",
      address: plane.url,
      workspace: "acme",
      key: plane.keys.member,
    });
    const runs = new Runs(admin);
    await runs.start();
    await runs.expectOutcome("Succeeded", scripts);

    await admin.getByRole("link", { name: "Overview" }).click();
    await admin.getByRole("link", { name: "API budget" }).click();
    const heading = admin.getByRole("heading", { name: new RegExp(`^Key .* at ${new URL(plane.url).host}$`) });
    const key = admin.locator("section").filter({ has: heading });
    const user = key.getByRole("row", { name: /Budgeted/ });
    // Calls are written down once a second.
    await expect(async () => {
      await admin.reload();
      await expect(user.getByRole("cell").first()).toHaveText(/^[1-9]/, { timeout: 100 });
    }).toPass();
    const calls = await user.getByRole("cell").first().innerText();
    await expect(key).toContainText(`used by 1 integration`);
    await expect(user).toContainText(/\d+ calls, less than a minute/);

    const chart = key.getByRole("group", { name: /^Calls with key \w+ at [^ ]+\. The last 24 h/ });
    await expect(chart).toBeVisible();
    await expect(key.locator("figcaption")).toContainText("The last 24 h");
    const line = chart.locator(".chart-detail").last();
    await expect(line).toBeHidden();
    await chart.locator(".chart-part rect").last().hover();
    await expect(line, "numbers without a script").toBeVisible();
    await expect(line).toContainText(`: ${calls}`);
    await expect(chart.locator(".chart-scale"), "it has the place of the scale").toBeHidden();
    const table = key.getByRole("table", { name: /^Calls with key [^ ]+ at [^ ]+$/ });
    await expect(table).toBeHidden();
    await key.getByText("As a table").focus();
    await admin.keyboard.press("Enter");
    await expect(table).toBeVisible();
    await expect(table.getByRole("row").nth(1)).toContainText(calls);
    if (scripts) await lookAt(admin, "budget", guard);

    await admin.getByRole("link", { name: "7 d" }).click();
    await expect(admin).toHaveURL(/\/budget\?range=7d$/);
    await expect(admin.getByRole("link", { name: "7 d" })).toHaveAttribute("aria-current", "true");
    await expect(user).toContainText(calls);
  });
});
