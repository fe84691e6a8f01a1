//! Hangar as it runs: services behind the ports of `app`, HTTP, and the way they are put together.

// SurrealDB's futures, laid out inside ours, are nested deeper than rustc's usual limit once it inlines.
#![recursion_limit = "256"]

/// First start, signing in, people.
pub mod accounts;
/// Who is told of problems.
pub mod alerts;
/// Copies of an embedded database.
pub mod backup;
/// What `hangar bench` does beside the vault.
pub mod bench;
/// What may still be called, with which key.
pub mod budgets;
/// One action on many integrations.
pub mod bulk;
/// Waiting for something to change.
mod changes;
/// Time and chance are arguments.
pub mod clock;
/// Flags, environment and the optional TOML file.
pub mod config;
/// The demo: a fake Plane, connected.
pub mod demo;
/// How full the disk is.
pub mod disk;
/// Forms that came back.
mod drafts;
/// The one builder of HTTP clients, and what they may talk to.
pub mod egress;
/// Errors of the crates below, as `app::Failure`.
pub mod failure;
/// What dashboards show, and what it is made of.
pub mod health;
/// Routes, layers, and what they need.
pub mod http;
/// Plane's webhooks: received, kept, applied.
pub mod inbox;
/// Integrations and their connection tests.
pub mod integrations;
/// What Prometheus reads.
pub mod metrics;
/// Reads of the copy.
pub mod mirror;
/// How everything is put together.
pub mod portal;
pub mod rng;
/// Screens on walls.
pub mod screens;
/// Bringing the copy up to date.
pub mod sync;
/// Log lines, human or JSON.
pub mod telemetry;
/// How long things take that only a test wants otherwise.
pub mod timing;
/// What one thing leads to, told to a collector.
pub mod traces;
/// How syncing goes over time, and what is promised.
pub mod trends;
/// Secrets at rest: the one place that sees a key in clear.
pub mod vault;
/// Ends the process when it stands still.
pub mod watchdog;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    http::{HttpState, assets},
    portal::Portal,
};

/// How long requests under way may take to end after the portal was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Serves the portal until `stop`, then lets requests end and closes the database. What `hangar serve` and the tests call.
pub async fn serve(
    config: &Config,
    listener: TcpListener,
    portal: Arc<Portal>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let addr = listener.local_addr()?;
    let state = HttpState {
        portal: portal.clone(),
        public_url: config.public_url.clone().unwrap_or_else(|| plain_url(addr)),
        assets: app::Assets {
            dev_reload: config.dev_reload,
            ..assets::manifest()
        },
        trusted_proxies: config.trusted_proxies.clone().into(),
        metrics_token: config.metrics_token.clone(),
    };
    let serving = http::connections::serve(listener, http::router(state), stop.clone());
    let out_of_patience = async {
        stop.cancelled().await;
        portal.bulk.stop().await;
        portal.inbox.stop().await;
        // Ends the runs, and with them the streams that show them.
        portal.sync.stop().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        () = serving => {}
        () = out_of_patience => tracing::warn!("requests were still under way and were cut off"),
    }
    portal.stop().await;
    Ok(())
}

/// The address people use when none was configured.
pub fn plain_url(addr: SocketAddr) -> url::Url {
    url::Url::parse(&format!("http://{addr}")).expect("an IP address and a port make an address")
}
