//! The portal as seen from a browser. Pages run on the server alone; only [`islands`] run in the browser too, so they are
//! all that the WASM build compiles: everything else stands behind the one `ssr` gate below.

/// What runs in the browser: small, each useful on a page that already works without it.
pub mod islands;

#[cfg(feature = "ssr")]
pub use on_server::*;

#[cfg(feature = "ssr")]
mod on_server {
    pub use crate::{backend::*, failure::*};
}

/// Ports: what pages and server functions ask of the server, one small trait a vertical.
#[cfg(feature = "ssr")]
pub mod backend;
/// The one error that leaves the building.
#[cfg(feature = "ssr")]
pub mod failure;
/// Typed links: no address is written anywhere else.
#[cfg(feature = "ssr")]
pub mod paths;
/// The query of an address: filters, sorting, paging.
#[cfg(feature = "ssr")]
pub mod query;
/// A request's page, as a response.
#[cfg(feature = "ssr")]
pub mod render;
/// The HTML document around every page, and the route table.
#[cfg(feature = "ssr")]
pub mod shell;
/// Words of the interface: frame, form, table, badge, time, pager. No I/O.
#[cfg(feature = "ssr")]
pub mod ui;

/// First start, sign in and out, people.
#[cfg(feature = "ssr")]
pub mod accounts;
/// Who is told of problems.
#[cfg(feature = "ssr")]
pub mod alerts;
/// Copies of the whole database.
#[cfg(feature = "ssr")]
pub mod backups;
/// One action on many integrations: planned, watched, looked back at.
#[cfg(feature = "ssr")]
pub mod bulk;
/// Whether everything works, and how much of Plane's limit it takes.
#[cfg(feature = "ssr")]
pub mod health;
/// Integrations: list, detail, edit, key, connection test.
#[cfg(feature = "ssr")]
pub mod integrations;
/// The copy of Plane: projects, work items, labels.
#[cfg(feature = "ssr")]
pub mod mirror;
/// Can today's numbers be trusted?
#[cfg(feature = "ssr")]
pub mod overview;
/// What fails, grouped.
#[cfg(feature = "ssr")]
pub mod problems;
/// Screens on walls: what they show, and who let them.
#[cfg(feature = "ssr")]
pub mod screens;
/// Sync runs.
#[cfg(feature = "ssr")]
pub mod sync;
/// How syncing went over time, and what is promised.
#[cfg(feature = "ssr")]
pub mod trends;
/// Plane's webhooks: set up, and what they brought.
#[cfg(feature = "ssr")]
pub mod webhooks;
