//! An engine that is opened begins a compaction. surrealkv 0.21.4 takes the lock of its tables and then that of its memtables when a
//! compaction ends, and the other way round when a scan begins: if the two meet, both wait for good. They hardly ever do beside
//! queries; whoever opens an engine and scans all of it at once waits here until the compaction is over.

use std::{io, sync::LazyLock, thread};

use tokio::runtime::{Builder, Handle};

use crate::error::Error;

/// One thread for as long as the process lives, which such engines' own tasks run on, one after the other.
static TASKS: LazyLock<io::Result<Handle>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let run = move || runtime.block_on(std::future::pending::<()>());
    thread::Builder::new().name("settling".into()).spawn(run)?;
    Ok(handle)
});

/// Opens something, and waits until all that the opening began has been done or waits for something itself.
pub(crate) async fn settled<T: Send + 'static>(
    opening: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    let tasks = TASKS
        .as_ref()
        .map_err(|error| Error::Files(format!("no thread could be started: {error}")))?;
    let opening = tasks.spawn(async {
        let opened = opening.await;
        // Tasks of one thread have their turns in the order in which they began; a compaction is one turn.
        let behind = tokio::spawn(async {});
        behind.await.map(|()| opened)
    });
    let ended = |error| Error::Files(format!("an opening ended before it was done: {error}"));
    opening.await.map_err(ended)?.map_err(ended)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn what_an_opening_begins_has_had_its_turn() {
        for _ in 0..50 {
            let done = Arc::new(AtomicBool::new(false));
            let (notify, has_begun) = (Arc::new(tokio::sync::Notify::new()), done.clone());
            let opening = async move {
                let woken = notify.clone();
                tokio::spawn(async move {
                    woken.notified().await;
                    thread::sleep(std::time::Duration::from_millis(1)); // it works
                    has_begun.store(true, Ordering::SeqCst);
                });
                notify.notify_one();
                7
            };
            assert_eq!(settled(opening).await.unwrap(), 7);
            assert!(done.load(Ordering::SeqCst));
        }
    }

    #[tokio::test]
    async fn an_opening_that_panics_is_an_error() {
        let failed = settled(async { panic!("not today") }).await;
        assert_eq!(
            failed.map(|(): ()| ()).err().map(|e| e.code()),
            Some("files")
        );
    }
}
