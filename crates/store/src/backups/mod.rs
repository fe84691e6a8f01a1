/// A database beside the one that Hangar uses.
mod aside;
/// What became of each backup.
mod record;

pub use aside::Aside;
pub(crate) use aside::remove_left_over;
#[cfg(test)]
pub(crate) use record::LATEST;
