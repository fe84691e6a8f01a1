import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { People } from "../pages/people.ts";
import { Problems } from "../pages/problems.ts";
import { Runs } from "../pages/runs.ts";
import { SignIn } from "../pages/sign_in.ts";
import { lookAt } from "../support/looks.ts";
import { ADMIN, LEAD } from "../support/people.ts";

const REFUSED = JSON.stringify({ error: "Given API token is not valid", error_code: "" });

test("a refused key is a problem, somebody sees to it, and it is resolved by itself", async ({ freshPortal, setUp, browser, guard, javaScriptEnabled }) => {
  test.setTimeout(240_000);
  const scripts = javaScriptEnabled !== false;
  const plane = freshPortal.plane;
  const admin = await setUp(freshPortal);
  const main = admin.getByRole("main");
  await new People(admin).ensure(LEAD);
  const [integrations, runs, problems] = [new Integrations(admin), new Runs(admin), new Problems(admin)];
  const page = await integrations.add({ name: "Acme product", address: plane.url, workspace: "acme", key: plane.keys.member });
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);
  await problems.expectNone();
  if (scripts) await lookAt(admin, "problems-empty", guard);

  await plane.fail({ what: { status: [403, REFUSED, []] } });
  await admin.goto(page);
  await runs.start();
  await runs.expectOutcome("Rejected", scripts);
  await problems.expectRow("Plane refuses the API key");
  await expect(main).toContainText("1 problem that nobody has taken note of.");
  if (scripts) await lookAt(admin, "problems", guard);

  const path = await problems.open("Plane refuses the API key");
  await expect(main).toContainText("Make a new key in Plane");
  await problems.assign(ADMIN.name);
  await problems.note("Asked for a new key.");
  await problems.acknowledge();
  await problems.snooze("For 4 hours");
  if (scripts) await lookAt(admin, "problem", guard);
  await problems.wake();
  await problems.expectState("Acknowledged");
  await expect(admin.getByRole("button", { name: "Test the connection" })).toBeVisible();

  const context = await browser.newContext({ baseURL: freshPortal.url, javaScriptEnabled });
  const lead = await context.newPage();
  guard.watch(lead);
  await lead.goto("/sign-in");
  await new SignIn(lead).as(LEAD);
  await lead.goto(path);
  await expect(lead.getByRole("main")).toContainText("Asked for a new key.");
  await expect(lead.getByRole("main").getByRole("button")).toHaveCount(0);
  if (scripts) await lookAt(lead, "problem-lead", guard);
  await guard.leave(lead);
  await context.close();

  // What went wrong is over: a test and a run that go well say so.
  await plane.heal();
  await admin.goto(page);
  await integrations.test();
  await admin.goto(page);
  await runs.start();
  await runs.expectOutcome("Succeeded", scripts);
  await problems.expectNone();
  await problems.expectRow("Plane refuses the API key", "?state=resolved");
  await admin.goto(path);
  await problems.expectState("Resolved");
  await expect(main).toContainText("Two runs or tests went well.");
  if (scripts) await lookAt(admin, "problem-resolved", guard);
});
