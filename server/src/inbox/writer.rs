use std::{
    collections::{HashMap, HashSet},
    sync::Weak,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, IntegrationId},
    inbox::{BURST_GAP, Joining, SignedBy, joins, settles_in},
};
use plane::webhook;
use store::{Again, Arrival, KnownEvent, Store, WebhookKeys};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{InboxService, Inner, receive::Delivery};
use crate::rng::Rng;

/// Deliveries that may wait for the writer.
pub(super) const QUEUE: usize = 1024;
/// In one transaction: as many as arrive while the one before is written, up to here.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// Another process may receive the same event at the same moment.
const TRIES: usize = 5;
/// Open bursts are looked through when there are that many.
const MANY: usize = 4096;

/// A delivery on its way to the writer, and whoever waits for that.
pub(super) struct Incoming {
    arrival: Arrival,
    done: oneshot::Sender<Result<Kept, store::Error>>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    New,
    Again,
    Gone,
}

impl InboxService {
    /// Has a delivery written, and waits for that.
    pub(super) async fn keep(
        &self,
        hook: &WebhookKeys,
        signed_by: SignedBy,
        read: webhook::Delivery,
        delivery: Delivery,
        received_at: DateTime<Utc>,
    ) -> Result<Kept, store::Error> {
        let (done, kept) = oneshot::channel();
        let arrival = Arrival {
            integration: hook.integration,
            burst: BurstId(Uuid::nil()), // the writer's to decide
            key: read.key,
            event: read.event,
            body: delivery.body,
            headers: delivery.headers,
            signed_by,
            plane_id: read.webhook,
            is_second_format: read.is_second,
            received_at,
            settles: TimeDelta::zero(), // the writer's to decide
        };
        let incoming = Incoming { arrival, done };
        self.0
            .incoming
            .send(incoming)
            .await
            .map_err(|_| store::Error::Closed)?;
        kept.await.map_err(|_| store::Error::Closed)?
    }
}

/// Writes what arrives, as much at once as there is, until nobody can send any more.
pub(super) async fn write(inbox: Weak<Inner>, mut received: mpsc::Receiver<Incoming>) {
    let mut open = OpenBursts::default();
    let mut waiting = Vec::new();
    while received.recv_many(&mut waiting, BATCH).await > 0 {
        let Some(inner) = inbox.upgrade() else { return };
        let inbox = InboxService(inner);
        while !waiting.is_empty() {
            let batch: Vec<Incoming> = waiting.drain(..fitting(&waiting)).collect();
            inbox.write_batch(batch, &mut open).await;
        }
    }
}

/// How many of the first ones are small enough for one transaction; always one at least.
fn fitting(waiting: &[Incoming]) -> usize {
    let mut bytes = 0;
    let small = waiting.iter().take_while(|incoming| {
        bytes += incoming.arrival.body.len();
        bytes <= BATCH_BYTES
    });
    small.count().max(1)
}

