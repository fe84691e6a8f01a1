use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::start::{resident_megabytes, time_to_ready};
use super::{Admin, Bench, Row};
use crate::steps::Step;

/// The folder of the portal with the large copy.
pub(super) const LARGE: &str = "large";

pub(super) fn measure(bench: &Bench, step: &Step) -> Result<Vec<Row>> {
    let (mut plane, url, key) = bench.plane()?;
    let mut portal = bench.portal(LARGE)?;
    let mut admin = Admin::set_up(&portal)?;
    let integration = admin.connect("Big", &url, "big", &key)?;

    let mut rows = Vec::new();
    for (at, name) in ["first sync", "second sync, nothing changed", "third sync"]
        .iter()
        .enumerate()
    {
        step.busy(name);
        let started = Instant::now();
        let run = run_to_its_end(&mut admin, &integration)?;
        let seconds = started.elapsed().as_secs_f64();
        let count = |name: &str| run["counts"][name].as_f64().unwrap_or_default();
        match at {
            0 => rows.push(Row::at_least(
                *name,
                count("items") / seconds,
                6_000.0,
                "items/s",
            )),
            1 => rows.push(Row::seen(*name, count("requests"), "requests")),
            _ => (),
        }
    }
    rows.push(Row::at_most(
        format!("memory after {} items, three times", bench.items),
        resident_megabytes(&portal)?,
        250.0,
        "MB",
    ));
    portal.process.stop()?;
    plane.stop()?;
    let (start, _) = time_to_ready(bench, LARGE, 5)?;
    rows.push(Row::at_most(
        format!("start to ready, {} items", bench.items),
        start,
        0.3,
        "s",
    ));
    Ok(rows)
}

/// Starts a run and answers what it was at its end.
fn run_to_its_end(admin: &mut Admin, integration: &str) -> Result<Value> {
    let page = admin.send("start_sync", &[("id", integration)])?;
    // The stream ends when the run does; its last event is the run as it stays.
    let events = admin.0.get(&format!("/live{page}"))?.text();
    let last = events
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("data:"));
    let run: Value = serde_json::from_str(last.context("the run's stream is empty")?)?;
    if run["outcome"] != "succeeded" {
        bail!("the run ended as {}: {run}", run["outcome"]);
    }
    Ok(run)
}
