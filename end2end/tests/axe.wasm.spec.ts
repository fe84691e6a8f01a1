import { AxeBuilder } from "@axe-core/playwright";

import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";

test.describe.configure({ mode: "serial", timeout: 180_000 });

let pages: string[] = [];

test("there is something on every page", async ({ admin, plane }) => {
  const path = await new Integrations(admin).add({
    name: "Checked",
    address: plane.url,
    workspace: "acme",
    key: plane.keys.member,
  });
  await new Runs(admin).start();
  await new Runs(admin).expectOutcome("Succeeded", true);
  const run = new URL(admin.url()).pathname;
  await admin.goto(path);
  const project = await admin.getByRole("link", { name: /Web Platform/ }).first().getAttribute("href");
  pages = ["/", "/integrations", "/integrations/new", "/projects", "/runs", run]
    .concat(["", "/edit", "/key", "/delete", "/history"].map((below) => path + below))
    // A few rows say as much as fifty.
    .concat([`${project}?q=WEB-1`, `${project}/labels`])
    .concat(["/settings", "/settings/people", "/settings/profile"]);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing on any page in the ${colorScheme} theme`, async ({ admin }) => {
    await admin.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const page of pages) {
      await admin.goto(page);
      const { violations } = await new AxeBuilder({ page: admin }).analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
      expect(found, page).toEqual([]);
    }
  });
}
