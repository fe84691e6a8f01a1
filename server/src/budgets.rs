use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::text::BaseUrl;
use plane::{
    Budget, BudgetKey,
    budget::{BudgetState, Ledger, LedgerError, Record, keep},
};
use store::Store;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{clock::Clock, timing::Timing};

/// The budgets of all keys that this process uses, each kept in the database: a restart spends nothing twice, and neither
/// do two portals on one database.
pub struct Budgets {
    known: plane::Budgets,
    store: Store,
    clock: Clock,
    /// This process, as the other ones see it.
    me: Uuid,
    keepers: TaskTracker,
    stop: CancellationToken,
}

impl Budgets {
    pub fn new(timing: &Timing, store: Store, clock: Clock, me: Uuid) -> Self {
        Self {
            known: plane::Budgets::new(plane::budget::Lasts {
                window: timing.rate_window,
                freeze: timing.longest_freeze,
                rest: timing.breaker_rest,
            }),
            store,
            clock,
            me,
            keepers: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The budget of the key with this fingerprint at this address's origin.
    pub fn for_key(&self, base: &BaseUrl, fingerprint: &str) -> Arc<Budget> {
        self.known
            .for_key(BudgetKey::new(base, fingerprint), |key, budget| {
                let kept = Kept {
                    store: self.store.clone(),
                    clock: self.clock.clone(),
                    key: key.clone(),
                };
                let stop = self.stop.clone().cancelled_owned();
                self.keepers
                    .spawn(keep(budget.clone(), kept, self.me, stop));
            })
    }

    /// Calls a minute that a key may make, as far as is known.
    pub fn limit(&self, key: &BudgetKey) -> u32 {
        self.known.limit(key)
    }

    /// How a key's budget is.
    pub fn state(&self, key: &BudgetKey) -> BudgetState {
        self.known.state(key)
    }

    /// Writes down what was called last; nothing may be called any more.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.keepers.close();
        self.keepers.wait().await;
    }
}

/// One budget's row.
struct Kept {
    store: Store,
    clock: Clock,
    key: BudgetKey,
}

impl Ledger for Kept {
    async fn load(&self) -> Result<Record, LedgerError> {
        let found = self
            .store
            .budget(&self.key.origin, &self.key.fingerprint)
            .await
            .map_err(failed)?;
        let Some((revision, body)) = found else {
            return Ok(Record::default());
        };
        // What an older version wrote is as good as nothing: the first answer tells how much is left.
        let record: Record = serde_json::from_value(body).unwrap_or_default();
        Ok(Record { revision, ..record })
    }

    async fn save(&self, record: &Record) -> Result<bool, LedgerError> {
        let body = serde_json::to_value(record).map_err(|error| LedgerError(error.to_string()))?;
        let BudgetKey {
            origin,
            fingerprint,
        } = &self.key;
        self.store
            .save_budget(origin, fingerprint, record.revision, body, self.clock.now())
            .await
            .map_err(failed)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn is_alone(&self) -> bool {
        self.store.is_embedded()
    }
}

fn failed(error: store::Error) -> LedgerError {
    LedgerError(error.to_string())
}
