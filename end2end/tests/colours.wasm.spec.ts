import { expect, test } from "../fixtures.ts";
import { Integrations } from "../pages/integrations.ts";
import { Runs } from "../pages/runs.ts";
import { WorkItems } from "../pages/work_items.ts";

test("the dot of every label, black and white ones too, stands out from the panel in both themes", async ({ admin, plane }) => {
  await plane.edit({ op: "add_label", workspace: "acme", project: "DES", name: "white", color: "#ffffff" });
  await plane.edit({ op: "add_label", workspace: "acme", project: "DES", name: "black", color: "#000000" });
  await new Integrations(admin).add({ name: "Coloured", address: plane.url, workspace: "acme", key: plane.keys.member });
  await new Runs(admin).start();
  await new Runs(admin).expectOutcome("Succeeded", true);
  await new WorkItems(admin).openProject("Design System", "Coloured");
  await admin.getByRole("link", { name: /labels$/ }).click();
  await expect(admin.getByRole("rowheader", { name: "white" })).toBeVisible();

  for (const colorScheme of ["light", "dark"] as const) {
    await admin.emulateMedia({ colorScheme });
    const faint = await admin.getByRole("region", { name: "Labels" }).evaluate((region) => {
      const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
      const luminance = (colour: string) => {
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [red, green, blue] = [...pen.getImageData(0, 0, 1, 1).data].map((byte) => {
          const part = byte / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
      };
      const panel = luminance(getComputedStyle(region).backgroundColor);
      return [...region.querySelectorAll("circle")].flatMap((dot) => {
        const edge = luminance(getComputedStyle(dot).stroke);
        const contrast = (Math.max(edge, panel) + 0.05) / (Math.min(edge, panel) + 0.05);
        return contrast < 3 ? [`${dot.closest("th")?.textContent}: ${contrast.toFixed(2)} to 1`] : [];
      });
    });
    expect(faint, colorScheme).toEqual([]);
  }
});
