use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    run::Phase,
    run_log::{ApiCall, CALLS_KEPT, FAILED_CALLS_KEPT, Timeline},
};
use plane::{Call, Plane};
use tokio::time::Instant;

/// What a run leaves to be looked at, until it is written down.
pub(super) struct Recorder {
    started_at: DateTime<Utc>,
    began: Instant,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    timeline: Timeline,
    /// There is something that was not taken yet.
    has_news: bool,
    calls: u32,
    failed_calls: u32,
}

impl Recorder {
    /// Of a run that starts now.
    pub(super) fn new(started_at: DateTime<Utc>) -> Self {
        let kept = Kept::default();
        let recorder = Self {
            started_at,
            began: Instant::now(),
            kept: Mutex::new(kept),
        };
        recorder.enter(Phase::Starting, None);
        recorder
    }

    pub(super) fn enter(&self, phase: Phase, project: Option<&str>) {
        let now = ms(self.began.elapsed());
        let mut kept = self.lock();
        kept.timeline.enter(phase, project, now);
        kept.has_news = true;
    }

    /// The run has ended: what is taken next is the last.
    pub(super) fn close(&self) {
        self.lock().has_news = true;
    }

    /// The calls to be kept of those made since the last time, and the timeline until now; `None`: nothing is new.
    pub(super) fn take(&self, plane: &Plane) -> Option<(Vec<ApiCall>, Timeline)> {
        let mut kept = self.lock();
        kept.timeline.reach(ms(self.began.elapsed()));
        let mut calls = Vec::new();
        for call in plane.take_calls() {
            kept.has_news = true;
            let at = (plane.made() + call.after).saturating_duration_since(self.began);
            kept.timeline
                .wait(ms(at.saturating_sub(call.waited)), ms(at));
            let call = api_call(call, self.started_at, at);
            if kept.has_room_for(&call) {
                calls.push(call);
            }
        }
        // The call that waits tells of it once more when it is made: it is the same wait, gone on.
        if let Some(wait) = *plane.waiting().borrow() {
            kept.has_news = true;
            let since = wait.since.saturating_duration_since(self.began);
            kept.timeline.wait(ms(since), ms(self.began.elapsed()));
        }
        std::mem::take(&mut kept.has_news).then(|| (calls, kept.timeline.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn has_room_for(&mut self, call: &ApiCall) -> bool {
        let (kept, most) = if self.calls < CALLS_KEPT {
            (&mut self.calls, CALLS_KEPT)
        } else if call.failed() {
            (&mut self.failed_calls, FAILED_CALLS_KEPT)
        } else {
            return false;
        };
        let has_room = *kept < most;
        *kept += u32::from(has_room);
        has_room
    }
}

fn api_call(call: Call, started_at: DateTime<Utc>, at: Duration) -> ApiCall {
    ApiCall {
        number: call.number,
        method: call.method.to_owned(),
        path: call.path,
        status: call.status,
        error: call.error.map(ToOwned::to_owned),
        started_at: started_at + TimeDelta::from_std(at).unwrap_or_default(),
        took_ms: ms(call.took),
        waited_ms: ms(call.waited),
        bytes: call.bytes,
    }
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_calls_are_kept_and_some_that_failed_after_them() {
        let call = |status| ApiCall {
            number: 1,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            status: Some(status),
            error: None,
            started_at: DateTime::UNIX_EPOCH,
            took_ms: 1,
            waited_ms: 0,
            bytes: 0,
        };
        let mut kept = Kept::default();
        let mut count = |status, n| (0..n).filter(|_| kept.has_room_for(&call(status))).count();
        assert_eq!(count(200, 700), 500);
        assert_eq!(count(200, 5), 0);
        assert_eq!(count(503, 150), 100);
    }
}
