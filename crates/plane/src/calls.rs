use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

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
    /// Calls that Plane said were left.
    pub remaining: Option<u32>,
}

impl Call {
    /// What was asked for, without whose: the path without workspace, ids and query, such as `projects/:id/work-items`.
    pub fn endpoint(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/api/v1/").unwrap_or(path);
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let parts = match parts.as_slice() {
            ["workspaces", _, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let named = parts.iter().map(|part| match Uuid::parse_str(part) {
            Ok(_) => ":id",
            Err(_) => part,
        });
        named.collect::<Vec<_>>().join("/")
    }

    /// Plane's id of the project that was asked about.
    pub fn project(&self) -> Option<Uuid> {
        let (_, rest) = self.path.split_once("/projects/")?;
        let id = rest.split(['/', '?']).next()?;
        Uuid::parse_str(id).ok()
    }
}

/// Is told of every call of a client with the key, when it has ended.
#[derive(Clone)]
pub struct OnCall(Arc<dyn Fn(&Call) + Send + Sync>);

impl OnCall {
    /// `told` must be quick: the call's answer waits for it.
    pub fn new(told: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        Self(Arc::new(told))
    }
}

impl fmt::Debug for OnCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnCall")
    }
}

/// Query parameters that say where in a list a call asked. Everything else stays out.
const SHOWN: [&str; 3] = ["per_page", "cursor", "order_by"];
/// Of a call that nobody waits for any more.
const CANCELLED: &str = "cancelled";
/// So many calls are remembered until somebody takes them; the oldest go first.
const ROOM: usize = 1000;

/// The calls of one client.
#[derive(Debug)]
pub(crate) struct Calls {
    made: Instant,
    on_call: Option<OnCall>,
    all: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    count: u32,
    calls: Vec<Call>,
    failed: Option<Call>,
}

impl Calls {
    pub(crate) fn new(on_call: Option<OnCall>) -> Self {
        Self {
            made: Instant::now(),
            on_call,
            all: Mutex::default(),
        }
    }

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
            remaining: OnceLock::new(),
            error: Some(CANCELLED),
        }
    }

    /// What was made since the last time.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// The latest one that failed.
    pub(crate) fn failed(&self) -> Option<Call> {
        self.lock().failed.clone()
    }

    /// When the client was made.
    pub(crate) fn since(&self) -> Instant {
        self.made
    }

    /// Answers the call with its number.
    fn remember(&self, call: Call) -> Call {
        let mut all = self.lock();
        all.count += 1;
        let number = all.count;
        if all.calls.len() == ROOM {
            all.calls.remove(0);
        }
        let call = Call { number, ..call };
        all.calls.push(call.clone());
        if call.error.is_some_and(|error| error != CANCELLED) {
            all.failed = Some(call.clone());
        }
        call
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
    remaining: OnceLock<u32>,
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
            remaining: OnceLock::new(),
            error: None,
        }
    }

    pub(crate) fn answered(&self, status: u16) {
        self.status.store(status, Relaxed);
    }

    pub(crate) fn left(&self, remaining: u32) {
        let _ = self.remaining.set(remaining);
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
            remaining: self.remaining.get().copied(),
        };
        let call = calls.remember(call);
        if let Some(OnCall(told)) = &calls.on_call {
            told(&call);
        }
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
        let calls = Calls::new(None);
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
        call.left(59);
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
            remaining: Some(59),
        };
        assert_eq!(taken[0], expected);
        assert_eq!((taken[1].number, taken[1].error), (2, Some("cancelled")));
        assert!(calls.take().is_empty());
    }

    #[tokio::test]
    async fn whoever_listens_is_told_of_each_when_it_ends() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let on_call = {
            let told = told.clone();
            OnCall::new(move |call| told.lock().unwrap().push((call.number, call.error)))
        };
        let calls = Calls::new(Some(on_call));
        let first = calls.begin("/api/v1/x/", &[], Duration::ZERO);
        drop(calls.begin("/api/v1/y/", &[], Duration::ZERO));
        first.end(None);
        assert_eq!(*told.lock().unwrap(), [(1, Some("cancelled")), (2, None)]);
    }

    #[tokio::test]
    async fn an_endpoint_names_nobody() {
        let calls = Calls::new(None);
        let endpoint = |path: &str| {
            calls
                .begin(path, &[("per_page", "1")], Duration::ZERO)
                .end(None);
            calls.take()[0].endpoint()
        };
        let id = "0a5c9c2e-5d0f-4b0a-9a53-1d1f0f2f4b11";
        let items = format!("/api/v1/workspaces/acme/projects/{id}/work-items/{id}/");
        assert_eq!(endpoint(&items), "projects/:id/work-items/:id");
        assert_eq!(
            endpoint("/api/v1/workspaces/projects/projects/"),
            "projects"
        );
        assert_eq!(endpoint("/api/v1/users/me/"), "users/me");
        let project = |path: &str| {
            calls.begin(path, &[], Duration::ZERO).end(None);
            calls.take()[0].project()
        };
        assert_eq!(project(&items), Uuid::parse_str(id).ok());
        assert_eq!(project("/api/v1/workspaces/projects/projects/"), None);
    }

    #[tokio::test]
    async fn nobody_who_takes_them_is_no_reason_to_grow() {
        let calls = Calls::new(None);
        for _ in 0..ROOM + 5 {
            calls.begin("/", &[], Duration::ZERO).end(None);
        }
        let taken = calls.take();
        assert_eq!((taken.len(), taken[0].number), (ROOM, 6));
    }
}
