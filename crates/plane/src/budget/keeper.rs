use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Budget, Record};

/// Where budgets are kept, for the next start and for other processes. Implemented over the store.
pub trait Ledger: Send + Sync {
    /// What is kept of this budget; an empty record if nothing is.
    fn load(&self) -> impl Future<Output = Result<Record, LedgerError>> + Send;

    /// Keeps the record in place of the one with its revision. Whether that was still there.
    fn save(&self, record: &Record) -> impl Future<Output = Result<bool, LedgerError>> + Send;

    /// The time of the records.
    fn now(&self) -> DateTime<Utc>;

    /// No other process can use the ledger at the same time.
    fn is_alone(&self) -> bool;
}

/// The ledger could not be asked. No call is made without it, so it is asked again.
#[derive(Debug, thiserror::Error)]
#[error("the budgets' ledger failed: {0}")]
pub struct LedgerError(pub String);

/// Keeps a budget in step with the ledger until `stop`, and writes down the last calls then. From now on no call is made
/// that is not claimed there.
pub fn keep(
    budget: Arc<Budget>,
    ledger: impl Ledger,
    me: Uuid,
    stop: impl Future<Output = ()> + Send,
) -> impl Future<Output = ()> + Send {
    budget.state().claims.needed = true;
    keep_on(budget, ledger, me, stop)
}

async fn keep_on(
    budget: Arc<Budget>,
    ledger: impl Ledger,
    me: Uuid,
    stop: impl Future<Output = ()> + Send,
) {
    let mut stop = std::pin::pin!(stop);
    let mut changes = budget.changed.subscribe();
    let mut is_last = false;
    while !is_last {
        changes.mark_unchanged();
        let at = budget.state().keep_at(Instant::now());
        let is_due = at.is_some_and(|at| at <= Instant::now());
        if !is_due {
            tokio::select! {
                biased;
                () = &mut stop => is_last = true,
                _ = changes.changed() => continue,
                () = budget.asked.notified() => continue,
                () = sleep_until(at) => {}
            }
        }
        // A failing ledger must not hold up the end.
        let tries = if is_last { 3 } else { u32::MAX };
        tokio::select! {
            biased;
            () = write(&budget, &ledger, me, is_last, tries) => {}
            () = &mut stop, if !is_last => {
                is_last = true;
                write(&budget, &ledger, me, true, 3).await;
            }
        }
    }
}

/// Reads if that is needed, and writes; again until nobody else wrote in between.
async fn write(budget: &Budget, ledger: &impl Ledger, me: Uuid, is_last: bool, tries: u32) {
    for _ in 0..tries {
        match exchange(budget, ledger, me, is_last).await {
            Ok(true) => {
                budget.wake();
                return;
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "calls to Plane wait");
                let pause = budget.state().span / 60;
                tokio::time::sleep(pause.max(Duration::from_millis(10))).await;
            }
        }
        budget.state().claims.forget_record();
    }
}

async fn exchange(
    budget: &Budget,
    ledger: &impl Ledger,
    me: Uuid,
    is_last: bool,
) -> Result<bool, LedgerError> {
    // What others did since shows at the write, by its revision; while they hold what is waited for, it is looked at.
    let must_read = {
        let now = Instant::now();
        let mut state = budget.state();
        state.forget(now);
        state.must_read(now)
    };
    if must_read {
        let record = ledger.load().await?;
        let now = Instant::now();
        let mut state = budget.state();
        state.forget(now);
        state.absorb(record, me, ledger.is_alone(), ledger.now(), now);
    }
    let draft = {
        let now = Instant::now();
        let mut state = budget.state();
        state.forget(now);
        state.draft(me, is_last, ledger.now(), now)
    };
    let Some(draft) = draft else {
        return Ok(true);
    };
    let is_saved = ledger.save(&draft.record).await?;
    if is_saved {
        budget.state().confirm(draft);
    }
    Ok(is_saved)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
