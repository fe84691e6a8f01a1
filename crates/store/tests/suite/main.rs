//! The store's stories, each on a database of its own. `STORE_URL` picks the engine: `mem://` (the default), or `surrealkv`
//! for a directory that is removed afterwards. `tests/remote` tells the same stories to a SurrealDB server.

#![expect(clippy::unwrap_used, reason = "a test that can't go on stops")]

mod alerts;
mod backups;
mod budgets;
mod bulk;
mod engine;
mod health_log;
mod inbox;
mod integrations;
mod mirror;
mod people;
mod problems;
mod record;
mod support;
mod sync;
mod timeline;
mod totals;
mod trends;
mod usage;
mod walk;
mod workspace;
