use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    checks::Busy,
    integration::IntegrationRow,
    usage::{PlaneKey, Slot, Subject},
};
use plane::BudgetKey;

use super::HealthService;
use crate::integrations::plane_key;

/// How much keys were used, as of a minute: it is asked for far more often than it changes.
#[derive(Clone, Default)]
pub struct BusyKeys(Arc<Mutex<Option<Minute>>>);

struct Minute {
    start: DateTime<Utc>,
    keys: HashMap<PlaneKey, Option<Busy>>,
}

impl HealthService {
    /// How much an integration's key was used in the quietest of the last full minutes; `None`: one of them was without a call.
    pub(super) async fn busy(
        &self,
        row: &IntegrationRow,
        now: DateTime<Utc>,
    ) -> Result<Option<Busy>, store::Error> {
        let integration = &row.integration;
        let key = plane_key(&integration.settings.base_url, &integration.key.fingerprint);
        let end = Slot::Minute.start(now);
        if let Some(minute) = self.known().as_ref().filter(|minute| minute.start == end)
            && let Some(busy) = minute.keys.get(&key)
        {
            return Ok(*busy);
        }
        let from = end - TimeDelta::minutes(Busy::MINUTES);
        let subject = Subject::Key(key.clone());
        let slots = self
            .store
            .usage_of(&subject, Slot::Minute, from, end)
            .await?;
        let mut minutes = HashMap::<DateTime<Utc>, u64>::new();
        for slot in slots {
            *minutes.entry(slot.start).or_default() += slot.usage.calls();
        }
        let is_whole = i64::try_from(minutes.len()).is_ok_and(|many| many == Busy::MINUTES);
        let least = minutes.into_values().min().filter(|_| is_whole);
        let busy = least.map(|least| Busy {
            least,
            limit: self.budgets.limit(&BudgetKey {
                origin: key.origin.clone(),
                fingerprint: key.fingerprint.clone(),
            }),
        });
        let mut known = self.known();
        if known.as_ref().is_none_or(|minute| minute.start != end) {
            *known = Some(Minute {
                start: end,
                keys: HashMap::new(),
            });
        }
        if let Some(minute) = known.as_mut() {
            minute.keys.insert(key, busy);
        }
        Ok(busy)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Minute>> {
        self.busy.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
