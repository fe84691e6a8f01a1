/// Starting and cancelling.
pub mod api;
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
/// What pages say about runs.
pub mod words;
