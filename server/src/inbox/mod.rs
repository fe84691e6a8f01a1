//! Plane's webhooks: believed or not, kept, applied.

/// What Plane would say to an address.
mod address;
/// From what is kept to the copy.
mod apply;
/// How much is written for whoever is not believed.
mod doubts;
/// Results, many in one transaction.
mod finish;
/// Webhooks by their addresses, and the secrets that count.
mod hooks;
/// How many deliveries come a second.
mod pace;
/// What pages and server functions may ask for.
mod port;
/// What was not believed, checked again.
mod quarantine;
/// Believed or not.
mod receive;
/// Kept events, applied once more.
mod replay;
/// A delivery of our own, over the public address.
mod self_test;
/// Events as people see them.
mod shown;
/// Whether webhooks still tell what they should.
mod silence;
/// From deliveries to events and bursts.
mod sorter;
/// Many deliveries in one transaction.
mod writer;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, atomic::AtomicI64},
    time::Duration,
};

use chrono::TimeDelta;
use domain::ids::IntegrationId;
use store::{Claimed, Store};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use url::Url;
use uuid::Uuid;

pub use receive::{Answer, Delivery, KEPT_HEADERS, Target};

use self::{
    doubts::Doubts, finish::Finished, hooks::Hooks, pace::Pace, sorter::Sorter, writer::Incoming,
};
use crate::{integrations::IntegrationsService, sync::SyncService, timing::every};

/// How often the portal says that it lives.
const ALIVE: Duration = Duration::from_secs(30);
/// After a longer silence of our own, Plane may have given deliveries up.
const DOWN: TimeDelta = TimeDelta::minutes(5);
/// How often old events are forgotten.
const TIDY: Duration = Duration::from_secs(3600);
/// So long replays are kept.
const KEEP_REPLAYS: TimeDelta = TimeDelta::days(30);
/// So long what was not believed is kept.
const KEEP_QUARANTINED: TimeDelta = TimeDelta::hours(24);

/// Receives Plane's webhooks and applies them. What it answered as received is durable.
#[derive(Clone)]
pub struct InboxService(Arc<Inner>);

struct Inner {
    integrations: IntegrationsService,
    sync: SyncService,
    public_url: Url,
    hooks: Hooks,
    /// Under which name it keeps what it receives until that is sorted.
    portal: Uuid,
    incoming: mpsc::Sender<Incoming>,
    /// The number of the last parcel that was written.
    written: AtomicI64,
    pace: Pace,
    /// Something was received.
    unsorted: Notify,
    sorter: tokio::sync::Mutex<Sorter>,
    finished: mpsc::Sender<Finished>,
    /// Something of this process changed.
    changes: broadcast::Sender<()>,
    /// Something may be due soon.
    wake: Notify,
    /// Something is to be replayed.
    replay: Notify,
    doubts: Doubts,
    tasks: TaskTracker,
    stop: CancellationToken,
    at_work: Mutex<HashMap<IntegrationId, AtWork>>,
    /// Held around every write of bursts: those that are sorted, taken and done are the same records, and transactions that
    /// meet there would start over again and again.
    bursts: tokio::sync::Mutex<()>,
}

/// What is being applied for one integration.
struct AtWork {
    /// That wait for their turn.
    bursts: usize,
    turns: Arc<Semaphore>,
    /// By what they are about: whoever is at one goes on until there are no more of it.
    things: HashMap<Uuid, VecDeque<Claimed>>,
}

impl InboxService {
    /// `public_url`: what Plane sees of this portal.
    pub fn new(integrations: IntegrationsService, sync: SyncService, public_url: Url) -> Self {
        let (incoming, arriving) = mpsc::channel(writer::QUEUE);
        let (finished, results) = mpsc::channel(finish::QUEUE);
        let portal = integrations.rng.uuid_v7(integrations.clock.now());
        let received = integrations.store.received(portal);
        let service = Self(Arc::new(Inner {
            integrations,
            sync,
            public_url,
            hooks: Hooks::default(),
            portal: received.portal,
            incoming,
            written: AtomicI64::new(received.written),
            pace: Pace::default(),
            unsorted: Notify::new(),
            sorter: tokio::sync::Mutex::new(Sorter::after(received.sorted)),
            finished,
            changes: broadcast::channel(1024).0,
            wake: Notify::new(),
            replay: Notify::new(),
            doubts: Doubts::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            at_work: Mutex::default(),
            bursts: tokio::sync::Mutex::default(),
        }));
        tokio::spawn(writer::write(Arc::downgrade(&service.0), arriving));
        let background = &service.0.integrations.background;
        background.spawn(finish::write(Arc::downgrade(&service.0), results));
        service
    }

