/// Loading a page's data, and what is shown when that fails.
pub mod page;
/// Pages for failures: what happened, what to do.
pub mod failure_view;
