/// Server functions of objectives and maintenance.
pub mod api;
/// Charts, out of what was measured.
pub mod charts;
/// Calls that failed, by kind.
pub mod errors;
/// What happened in the time of charts.
mod happened;
/// What is promised of one integration.
pub mod integration;
/// Announced times in which nothing counts.
pub mod maintenance;
/// What is promised of all integrations, and how it is kept.
pub mod objectives;
/// How syncing an integration went.
pub mod page;
/// Shares, times and bars as people read them.
pub mod words;
