//! Ends the process when one of its runtimes does nothing any more.
//!
//! surrealkv 0.21.4 can lock itself up for good: the compaction that follows an opening of the engine holds `level_manifest` and
//! takes `immutable_memtables` (`Compactor::update_manifest`), a scan takes them in the other order (`Snapshot::collect_iter_state`).
//! Then every thread that asks the database stands still, those included that would answer requests and signals. What was
//! acknowledged is durable, so ending is no worse than a `kill -9`, and whoever looks after the process starts it again.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tokio::runtime::Handle;

/// How often it is looked, and for how long a sign is waited for.
const LOOK: Duration = Duration::from_secs(5);
/// So many looks in a row without a sign are two minutes: no single piece of work takes that long.
const LOOKS: u32 = 24;

/// What a runtime does with something new.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    Alive,
    /// None of its threads took it.
    Silent,
    /// It takes nothing new, because the process ends.
    Ended,
}

/// Watches these runtimes from a thread of its own, and calls `end` once one of them is stuck.
pub fn watch(runtimes: Vec<Handle>, end: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        watch_until_stuck(&runtimes, LOOK, LOOKS).then(end);
    });
}

/// `true` when one of them is stuck, `false` when they have ended.
fn watch_until_stuck(runtimes: &[Handle], look: Duration, looks: u32) -> bool {
    let mut silent = vec![0; runtimes.len()];
    loop {
        for (runtime, silent) in runtimes.iter().zip(&mut silent) {
            match sign_of(runtime, look) {
                Sign::Alive => *silent = 0,
                Sign::Silent => *silent += 1,
                Sign::Ended => return false,
            }
        }
        if silent.iter().any(|silent| *silent >= looks) {
            return true;
        }
        thread::park_timeout(look);
    }
}

fn sign_of(runtime: &Handle, patience: Duration) -> Sign {
    let (send, receive) = mpsc::channel();
    runtime.spawn(async move { send.send(()) });
    match receive.recv_timeout(patience) {
        Ok(()) => Sign::Alive,
        Err(RecvTimeoutError::Timeout) => Sign::Silent,
        Err(RecvTimeoutError::Disconnected) => Sign::Ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_whose_threads_all_stand_still_is_stuck_and_one_that_ended_is_not() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let long = Duration::from_secs(60);
        assert_eq!(sign_of(&handle, long), Sign::Alive);

        let stuck = [(); 2].map(|()| {
            let (go_on, wait) = mpsc::channel::<()>();
            let (begun, begins) = mpsc::channel();
            handle.spawn(async move {
                begun.send(()).unwrap();
                wait.recv()
            });
            begins.recv_timeout(long).unwrap();
            go_on
        });
        let moment = Duration::from_millis(5);
        assert!(watch_until_stuck(std::slice::from_ref(&handle), moment, 3));

        drop(stuck);
        assert_eq!(sign_of(&handle, long), Sign::Alive);
        drop(runtime);
        assert!(!watch_until_stuck(&[handle], long, 3));
    }
}
