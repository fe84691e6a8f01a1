use std::{
    collections::{BTreeMap, HashMap, VecDeque, hash_map::Entry},
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
use store::{Claimed, KeptEvent};
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span, debug, warn};
use uuid::Uuid;

use super::{AtWork, InboxService, sorter::told};
use crate::{sync::events::Applied, traces::TraceSpan as _};

/// Bursts that are taken at once.
const TAKEN: u32 = 64;
/// Of one integration: more would wait in memory for a Plane that is slow, and keep others from their turn.
const TAKEN_OF_ONE: usize = 64;
/// Things of one integration that are applied at once.
const AT_ONCE: usize = 4;
/// Whoever does not end a burst by then loses it to the next one. More than [`TAKEN_OF_ONE`] take when Plane has to be asked for
/// each of them and answers nothing.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(10);
/// A try takes so long at most.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long after something arrived it is looked what is due: what belongs together is there by then.
const SETTLE: Duration = Duration::from_millis(200);
/// Why an inactive integration's events do nothing.
pub(super) const INACTIVE: &str = "The integration is inactive.";
/// How often it is looked for what other processes left.
pub(super) const LOOK: Duration = Duration::from_secs(2);

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

    /// Sorts all that was received and applies all that is due, to the end, and what becomes due through that. How many bursts.
    pub async fn work_off(&self) -> Result<usize, store::Error> {
        self.sort_out().await?;
        let mut all = 0;
        loop {
            let taken = self.apply_due().await?;
            self.0.tasks.close();
            self.0.tasks.wait().await;
            self.0.tasks.reopen();
            let has_replayed = self.replay_next().await?;
            if taken == 0 && !has_replayed {
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
        let turn = self.0.bursts.lock().await;
        let claimed = self
            .store()
            .claim_bursts(claim, &busy, self.now(), LEASE, TAKEN)
            .await?;
        drop(turn);
        let taken = claimed.len();
        // In their order where they are about the same thing.
        let mut things = BTreeMap::<(IntegrationId, Uuid), Vec<Claimed>>::new();
        for one in claimed {
            let burst = &one.burst;
            let thing = (burst.integration, burst.entity.unwrap_or(burst.id.0));
            things.entry(thing).or_default().push(one);
        }
        for ((integration, thing), mut bursts) in things {
            bursts.sort_by_key(|one| one.burst.first_at);
            let mut at_work = self.at_work();
            let work = at_work.entry(integration).or_insert_with(|| AtWork {
                bursts: 0,
                turns: Arc::new(Semaphore::new(AT_ONCE)),
                things: HashMap::new(),
            });
            work.bursts += bursts.len();
            match work.things.entry(thing) {
                // Whoever is at this thing goes on with them.
                Entry::Occupied(mut waiting) => waiting.get_mut().extend(bursts),
                Entry::Vacant(slot) => {
                    slot.insert(bursts.into());
                    let (service, turns) = (self.clone(), work.turns.clone());
                    self.0.tasks.spawn(async move {
                        tokio::select! {
                            () = service.0.stop.cancelled() => {}
                            () = service.apply_in_order(integration, thing, &turns) => {}
                        }
                    });
                }
            }
        }
        Ok(taken)
    }

    async fn apply_in_order(&self, integration: IntegrationId, thing: Uuid, turns: &Semaphore) {
        let Ok(_turn) = turns.acquire().await else {
            return; // never closed
        };
        while let Some(claimed) = self.next_of(integration, thing) {
            if let Err(error) = self.apply(&claimed).await {
                // Its claim runs out, and it is tried again.
                warn!(code = error.code(), %error, burst = %claimed.burst.id, "what became of an event could not be written");
            }
            self.changed();
            self.0.wake.notify_one();
        }
    }

    /// The next burst of a thing; after the last one nobody is at it.
    fn next_of(&self, integration: IntegrationId, thing: Uuid) -> Option<Claimed> {
        let mut at_work = self.at_work();
        let work = at_work.get_mut(&integration)?;
        let next = work.things.get_mut(&thing).and_then(VecDeque::pop_front);
        match next {
            Some(_) => work.bursts -= 1,
            None => {
                work.things.remove(&thing);
            }
        }
        if work.things.is_empty() {
            at_work.remove(&integration);
        }
        next
    }

    /// Tries to apply a burst and writes what became of it; `None`: it failed. Part of the trace of the delivery that opened it.
    pub(super) async fn apply(&self, claimed: &Claimed) -> Result<Option<Applied>, store::Error> {
        let burst = &claimed.burst;
        let span = tracing::info_span!(
            parent: None,
            "webhook apply",
            otel.kind = "internal",
            hangar.events = claimed.keys.len() as i64,
            hangar.tries = burst.failures.len() as i64 + 1,
            hangar.integration.id = %burst.integration,
            hangar.burst.id = %burst.id,
        );
        span.go_on(claimed.trace.as_deref());
        self.apply_in_trace(claimed).instrument(span).await
    }

    async fn apply_in_trace(&self, claimed: &Claimed) -> Result<Option<Applied>, store::Error> {
        let begun_at = self.now();
        let tried = tokio::time::timeout(PATIENCE, self.try_to_apply(claimed)).await;
        let now = self.now();
        let failure = match tried {
            Ok(Ok(applied)) => {
                let took = (now - begun_at).num_milliseconds();
                // What came with it before is applied already.
                let before = claimed.burst.result.as_ref();
                let effect =
                    before.map_or(applied.effect, |before| before.effect.then(applied.effect));
                let says = applied.says.filter(|_| effect == applied.effect);
                let result = BurstResult {
                    effect,
                    says: says.map(str::to_owned),
                    at: now,
                    took_ms: u64::try_from(took).unwrap_or(0),
                };
                debug!(burst = %claimed.burst.id, effect = result.effect.word(), "applied");
                Span::current().say("hangar.effect", result.effect.word());
                self.finish(claimed, result).await?;
                return Ok(Some(applied));
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
        Span::current().fail(&failed.code);
        if again_at.is_none() {
            warn!(burst = %claimed.burst.id, code = failed.code, "an event was given up");
        }
        let _turn = self.0.bursts.lock().await;
        self.store().fail_burst(claimed, &failed, again_at).await?;
        Ok(None)
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
                says: Some(INACTIVE),
            });
        }
        let kept = self.store().kept_events(id, &claimed.keys).await;
        let kept = kept.map_err(from_store)?;
        let joined = kept.iter().filter_map(|event| event.trace.as_deref());
        for other in joined.filter(|trace| claimed.trace.as_deref() != Some(trace)) {
            Span::current().see(other);
        }
        let events = said_by(&kept);
        if let Some(last) = events.last() {
            Span::current().say("hangar.event", told(last));
        }
        self.0.sync.apply_events(&integration, &events).await
    }

    /// What these kept events say.
    pub(super) async fn events(
        &self,
        integration: IntegrationId,
        keys: &[String],
    ) -> Result<Vec<Event>, store::Error> {
        let kept = self.store().kept_events(integration, keys).await?;
        Ok(said_by(&kept))
    }

    fn at_work(&self) -> MutexGuard<'_, HashMap<IntegrationId, AtWork>> {
        self.0
            .at_work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn said_by(kept: &[KeptEvent]) -> Vec<Event> {
    let read = kept.iter().map(|kept| {
        let header = kept.headers.get(webhook::EVENT);
        webhook::read(&kept.body, header.map(String::as_str)).event
    });
    read.collect()
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
