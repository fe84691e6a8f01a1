//! `cargo xtask test`: every check, in the order that fails fastest, and a count at the end.

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::build::{self, PRODUCT, cargo, product_cargo};
use crate::setup::{asked, on_path};
use crate::steps::{Step, say, seconds, step};
use crate::{e2e, paths};

/// A part of the tests that can be run alone.
#[derive(Clone, Copy, PartialEq, Debug, ValueEnum)]
pub(crate) enum Part {
    /// The code is laid out as rustfmt does it
    Fmt,
    /// clippy finds nothing
    Clippy,
    /// What a crate can say of itself, property tests among it
    Unit,
    /// Crates together: the portal over HTTP, the store on its engines and on a SurrealDB server, the fake Plane against
    /// the recordings
    Integration,
    /// The process killed in the middle of writes (`HANGAR_CRASH_ROUNDS` times)
    Crash,
    /// A browser, with JavaScript and without
    E2e,
}

/// How many tests passed, failed and were left out.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Counts one failure more where a run failed without naming a test: it did not compile, or was killed.
    pub(crate) fn or_failed(self, succeeded: bool) -> Self {
        if succeeded || self.failed > 0 {
            self
        } else {
            Counts { failed: 1, ..self }
        }
    }

    fn plus(self, other: Counts) -> Self {
        Counts {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Runs one part or all; `args` go to the test runner of the part. Stops at the first part that fails, but for CI.
pub(crate) fn test(part: Option<Part>, args: &[String]) -> Result<()> {
    let parts = part.map_or_else(|| Part::value_variants().to_vec(), |part| vec![part]);
    let in_ci = std::env::var_os("CI").is_some();
    let mut results: Vec<(Part, Counts, Duration)> = Vec::new();
    for part in parts {
        let started = Instant::now();
        let counts = run(part, args).unwrap_or_else(|error| {
            say(&format!("{error:#}"));
            Counts {
                failed: 1,
                ..Counts::default()
            }
        });
        results.push((part, counts, started.elapsed()));
        if counts.failed > 0 && !in_ci {
            break;
        }
    }

    say("\npart         passed  failed  skipped       time");
    for (part, counts, time) in &results {
        let Counts {
            passed,
            failed,
            skipped,
        } = counts;
        let name = format!("{part:?}").to_lowercase();
        say(&format!(
            "{name:<12} {passed:>6}  {failed:>6}  {skipped:>7}  {:>9}",
            seconds(*time)
        ));
    }
    let total = results
        .iter()
        .fold(Counts::default(), |sum, (_, counts, _)| sum.plus(*counts));
    say(&format!("\n{total}"));
    exit_if_failed(total);
    Ok(())
}

fn exit_if_failed(counts: Counts) {
    if counts.failed > 0 {
        std::process::exit(1);
    }
}

fn run(part: Part, args: &[String]) -> Result<Counts> {
    match part {
        Part::Fmt => check("fmt", &["fmt"], cargo().args(["fmt", "--all", "--check"])),
        Part::Clippy => clippy(),
        Part::Unit => unit(args),
        Part::Integration => integration(args),
        Part::Crash => crash(args),
        Part::E2e => e2e::run(args),
    }
}

/// A check that either holds or does not, done by a component that rustup may have to add.
fn check(name: &str, components: &[&str], command: &mut Command) -> Result<Counts> {
    step(name, |step| {
        for component in components {
            ensure_component(step, component)?;
        }
        step.run(command)?;
        Ok(Counts {
            passed: 1,
            ..Counts::default()
        })
    })
}

fn clippy() -> Result<Counts> {
    let product = step("clippy", |step| {
        ensure_component(step, "clippy")?;
        let found = AtomicBool::new(false);
        let mut build = product_cargo();
        build.arg("build").args(PRODUCT).arg("--all-targets");
        // What was found before is told again: cargo keeps it with what was built.
        let (status, output) = step.try_run(&mut build, |line| {
            found.fetch_or(line.starts_with("warning"), Ordering::Relaxed);
        })?;
        if !status.success() || found.into_inner() {
            say(&output);
            bail!("clippy is not content");
        }
        Ok(Counts {
            passed: 1,
            ..Counts::default()
        })
    })?;
    let deny = ["--all-targets", "--", "-D", "warnings"];
    let xtask = check(
        "clippy xtask",
        &[],
        cargo().args(["clippy", "--package", "xtask"]).args(deny),
    )?;
    // What gets in by way of dependencies, where somebody has installed the tool that knows.
    let deny = match on_path("cargo-deny") {
        Some(_) => check(
            "cargo deny",
            &[],
            cargo().args(["deny", "check", "bans", "licenses", "sources"]),
        )?,
        None => Counts::default(),
    };
    Ok(product.plus(xtask).plus(deny))
}

fn unit(args: &[String]) -> Result<Counts> {
    let run = |name, which: &[&str]| {
        let mut command = product_cargo();
        command.args(["test", "--no-fail-fast"]).args(which);
        cargo_test(name, &mut command, args)
    };
    let product = run("unit", &[&PRODUCT[..], &["--lib", "--bins"]].concat())?;
    let xtask = run("unit xtask", &["--package", "xtask"])?;
    // The examples in the crates' README files.
    let docs = run("unit docs", &[&PRODUCT[..], &["--doc"]].concat())?;
    Ok(product.plus(xtask).plus(docs))
}

fn integration(args: &[String]) -> Result<Counts> {
    // Some tests start the binaries.
    build::binaries()?;
    of_targets("integration", product_cargo(), args, |target| {
        !target.contains("crash")
    })
}

fn crash(args: &[String]) -> Result<Counts> {
    build::binaries()?;
    of_targets("crash", product_cargo(), args, |target| {
        target.contains("crash")
    })
}

/// `cargo xtask soak`: the crash tests, the power cuts and the simulation of the sync core until they are boring.
pub(crate) fn soak(rounds: u32, seeds: u64) -> Result<()> {
    build::binaries()?;
    let started = Instant::now();
    let mut total = Counts::default();
    if rounds > 0 {
        let mut cargo = product_cargo();
        cargo.env("HANGAR_CRASH_ROUNDS", rounds.to_string());
        total = total.plus(of_targets("crash", cargo, &[], |target| {
            target.contains("crash")
        })?);
        let mut cargo = product_cargo();
        cargo.env("HANGAR_KILLS", (rounds / 2).to_string());
        cargo.env("HANGAR_POWER_CUTS", (rounds / 2).to_string());
        let only = ["webhook_crashes".to_owned(), "power_cut".to_owned()];
        total = total.plus(of_targets("webhooks", cargo, &only, |target| {
            target.contains("integration")
        })?);
    }
    if seeds > 0 {
        let mut command = product_cargo();
        command.env("HANGAR_SEEDS", seeds.to_string());
        command.env("HANGAR_ORDERS", (seeds / 50).to_string());
        command.args(["test"]).args(PRODUCT).arg("--lib");
        let only = ["simulation::".to_owned(), "--nocapture".to_owned()];
        total = total.plus(cargo_test("simulation", &mut command, &only)?);
    }
    say(&format!(
        "{rounds} rounds and {seeds} seeds in {}\n\n{total}",
        seconds(started.elapsed())
    ));
    exit_if_failed(total);
    Ok(())
}

/// Runs the test targets of the product whose names are wanted, always as one set of packages.
fn of_targets(
    name: &str,
    mut command: Command,
    args: &[String],
    wanted: impl Fn(&str) -> bool,
) -> Result<Counts> {
    let targets: Vec<String> = test_targets()?
        .into_iter()
        .filter(|name| wanted(name))
        .collect();
    if targets.is_empty() {
        return Ok(Counts::default());
    }
    command.args(["test", "--no-fail-fast"]).args(PRODUCT);
    for target in targets {
        command.args(["--test", &target]);
    }
    cargo_test(name, &mut command, args)
}

fn cargo_test(name: &str, command: &mut Command, args: &[String]) -> Result<Counts> {
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    command.env("HANGAR_BIN", paths::debug_binary("hangar"));
    command.env("FAKE_PLANE_BIN", paths::debug_binary("fake-plane"));
    command.env("SURREAL_SERVER_BIN", paths::debug_binary("surreal-server"));
    step(name, |step| {
        let counts = std::sync::Mutex::new(Counts::default());
        let (status, output) = step.try_run(command, |line| {
            if let (Some(more), Ok(mut counts)) = (read_result(line), counts.lock()) {
                *counts = counts.plus(more);
            }
        })?;
        let counts = counts
            .into_inner()
            .unwrap_or_default()
            .or_failed(status.success());
        if counts.failed > 0 {
            say(&output);
        }
        step.note(counts.to_string());
        Ok(counts)
    })
}

/// The counts in `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn read_result(line: &str) -> Option<Counts> {
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |name: &str| {
        counts
            .split(';')
            .find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
    };
    Some(Counts {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
    })
}

/// The names of the product's integration test targets.
fn test_targets() -> Result<Vec<String>> {
    let metadata = asked(cargo().args(["metadata", "--no-deps", "--format-version=1"]))
        .context("cargo metadata failed")?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut names: Vec<String> = packages
        .filter(|package| !PRODUCT.contains(&package["name"].as_str().unwrap_or_default()))
        .flat_map(|package| package["targets"].as_array().into_iter().flatten())
        .filter(|target| target["kind"][0] == "test")
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn ensure_component(step: &Step, component: &str) -> Result<()> {
    let works = || asked(cargo().args([component, "--version"])).is_some();
    if works() {
        return Ok(());
    }
    if on_path("rustup").is_some() {
        let name = if component == "fmt" {
            "rustfmt"
        } else {
            component
        };
        step.run(Command::new("rustup").args(["component", "add", name]))?;
    }
    if !works() {
        bail!("Install `cargo {component}` (with rustup: `rustup component add {component}`).");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_lines_of_libtest_are_counted() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s";
        let bad = "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out";

        assert_eq!(
            read_result(ok),
            Some(Counts {
                passed: 12,
                failed: 0,
                skipped: 1
            })
        );
        assert_eq!(
            read_result(bad),
            Some(Counts {
                passed: 2,
                failed: 3,
                skipped: 0
            })
        );
        assert_eq!(read_result("test a_result ... ok"), None);
    }

    #[test]
    fn a_run_that_fails_without_a_failed_test_counts_as_one() {
        let none = Counts::default();
        assert_eq!(none.or_failed(false).failed, 1);
        assert_eq!(none.or_failed(true).failed, 0);
        assert_eq!(Counts { failed: 3, ..none }.or_failed(false).failed, 3);
    }

    #[test]
    fn the_closing_line_is_the_plain_one() {
        assert_eq!(
            Counts {
                passed: 5,
                failed: 0,
                skipped: 0
            }
            .to_string(),
            "5 passed, 0 failed"
        );
        let skipped = Counts {
            passed: 5,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(skipped.to_string(), "5 passed, 1 failed, 2 skipped");
    }
}
