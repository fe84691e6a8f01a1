//! The store on a SurrealDB server: the stories of `tests/suite` over `ws://`, and what only a server can do to it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on stops")]

mod engine;
mod outage;
mod server;
mod sign_in;
mod tls;
mod together;

#[path = "../suite/alerts.rs"]
mod alerts;
#[path = "../suite/budgets.rs"]
mod budgets;
#[path = "../suite/bulk.rs"]
mod bulk;
#[path = "../suite/health_log.rs"]
mod health_log;
#[path = "../suite/inbox.rs"]
mod inbox;
#[path = "../suite/integrations.rs"]
mod integrations;
#[path = "../suite/mirror.rs"]
mod mirror;
#[path = "../suite/people.rs"]
mod people;
#[path = "../suite/problems.rs"]
mod problems;
#[path = "../suite/record.rs"]
mod record;
#[path = "../suite/support.rs"]
mod support;
#[path = "../suite/sync.rs"]
mod sync;
#[path = "../suite/timeline.rs"]
mod timeline;
#[path = "../suite/totals.rs"]
mod totals;
#[path = "../suite/trends.rs"]
mod trends;
#[path = "../suite/walk.rs"]
mod walk;
#[path = "../suite/workspace.rs"]
mod workspace;
