import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { binary, example } from "./binaries.ts";
import { FakePlane } from "./plane.ts";
import { Program } from "./process.ts";

/** The fake Plane is on this machine. */
const MAY_SPEAK_TO = ["--egress-allow", "127.0.0.1", "--allow-http", "127.0.0.1"];

/** A portal on an empty database of its own, with a Plane to talk to. */
export class Portal {
  private constructor(
    private program: Program,
    private readonly data: string,
    /** `http://127.0.0.1:PORT` */
    readonly url: string,
    /** The one-time link that makes the first admin. */
    readonly setUpLink: string,
    readonly plane: FakePlane,
  ) {}

  static start(): Promise<Portal> {
    return Portal.run(binary("hangar"));
  }

  /** A portal that can't read its copy and whose runs are broken: `server/examples/failing_portal.rs`. */
  static startFailing(): Promise<Portal> {
    return Portal.run(example("failing_portal"));
  }

  private static async run(program: string): Promise<Portal> {
    const plane = await FakePlane.start();
    const data = await mkdtemp(join(tmpdir(), "hangar-e2e-"));
    let setUpLink = "";
    let url: string | undefined;
    const started = await Program.start(
      program,
      ["serve", "--addr", "127.0.0.1:0", "--data", data, ...MAY_SPEAK_TO],
      (line) => {
        setUpLink ||= /set-up link: (\S+)/.exec(line)?.[1] ?? "";
        // One line comes on each stream, in either order.
        url ??= /^listening on (http:\/\/\S+)/.exec(line)?.[1];
        return setUpLink ? url : undefined;
      },
    ).catch(async (error: unknown) => {
      await plane.stop();
      await rm(data, { recursive: true, force: true });
      throw error;
    });
    return new Portal(started.program, data, started.found, setUpLink, plane);
  }

  /** Ends the portal and starts it again on the same database and address, so many minutes later by its own clock. */
  async reopen(minutesLater: number): Promise<void> {
    await this.program.stop();
    const args = ["--addr", new URL(this.url).host, "--clock-ahead-s", String(minutesLater * 60)];
    const { program } = await Program.start(binary("hangar"), ["serve", "--data", this.data, ...args, ...MAY_SPEAK_TO], (line) =>
      line.startsWith("listening on ") ? true : undefined,
    );
    this.program = program;
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
