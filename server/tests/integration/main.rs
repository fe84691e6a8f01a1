//! The portal through its front door: the real HTTP server, a real SurrealDB in memory, a fake Plane that is a server.
//! One binary, because each one links all of SurrealDB.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test, as the test itself does"
)]
#![expect(
    unreachable_pub,
    reason = "in one binary, `pub` is as far as its modules"
)]

mod support;

mod accounts;
mod alert_crashes;
mod alerts;
mod backups;
mod bulk;
mod command_line;
mod disk;
mod faults;
mod freshness;
mod governor;
mod health;
mod health_log;
mod integrations;
mod metrics;
mod pages;
mod pause;
mod power_cut;
mod problems;
mod replays;
mod runs;
mod schedule;
mod screens;
mod security;
mod sync;
mod traces;
mod trends;
mod two_portals;
mod usage;
mod walk;
mod webhook_crashes;
mod webhook_setup;
mod webhooks;
