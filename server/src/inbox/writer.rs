use std::sync::{Weak, atomic::Ordering};

use store::{Delivery, ParcelId};
use tokio::sync::{mpsc, oneshot};

use super::{InboxService, Inner};

/// Deliveries that may wait for the writer.
pub(super) const QUEUE: usize = 1024;
/// In one transaction: as many as arrive while the one before is written, up to here.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1 << 20;

/// A delivery on its way to the writer, and whoever waits for that.
pub(super) struct Incoming {
    delivery: Delivery,
    done: oneshot::Sender<Result<(), store::Error>>,
}

impl InboxService {
    /// Has a delivery written, and waits for that.
    pub(super) async fn keep(&self, delivery: Delivery) -> Result<(), store::Error> {
        let (done, kept) = oneshot::channel();
        let incoming = Incoming { delivery, done };
        let sent = self.0.incoming.send(incoming).await;
        sent.map_err(|_| store::Error::Closed)?;
        kept.await.map_err(|_| store::Error::Closed)?
    }

    async fn write_parcel(&self, id: ParcelId, batch: Vec<Incoming>) {
        let (deliveries, waiting): (Vec<Delivery>, Vec<_>) = batch
            .into_iter()
            .map(|incoming| (incoming.delivery, incoming.done))
            .unzip();
        self.0.pace.note(self.now(), deliveries.len());
        let kept = self
            .store()
            .keep_deliveries(id, deliveries, self.now())
            .await;
        self.0.written.store(id.number, Ordering::Release);
        for done in waiting {
            // A sender that hung up will send it again.
            let _ = done.send(kept.clone());
        }
        self.0.unsorted.notify_one();
    }
}

/// Writes what arrives, as much at once as there is, until nobody can send any more.
pub(super) async fn write(inbox: Weak<Inner>, mut received: mpsc::Receiver<Incoming>) {
    let mut waiting = Vec::new();
    while received.recv_many(&mut waiting, BATCH).await > 0 {
        let Some(inner) = inbox.upgrade() else { return };
        let inbox = InboxService(inner);
        while !waiting.is_empty() {
            let batch = waiting.drain(..fitting(&waiting)).collect();
            let portal = inbox.0.portal;
            let number = inbox.0.written.load(Ordering::Acquire) + 1;
            inbox.write_parcel(ParcelId { portal, number }, batch).await;
        }
    }
}

/// How many of the first ones are small enough for one transaction; always one at least.
fn fitting(waiting: &[Incoming]) -> usize {
    let mut bytes = 0;
    let small = waiting.iter().take_while(|incoming| {
        bytes += incoming.delivery.body.len();
        bytes <= BATCH_BYTES
    });
    small.count().max(1)
}
