//! From deliveries as they came to events and the bursts they belong to.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::atomic::Ordering,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, IntegrationId},
    inbox::{BURST_GAP, Joining, joins, settles_in},
    webhook::Event,
};
use plane::webhook;
use store::{Again, Arrival, Delivery, KnownEvent, Parcel, ParcelId};
use tokio::time::Instant;
use tracing::{Span, warn};
use uuid::Uuid;

use super::{InboxService, apply::LOOK};
use crate::{rng::Rng, traces::TraceSpan as _};

/// Parcels that are read at once, and how many of their deliveries and bytes are sorted together, about.
const PARCELS: u32 = 8;
const TOGETHER: usize = 2048;
const TOGETHER_BYTES: usize = 8 << 20;
/// Events in one query: whoever receives meanwhile waits no longer than that takes.
const BATCH: usize = 128;
/// Of bodies in one transaction, if there is more than one.
const BATCH_BYTES: usize = 1 << 20;
/// In a flood what comes is sorted so often, and at most half of the time: what belongs to one burst is written together, and the
/// other half is for whoever receives.
const FLOOD_PAUSE: Duration = Duration::from_secs(2);
/// What a portal received and has not sorted after that is taken by another one. Only where several have one database.
const ABANDONED: TimeDelta = TimeDelta::minutes(2);
/// Another portal may sort the same event at the same moment.
const TRIES: usize = 5;
/// Open bursts are looked through when there are that many.
const MANY: usize = 4096;

/// What whoever sorts knows from before.
#[derive(Default)]
pub(super) struct Sorter {
    /// The number of the last parcel that is sorted.
    after: i64,
    /// Whether what is left in the database is sorted.
    has_taken_over: bool,
    open: OpenBursts,
    /// Integrations that were deleted.
    gone: BTreeSet<IntegrationId>,
}

impl Sorter {
    pub(super) fn after(number: i64) -> Self {
        Self {
            after: number,
            ..Self::default()
        }
    }
}

impl InboxService {
    /// Sorts what is received, whenever there is some.
    pub async fn sort_when_told(&self) {
        let began = Instant::now();
        if let Err(error) = self.sort_out().await {
            warn!(code = error.code(), %error, "what was received could not be sorted; it is tried again");
            tokio::time::sleep(LOOK).await;
            return;
        }
        if self.0.pace.is_flood(self.now()) {
            tokio::time::sleep(began.elapsed().max(FLOOD_PAUSE)).await;
        }
        self.0.unsorted.notified().await;
    }

    /// Sorts all that this portal has received, and what a process before it left.
    pub async fn sort_out(&self) -> Result<(), store::Error> {
        let mut sorter = self.0.sorter.lock().await;
        if !sorter.has_taken_over {
            if self.store().is_embedded() {
                self.sort_left(&mut sorter, self.now()).await?;
            }
            sorter.has_taken_over = true;
        }
        let mut tries = 0;
        loop {
            let Some((parcels, last)) = self.next_parcels(sorter.after).await? else {
                return Ok(());
            };
            if self.sort(&mut sorter, parcels, &mut tries).await? {
                sorter.after = last;
            }
        }
    }

    /// The parcels of this portal behind that number, as many as are sorted together, and the number of the last of them; `None`:
    /// there are none. One that could not be written is none.
    async fn next_parcels(&self, after: i64) -> Result<Option<(Vec<Parcel>, i64)>, store::Error> {
        let written = self.0.written.load(Ordering::Acquire);
        let (mut parcels, mut last) = (Vec::new(), after);
        let (mut deliveries, mut bytes) = (0, 0);
        while last < written && deliveries < TOGETHER && bytes < TOGETHER_BYTES {
            let until = written.min(last + i64::from(PARCELS));
            let more = self.store().parcels(self.0.portal, last + 1..=until);
            for parcel in more.await? {
                deliveries += parcel.deliveries.len();
                bytes += parcel
                    .deliveries
                    .iter()
                    .map(|one| one.body.len())
                    .sum::<usize>();
                parcels.push(parcel);
            }
            last = until;
        }
        Ok((last > after).then_some((parcels, last)))
    }

