/// Server functions.
pub mod api;
