/// One item: looked at, done, told.
mod item;
/// What a form selects, what would be done, and what that costs.
mod plan;
/// What pages and server functions may ask for.
mod port;
/// One operation: its items, a few at once, to the end.
mod work;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use domain::{bulk::BULK_KEPT_DAYS, ids::BulkId};
use store::{BulkRef, Store};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, info, warn};
use uuid::Uuid;

use crate::{integrations::IntegrationsService, sync::SyncService, timing::every};

/// An operation whose lease is not renewed for this long is taken over.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How often it is looked whether there is something to take over.
const LOOK: Duration = Duration::from_secs(5);
/// How often old operations are forgotten.
const TIDY: Duration = Duration::from_secs(3600);
/// What nobody has started by then is forgotten.
const KEEP_PLANNED: TimeDelta = TimeDelta::days(1);
const KEEP_FINISHED: TimeDelta = TimeDelta::days(BULK_KEPT_DAYS);

/// Does one action on many integrations. An operation is stored before it is begun, and each of its items before and after:
/// whichever process goes on with it knows what has been done.
#[derive(Clone)]
pub struct BulkService(Arc<Inner>);

struct Inner {
    integrations: IntegrationsService,
    sync: SyncService,
    /// This process, as leases name it.
    owner: Uuid,
    changes: broadcast::Sender<BulkId>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// What this process works on, each with the word that no further item is to begin.
    at_work: Mutex<HashMap<BulkId, CancellationToken>>,
}

impl BulkService {
    pub fn new(integrations: IntegrationsService, sync: SyncService) -> Self {
        Self(Arc::new(Inner {
            owner: integrations.rng.uuid_v4(),
            integrations,
            sync,
            changes: broadcast::channel(256).0,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            at_work: Mutex::default(),
        }))
    }

    /// Which operations of this process changed, as they do.
    pub fn changes(&self) -> broadcast::Receiver<BulkId> {
        self.0.changes.subscribe()
    }

    /// Goes on with what another process left, and forgets what is old, until `stop`.
    pub async fn keep_going(&self, stop: CancellationToken) {
        let (mut look, mut tidy) = (every(LOOK), every(TIDY));
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.take_over().await.map(drop),
                _ = tidy.tick() => self.tidy().await,
            };
            if let Err(error) = done {
                warn!(code = error.code(), %error, "bulk operations could not be looked after");
            }
        }
    }

    /// Goes on with operations that no living process works on. Which ones.
    pub async fn take_over(&self) -> Result<Vec<BulkId>, store::Error> {
        let now = self.0.integrations.clock.now();
        let at: Vec<BulkId> = self.at_work().keys().copied().collect();
        let is_alone = self.store().is_embedded();
        let taken = self
            .store()
            .take_over_bulks(self.0.owner, &at, is_alone, now, LEASE)
            .await?;
        for work in &taken {
            info!(bulk = %work.bulk, "going on with a bulk operation that another process left");
            self.go_on(*work);
        }
        Ok(taken.into_iter().map(|work| work.bulk).collect())
    }

    async fn tidy(&self) -> Result<(), store::Error> {
        let now = self.0.integrations.clock.now();
        let forgotten = self
            .store()
            .forget_bulks(now - KEEP_PLANNED, now - KEEP_FINISHED)
            .await?;
        if forgotten > 0 {
            info!(forgotten, "old bulk operations were forgotten");
        }
        Ok(())
    }

    /// Lets go of what is under way: another process, or the next one, goes on with it. To be called before runs are
    /// stopped, or their items would be told as failed.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Waits until this process works on none any more, because it ends.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    /// Waits until this process works on no operation.
    pub async fn idle(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.tasks.reopen();
    }

    fn go_on(&self, work: BulkRef) {
        let stopping = CancellationToken::new();
        self.at_work().insert(work.bulk, stopping.clone());
        let service = self.clone();
        let span = tracing::info_span!("bulk", bulk = %work.bulk);
        self.0.tasks.spawn_on(
            async move {
                service.work(work, stopping).await;
                service.at_work().remove(&work.bulk);
                service.changed(work.bulk);
            }
            .instrument(span),
            &self.0.integrations.background,
        );
    }

    fn changed(&self, bulk: BulkId) {
        // Nobody may be watching.
        let _ = self.0.changes.send(bulk);
    }

    fn store(&self) -> &Store {
        &self.0.integrations.store
    }

    fn at_work(&self) -> MutexGuard<'_, HashMap<BulkId, CancellationToken>> {
        self.0
            .at_work
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