    /// Sorts what portals left that are gone. Of a database that is this process's alone none can be.
    pub async fn sort_abandoned(&self) -> Result<(), store::Error> {
        if self.store().is_embedded() {
            return Ok(());
        }
        let mut sorter = self.0.sorter.lock().await;
        self.sort_left(&mut sorter, self.now() - ABANDONED).await
    }

    async fn sort_left(
        &self,
        sorter: &mut Sorter,
        before: DateTime<Utc>,
    ) -> Result<(), store::Error> {
        let mut tries = 0;
        loop {
            let parcels = self.store().left_parcels(before, PARCELS).await?;
            if parcels.is_empty() {
                return Ok(());
            }
            self.sort(sorter, parcels, &mut tries).await?;
        }
    }

    /// Keeps the events of these parcels. `false`: somebody was in the way, and it is to be done again. What was done until then is
    /// no harm: its events are there with their bursts, so they are taken for sent again.
    async fn sort(
        &self,
        sorter: &mut Sorter,
        parcels: Vec<Parcel>,
        tries: &mut usize,
    ) -> Result<bool, store::Error> {
        let ids: Vec<ParcelId> = parcels.iter().map(|parcel| parcel.id).collect();
        let deliveries = parcels.into_iter().flat_map(|parcel| parcel.deliveries);
        let arrivals: Vec<Arrival> = deliveries
            .filter(|delivery| !sorter.gone.contains(&delivery.integration))
            .map(arrival)
            .collect();
        // Of the deliveries, each in its own trace; they end with this.
        let (arrivals, _spans): (Vec<Arrival>, Vec<Span>) =
            arrivals.into_iter().map(in_its_trace).unzip();
        let (mut new, known) = self.tell_apart(arrivals, &mut sorter.open).await?;
        let mut again = &*known;
        // What belongs to one burst is in one transaction, if it can be, and in its order.
        new.sort_by_key(|arrival| arrival.burst);
        loop {
            let rest = new.split_off(fitting(&new));
            // When all are there that may have come twice.
            let room = if rest.is_empty() {
                BATCH - new.len()
            } else {
                0
            };
            let (counted, left) = again.split_at(room.min(again.len()));
            let is_last = rest.is_empty() && left.is_empty();
            let turn = self.0.bursts.lock().await;
            let kept = self
                .store()
                .store_events(&ids, is_last, &new, counted)
                .await;
            drop(turn);
            match kept {
                Ok(true) => {}
                Ok(false) | Err(store::Error::Conflict) => break,
                Err(store::Error::Fenced) => {
                    self.forget_gone(sorter, &new, counted).await?;
                    break;
                }
                Err(error) => return Err(error),
            }
            for _ in &new {
                self.changed();
            }
            self.0.wake.notify_one();
            if is_last {
                *tries = 0;
                return Ok(true);
            }
            (new, again) = (rest, left);
        }
        *tries += 1;
        match *tries < TRIES {
            true => Ok(false),
            false => Err(store::Error::Conflict),
        }
    }

    /// Notes which integrations were deleted: nothing more is kept of them.
    async fn forget_gone(
        &self,
        sorter: &mut Sorter,
        new: &[Arrival],
        again: &[Again],
    ) -> Result<(), store::Error> {
        self.0.hooks.forget();
        let new = new.iter().map(|arrival| arrival.delivery.integration);
        let again = again.iter().map(|again| again.known.integration);
        let all: BTreeSet<IntegrationId> = new.chain(again).collect();
        for id in all {
            if self.store().integration_for_work(id).await?.is_none() {
                sorter.gone.insert(id);
            }
        }
        Ok(())
    }

