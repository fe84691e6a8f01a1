/// What is used of Plane's limit, key by key.
mod budgets;
/// Connections, tested by themselves.
pub mod checks;
/// Every call to Plane, written down and counted.
pub mod usage;

use std::sync::Arc;

use store::Store;

use crate::{budgets::Budgets, clock::Clock};

/// What dashboards ask for. Nothing here ever calls Plane.
#[derive(Clone)]
pub struct HealthService {
    pub store: Store,
    pub budgets: Arc<Budgets>,
    pub clock: Clock,
}
