use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::pages::measure_page;
use super::start::{resident_megabytes, time_to_ready};
use super::sync::run_to_its_end;
use super::{Admin, Bench, Row};
use crate::setup::asked;
use crate::steps::Step;

const DATA: &str = "history";
const INTEGRATIONS: u32 = 100;
/// Of each integration.
const PROJECTS: u32 = 20;
const ITEMS: u32 = 1_000;
const DAYS: u32 = 90;

/// The dashboards of a portal that has run for three months: 100 integrations, 2,000 projects, 100,000 work items.
pub(super) fn measure(bench: &Bench, step: &Step) -> Result<Vec<Row>> {
    let mut rows = vec![call_record(bench)?];
    let (mut plane, url, key) = bench.plane_of(ITEMS, PROJECTS)?;
    let mut portal = bench.portal(DATA)?;
    let mut admin = Admin::set_up(&portal)?;
    for at in 1..=INTEGRATIONS {
        step.busy(&format!("integration {at} of {INTEGRATIONS}"));
        let id = admin.connect(&format!("Integration {at}"), &url, "big", &key)?;
        run_to_its_end(&mut admin, &id)?;
    }
    portal.process.stop()?;
    plane.stop()?;

    step.busy(&format!("{DAYS} days of history"));
    let folder = bench.folder.join(DATA);
    let before = megabytes(&folder)?;
    let days = DAYS.to_string();
    let written = Command::new(&bench.hangar)
        .args([
            "bench", "history", "--log", "warn", "--days", &days, "--data",
        ])
        .arg(&folder)
        .status()?;
    if !written.success() {
        bail!("`hangar bench history` failed");
    }
    let (start, _) = time_to_ready(bench, DATA, 3)?;
    rows.push(Row::seen("start to ready with history", start, "s"));
    rows.push(Row::seen(
        format!("on disk for a day of {INTEGRATIONS} integrations, without runs and single calls"),
        (megabytes(&folder)? - before) / f64::from(DAYS),
        "MB",
    ));

    let mut portal = bench.portal(DATA)?;
    let admin = Admin::sign_in(&portal)?;
    for (name, path) in [
        ("overview, 24 h", "/"),
        ("overview, 90 d", "/?range=90d"),
        ("problems", "/problems"),
        ("objectives", "/objectives"),
    ] {
        step.busy(name);
        let (p50, p99) = (10.0, 40.0);
        rows.extend(measure_page(&portal.address, &admin, name, path, p50, p99)?);
    }
    rows.push(Row::seen(
        "memory with history, after its pages",
        resident_megabytes(&portal)?,
        "MB",
    ));
    portal.process.stop()?;
    Ok(rows)
}

/// What a call to Plane costs whoever made it, to be written down.
fn call_record(bench: &Bench) -> Result<Row> {
    let said = asked(Command::new(&bench.hangar).args(["bench", "calls"]))
        .context("`hangar bench calls` failed")?;
    let nanoseconds = said
        .split_whitespace()
        .find_map(|word| word.parse::<f64>().ok());
    let nanoseconds = nanoseconds.context("`hangar bench calls` says no number")?;
    Ok(Row::at_most(
        "writing down a call, on its path",
        nanoseconds / 1_000.0,
        50.0,
        "µs",
    ))
}

/// Of all files in a folder.
fn megabytes(folder: &Path) -> Result<f64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += entry.metadata()?.len(),
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a size on disk")]
    Ok(bytes as f64 / 1e6)
}
