use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use domain::run::{Counts, Progress};
use plane::Usage;

use super::recorder::Recorder;

/// Where the walk is, for whoever watches.
pub(super) struct Live {
    now: Mutex<(Progress, Counts)>,
    pub(super) record: Recorder,
    /// Held by whoever writes for the run. A page and a heartbeat both write its record: side by side they would only
    /// make each other start over, and a page that takes longer than a heartbeat would never be done.
    writing: tokio::sync::Mutex<()>,
}

impl Live {
    /// Of a run that started then.
    pub(super) fn of(started_at: DateTime<Utc>) -> Self {
        Self {
            now: Mutex::default(),
            record: Recorder::new(started_at),
            writing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.lock().0.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().1
    }

    /// Takes over what the client counts.
    pub(super) fn note(&self, usage: Usage, waiting_until: Option<DateTime<Utc>>) {
        let mut live = self.lock();
        live.0.waiting_until = waiting_until;
        live.1.requests = usage.requests;
        live.1.rate_limited = usage.rate_limited;
        live.1.bytes = usage.bytes;
        live.1.waited_seconds = u32::try_from(usage.waited.as_secs()).unwrap_or(u32::MAX);
    }

    /// The right to write for the run, for as long as it is held.
    pub(super) async fn writing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    pub(super) fn update(&self, f: impl FnOnce(&mut Progress, &mut Counts)) {
        let mut live = self.lock();
        let (progress, counts) = &mut *live;
        f(progress, counts);
    }

    fn lock(&self) -> MutexGuard<'_, (Progress, Counts)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
