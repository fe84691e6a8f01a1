/// Starting and cancelling.
pub mod api;
/// The log of a run's calls to Plane.
pub mod calls;
/// A run beside the one before it.
pub mod compare;
/// The filters of the list in the address.
pub mod filter;
/// What a filter by integration offers.
pub mod integration_choices;
/// A run under way, live where JavaScript runs.
pub mod live;
/// One run.
pub mod run;
/// The list of runs.
pub mod runs;
/// What a run did when, as a bar and as tables.
pub mod timeline;
/// What pages say about runs.
pub mod words;
