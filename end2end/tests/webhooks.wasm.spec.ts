import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { Webhooks } from "../pages/webhooks.ts";
import { withTinyProject } from "../support/plane.ts";

test("the first delivery is seen as it comes, and the log grows by itself but waits for whoever reads", async ({ admin }) => {
  await withTinyProject(async (plane) => {
    const key = plane.keys.member;
    const page = await new Integrations(admin).add({ name: "Live hooks", address: plane.url, workspace: "acme", key });
    const runs = new Runs(admin);
    await runs.start();
    await runs.expectOutcome("Succeeded", true);
    await admin.goto(page);
    const webhooks = new Webhooks(admin);
    await webhooks.open();
    const url = await webhooks.makeAddress();
    const { secret } = (await plane.edit({ op: "add_webhook", workspace: "acme", url })) as { secret: string };
    await webhooks.saveSecret(secret);
    const main = admin.getByRole("main");
    await expect(main.getByText("Waiting for the first delivery")).toBeVisible();
    await plane.edit({ op: "edit_item", workspace: "acme", item: "TINY-1", name: "First of all" });
    await expect(main.getByText("Receiving", { exact: true })).toBeVisible();

    await admin.goto("/webhooks");
    const line = (title: string) => admin.getByRole("rowheader", { name: title });
    await expect(line("TINY-1 First of all")).toBeVisible();
    await plane.edit({ op: "edit_item", workspace: "acme", item: "TINY-2", name: "Seen at once" });
    await expect(line("TINY-2 Seen at once")).toBeVisible();

    await line("TINY-2 Seen at once").hover();
    await plane.edit({ op: "edit_item", workspace: "acme", item: "TINY-3", name: "Seen later" });
    await expect(main.getByText("There is news. The page waits while you read.")).toBeVisible();
    await expect(line("TINY-3 Seen later")).toBeHidden();
    await admin.getByRole("heading", { level: 1 }).hover();
    await expect(line("TINY-3 Seen later")).toBeVisible();
    await expect(main.getByText("There is news.")).toBeHidden();
  });
});
