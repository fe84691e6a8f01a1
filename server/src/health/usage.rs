use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{IntegrationId, ProjectId},
    usage::{CallRecord, PlaneKey, Purpose, Slot, Subject, Usage},
};
use plane::OnCall;
use store::{CallLog, Store, UsageSlot};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{clock::Clock, metrics::Metrics, rng::Rng, timing::every, traces};

/// Calls are written down together, this often: what a crash can lose.
const PACE: Duration = Duration::from_secs(1);
/// How often what is old is forgotten.
const TIDY: Duration = Duration::from_secs(3600);

/// How long calls and their counts are kept.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Each call by itself.
    pub calls: TimeDelta,
    /// All calls by themselves take no more than this; the oldest go first.
    pub bytes: u64,
    pub minutes: TimeDelta,
    pub hours: TimeDelta,
    pub days: TimeDelta,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            calls: TimeDelta::days(14),
            bytes: 100_000_000,
            minutes: TimeDelta::days(2),
            hours: TimeDelta::days(95), // the longest chart, and a little
            days: TimeDelta::days(800),
        }
    }
}

/// Every call to Plane: written down and counted by the minute, the hour and the day, for all, for each integration and for each key.
///
/// Whoever calls only adds to a list; once a second it is written in one transaction with the slots that count it. This process counts
/// in records of its own, so a write that is repeated changes nothing, and portals are not in each other's way.
#[derive(Clone)]
pub struct UsageLog(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    rng: Rng,
    metrics: Metrics,
    ended: Mutex<Vec<CallRecord>>,
    /// Held while it is written: an older count must not come after a newer one.
    counted: tokio::sync::Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    slots: HashMap<(Slot, DateTime<Utc>, Subject, String), Count>,
    /// What could not be written yet: it may have been, so it is written again as it is.
    unsaved: Option<CallLog>,
}

struct Count {
    id: Uuid,
    usage: Usage,
}

