/// Server functions.
pub mod api;
/// One burst: its events, what became of them, what came.
pub mod burst;
/// The log's filter in the address.
pub mod filter;
/// What was received, latest first.
pub mod log;
/// One replay, and the latest ones.
pub mod replay;
/// An integration's webhook: set up, watched, its secret replaced.
pub mod webhook;
/// What pages say.
pub mod words;
