/// Server functions.
pub mod api;
/// What is kept, and how to restore it.
pub mod page;
