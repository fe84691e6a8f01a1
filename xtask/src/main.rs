//! `cargo xtask …`: set-up, build, test, bench and demo.

/// The binaries and the site.
mod build;
/// One style sheet of many files.
mod css;
/// Asks a portal on this machine.
mod http;
/// Where things are.
mod paths;
/// Programs that run beside xtask.
mod running;
/// Finds or makes what a fresh machine lacks.
mod setup;
/// Says what is being done and how long it took.
mod steps;

mod bench;
mod demo;
mod dev;
mod dist;
mod e2e;
mod serve;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// Sets up, builds, runs, tests and measures Hangar.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
enum Command {
    /// From a fresh clone to a running portal: sets up, builds, serves ./data
    Serve {
        /// For `hangar serve`, such as `-- --addr 0.0.0.0:8080`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Serve, and build anew and reload the browser on every change
    Dev {
        /// For `hangar serve`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// A portal beside a fake Plane, connected and synced, with the login printed
    Demo {
        /// For `hangar serve`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Every test, or one part of them
    Test {
        part: Option<test::Part>,
        /// For the runner of that part: a test's name, or flags of libtest or Playwright
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Build what `serve` runs
    Build,
    /// Build the WASM, the style sheet and the public files alone
    Site,
    /// The release binary in dist/hangar
    Dist,
    /// Measure the release build against the design's figures
    Bench {
        /// Work items of the large copy
        #[arg(long, default_value_t = 100_000)]
        items: u32,
        /// Only this group of rows: bundles, vault, start, sync, pages after sync, or limit
        #[arg(long)]
        only: Vec<String>,
        /// Measure the `hangar` and `fake-plane` of this folder instead of building them
        #[arg(long, value_name = "FOLDER")]
        binaries: Option<PathBuf>,
    },
    /// Kill the portal in the middle of writes, and simulate its syncs, often
    Soak {
        /// Kills; 0 leaves them out
        #[arg(long, default_value_t = 200)]
        rounds: u32,
        /// Simulated syncs, each of its own seed; 0 leaves them out
        #[arg(long, default_value_t = 50_000)]
        seeds: u64,
    },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not Debug: whoever reads this wants the sentence, not a backtrace.
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    setup::disk::ensure_room()?;
    match command {
        Command::Serve { args } => serve::serve(&args),
        Command::Dev { args } => dev::dev(&args),
        Command::Demo { args } => demo::demo(&args),
        Command::Test { part, args } => test::test(part, &args),
        Command::Build => build::quick(build::Tools::IfPresent),
        Command::Site => build::site(build::Tools::Required),
        Command::Dist => dist::dist(),
        Command::Bench {
            items,
            only,
            binaries,
        } => bench::bench(items, &only, binaries),
        Command::Soak { rounds, seeds } => test::soak(rounds, seeds),
    }
}
