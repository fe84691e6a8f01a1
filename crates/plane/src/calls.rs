use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// One call with the key, as it was made: no key, no body, and of the query only where in a list it asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Counted from 1 by each client.
    pub number: u32,
    pub method: &'static str,
    /// With the ids in it, and the place in a list.
    pub path: String,
    /// Of the answer, if its head came.
    pub status: Option<u16>,
    /// Why it failed: an [`Error`](crate::Error)'s code, or `cancelled`.
    pub error: Option<&'static str>,
    /// When it was sent, since the client was made.
    pub after: Duration,
    pub took: Duration,
    /// How long it waited for the budget before.
    pub waited: Duration,
    /// Of the answer's body, after decompression.
    pub bytes: u64,
}

/// Query parameters that say where in a list a call asked. Everything else stays out.
const SHOWN: [&str; 3] = ["per_page", "cursor", "order_by"];
/// So many calls are remembered until somebody takes them; the oldest go first.
const ROOM: usize = 1000;

/// The calls of one client.
#[derive(Debug)]
pub(crate) struct Calls {
    made: Instant,
    all: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    count: u32,
    calls: Vec<Call>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            made: Instant::now(),
            all: Mutex::default(),
        }
    }
}

impl Calls {
    /// A call that is sent now.
    pub(crate) fn begin(
        &self,
        path: &str,
        query: &[(&str, &str)],
        waited: Duration,
    ) -> Recording<'_> {
        Recording {
            calls: Some(self),
            path: shown(path, query),
            began: Instant::now(),
            waited,
            status: AtomicU16::new(0),
            bytes: AtomicU64::new(0),
            error: Some("cancelled"),
        }
    }

    /// What was made since the last time.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// When the client was made.
    pub(crate) fn since(&self) -> Instant {
        self.made
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. It is remembered when this is dropped, so also when nobody waits for the call any more.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    calls: Option<&'a Calls>,
    path: String,
    began: Instant,
    waited: Duration,
    status: AtomicU16,
    bytes: AtomicU64,
    error: Option<&'static str>,
}

impl Recording<'_> {
    /// Of a call without the key, which nobody counts.
    pub(crate) fn none() -> Recording<'static> {
        Recording {
            calls: None,
            path: String::new(),
            began: Instant::now(),
            waited: Duration::ZERO,
            status: AtomicU16::new(0),
            bytes: AtomicU64::new(0),
            error: None,
        }
    }

    pub(crate) fn answered(&self, status: u16) {
        self.status.store(status, Relaxed);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Ends the call, with why it failed.
    pub(crate) fn end(mut self, error: Option<&'static str>) -> u64 {
        self.error = error;
        self.bytes.load(Relaxed)
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let Some(calls) = self.calls else { return };
        let status = self.status.load(Relaxed);
        let call = Call {
            number: 0,
            method: "GET",
            path: std::mem::take(&mut self.path),
            status: (status != 0).then_some(status),
            error: self.error,
            after: self.began.duration_since(calls.made),
            took: self.began.elapsed(),
            waited: self.waited,
            bytes: self.bytes.load(Relaxed),
        };
        let mut all = calls.lock();
        all.count += 1;
        let number = all.count;
        if all.calls.len() == ROOM {
            all.calls.remove(0);
        }
        all.calls.push(Call { number, ..call });
    }
}

fn shown(path: &str, query: &[(&str, &str)]) -> String {
    let mut shown = path.to_owned();
    for (name, value) in query.iter().filter(|(name, _)| SHOWN.contains(name)) {
        shown.push(if shown.contains('?') { '&' } else { '?' });
        shown.push_str(&format!("{name}={value}"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_is_remembered_with_its_answer_and_one_that_was_dropped_too() {
        let calls = Calls::default();
        tokio::time::advance(Duration::from_secs(2)).await;
        let query = [
            ("per_page", "100"),
            ("fields", "id"),
            ("token", "secret"),
            ("cursor", "100:1:0"),
        ];
        let call = calls.begin("/api/v1/x/", &query, Duration::from_secs(1));
        call.answered(200);
        call.read(30);
        call.read(12);
        tokio::time::advance(Duration::from_millis(84)).await;
        assert_eq!(call.end(None), 42);
        drop(calls.begin("/api/v1/y/", &[], Duration::ZERO));

        let taken = calls.take();
        let expected = Call {
            number: 1,
            method: "GET",
            path: "/api/v1/x/?per_page=100&cursor=100:1:0".to_owned(),
            status: Some(200),
            error: None,
            after: Duration::from_secs(2),
            took: Duration::from_millis(84),
            waited: Duration::from_secs(1),
            bytes: 42,
        };
        assert_eq!(taken[0], expected);
        assert_eq!((taken[1].number, taken[1].error), (2, Some("cancelled")));
        assert!(calls.take().is_empty());
    }

    #[tokio::test]
    async fn nobody_who_takes_them_is_no_reason_to_grow() {
        let calls = Calls::default();
        for _ in 0..ROOM + 5 {
            calls.begin("/", &[], Duration::ZERO).end(None);
        }
        let taken = calls.take();
        assert_eq!((taken.len(), taken[0].number), (ROOM, 6));
    }
}
