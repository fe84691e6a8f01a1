use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::start::{cpu_seconds, resident_megabytes, written_megabytes};
use super::sync::run_to_its_end;
use super::{Admin, Bench, Row};
use crate::http::Connection;
use crate::running::Portal;
use crate::steps::Step;

const SECRET: &str = "plane_wh_00112233445566778899aabbccddeeff";
/// Work items that deliveries are about.
const ITEMS: u32 = 1_000;
/// Deliveries, by so many connections, each of which waits for its answer.
struct Load {
    name: &'static str,
    deliveries: usize,
    connections: usize,
    /// A second, all connections together; `None`: each sends as soon as it was answered.
    pace: Option<f64>,
}

/// What lasts, at the pace that is promised and at the highest there is, and what comes at once.
const LOADS: [Load; 3] = [
    Load {
        name: "sustained",
        deliveries: 30_000,
        connections: 32,
        pace: Some(2_000.0),
    },
    Load {
        name: "as fast as it goes",
        deliveries: 30_000,
        connections: 32,
        pace: None,
    },
    Load {
        name: "a burst",
        deliveries: 20_000,
        connections: 500,
        pace: None,
    },
];
/// Changes in Plane that are waited for.
const CHANGES: usize = 40;
/// Connections that send a byte a second.
const SLOW: usize = 5_000;
const PAGES: usize = 300;

pub(super) fn measure(bench: &Bench, step: &Step) -> Result<Vec<Row>> {
    let (mut plane, url, key) = bench.plane(ITEMS)?;
    let mut portal = bench.portal("webhooks")?;
    let mut admin = Admin::set_up(&portal)?;
    let integration = admin.connect("Hooked", &url, "big", &key)?;
    run_to_its_end(&mut admin, &integration)?;
    let path = address(&mut admin, &integration)?;
    let secret = [("id", integration.as_str()), ("secret", SECRET)];
    admin.send("save_webhook_secret", &secret)?;
    let items = items(&url, &key)?;
    let mut rows = Vec::new();

    let (memory, disk) = (resident_megabytes(&portal)?, written_megabytes(&portal)?);
    let cpu = cpu_seconds(&portal)?;
    let mut all = 0;
    for load in &LOADS {
        let count = load.deliveries;
        step.busy(&format!("{count} deliveries, {}", load.name));
        let bodies = bodies(&items, all, count);
        all += count;
        let kilobytes = bodies.iter().map(|(body, _)| body.len()).sum::<usize>() / count / 1000;
        let (seconds, times) = deliver(&portal.address, &path, bodies, load)?;
        let rate = count as f64 / seconds;
        let quantile = |hundredths: usize| times[times.len() * hundredths / 100];
        let what = format!(
            "{}: {count} deliveries of {kilobytes} kB by {} connections",
            load.name, load.connections
        );
        match load.pace {
            // The pace itself can only just be kept.
            Some(pace) => {
                rows.push(Row::at_least(what, rate, pace * 0.99, "/s"));
                let p50 = format!("{}: p50", load.name);
                rows.push(Row::seen(p50, quantile(50), "ms"));
                let p99 = format!("{}: p99", load.name);
                rows.push(Row::at_most(p99, quantile(99), 25.0, "ms"));
            }
            None => {
                rows.push(Row::at_least(what, rate, 2_000.0, "/s"));
                rows.push(Row::seen(format!("{}: p99", load.name), quantile(99), "ms"));
            }
        }
    }
    step.busy("applying");
    admin.0.reopen()?;
    let waited = Instant::now();
    until_applied(&mut admin, &integration, all)?;
    let all = all as f64;
    rows.push(Row::seen(
        "all applied after",
        waited.elapsed().as_secs_f64(),
        "s",
    ));
    rows.push(Row::seen(
        "own CPU time, each",
        (cpu_seconds(&portal)? - cpu) / all * 1e6,
        "µs",
    ));
    rows.push(Row::seen(
        "written, each",
        (written_megabytes(&portal)? - disk) / all * 1000.0,
        "kB",
    ));
    rows.push(Row::seen(
        "memory more",
        resident_megabytes(&portal)? - memory,
        "MB",
    ));

    step.busy("changes in Plane");
    let mut visible = visible(&portal, &mut admin, &url, &integration, &path)?;
    visible.sort_by(f64::total_cmp);
    rows.push(Row::at_most(
        "from a change in Plane to the copy: p50",
        visible[CHANGES / 2],
        1_000.0,
        "ms",
    ));
    rows.push(Row::at_most(
        "from a change in Plane to the copy: p95",
        visible[CHANGES * 95 / 100],
        2_000.0,
        "ms",
    ));

    step.busy("slow senders");
    let before = page_p99(&mut admin)?;
    let slow = slow_senders(&portal.address, &path)?;
    let beside = page_p99(&mut admin)?;
    drop(slow);
    rows.push(Row::seen(
        "overview: p99, before slow senders",
        before,
        "ms",
    ));
    rows.push(Row::at_most(
        format!("overview: p99, beside {SLOW} slow senders"),
        beside,
        25.0,
        "ms",
    ));
    portal.process.stop()?;
    plane.stop()?;
    Ok(rows)
}

