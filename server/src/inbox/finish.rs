use std::sync::Weak;

use chrono::TimeDelta;
use domain::inbox::BurstResult;
use store::Claimed;
use tokio::sync::{mpsc, oneshot};

use super::{InboxService, Inner};

/// Results that may wait.
pub(super) const QUEUE: usize = 256;
/// In one transaction.
const BATCH: usize = 64;

/// What became of a burst, on its way into the store, and whoever waits for that.
pub(super) struct Finished {
    claimed: Claimed,
    result: BurstResult,
    done: oneshot::Sender<Result<(), store::Error>>,
}

impl InboxService {
    /// Has it written what became of a burst, and waits for that.
    pub(super) async fn finish(
        &self,
        claimed: &Claimed,
        result: BurstResult,
    ) -> Result<(), store::Error> {
        let (done, written) = oneshot::channel();
        let lag = claimed.burst.updated_at.map(|changed| result.at - changed);
        self.0.integrations.metrics.applied(&result, lag);
        if let Some(lag) = lag.filter(|lag| *lag >= TimeDelta::zero()) {
            let lags = &self.0.integrations.lags;
            lags.add(claimed.burst.integration, lag, result.at);
        }
        let claimed = claimed.clone();
        let finished = Finished {
            claimed,
            result,
            done,
        };
        let sent = self.0.finished.send(finished).await;
        sent.map_err(|_| store::Error::Closed)?;
        written.await.map_err(|_| store::Error::Closed)?
    }
}

/// Writes results, as many at once as there are, until nobody can send any more: alone, because all of an integration count
/// into the same record.
pub(super) async fn write(inbox: Weak<Inner>, mut finished: mpsc::Receiver<Finished>) {
    let mut batch = Vec::new();
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        let Some(inner) = inbox.upgrade() else { return };
        let inbox = InboxService(inner);
        let (results, waiting): (Vec<_>, Vec<_>) = batch
            .drain(..)
            .map(|one| ((one.claimed, one.result), one.done))
            .unzip();
        let _turn = inbox.0.bursts.lock().await;
        let written = inbox.store().finish_bursts(&results).await.map(drop);
        for done in waiting {
            // Whoever stopped waiting has ended.
            let _ = done.send(written.clone());
        }
    }
}
