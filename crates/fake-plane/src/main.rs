//! The fake Plane as a process.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use chrono::TimeDelta;
use clap::Parser;
use fake_plane::{Clock, FakePlane, Options, Version, seed};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// A Plane that behaves like the recorded one. Prints one JSON line with its address and keys, then serves.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8750")]
    addr: SocketAddr,
    /// Workspaces `acme` (12 projects, 5,000 work items) and `unruly`, which misbehaves.
    #[arg(long, group = "seed")]
    demo: bool,
    /// The small workspace `acme` of the end-to-end tests.
    #[arg(long, group = "seed")]
    e2e: bool,
    /// The workspace `big` with one project of so many work items, without a rate limit.
    #[arg(long, group = "seed")]
    items: Option<u32>,
    /// Requests per minute and key; 0 for none.
    #[arg(long)]
    rate_limit: Option<u32>,
    /// The projects that `--items` are spread over.
    #[arg(long, default_value_t = 1)]
    projects: u32,
    /// Rows that a page may have.
    #[arg(long, default_value_t = 1000)]
    largest_page: u32,
    /// Which Plane to be: 1.3.1, 1.0 or 0.27.
    #[arg(long, default_value = "1.3.1")]
    plane_version: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let Some(version) = Version::parse(&arguments.plane_version) else {
        bail!("--plane-version takes 1.3.1, 1.0 or 0.27");
    };
    let clock = Clock::system();
    let usual = if arguments.items.is_some() {
        None
    } else {
        Some(60)
    };
    let options = Options {
        addr: arguments.addr,
        version,
        rate_limit: arguments
            .rate_limit
            .map_or(usual, |limit| (limit > 0).then_some(limit)),
        largest_page: arguments.largest_page,
        // The demo's work items should look as if people had worked on them until an hour ago.
        epoch: clock.now() - TimeDelta::days(90) - TimeDelta::hours(1),
        clock,
        ..Options::default()
    };
    let plane = FakePlane::start(options).await;
    plane.given(|state| {
        if arguments.demo {
            seed::demo(state);
        } else if arguments.e2e {
            seed::e2e(state);
        } else if let Some(items) = arguments.items {
            seed::big_in(state, items, arguments.projects);
        }
    });
    if arguments.demo {
        seed::unruly_faults()
            .into_iter()
            .for_each(|fault| plane.fail(fault));
    }
    // Listened for before the line is printed: who reads it may stop the process at once.
    let mut interrupt = signal(SignalKind::interrupt()).context("can't listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for signals")?;
    let ready = json!({
        "url": plane.url(),
        "keys": {
            "member": seed::KEY,
            "admin": seed::ADMIN_KEY,
            "guest": seed::GUEST_KEY,
            "stranger": seed::STRANGER_KEY,
            "revoked": seed::REVOKED_KEY,
            "expired": seed::EXPIRED_KEY,
            "unruly": seed::UNRULY_KEY,
        },
    });
    writeln!(std::io::stdout(), "{ready}").context("standard output is closed")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    drop(plane);
    Ok(())
}
