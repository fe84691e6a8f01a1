import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { binary } from "./binaries.ts";
import { FakePlane } from "./plane.ts";
import { Program } from "./process.ts";

/** A portal on an empty database of its own, with a Plane to talk to. */
export class Portal {
  private constructor(
    private readonly program: Program,
    private readonly data: string,
    /** `http://127.0.0.1:PORT` */
    readonly url: string,
    /** The one-time link that makes the first admin. */
    readonly setUpLink: string,
    readonly plane: FakePlane,
  ) {}

  static async start(): Promise<Portal> {
    const plane = await FakePlane.start();
    const data = await mkdtemp(join(tmpdir(), "hangar-e2e-"));
    let setUpLink = "";
    let url: string | undefined;
    const { program, found } = await Program.start(
      binary("hangar"),
      ["serve", "--addr", "127.0.0.1:0", "--data", data]
        .concat(["--egress-allow", "127.0.0.1", "--allow-http", "127.0.0.1"]),
      (line) => {
        setUpLink ||= /set-up link: (\S+)/.exec(line)?.[1] ?? "";
        // One line comes on each stream, in either order.
        url ??= /^listening on (http:\/\/\S+)/.exec(line)?.[1];
        return setUpLink ? url : undefined;
      },
    );
    return new Portal(program, data, found, setUpLink, plane);
  }

  /** What it has logged so far. */
  get log(): string {
    return this.program.lines.join("\n");
  }

  /** Stops both; answers the portal's exit code. */
  async stop(): Promise<number | null> {
    const code = await this.program.stop();
    await this.plane.stop();
    await rm(this.data, { recursive: true, force: true });
    return code;
  }
}
