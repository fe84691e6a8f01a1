//! Plane's webhooks: believed or not, kept, applied.

/// What Plane would say to an address.
mod address;
/// From what is kept to the copy.
mod apply;
/// Webhooks by their addresses, and the secrets that count.
mod hooks;
/// What pages and server functions may ask for.
mod port;
/// What was not believed, checked again.
mod quarantine;
/// Believed or not.
mod receive;
/// Events as people see them.
mod shown;
/// Many deliveries in one transaction.
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use domain::ids::{BurstId, IntegrationId};
use store::Store;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use url::Url;

pub use receive::{Answer, Delivery, KEPT_HEADERS, Target};

use self::{hooks::Hooks, writer::Incoming};
use crate::{integrations::IntegrationsService, sync::SyncService, timing::every};

/// How often the portal says that it lives.
const ALIVE: Duration = Duration::from_secs(30);
/// After a longer silence of our own, Plane may have given deliveries up.
const DOWN: TimeDelta = TimeDelta::minutes(5);
/// How often old events are forgotten.
const TIDY: Duration = Duration::from_secs(3600);
/// So long events are kept, and so many bytes of an integration's bodies. The same event once more is known by its record, and
/// Plane tries for an hour at most.
const KEEP: TimeDelta = TimeDelta::days(30);
const KEEP_BYTES: u64 = 500 << 20;
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
    incoming: mpsc::Sender<Incoming>,
    /// Which bursts of this process changed, as they do.
    changes: broadcast::Sender<BurstId>,
    /// Something may be due soon.
    wake: Notify,
    tasks: TaskTracker,
    stop: CancellationToken,
    at_work: Mutex<HashMap<IntegrationId, AtWork>>,
}

/// What is being applied for one integration.
struct AtWork {
    bursts: usize,
    turns: Arc<Semaphore>,
}

impl InboxService {
    /// `public_url`: what Plane sees of this portal.
    pub fn new(integrations: IntegrationsService, sync: SyncService, public_url: Url) -> Self {
        let (incoming, received) = mpsc::channel(writer::QUEUE);
        let service = Self(Arc::new(Inner {
            integrations,
            sync,
            public_url,
            hooks: Hooks::default(),
            incoming,
            changes: broadcast::channel(1024).0,
            wake: Notify::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            at_work: Mutex::default(),
        }));
        tokio::spawn(writer::write(Arc::downgrade(&service.0), received));
        service
    }

    /// At start: what a process that is gone was applying is due at once.
    pub async fn take_over(&self) -> Result<(), store::Error> {
        match self.store().is_embedded() {
            true => self.store().release_bursts(self.now()).await,
            // Their claims run out.
            false => Ok(()),
        }
    }

    /// Which bursts of this process changed, as they do.
    pub fn changes(&self) -> broadcast::Receiver<BurstId> {
        self.0.changes.subscribe()
    }

    /// Applies what is due and forgets what is old, until `stop`.
    pub async fn keep_going(&self, stop: CancellationToken) {
        // Side by side: what is being claimed must not be left because something else is to be done.
        let applying = async {
            loop {
                self.apply_next().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = applying => {}
            () = self.look_after() => {}
        }
    }

    async fn look_after(&self) {
        let (mut tidy, mut alive) = (every(TIDY), every(ALIVE));
        loop {
            let done = tokio::select! {
                _ = alive.tick() => self.say_alive().await.map(drop),
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

    async fn tidy(&self) -> Result<(), store::Error> {
        let now = self.now();
        for hook in self.store().webhook_keys().await? {
            let id = hook.integration;
            let forgotten = self
                .store()
                .forget_bursts(id, now - KEEP, KEEP_BYTES)
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

    fn changed(&self, burst: BurstId) {
        // Nobody may be watching.
        let _ = self.0.changes.send(burst);
    }

    fn store(&self) -> &Store {
        &self.0.integrations.store
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.integrations.clock.now()
    }
}
