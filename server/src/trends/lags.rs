use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{histogram::Histogram, ids::IntegrationId, trend::Stretch};
use store::Store;
use uuid::Uuid;

use crate::rng::Rng;

/// From a change in Plane to the copy that has it, measured by this process and not yet part of a closed stretch.
///
/// Whoever applies only adds to it. It is written down every few seconds, whole, in a record of this process: what a crash loses is
/// what came since.
#[derive(Clone)]
pub struct LagLog(Arc<Inner>);

struct Inner {
    process: Uuid,
    open: Mutex<BTreeMap<DateTime<Utc>, Measured>>,
}

#[derive(Default)]
struct Measured {
    lags: BTreeMap<IntegrationId, Histogram>,
    is_saved: bool,
}

impl LagLog {
    pub fn new(rng: &Rng) -> Self {
        Self(Arc::new(Inner {
            process: rng.uuid_v4(),
            open: Mutex::default(),
        }))
    }

    /// Takes note of a change that was applied at that time.
    pub fn add(&self, integration: IntegrationId, lag: TimeDelta, at: DateTime<Utc>) {
        let ms = u64::try_from(lag.num_milliseconds()).unwrap_or(0);
        let mut open = self.open();
        let measured = open.entry(Stretch::Short.start(at)).or_default();
        measured.is_saved = false;
        measured.lags.entry(integration).or_default().add(ms);
    }

    /// Writes down what changed since the last time, and lets go of what is closed.
    pub(super) async fn save(
        &self,
        store: &Store,
        closed: Option<DateTime<Utc>>,
    ) -> Result<(), store::Error> {
        let unsaved: Vec<_> = {
            let mut open = self.open();
            open.retain(|start, _| closed.is_none_or(|closed| *start >= closed));
            let unsaved = open.iter_mut().filter(|(_, measured)| !measured.is_saved);
            unsaved
                .map(|(start, measured)| {
                    measured.is_saved = true;
                    let lags = measured.lags.iter();
                    (*start, lags.map(|(id, lags)| (*id, lags.clone())).collect())
                })
                .collect()
        };
        for (start, lags) in unsaved {
            if let Err(error) = store.save_lags(start, self.0.process, &lags).await {
                if let Some(measured) = self.open().get_mut(&start) {
                    measured.is_saved = false;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<DateTime<Utc>, Measured>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
