/// The stages of a connection test, as they happen.
pub mod connection_test;
/// Exact times in the zone of whoever looks.
pub mod local_time;
/// A sync run that moves while it is watched.
pub mod live_run;
/// Server-sent events from a `fetch`.
mod event_stream;
/// How the stages of a connection test look.
pub mod stages;
