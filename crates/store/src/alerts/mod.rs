//! Who is told of problems, and what was told.

/// Where messages go.
mod channels;
/// Messages on their way, and what became of each.
mod deliveries;
/// Who is told of what, and what is told of right now.
mod rules;

pub use channels::SealedChannel;
pub use deliveries::{Attempt, DeliveryFilter};
#[cfg(test)]
pub(crate) use deliveries::{DUE, LATEST, LATEST_OF};
pub use rules::KnownIncident;
