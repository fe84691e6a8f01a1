use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::start::cpu_seconds;
use super::{Admin, Bench, Row};
use crate::http::Connection;
use crate::running::{Output, Running};
use crate::steps::Step;

/// Plane's own.
const LIMIT: f64 = 60.0;
/// When the portal ends, in seconds; the second time by `kill -9`.
const RESTARTS: [f64; 3] = [25.0, 80.0, 140.0];
/// How often somebody tests a connection, which takes two calls.
const PEOPLE: Duration = Duration::from_secs(20);
/// How often the portal is asked whether it is done: a page costs it more than the sync does meanwhile.
const LOOK: Duration = Duration::from_secs(5);

/// Three integrations on one key, 20,000 work items in pages of 100, people, three restarts, against 60 calls a minute.
pub(super) fn measure(bench: &Bench, step: &Step) -> Result<Vec<Row>> {
    let mut command = Command::new(&bench.fake_plane);
    command.args([
        "--addr",
        "127.0.0.1:0",
        "--items",
        "20000",
        "--projects",
        "3",
    ]);
    command.args(["--rate-limit", "60", "--largest-page", "100"]);
    let mut plane = Running::start(&mut command, Output::Hidden)?;
    let said = plane.wait_for(Duration::from_secs(120), |line| {
        serde_json::from_str::<Value>(line).ok()
    })?;
    let url = said["url"]
        .as_str()
        .context("the fake Plane has no address")?;
    let key = said["keys"]["member"].as_str().context("it says no key")?;
    let mut asked = Connection::open(url)?;

    let mut portal = bench.portal("limit")?;
    let mut admin = Admin::set_up(&portal)?;
    let mut integrations = Vec::new();
    for project in projects(&mut asked)? {
        let name = format!("Big {}", integrations.len() + 1);
        integrations.push(admin.connect_one(&name, url, "big", &project, key)?);
    }
    let began = Instant::now();
    for integration in &integrations {
        admin.send("start_sync", &[("id", integration)])?;
    }
    let (mut restarted, mut waits, mut tested) = (0, Vec::new(), None::<Instant>);
    let (mut lists, mut made, mut took) = (0, 0, 0.0);
    let (mut own, mut looked) = (0.0, Instant::now());
    loop {
        let seconds = began.elapsed().as_secs_f64();
        step.busy(&format!("{seconds:.0} s"));
        if RESTARTS.get(restarted).is_some_and(|at| seconds >= *at) {
            own += cpu_seconds(&portal)?;
            if restarted == 1 {
                portal.process.kill()?;
            } else {
                portal.process.stop()?;
            }
            portal = bench.portal("limit")?;
            admin = Admin::sign_in(&portal)?;
            restarted += 1;
        }
        if tested.is_none_or(|at| at.elapsed() >= PEOPLE) {
            tested = Some(Instant::now());
            waits.push(test(&mut admin, &integrations[0])?);
        }
        // What counts is when the last page was asked for: storing it is not Plane's limit.
        let seen = calls(&mut asked)?;
        let pages = seen.iter().filter(|path| path.contains("/work-items/"));
        let pages = pages.count();
        if pages > lists {
            (lists, made, took) = (pages, seen.len(), began.elapsed().as_secs_f64());
        }
        let mut done = restarted == RESTARTS.len() && looked.elapsed() >= LOOK;
        if done {
            looked = Instant::now();
        }
        for integration in &integrations {
            let path = format!("/runs?integration={integration}&outcome=succeeded");
            done = done && admin.0.get(&path)?.text().contains("href=\"/runs/");
        }
        if done {
            break;
        }
        if seconds > 900.0 {
            bail!("the syncs did not end");
        }
        thread::sleep(Duration::from_millis(200));
    }
    let seen: Vec<Value> = serde_json::from_str(&asked.get("/__fake/requests")?.text())?;
    own += cpu_seconds(&portal)?;
    let refused = seen.iter().filter(|seen| seen["status"] == 429).count();
    waits.sort_by(f64::total_cmp);
    let p95 = waits[(waits.len() * 95).div_ceil(100) - 1];
    portal.process.stop()?;
    plane.stop()?;
    Ok(vec![
        Row::at_most("60 calls a minute: answers 429", refused as f64, 0.0, ""),
        Row::at_least(
            format!("60 calls a minute: {made} calls in {took:.0} s, of the limit"),
            made as f64 / took * 60.0 / LIMIT * 100.0,
            97.0,
            "%",
        ),
        Row::at_most(
            "60 calls a minute: a connection test's calls, p95",
            p95,
            2.0,
            "s",
        ),
        Row::at_most(
            "60 calls a minute: own CPU time, four starts among it, of the wall time",
            own / took * 100.0,
            3.0,
            "%",
        ),
    ])
}

/// The paths that were asked for with a key.
fn calls(plane: &mut Connection) -> Result<Vec<String>> {
    let seen: Vec<Value> = serde_json::from_str(&plane.get("/__fake/requests")?.text())?;
    let paths = seen.iter().filter_map(|seen| seen["path"].as_str());
    let paths = paths.filter(|path| path.starts_with("/api/v1/"));
    Ok(paths.map(str::to_owned).collect())
}

fn projects(plane: &mut Connection) -> Result<Vec<String>> {
    let state: Value = serde_json::from_str(&plane.get("/__fake/state")?.text())?;
    let projects = state["workspaces"][0]["projects"].as_array();
    let ids = projects.into_iter().flatten();
    Ok(ids
        .filter_map(|project| project["id"].as_str().map(str::to_owned))
        .collect())
}

/// How long the two calls of a connection test took, in seconds.
fn test(admin: &mut Admin, integration: &str) -> Result<f64> {
    let events = admin
        .0
        .post_form("/live/connection-test", &[("id", integration)])?
        .text();
    let last = events
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("data:"));
    let last: Value = serde_json::from_str(last.context("the test's stream is empty")?)?;
    let test = &last["test"];
    if test["success"] != true {
        bail!("a connection test failed: {test}");
    }
    let stages = test["stages"].as_array().context("a test has stages")?;
    let calls = stages
        .iter()
        .filter(|stage| stage["name"] == "api_key" || stage["name"] == "workspace");
    Ok(calls
        .filter_map(|stage| stage["tookMs"].as_f64())
        .sum::<f64>()
        / 1000.0)
}
