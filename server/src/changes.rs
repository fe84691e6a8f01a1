use std::time::Duration;

use tokio::sync::broadcast;

/// What another instance on the same database changed is noticed at this pace; our own changes are told at once.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Waits until `one` may have changed.
pub(crate) async fn next_change<T: Clone + PartialEq>(
    changes: &mut broadcast::Receiver<T>,
    one: &T,
) {
    let changed = async {
        loop {
            match changes.recv().await {
                Ok(changed) if changed == *one => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Running into the time limit is the slow way of noticing.
    let _ = tokio::time::timeout(LOOK_AGAIN, changed).await;
}
