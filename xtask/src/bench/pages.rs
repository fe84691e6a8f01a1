use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::sync::LARGE;
use super::{Admin, Bench, Row};
use crate::http::Connection;
use crate::steps::Step;

/// How many integrations the lists show.
const INTEGRATIONS: usize = 100;
const SAMPLES: usize = 400;
const CONNECTIONS: usize = 4;
const SECONDS: u64 = 4;

pub(super) fn measure(bench: &Bench, step: &Step) -> Result<Vec<Row>> {
    let mut portal = bench.portal(LARGE)?;
    let mut admin = Admin::sign_in(&portal).context("the pages are measured after the sync")?;
    let (mut plane, url, key) = bench.plane(1)?;
    for at in 1..INTEGRATIONS {
        admin.connect(&format!("Integration {at}"), &url, "big", &key)?;
    }
    plane.stop()?;

    let work_items = work_items_page(&mut admin)?;
    let filtered = format!("{work_items}?state=started");
    let mut rows = Vec::new();
    for (name, path) in [
        ("integrations", "/integrations"),
        ("overview", "/"),
        ("work items", &work_items),
        ("work items, filtered", &filtered),
    ] {
        step.busy(name);
        rows.extend(measure_page(
            &portal.address,
            &admin,
            name,
            path,
            5.0,
            25.0,
        )?);
    }
    portal.process.stop()?;
    Ok(rows)
}

/// The page of the large project, found as a person finds it.
fn work_items_page(admin: &mut Admin) -> Result<String> {
    let projects = admin.0.get("/projects")?.text();
    let found = projects.split("href=\"").skip(1).find_map(|rest| {
        let link = rest.split('"').next()?;
        (link.starts_with("/integrations/") && link.contains("/projects/")).then(|| link.to_owned())
    });
    found.context("the list of projects links to none")
}

/// How long a page takes, which should be at most so many ms for half of all and for nearly all.
pub(super) fn measure_page(
    address: &str,
    admin: &Admin,
    name: &str,
    path: &str,
    p50: f64,
    p99: f64,
) -> Result<Vec<Row>> {
    let session = admin.0.headers.clone();
    let connect = || -> Result<Connection> {
        let mut connection = Connection::open(address)?;
        connection.headers.clone_from(&session);
        Ok(connection)
    };
    let ask = |connection: &mut Connection| -> Result<f64> {
        let started = Instant::now();
        let answer = connection.get(path)?;
        if answer.status != 200 {
            bail!("{path} answered {}", answer.status);
        }
        Ok(started.elapsed().as_secs_f64() * 1_000.0)
    };

    let mut one = connect()?;
    for _ in 0..20 {
        ask(&mut one)?;
    }
    let mut times = (0..SAMPLES)
        .map(|_| ask(&mut one))
        .collect::<Result<Vec<_>>>()?;
    times.sort_by(f64::total_cmp);

    let until = Instant::now() + Duration::from_secs(SECONDS);
    let served: usize = thread::scope(|scope| {
        let all: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| -> Result<usize> {
                    let mut connection = connect()?;
                    let mut served = 0;
                    while Instant::now() < until {
                        ask(&mut connection)?;
                        served += 1;
                    }
                    Ok(served)
                })
            })
            .collect();
        all.into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow::anyhow!("a connection panicked"))?
            })
            .sum::<Result<usize>>()
    })?;
    #[expect(clippy::cast_precision_loss, reason = "seconds and pages are small")]
    let rate = served as f64 / SECONDS as f64;
    Ok(vec![
        Row::at_most(format!("{name}: p50"), times[SAMPLES / 2], p50, "ms"),
        Row::at_most(format!("{name}: p99"), times[SAMPLES * 99 / 100], p99, "ms"),
        Row::at_least(format!("{name}: throughput"), rate, 1_000.0, "pages/s"),
    ])
}
