import { randomBytes } from "node:crypto";

import { binary } from "./binaries.ts";
import { Program } from "./process.ts";

/** What goes wrong: `crates/fake-plane/src/faults.rs`. */
export interface Fault {
  what: string | Record<string, unknown>;
  on_path?: string;
  times?: number;
  every?: number;
}

/** The keys that the fake Plane knows, by who holds them. */
export interface Keys {
  member: string;
  admin: string;
  guest: string;
  stranger: string;
  revoked: string;
  expired: string;
  unruly: string;
}

/** A Plane of one's own, with the small workspace `acme`, and the switches behind it. */
export class FakePlane {
  private constructor(
    private readonly program: Program,
    /** As it is typed into the base URL of an integration. */
    readonly url: string,
    readonly keys: Keys,
  ) {}

  static async start(): Promise<FakePlane> {
    const { program, found } = await Program.start(
      binary("fake-plane"),
      ["--e2e", "--addr", "127.0.0.1:0", "--rate-limit", "0"],
      (line) => (line.startsWith("{") ? (JSON.parse(line) as { url: string; keys: Keys }) : undefined),
    );
    return new FakePlane(program, found.url, found.keys);
  }

  /** Changes something in Plane: `{ op: "edit_item", workspace: "acme", item: "WEB-1", name: "New" }`. */
  edit(change: { op: string } & Record<string, unknown>): Promise<unknown> {
    return this.ask("POST", "edit", change);
  }

  /** A key that nothing else uses, so that nothing else has used up what it may ask for. */
  async newKey(): Promise<string> {
    const key = `plane_api_${randomBytes(16).toString("hex")}`;
    await this.edit({ op: "add_key", user: "inge", key });
    return key;
  }

  /** Switches a fault on. */
  async fail(fault: Fault): Promise<void> {
    await this.ask("POST", "faults", fault);
  }

  /** Switches all faults off. */
  async heal(): Promise<void> {
    await this.ask("DELETE", "faults");
  }

  /** What was asked of it so far, oldest first. */
  requests(): Promise<unknown> {
    return this.ask("GET", "requests");
  }

  /** What is in it, without keys. */
  state(): Promise<unknown> {
    return this.ask("GET", "state");
  }

  /** Sets how many requests a key may make in a minute; 0 for no limit. */
  async limit(perMinute: number): Promise<void> {
    await this.ask("POST", "rate-limit", { per_minute: perMinute === 0 ? null : perMinute });
  }

  stop(): Promise<number | null> {
    return this.program.stop();
  }

  private async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.url}/__fake/${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the fake Plane answered ${response.status}: ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }
}

/** A Plane of its own, because other tests count what is in the shared one: with a project "Tiny" of 14 work items, `TINY-1` and on. */
export async function withTinyProject(use: (plane: FakePlane) => Promise<void>): Promise<void> {
  const plane = await FakePlane.start();
  try {
    const place = { workspace: "acme", project: "TINY" };
    await plane.edit({ op: "add_project", workspace: place.workspace, name: "Tiny", identifier: place.project });
    await plane.edit({ op: "add_items", ...place, count: 14 });
    await use(plane);
  } finally {
    await plane.stop();
  }
}