impl InboxService {
    async fn write_batch(&self, batch: Vec<Incoming>, open: &mut OpenBursts) {
        let (arrivals, waiting): (Vec<Arrival>, Vec<_>) = batch
            .into_iter()
            .map(|incoming| (incoming.arrival, incoming.done))
            .unzip();
        let kept = match self.write_arrivals(&arrivals, open).await {
            // One of the integrations is gone; which one tells itself when each stands alone.
            Err(store::Error::Fenced) => {
                self.0.hooks.forget();
                let mut kept = Vec::new();
                for arrival in &arrivals {
                    let one = std::slice::from_ref(arrival);
                    kept.push(match self.write_arrivals(one, open).await {
                        Ok(one) => Ok(one[0]),
                        Err(store::Error::Fenced) => Ok(Kept::Gone),
                        Err(error) => Err(error),
                    });
                }
                kept
            }
            Ok(kept) => kept.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); arrivals.len()],
        };
        for (done, kept) in waiting.into_iter().zip(kept) {
            // A sender that hung up will send it again.
            let _ = done.send(kept);
        }
        self.0.wake.notify_one();
    }

    /// What became of each, in their order.
    async fn write_arrivals(
        &self,
        arrivals: &[Arrival],
        open: &mut OpenBursts,
    ) -> Result<Vec<Kept>, store::Error> {
        for _ in 0..TRIES {
            let sorted = self.sort(arrivals, open).await?;
            let _turn = self.0.bursts.lock().await;
            match self.store().receive(&sorted.new, &sorted.again).await {
                Ok(true) => {
                    for _ in &sorted.new {
                        self.changed();
                    }
                    return Ok(sorted.kept);
                }
                // Whoever applies events writes the same records; a sender must not wait for minutes because of that.
                Ok(false) | Err(store::Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Conflict)
    }

    async fn sort(
        &self,
        arrivals: &[Arrival],
        open: &mut OpenBursts,
    ) -> Result<Sorted, store::Error> {
        let store: &Store = self.store();
        let keys: HashSet<(IntegrationId, &str)> = arrivals
            .iter()
            .map(|arrival| (arrival.integration, arrival.key.as_str()))
            .collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let mut known: HashMap<(IntegrationId, String), BurstId> = store
            .known_events(&keys)
            .await?
            .into_iter()
            .map(|known| ((known.integration, known.key), known.burst))
            .collect();
        let mut sorted = Sorted::default();
        for arrival in arrivals {
            let key = (arrival.integration, arrival.key.clone());
            if let Some(burst) = known.get(&key) {
                let known = KnownEvent {
                    integration: key.0,
                    key: key.1,
                    burst: *burst,
                };
                sorted.again.push(Again {
                    known,
                    received_at: arrival.received_at,
                });
                sorted.kept.push(Kept::Again);
                continue;
            }
            let burst = open.burst_of(arrival, &self.0.integrations.rng);
            known.insert(key, burst);
            sorted.new.push(Arrival {
                burst,
                settles: settles_in(&arrival.event, open.is_flood()),
                ..arrival.clone()
            });
            sorted.kept.push(Kept::New);
        }
        Ok(sorted)
    }
}

#[derive(Default)]
struct Sorted {
    new: Vec<Arrival>,
    again: Vec<Again>,
    kept: Vec<Kept>,
}

/// Bursts that the next event may still belong to. They are this process's: two that receive events of one thing make two.
#[derive(Default)]
struct OpenBursts {
    of: HashMap<(IntegrationId, Uuid), (BurstId, Joining)>,
    pace: Pace,
}

/// How many deliveries came in this second and in the one before.
#[derive(Default)]
struct Pace {
    second: i64,
    now: u32,
    before: u32,
}

/// More deliveries a second than this are a flood: whoever applies waits until what belongs together is there, and leaves the
/// machine to whoever receives.
const FLOOD: u32 = 100;

impl OpenBursts {
    fn burst_of(&mut self, arrival: &Arrival, rng: &Rng) -> BurstId {
        let now = arrival.received_at;
        self.pace.note(now);
        let new = || BurstId(rng.uuid_v7(now));
        let Some(entity) = arrival.event.entity else {
            return new();
        };
        if self.of.len() >= MANY {
            self.forget(now);
        }
        let slot = self.of.entry((arrival.integration, entity));
        let (burst, joining) = slot
            .and_modify(|(burst, joining)| {
                if joins(joining, now) {
                    joining.last_at = now;
                    joining.events += 1;
                } else {
                    (*burst, *joining) = (new(), alone(now));
                }
            })
            .or_insert_with(|| (new(), alone(now)));
        debug_assert!(joining.events > 0);
        *burst
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        self.of
            .retain(|_, (_, joining)| now - joining.last_at < BURST_GAP);
    }

    fn is_flood(&self) -> bool {
        self.pace.now.max(self.pace.before) > FLOOD
    }
}

impl Pace {
    fn note(&mut self, at: DateTime<Utc>) {
        let second = at.timestamp();
        if second != self.second {
            self.before = if second == self.second + 1 {
                self.now
            } else {
                0
            };
            (self.second, self.now) = (second, 0);
        }
        self.now += 1;
    }
}

fn alone(now: DateTime<Utc>) -> Joining {
    Joining {
        first_at: now,
        last_at: now,
        events: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_many_deliveries_in_a_second_and_is_over_soon_after() {
        let at = |ms: i64| DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap();
        let mut open = OpenBursts::default();
        let mut note = |from: i64, count: i64| {
            (0..count).for_each(|n| open.pace.note(at(from + n)));
            open.is_flood()
        };
        assert!(!note(0, 100));
        assert!(note(500, 1));
        assert!(note(1_500, 1), "a second later still");
        assert!(!note(2_500, 1));
        assert!(!note(60_000, 100));
    }
}