impl UsageLog {
    pub fn new(store: Store, clock: Clock, rng: Rng, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            rng,
            metrics,
            ended: Mutex::default(),
            counted: tokio::sync::Mutex::default(),
        }))
    }

    /// What a client tells its calls to.
    pub fn listener(
        &self,
        integration: Option<IntegrationId>,
        key: PlaneKey,
        purpose: Purpose,
    ) -> OnCall {
        let log = self.clone();
        OnCall::new(move |call| {
            let ms = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            let record = CallRecord {
                integration,
                key: key.clone(),
                purpose,
                endpoint: call.endpoint(),
                status: call.status,
                error: call.error.map(str::to_owned),
                ended_at: log.0.clock.now(),
                took_ms: ms(call.took),
                waited_ms: ms(call.waited),
                bytes: call.bytes,
                remaining: call.remaining,
                project: call.project().map(ProjectId),
            };
            traces::called(&record);
            log.record(record);
        })
    }

    /// Takes note of a call that has ended.
    pub fn record(&self, call: CallRecord) {
        self.0.metrics.called(&call);
        self.ended().push(call);
    }

    /// Writes calls down as they end, and forgets old ones, until `stop`.
    pub async fn keep_going(&self, stop: CancellationToken) {
        let (mut pace, mut tidy) = (every(PACE), every(TIDY));
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                _ = pace.tick() => self.flush().await,
                _ = tidy.tick() => self.forget(Kept::default()).await,
            };
            if let Err(error) = done {
                // A broken database ends the process; one that is away for a while is written to again.
                warn!(code = error.code(), %error, "calls to Plane could not be written down");
            }
        }
    }

    /// Writes down what has ended by now.
    pub async fn flush(&self) -> Result<(), store::Error> {
        let mut counted = self.0.counted.lock().await;
        loop {
            if let Some(log) = &counted.unsaved {
                self.0.store.save_calls(log).await?;
                counted.unsaved = None;
            }
            let calls = mem::take(&mut *self.ended());
            if calls.is_empty() {
                return Ok(());
            }
            let now = self.0.clock.now();
            let slots = counted.count(&calls, || self.0.rng.uuid_v4());
            counted.forget_ended(now);
            counted.unsaved = Some(CallLog {
                id: self.0.rng.uuid_v4(),
                at: now,
                calls,
                slots,
            });
        }
    }

    /// Forgets what is older than it is kept, and the oldest calls while all of them are too large.
    pub async fn forget(&self, kept: Kept) -> Result<(), store::Error> {
        let (store, now) = (&self.0.store, self.0.clock.now());
        let mut before = now - kept.calls;
        let mut forgotten = store.forget_calls(before).await?;
        // A step of a twentieth, so that what is left is not far below what may be kept.
        let step = kept.calls / 20;
        while before < now && store.call_bytes().await? > kept.bytes {
            before += step;
            forgotten += store.forget_calls(before).await?;
        }
        for (slot, length) in [
            (Slot::Minute, kept.minutes),
            (Slot::Hour, kept.hours),
            (Slot::Day, kept.days),
        ] {
            store.forget_usage(slot, now - length).await?;
        }
        if forgotten > 0 {
            info!(forgotten, "old calls to Plane were forgotten");
        }
        Ok(())
    }

    fn ended(&self) -> MutexGuard<'_, Vec<CallRecord>> {
        self.0.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts calls; the slots that they are in, as they are now.
    fn count(&mut self, calls: &[CallRecord], mut new_id: impl FnMut() -> Uuid) -> Vec<UsageSlot> {
        let mut touched = std::collections::BTreeSet::new();
        for call in calls {
            for (subject, fingerprint) in subjects(call) {
                let minute = self.add(Slot::Minute, call, &subject, &fingerprint, 0, &mut new_id);
                for slot in [Slot::Hour, Slot::Day] {
                    self.add(slot, call, &subject, &fingerprint, minute, &mut new_id);
                }
                for slot in Slot::ALL {
                    touched.insert((
                        slot,
                        slot.start(call.ended_at),
                        subject.clone(),
                        fingerprint.clone(),
                    ));
                }
            }
        }
        let saved = touched.into_iter().filter_map(|key| {
            let count = self.slots.get(&key)?;
            let (slot, start, subject, fingerprint) = key;
            Some(UsageSlot {
                id: count.id,
                slot,
                start,
                subject,
                fingerprint,
                usage: count.usage.clone(),
            })
        });
        saved.collect()
    }

    /// Adds a call to a slot; the slot's calls by now. `peak` is what its busiest minute holds at least.
    fn add(
        &mut self,
        slot: Slot,
        call: &CallRecord,
        subject: &Subject,
        fingerprint: &str,
        peak: u64,
        new_id: &mut impl FnMut() -> Uuid,
    ) -> u64 {
        let key = (
            slot,
            slot.start(call.ended_at),
            subject.clone(),
            fingerprint.to_owned(),
        );
        let count = self.slots.entry(key).or_insert_with(|| Count {
            id: new_id(),
            usage: Usage::default(),
        });
        count.usage.add(call);
        let calls = count.usage.calls();
        let peak = if slot == Slot::Minute { calls } else { peak };
        count.usage.peak = count.usage.peak.max(peak);
        calls
    }

    /// Lets go of slots that are over. A call that comes late all the same begins another record of its slot.
    fn forget_ended(&mut self, now: DateTime<Utc>) {
        self.slots
            .retain(|(slot, start, ..), _| *start + slot.length() > now);
    }
}

/// Whose calls it counts among, with the key where keys are told apart.
fn subjects(call: &CallRecord) -> impl Iterator<Item = (Subject, String)> {
    let key = call.key.fingerprint.clone();
    let integration = call
        .integration
        .map(|id| (Subject::Integration(id), key.clone()));
    [
        (Subject::All, String::new()),
        (Subject::Key(call.key.clone()), key),
    ]
    .into_iter()
    .chain(integration)
}