/// Makes the webhook's address; answers its path.
fn address(admin: &mut Admin, integration: &str) -> Result<String> {
    let page = admin.send("create_webhook", &[("id", integration)])?;
    let html = admin.0.get(&page)?.text();
    let at = html
        .find("/api/webhooks/plane/")
        .context("the page shows no address")?;
    let path = html[at..].split(['"', '<']).next().unwrap_or_default();
    Ok(path.to_owned())
}

/// The work items as Plane's API tells them.
fn items(url: &str, key: &str) -> Result<Vec<Value>> {
    let mut plane = Connection::open(url)?;
    plane.headers.push(("x-api-key".to_owned(), key.to_owned()));
    let mut list = |path: &str| -> Result<Vec<Value>> {
        let page: Value = serde_json::from_str(&plane.get(path)?.text())?;
        Ok(page["results"].as_array().cloned().unwrap_or_default())
    };
    let projects = list("/api/v1/workspaces/big/projects/?per_page=10")?;
    let project = projects[0]["id"].as_str().context("there is no project")?;
    let items = list(&format!(
        "/api/v1/workspaces/big/projects/{project}/work-items/?per_page=1000"
    ))?;
    if items.len() != ITEMS as usize {
        bail!("{} work items instead of {ITEMS}", items.len());
    }
    Ok(items)
}

/// So many deliveries, each of another edit, with their signatures.
fn bodies(items: &[Value], first: usize, count: usize) -> Vec<(String, String)> {
    let body = |n: usize| {
        let mut data = items[n % items.len()].clone();
        let minutes = n / items.len();
        data["name"] = json!(format!("Edited {n} times"));
        data["updated_at"] = json!(format!(
            "2027-01-01T{:02}:{:02}:00.000000Z",
            minutes / 60,
            minutes % 60
        ));
        let body = json!({
            "event": "issue", "action": "updated", "webhook_id": "00000000-0000-4000-8000-000000000001",
            "workspace_id": "00000000-0000-4000-8000-000000000002", "data": data,
            "activity": {"field": "name", "new_value": data["name"], "old_value": null, "actor": null},
        });
        body.to_string()
    };
    let signed = |body: String| {
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes());
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        (body, signature)
    };
    (first..first + count).map(|n| signed(body(n))).collect()
}