    /// At start: what a process that is gone was applying is due at once.
    pub async fn take_over(&self) -> Result<(), store::Error> {
        if self.store().is_embedded() {
            self.store().release_bursts(self.now()).await?;
            self.store().release_replays().await?;
        } // elsewhere their claims run out
        Ok(())
    }

    /// One for each event that this process received or applied, as it does.
    pub fn changes(&self) -> broadcast::Receiver<()> {
        self.0.changes.subscribe()
    }

    /// Sorts what is received, applies what is due and forgets what is old, until `stop`.
    pub async fn keep_going(&self, stop: CancellationToken) {
        // Side by side: what is being claimed must not be left because something else is to be done.
        let sorting = async {
            loop {
                self.sort_when_told().await;
            }
        };
        let applying = async {
            loop {
                self.apply_next().await;
            }
        };
        let replaying = async {
            loop {
                self.replay_when_told().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = sorting => {}
            () = applying => {}
            () = replaying => {}
            () = self.look_after() => {}
        }
    }

    async fn look_after(&self) {
        let (mut tidy, mut alive) = (every(TIDY), every(ALIVE));
        loop {
            let done = tokio::select! {
                _ = alive.tick() => self
                    .say_alive()
                    .await
                    .map(drop)
                    .and(self.look_for_silence().await)
                    .and(self.sort_abandoned().await),
                _ = tidy.tick() => self.tidy().await,
            };
            if let Err(error) = done {
                warn!(code = error.code(), %error, "webhooks could not be looked after");
            }
        }
    }

    /// Says that this portal lives. If none did for a while, deliveries may have been missed, so every integration with a webhook
    /// is synced. Which ones.
    pub async fn say_alive(&self) -> Result<Vec<IntegrationId>, store::Error> {
        let now = self.now();
        let before = self.store().still_alive(now).await?;
        let mut synced = Vec::new();
        if before.is_none_or(|before| now - before <= DOWN) {
            return Ok(synced);
        }
        for hook in self.store().webhook_keys().await? {
            let id = hook.integration;
            match self.0.sync.catch_up(id).await {
                Ok(Some(_)) => synced.push(id),
                Ok(None) => {}
                Err(failure) => {
                    warn!(integration = %id, %failure, "it could not be synced after a downtime")
                }
            }
        }
        info!(
            integrations = synced.len(),
            "synced what may have been missed while no portal was up"
        );
        Ok(synced)
    }

    /// Ends what is being applied; what is not done is due again later.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Waits until nothing is applied any more, because the portal ends.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Forgets what is old.
    pub async fn tidy(&self) -> Result<(), store::Error> {
        let now = self.now();
        self.store().forget_replays(now - KEEP_REPLAYS).await?;
        for hook in self.store().webhooks().await? {
            let (id, keeps) = (hook.integration, hook.keeps);
            let before = now - TimeDelta::days(keeps.days.into());
            let forgotten = self
                .store()
                .forget_bursts(id, before, u64::from(keeps.megabytes) * 1_000_000)
                .await?;
            let quarantined = self
                .store()
                .forget_quarantined(id, now - KEEP_QUARANTINED)
                .await?;
            if forgotten + quarantined > 0 {
                info!(integration = %id, forgotten, quarantined, "old events were forgotten");
            }
        }
        Ok(())
    }

    fn changed(&self) {
        // Nobody may be watching.
        let _ = self.0.changes.send(());
    }

    fn store(&self) -> &Store {
        &self.0.integrations.store
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.integrations.clock.now()
    }
}
