//! The store's stories, each on a database of its own. `STORE_URL` picks the engine: `mem://` (the default), `surrealkv`
//! for a directory that is removed afterwards, or a `ws://` address.

#![expect(clippy::unwrap_used, reason = "a test that can't go on stops")]

mod integrations;
mod mirror;
mod people;
mod support;
mod sync;
mod totals;
mod workspace;
