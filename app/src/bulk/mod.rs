/// Server functions.
pub mod api;
/// Where many integrations are chosen, and what is done to them: a part of their list.
pub mod bar;
/// All operations.
pub mod list;
/// What an operation's page shows, also while it moves.
pub mod live;
/// One operation: the look before it, its progress, its results.
pub mod operation;
/// What pages say.
pub mod words;
