/// Choosing many rows of a list.
pub mod bulk_selection;
/// The stages of a connection test, as they happen.
pub mod connection_test;
/// Server-sent events from a `fetch`.
mod event_stream;
/// A bulk operation that moves while it is watched.
pub mod live_bulk;
/// A sync run that moves while it is watched.
pub mod live_run;
/// Exact times in the zone of whoever looks.
pub mod local_time;
/// How the stages of a connection test look.
pub mod stages;
