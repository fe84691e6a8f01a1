use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::start::{cpu_seconds, resident_megabytes, time_to_ready, written_megabytes};
use super::{Admin, Bench, Row};
use crate::http::Connection;
use crate::running::Portal;
use crate::steps::Step;

/// The folder of the portal with the large copy.
pub(super) const LARGE: &str = "large";

/// What a large copy is compared with: so much smaller that whatever grows faster than the copy shows.
const SMALL: u32 = 20_000;

pub(super) fn measure(bench: &Bench, step: &Step) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let small = three_syncs(bench, step, SMALL, "small", &mut rows)?;
    let large = three_syncs(bench, step, bench.items, LARGE, &mut rows)?;
    rows.push(Row::at_least(
        format!(
            "first sync of {} work items, of the rate of {SMALL}",
            bench.items
        ),
        large / small * 100.0,
        80.0,
        "%",
    ));
    let (start, _) = time_to_ready(bench, LARGE, 5)?;
    rows.push(Row::at_most(
        format!("start to ready, {} items", bench.items),
        start,
        0.3,
        "s",
    ));
    Ok(rows)
}

/// A portal's first sync of so many work items, one with nothing changed, and one with one changed. Answers how many work
/// items a second the first one made.
fn three_syncs(
    bench: &Bench,
    step: &Step,
    items: u32,
    folder: &str,
    rows: &mut Vec<Row>,
) -> Result<f64> {
    let (mut plane, url, key) = bench.plane(items)?;
    let mut portal = bench.portal(folder)?;
    let mut admin = Admin::set_up(&portal)?;
    let integration = admin.connect("Big", &url, "big", &key)?;

    step.busy(&format!("{items} work items"));
    let (memory, disk) = (resident_megabytes(&portal)?, written_megabytes(&portal)?);
    let first = timed(&mut admin, &portal, &integration)?;
    let rate = first.count("items") / first.seconds;
    rows.push(Row::at_least(
        format!(
            "first sync of {items} work items ({}, {:.0} MB written, {:.1} s of CPU)",
            first.asked(),
            written_megabytes(&portal)? - disk,
            first.cpu_seconds,
        ),
        rate,
        6_000.0,
        "items/s",
    ));
    rows.push(Row::at_most(
        format!("memory more after {items} work items"),
        resident_megabytes(&portal)? - memory,
        150.0,
        "MB",
    ));
    // Members, states, labels, cycles and modules were read a moment ago, so this one asks for changes alone.
    step.busy("nothing changed");
    let second = timed(&mut admin, &portal, &integration)?;
    rows.push(Row::at_most(
        format!("nothing of {items} changed: requests, one of them for the projects"),
        second.count("requests"),
        2.0,
        "",
    ));
    rows.push(Row::at_most(
        format!("nothing of {items} changed: own time ({})", second.asked()),
        second.cpu_seconds * 1_000.0,
        50.0,
        "ms",
    ));
    step.busy("one changed");
    let edit =
        json!({ "op": "edit_item", "workspace": "big", "item": "BIG-7", "name": "Another name" });
    let edited = Connection::open(&url)?.post_json("/__fake/edit", &edit)?;
    if edited.status != 200 {
        bail!("the fake Plane edits nothing: {}", edited.text());
    }
    let third = timed(&mut admin, &portal, &integration)?;
    if third.count("updated") != 1.0 {
        bail!("the changed work item did not arrive: {}", third.run);
    }
    rows.push(Row::seen(
        format!("one of {items} changed: own time ({})", third.asked()),
        third.cpu_seconds * 1_000.0,
        "ms",
    ));
    step.busy("cancelling");
    rows.push(Row::at_most(
        "cancelling a run that waits for Plane".to_owned(),
        cancelled(&mut admin, &url, &integration)?,
        2_000.0,
        "ms",
    ));
    rows.push(Row::at_most(
        format!("memory after {items} items, three times"),
        resident_megabytes(&portal)?,
        250.0,
        "MB",
    ));
    portal.process.stop()?;
    plane.stop()?;
    Ok(rate)
}

/// A run, and what it took.
struct Timed {
    run: Value,
    seconds: f64,
    /// Of the portal's process, pages that were asked for included.
    cpu_seconds: f64,
}

impl Timed {
    fn count(&self, name: &str) -> f64 {
        self.run["counts"][name].as_f64().unwrap_or_default()
    }

    /// What no sync of the kind can do without.
    fn asked(&self) -> String {
        let megabytes = self.count("bytes") / 1e6;
        format!(
            "{} requests, {megabytes:.1} MB read",
            self.count("requests")
        )
    }
}

fn timed(admin: &mut Admin, portal: &Portal, integration: &str) -> Result<Timed> {
    let (started, cpu) = (Instant::now(), cpu_seconds(portal)?);
    let run = run_to_its_end(admin, integration)?;
    Ok(Timed {
        run,
        seconds: started.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds(portal)? - cpu,
    })
}

/// How long it took until a run was over that waited for a Plane which takes a minute, in milliseconds.
fn cancelled(admin: &mut Admin, plane: &str, integration: &str) -> Result<f64> {
    let slow = json!({ "what": { "latency": 60_000 }, "on_path": "/work-items/", "times": 1 });
    let made = Connection::open(plane)?.post_json("/__fake/faults", &slow)?;
    if made.status >= 300 {
        bail!("the fake Plane is not slow: {}", made.text());
    }
    let page = admin.send("start_sync", &[("id", integration)])?;
    let run = page.rsplit('/').next().context("the run has no page")?;
    while !admin.0.get(&page)?.text().contains("work items of") {
        thread::sleep(Duration::from_millis(5));
    }
    let pressed = Instant::now();
    admin.send("cancel_run", &[("id", run)])?;
    let events = admin.0.get(&format!("/live{page}"))?.text();
    if !events.contains("\"outcome\":\"cancelled\"") {
        bail!("the run was not cancelled: {events}");
    }
    Ok(pressed.elapsed().as_secs_f64() * 1_000.0)
}

/// Starts a run and answers what it was at its end.
pub(super) fn run_to_its_end(admin: &mut Admin, integration: &str) -> Result<Value> {
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
