/// Choosing many rows of a list.
pub mod bulk_selection;
/// The keys that go through a chart.
pub mod chart_keys;
/// The stages of a connection test, as they happen.
pub mod connection_test;
/// Server-sent events from a `fetch`.
mod event_stream;
/// A bulk operation that moves while it is watched.
pub mod live_bulk;
/// Parts of a page that follow a run, drawn by the server.
pub mod live_parts;
/// A sync run that moves while it is watched.
pub mod live_run;
/// Exact times in the zone of whoever looks.
pub mod local_time;
/// What the server tells of a run.
mod run_events;
/// How the stages of a connection test look.
pub mod stages;
