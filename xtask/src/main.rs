//! `cargo xtask …`: set-up, build, test, bench and demo.

mod build;
mod css;
mod paths;
mod setup;
mod steps;

use anyhow::Result;
use clap::Parser;

/// Sets up, builds, runs and tests Hangar.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Build everything that the portal needs to run
    Build,
    /// Build the WASM, the style sheet and the public files alone
    Site,
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Build => build::quick(build::Tools::IfPresent),
        Command::Site => build::site(build::Tools::Required),
    }
}
