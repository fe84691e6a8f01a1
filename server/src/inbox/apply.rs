use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use app::Failure;
use chrono::TimeDelta;
use domain::{
    ids::IntegrationId,
    inbox::{BurstResult, FailedTry, retry_after},
    webhook::Event,
};
use plane::webhook;
use store::Claimed;
use tokio::sync::Semaphore;
use tracing::{debug, warn};
use uuid::Uuid;

use super::{AtWork, InboxService};
use crate::sync::events::Applied;

/// Bursts that are taken at once.
const TAKEN: u32 = 64;
/// Of one integration: more would wait in memory for a Plane that is slow, and keep others from their turn.
const TAKEN_OF_ONE: usize = 64;
/// Things of one integration that are applied at once.
const AT_ONCE: usize = 4;
/// Whoever does not end a burst by then loses it to the next one. More than [`TAKEN_OF_ONE`] take when Plane has to be asked for
/// each of them and answers nothing.
const LEASE: TimeDelta = TimeDelta::minutes(10);
/// A try takes so long at most.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long after something arrived it is looked what is due: what belongs together is there by then.
const SETTLE: Duration = Duration::from_millis(200);
/// How often it is looked for what other processes left.
const LOOK: Duration = Duration::from_secs(2);

impl InboxService {
    /// Applies what is due, or waits until something may be.
    pub(super) async fn apply_next(&self) {
        match self.apply_due().await {
            Ok(0) => {
                tokio::select! {
                    () = self.0.wake.notified() => tokio::time::sleep(SETTLE).await,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            Ok(_) => {}
            Err(error) => {
                warn!(code = error.code(), %error, "it could not be looked which events are due");
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Applies all that is due, to the end, and what becomes due through that. How many bursts.
    pub async fn work_off(&self) -> Result<usize, store::Error> {
        let mut all = 0;
        loop {
            let taken = self.apply_due().await?;
            self.0.tasks.close();
            self.0.tasks.wait().await;
            self.0.tasks.reopen();
            if taken == 0 {
                return Ok(all);
            }
            all += taken;
        }
    }

    /// Takes bursts that are due and begins to apply them. How many.
    async fn apply_due(&self) -> Result<usize, store::Error> {
        if self.0.stop.is_cancelled() {
            return Ok(0);
        }
        let busy: Vec<IntegrationId> = {
            let at_work = self.at_work();
            let is_busy = |(id, work): (&IntegrationId, &AtWork)| {
                (work.bursts >= TAKEN_OF_ONE).then_some(*id)
            };
            at_work.iter().filter_map(is_busy).collect()
        };
        let claim = self.0.integrations.rng.uuid_v4();
        let claimed = self
            .store()
            .claim_bursts(claim, &busy, self.now(), LEASE, TAKEN)
            .await?;
        let taken = claimed.len();
        // In their order where they are about the same thing.
        let mut things = BTreeMap::<(IntegrationId, Uuid), Vec<Claimed>>::new();
        for one in claimed {
            let burst = &one.burst;
            let thing = (burst.integration, burst.entity.unwrap_or(burst.id.0));
            things.entry(thing).or_default().push(one);
        }
        for ((integration, _), mut bursts) in things {
            bursts.sort_by_key(|one| one.burst.first_at);
            let turns = {
                let mut at_work = self.at_work();
                let work = at_work.entry(integration).or_insert_with(|| AtWork {
                    bursts: 0,
                    turns: Arc::new(Semaphore::new(AT_ONCE)),
                });
                work.bursts += bursts.len();
                work.turns.clone()
            };
            let service = self.clone();
            self.0.tasks.spawn(async move {
                let count = bursts.len();
                tokio::select! {
                    () = service.0.stop.cancelled() => {}
                    () = service.apply_in_order(&turns, bursts) => {}
                }
                service.done(integration, count);
            });
        }
        Ok(taken)
    }

    async fn apply_in_order(&self, turns: &Semaphore, bursts: Vec<Claimed>) {
        let Ok(_turn) = turns.acquire().await else {
            return; // never closed
        };
        for claimed in bursts {
            if let Err(error) = self.apply(&claimed).await {
                // Its claim runs out, and it is tried again.
                warn!(code = error.code(), %error, burst = %claimed.burst.id, "what became of an event could not be written");
            }
            self.changed(claimed.burst.id);
        }
    }

    fn done(&self, integration: IntegrationId, count: usize) {
        let mut at_work = self.at_work();
        if let Some(work) = at_work.get_mut(&integration) {
            work.bursts = work.bursts.saturating_sub(count);
            if work.bursts == 0 {
                at_work.remove(&integration);
            }
        }
        self.0.wake.notify_one();
    }

    async fn apply(&self, claimed: &Claimed) -> Result<(), store::Error> {
        let begun_at = self.now();
        let tried = tokio::time::timeout(PATIENCE, self.try_to_apply(claimed)).await;
        let now = self.now();
        let failure = match tried {
            Ok(Ok(applied)) => {
                let took = (now - begun_at).num_milliseconds();
                let result = BurstResult {
                    effect: applied.effect,
                    says: applied.says.map(str::to_owned),
                    at: now,
                    took_ms: u64::try_from(took).unwrap_or(0),
                };
                debug!(burst = %claimed.burst.id, effect = result.effect.word(), "applied");
                self.store().finish_burst(claimed, &result, now).await?;
                return Ok(());
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Plane {
                status: "timeout".to_owned(),
                message: "It took longer than half a minute.".to_owned(),
                advice: None,
            },
        };
        let failures = u32::try_from(claimed.burst.failures.len()).unwrap_or(u32::MAX);
        let chance =
            f64::from(u32::from_le_bytes(self.0.integrations.rng.bytes())) / f64::from(u32::MAX);
        let again_at = retry_after(failures.saturating_add(1), chance).map(|wait| now + wait);
        let failed = FailedTry {
            at: now,
            code: code(&failure).to_owned(),
            says: failure.to_string(),
        };
        if again_at.is_none() {
            warn!(burst = %claimed.burst.id, code = failed.code, "an event was given up");
        }
        self.store().fail_burst(claimed, &failed, again_at).await?;
        Ok(())
    }

    async fn try_to_apply(&self, claimed: &Claimed) -> Result<Applied, Failure> {
        let from_store = crate::failure::from_store;
        let id = claimed.burst.integration;
        let integration = self.store().integration_for_work(id).await;
        let Some(integration) = integration.map_err(from_store)? else {
            return Err(Failure::NotFound);
        };
        if !integration.is_active {
            return Ok(Applied {
                effect: domain::inbox::Effect::Ignored,
                says: Some("The integration is inactive."),
            });
        }
        let kept = self.store().kept_events(id, &claimed.keys).await;
        let events: Vec<Event> = kept
            .map_err(from_store)?
            .iter()
            .map(|kept| {
                let header = kept.headers.get(webhook::EVENT);
                webhook::read(&kept.body, header.map(String::as_str)).event
            })
            .collect();
        self.0.sync.apply_events(&integration, &events).await
    }

    fn at_work(&self) -> MutexGuard<'_, HashMap<IntegrationId, AtWork>> {
        self.0
            .at_work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stable word for a failure.
fn code(failure: &Failure) -> &str {
    match failure {
        Failure::Plane { status, .. } => status,
        Failure::Unavailable => "unavailable",
        Failure::Conflict { .. } => "conflict",
        Failure::NotFound => "not_found",
        _ => "internal",
    }
}