    /// Events that are new, each with its burst, and those that came before.
    async fn tell_apart(
        &self,
        arrivals: Vec<Arrival>,
        open: &mut OpenBursts,
    ) -> Result<(Vec<Arrival>, Vec<Again>), store::Error> {
        let keys: HashSet<(IntegrationId, &str)> = arrivals
            .iter()
            .map(|arrival| (arrival.delivery.integration, arrival.key.as_str()))
            .collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let mut known = HashMap::<(IntegrationId, String), BurstId>::new();
        for keys in keys.chunks(BATCH) {
            let found = self.store().known_events(keys).await?.into_iter();
            known.extend(found.map(|known| ((known.integration, known.key), known.burst)));
        }
        let is_flood = self.0.pace.is_flood(self.now());
        let (mut new, mut again) = (Vec::new(), Vec::new());
        for mut arrival in arrivals {
            let key = (arrival.delivery.integration, arrival.key.clone());
            if let Some(burst) = known.get(&key) {
                let (integration, key) = key;
                let known = KnownEvent {
                    integration,
                    key,
                    burst: *burst,
                };
                let received_at = arrival.delivery.received_at;
                again.push(Again { known, received_at });
                continue;
            }
            arrival.burst = open.burst_of(&arrival, &self.0.integrations.rng);
            arrival.settles = settles_in(&arrival.event, is_flood);
            known.insert(key, arrival.burst);
            new.push(arrival);
        }
        Ok((new, again))
    }
}

/// How many of the first ones are for one transaction: one at least, if there is any.
fn fitting(new: &[Arrival]) -> usize {
    let mut bytes = 0;
    let small = new.iter().take(BATCH).take_while(|arrival| {
        bytes += arrival.delivery.body.len();
        bytes <= BATCH_BYTES
    });
    small.count().max(1).min(new.len())
}

/// What a delivery says; which burst it belongs to is decided later.
fn arrival(delivery: Delivery) -> Arrival {
    let header = delivery.headers.get(webhook::EVENT);
    let read = webhook::read(&delivery.body, header.map(String::as_str));
    Arrival {
        burst: BurstId(Uuid::nil()),
        key: read.key,
        event: read.event,
        plane_id: read.webhook,
        is_second_format: read.is_second,
        settles: TimeDelta::zero(),
        delivery,
    }
}

/// An event as traces tell it. What Plane calls those that nobody knows may be anything.
pub(super) fn told(event: &Event) -> String {
    event.known_name().unwrap_or_else(|| "other".to_owned())
}

/// What is told of an event goes on behind what is done here.
fn in_its_trace(mut arrival: Arrival) -> (Arrival, Span) {
    let before = arrival.delivery.trace.take();
    let span = match &before {
        Some(_) => tracing::info_span!(
            parent: None,
            "webhook sort",
            otel.kind = "internal",
            hangar.event = told(&arrival.event),
            hangar.integration.id = %arrival.delivery.integration,
        ),
        None => Span::none(),
    };
    span.go_on(before.as_deref());
    arrival.delivery.trace = span.traceparent();
    (arrival, span)
}

/// Bursts that the next event may still belong to. They are this process's: two that receive events of one thing make two.
#[derive(Default)]
struct OpenBursts {
    of: HashMap<(IntegrationId, Uuid), (BurstId, Joining)>,
}

impl OpenBursts {
    fn burst_of(&mut self, arrival: &Arrival, rng: &Rng) -> BurstId {
        let now = arrival.delivery.received_at;
        let new = || BurstId(rng.uuid_v7(now));
        let Some(entity) = arrival.event.entity else {
            return new();
        };
        if self.of.len() >= MANY {
            self.forget(now);
        }
        let slot = self.of.entry((arrival.delivery.integration, entity));
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
}

fn alone(now: DateTime<Utc>) -> Joining {
    Joining {
        first_at: now,
        last_at: now,
        events: 1,
    }
}
