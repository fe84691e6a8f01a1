//! The end-to-end run: Playwright with a real browser against `target/debug/hangar` and the fake Plane.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::build::{self, Tools};
use crate::paths;
use crate::setup::{chromium, node};
use crate::steps::{say, step};
use crate::test::Counts;

/// Sets up what is missing, builds, and runs the specs; `args` go to Playwright.
pub(crate) fn run(args: &[String]) -> Result<Counts> {
    build::quick(Tools::Required)?;
    let (node, chromium) = step("browser", |step| {
        let found = (
            node::find_or_install(step)?,
            chromium::find_or_install(step)?,
        );
        step.note(found.1.display().to_string());
        Ok(found)
    })?;
    step("types of specs", |step| {
        step.run(node.tool(".bin/tsc").arg("--noEmit"))
    })?;
    step("end to end", |step| {
        let report = paths::target().join("e2e.json");
        let _ = fs::remove_file(&report);
        let (status, output) = step.try_run(
            node.tool(".bin/playwright")
                .args(["test", "--reporter=list,json"])
                .args(args)
                .env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report)
                .env("CHROMIUM", &chromium)
                .env("HANGAR_BIN", paths::debug_binary("hangar"))
                .env("FAKE_PLANE_BIN", paths::debug_binary("fake-plane")),
            |_| (),
        )?;
        let counts = read_report(&report)
            .unwrap_or_default()
            .or_failed(status.success());
        if counts.failed > 0 {
            say(&output);
        }
        step.note(counts.to_string());
        Ok(counts)
    })
}

/// Playwright's own count, from its JSON report.
fn read_report(report: &Path) -> Result<Counts> {
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report)?)?;
    let count = |name: &str| report["stats"][name].as_u64().context("no such count");
    // A test that passed at its second try has shown that it can fail.
    Ok(Counts {
        passed: count("expected")?,
        failed: count("unexpected")? + count("flaky")?,
        skipped: count("skipped")?,
    })
}
