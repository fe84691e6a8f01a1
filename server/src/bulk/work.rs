use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use app::Failure;
use domain::bulk::{BulkCounts, BulkItem, BulkOperation, ItemState};
use futures::{TryStreamExt as _, stream};
use store::{Begun, BulkRef};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{BulkService, LEASE};
use crate::timing::every;

/// How often a worker renews its lease and looks whether it is to stop.
const HEARTBEAT: Duration = Duration::from_secs(2);

const STOPPED: &str = "Somebody stopped the operation before.";

/// Why a worker puts an operation down: it is gone on with later.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// An operation in the hands of its worker. Nobody else writes its items, so what stands here is what is stored.
pub(super) struct Work {
    reference: BulkRef,
    pub(super) operation: BulkOperation,
    /// Held while an item is written, because the counts of all of them go with it.
    items: tokio::sync::Mutex<Vec<BulkItem>>,
    stopping: CancellationToken,
    /// Why no further item is begun, if not because somebody asked for it.
    why: Mutex<Option<String>>,
}

impl Work {
    pub(super) async fn item(&self, number: u32) -> Option<BulkItem> {
        let items = self.items.lock().await;
        items.iter().find(|item| item.number == number).cloned()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Begins no further item.
    pub(super) fn stop_because(&self, why: String) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.stopping.cancel();
    }
}

impl BulkService {
    pub(super) async fn work(&self, reference: BulkRef, stopping: CancellationToken) {
        match self.work_to_end(reference, stopping).await {
            Ok(()) => {}
            Err(Trouble::Store(store::Error::Fenced)) => {
                warn!("another process has taken the operation over");
            }
            // Its lease runs out, and somebody, most likely this process, takes it up again.
            Err(error) => warn!(%error, "the operation is put down for now"),
        }
    }

    async fn work_to_end(
        &self,
        reference: BulkRef,
        stopping: CancellationToken,
    ) -> Result<(), Trouble> {
        let found = self.store().bulk_for_work(reference.bulk).await?;
        let Some((operation, items)) = found else {
            return Ok(());
        };
        if operation.stop_requested {
            stopping.cancel();
        }
        let work = Work {
            reference,
            operation,
            items: tokio::sync::Mutex::new(items),
            stopping,
            why: Mutex::default(),
        };
        tokio::select! {
            biased;
            () = self.0.stop.cancelled() => {
                self.store().release_bulk(&reference).await?;
                return Ok(());
            }
            error = self.keep_alive(&work) => return Err(error.into()),
            done = self.do_all(&work) => done?,
        }
        self.finish(&work).await
    }

    /// What had begun first, then the others in order.
    async fn do_all(&self, work: &Work) -> Result<(), Trouble> {
        let numbers = |state| async move {
            let items = work.items.lock().await;
            let of_state = items.iter().filter(|item| item.state == state);
            of_state.map(|item| item.number).collect::<Vec<_>>()
        };
        let mut order = numbers(ItemState::Running).await;
        order.extend(numbers(ItemState::Waiting).await);
        stream::iter(order.into_iter().map(Ok))
            .try_for_each_concurrent(work.operation.action.at_once(), |number| {
                self.do_item(work, number)
            })
            .await
    }

    /// Renews the lease until that fails, and hears of it when somebody wants the operation to stop.
    async fn keep_alive(&self, work: &Work) -> store::Error {
        let mut heartbeat = every(HEARTBEAT);
        loop {
            heartbeat.tick().await;
            let now = self.0.integrations.clock.now();
            match self.store().renew_bulk(&work.reference, now, LEASE).await {
                Ok(true) => work.stopping.cancel(),
                Ok(false) => {}
                Err(error) => return error,
            }
        }
    }

    /// Writes how an item stands now.
    pub(super) async fn save(
        &self,
        work: &Work,
        item: &BulkItem,
        begun: Option<Begun<'_>>,
    ) -> Result<(), store::Error> {
        let mut items = work.items.lock().await;
        if let Some(known) = items.iter_mut().find(|known| known.number == item.number) {
            known.clone_from(item);
        }
        let counts = BulkCounts::of(items.iter());
        let now = self.0.integrations.clock.now();
        self.store()
            .save_bulk_item(&work.reference, item, &counts, begun, now)
            .await?;
        self.changed(work.operation.id);
        Ok(())
    }

    async fn finish(&self, work: &Work) -> Result<(), Trouble> {
        let mut items = work.items.lock().await;
        for item in items.iter_mut() {
            if item.state == ItemState::Waiting {
                item.state = ItemState::NotDone;
            }
        }
        let counts = BulkCounts::of(items.iter());
        let why = work
            .why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .unwrap_or_else(|| STOPPED.to_owned());
        let now = self.0.integrations.clock.now();
        self.store()
            .finish_bulk(&work.reference, &counts, &why, now)
            .await?;
        info!(
            done = counts.done,
            failed = counts.failed,
            "bulk operation ended"
        );
        Ok(())
    }
}
