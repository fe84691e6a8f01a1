import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program that runs beside the tests. */
export class Program {
  private constructor(
    private readonly child: ChildProcess,
    /** Everything it has printed so far, for the report of a failed test. */
    readonly lines: string[],
  ) {}

  /** Starts a program and waits for the first line that `wanted` takes something from. */
  static async start<T>(
    file: string,
    args: string[],
    wanted: (line: string) => T | undefined,
    env: Record<string, string> = {},
  ): Promise<{ program: Program; found: T }> {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const program = new Program(child, []);
    const found = await new Promise<T>((resolve, reject) => {
      const says = (what: string) => new Error(`${file} ${what}\n${program.lines.join("\n")}`);
      const late = setTimeout(() => reject(says("was not ready within 30 s")), 30_000);
      const settle = <V>(end: (value: V) => void, value: V) => {
        clearTimeout(late);
        end(value);
      };
      child.once("error", (error) => settle(reject, error));
      child.once("exit", (code) => settle(reject, says(`ended with ${code} before it was ready`)));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          program.lines.push(line);
          const found = wanted(line);
          if (found !== undefined) settle(resolve, found);
        });
      }
    }).catch(async (error: unknown) => {
      await program.stop();
      throw error;
    });
    return { program, found };
  }

  /** Asks it to end and insists after ten seconds; answers its exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = new Promise<number | null>((resolve) => this.child.once("exit", resolve));
    if (!this.child.kill("SIGTERM")) return this.child.exitCode;
    const insist = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    const code = await ended;
    clearTimeout(insist);
    return code;
  }
}
