import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The path of one of our binaries: named by `cargo xtask test e2e`, or where cargo puts it. */
export function binary(name: "hangar" | "fake-plane"): string {
  const named = process.env[`${name.toUpperCase().replace("-", "_")}_BIN`];
  return named ?? fileURLToPath(new URL(`../../target/debug/${name}`, import.meta.url));
}

/** The path of an example of `server`, which cargo builds beside its binary. */
export function example(name: "failing_portal"): string {
  return join(dirname(binary("hangar")), "examples", name);
}
