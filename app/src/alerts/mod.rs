/// What admins do with rules and channels.
pub mod api;
/// A channel: where it leads, how it goes, its form.
pub mod channel;
/// Rules and channels, and what is told of right now.
pub mod list;
/// What was sent.
pub mod log;
/// A rule: what it tells of, whom, and its form.
pub mod rule;
