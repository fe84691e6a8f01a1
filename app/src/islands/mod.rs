/// Exact times in the zone of whoever looks.
pub mod local_time;
/// A sync run that moves while it is watched.
pub mod live_run;
