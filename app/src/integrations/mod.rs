use std::str::FromStr;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::Failure;

/// Server functions.
pub mod api;
/// Deletes an integration; says first what is lost.
pub mod delete;
/// One integration: its state and everything near it.
pub mod detail;
/// The form, of a new integration and of one that exists.
pub mod edit;
/// Who changed what, when.
pub mod history;
/// Puts a new API key in the old one's place.
pub mod key;
/// All integrations: search, filter, sort.
pub mod list;
/// Stages of a test and other pieces that several pages show.
pub mod pieces;
/// The schedule: pause, quiet hours, what comes next.
pub mod schedule;
/// The result of one connection test.
pub mod test_result;
/// What pages say: sentences from facts, without views.
pub mod words;

/// A part of the page's path; what does not read as one is an address where nothing is.
/// Read before the page's data is asked for: the route is known only then.
pub fn param<T: FromStr>(name: &str) -> Result<T, Failure> {
    use_params_map()
        .read_untracked()
        .get(name)
        .and_then(|text| text.parse().ok())
        .ok_or(Failure::NotFound)
}
