/// What admins say to problems.
pub mod api;
/// The filter of the list, as it stands in the address.
pub mod filter;
/// All problems, the most pressing first.
pub mod list;
/// One problem: what it is, what to do, who is on it.
pub mod problem;
/// What a problem says: since when, how often, where more stands.
mod words;
