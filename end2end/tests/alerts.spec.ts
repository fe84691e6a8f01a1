import { expect, test } from "../fixtures.ts";
import { Alerts } from "../pages/alerts.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { lookAt } from "../support/looks.ts";
import { Receiver } from "../support/receiver.ts";

test("people are told of a problem and of its end, and see how messages went", async ({ freshPortal, setUp, guard, javaScriptEnabled }) => {
  test.setTimeout(240_000);
  const scripts = javaScriptEnabled !== false;
  const plane = freshPortal.plane;
  const admin = await setUp(freshPortal);
  const main = admin.getByRole("main");
  const [alerts, integrations, runs] = [new Alerts(admin), new Integrations(admin), new Runs(admin)];
  const receiver = await Receiver.start();
  try {
    const page = await integrations.add({ name: "Acme product", address: plane.url, workspace: "acme", key: plane.keys.member });
    await runs.start();
    await runs.expectOutcome("Succeeded", scripts);
    await admin.goto("/alerts");
    await expect(main.getByText("Nobody is told")).toBeVisible();
    if (scripts) await lookAt(admin, "alerts-none", guard);

    await admin.goto("/alerts/channels/new?kind=slack");
    await admin.getByLabel("Name").fill("Ops");
    await admin.getByLabel(/URL/).fill("hooks.example.com");
    await admin.getByRole("button", { name: "Add channel" }).click();
    await expect(admin.getByLabel(/URL/)).toHaveAttribute("aria-invalid", "true");
    await expect(admin.getByLabel("Name")).toHaveValue("Ops");
    if (scripts) await lookAt(admin, "channel-mistake", guard);
    const channel = await alerts.addHook("Webhook", "Our own", receiver.url("hook"));
    await expect(main.getByLabel("Signing secret").first()).toHaveValue(/^whsec_/);
    await alerts.sendTest();
    expect(receiver.bodies[0]).toContain("incident.test");
    if (scripts) await lookAt(admin, "channel", guard);
    await alerts.openRule("What is broken");
    await expect(main).toContainText("Our own");
    if (scripts) await lookAt(admin, "rule", guard);
    await admin.goto("/alerts/channels/new");
    if (scripts) await lookAt(admin, "channel-new", guard);

    const refused = JSON.stringify({ error: "Given API token is not valid", error_code: "" });
    await plane.fail({ what: { status: [403, refused, []] } });
    await admin.goto(page);
    await runs.start();
    await runs.expectOutcome("Rejected", scripts);
    await expect(async () => {
      expect(receiver.bodies.some((body) => body.includes("incident.opened"))).toBe(true);
    }).toPass({ timeout: 60_000 });
    await admin.goto("/alerts");
    await expect(main.getByRole("region", { name: "Told right now" })).toContainText("Plane refuses the API key");
    await expect(main.getByRole("table", { name: "Rules" })).toContainText("would have told once");
    if (scripts) await lookAt(admin, "alerts", guard);

    await plane.heal();
    await admin.goto(page);
    await integrations.test();
    await admin.goto(page);
    await runs.start();
    await runs.expectOutcome("Succeeded", scripts);
    await expect(async () => {
      expect(receiver.bodies.some((body) => body.includes("incident.closed"))).toBe(true);
    }).toPass({ timeout: 60_000 });
    await admin.goto("/alerts/log");
    await expect(main.getByRole("table", { name: "Messages" })).toContainText("Resolved: Plane refuses the API key");
    if (scripts) await lookAt(admin, "alerts-log", guard);
    expect(receiver.bodies).toHaveLength(3);

    await admin.goto(channel);
    await admin.getByText("Delete…").click();
    await admin.getByRole("button", { name: "Delete this channel" }).click();
    await expect(main.getByText("Nobody is told")).toBeVisible();
  } finally {
    receiver.stop();
  }
});