/// Sends them all; answers how long that took, in seconds, and each one, in milliseconds, the fastest first: from when it was
/// to be sent, where there is a pace.
fn deliver(
    portal: &str,
    path: &str,
    bodies: Vec<(String, String)>,
    load: &Load,
) -> Result<(f64, Vec<f64>)> {
    let mut open = Vec::new();
    for _ in 0..load.connections {
        open.push(Connection::open(portal)?);
    }
    let share = bodies.len().div_ceil(load.connections);
    let between = load
        .pace
        .map(|pace| Duration::from_secs_f64(load.connections as f64 / pace));
    let started = Instant::now();
    let mut times = thread::scope(|scope| {
        let threads: Vec<_> = open
            .into_iter()
            .zip(bodies.chunks(share))
            .enumerate()
            .map(|(number, (mut connection, bodies))| {
                scope.spawn(move || -> Result<Vec<f64>> {
                    let mut times = Vec::with_capacity(bodies.len());
                    // One connection after the other, not all at once.
                    let first = between.map(|between| {
                        Instant::now() + between * number as u32 / load.connections as u32
                    });
                    for (nth, (body, signature)) in (0..).zip(bodies) {
                        let planned = first.zip(between).map(|(first, each)| first + each * nth);
                        if let Some(planned) = planned {
                            thread::sleep(planned.saturating_duration_since(Instant::now()));
                        }
                        let sent = planned.unwrap_or_else(Instant::now);
                        let status = connection.deliver(path, body, signature)?.status;
                        if status != 200 {
                            bail!("a delivery was answered {status}");
                        }
                        times.push(sent.elapsed().as_secs_f64() * 1000.0);
                    }
                    Ok(times)
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a connection panicked"))?
        });
        joined.collect::<Result<Vec<_>>>()
    })?
    .concat();
    let seconds = started.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    Ok((seconds, times))
}

/// Waits until so many deliveries are in the log, and none of them waits any more.
fn until_applied(admin: &mut Admin, integration: &str, deliveries: usize) -> Result<()> {
    let started = Instant::now();
    let page = format!("/integrations/{integration}/webhook");
    let sorted = format!(">{},{:03}<", deliveries / 1000, deliveries % 1000);
    let mut has =
        |page: &str, text: &str| Ok::<_, anyhow::Error>(admin.0.get(page)?.text().contains(text));
    while !has(&page, &sorted)? || has("/webhooks?result=waiting", "webhook-log")? {
        if started.elapsed() > Duration::from_secs(300) {
            bail!("what was received is not applied");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// How long it took from each change in Plane until a page showed it, in milliseconds.
fn visible(
    portal: &Portal,
    admin: &mut Admin,
    url: &str,
    integration: &str,
    path: &str,
) -> Result<Vec<f64>> {
    let mut plane = Connection::open(url)?;
    let mut edit = |edit: Value| -> Result<Value> {
        let answer = plane.post_json("/__fake/edit", &edit)?;
        match answer.status {
            200 => Ok(serde_json::from_str(&answer.text())?),
            _ => bail!("the fake Plane edits nothing: {}", answer.text()),
        }
    };
    let address = format!("{}{path}", portal.address.trim_end_matches('/'));
    let made = edit(json!({"op": "add_webhook", "workspace": "big", "url": address}))?;
    let secret = made["secret"]
        .as_str()
        .context("the fake Plane says no secret")?;
    admin.send(
        "save_webhook_secret",
        &[("id", integration), ("secret", secret)],
    )?;
    let mut times = Vec::new();
    for n in 0..CHANGES {
        // Behind those that were delivered from the future.
        let name = format!("Made at {n}");
        let made = Instant::now();
        edit(json!({"op": "create_item", "workspace": "big", "project": "BIG", "name": name}))?;
        let list = format!("/webhooks?result=created&q=made+at+{n}");
        while !admin.0.get(&list)?.text().contains(&name) {
            if made.elapsed() > Duration::from_secs(30) {
                bail!("a change was not seen for half a minute");
            }
            thread::sleep(Duration::from_millis(5));
        }
        times.push(made.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// Connections that have sent a head and send a byte of the body now and then, until they are dropped.
fn slow_senders(portal: &str, path: &str) -> Result<SlowSenders> {
    let host = portal
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let mut all = Vec::with_capacity(SLOW);
    for _ in 0..SLOW {
        let mut stream = TcpStream::connect(&host)?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: 3000\r\n\r\n{{"
        )?;
        all.push(stream);
    }
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let sending = thread::spawn(move || {
        while stopped
            .recv_timeout(Duration::from_secs(1))
            .is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            for stream in &mut all {
                // One that was dropped meanwhile is one less.
                let _ = stream.write_all(b" ");
            }
        }
    });
    Ok(SlowSenders {
        stop: Some(stop),
        sending: Some(sending),
    })
}

struct SlowSenders {
    stop: Option<std::sync::mpsc::Sender<()>>,
    sending: Option<thread::JoinHandle<()>>,
}

impl Drop for SlowSenders {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(sending) = self.sending.take() {
            let _ = sending.join();
        }
    }
}

fn page_p99(admin: &mut Admin) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..PAGES {
        let asked = Instant::now();
        admin.0.get("/")?;
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[PAGES * 99 / 100])
}
