#![doc = include_str!("../README.md")]

/// The fake's own API under `/__fake/`.
mod admin;
/// Putting things there: `given(|plane| …)`.
mod build;
/// Sockets, TLS and connections that die.
mod connection;
/// Changing things there.
mod edit;
/// What goes wrong on demand.
pub mod faults;
/// A project's work items and their orders.
mod items;
/// Believable names.
mod names;
/// Plane's pages and cursors.
mod paging;
/// Plane's sliding window.
mod rate_limit;
/// The public API: what is asked, who may, what is answered.
mod routes;
/// Rows as Plane writes them.
mod rows;
/// Whole workspaces: the demo, the end-to-end tests' and the bench's.
pub mod seed;
/// What the fake knows, and the questions one can ask of it.
pub mod state;
/// Deliveries to whoever registered.
pub mod webhooks;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use connection::TlsKind;
pub use faults::{Fault, What};
pub use state::{Role, State};
pub use webhooks::{Delivery, Retry};

use faults::Faults;
use rate_limit::RateLimit;

/// Where "now" comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// A clock that a test moves.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the real time comes in"
        )]
        Self::new(|| std::time::SystemTime::now().into())
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Which Plane to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// No `/work-items/`, no `/users/me/`, no members.
    V0_27,
    /// No `/work-items/`, no summary.
    V1_0,
    #[default]
    V1_3_1,
}

impl Version {
    /// `"1.3.1"`, `"1.0"` or `"0.27"`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim_start_matches('v') {
            "0.27" | "0.27.0" | "0.27.1" => Some(Self::V0_27),
            "1.0" | "1.0.0" => Some(Self::V1_0),
            "1.3.1" => Some(Self::V1_3_1),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V0_27 => "v0.27.1",
            Self::V1_0 => "v1.0.0",
            Self::V1_3_1 => "v1.3.1",
        }
    }
}

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    pub addr: SocketAddr,
    pub version: Version,
    /// Requests per minute and key; none switches the limit and its headers off.
    pub rate_limit: Option<u32>,
    /// What the limit counts over: a minute in every Plane.
    pub rate_window: TimeDelta,
    /// Rows that a page may have: 1000, or 100 in v0.20 to v0.22 (plane-api.md section 3).
    pub largest_page: u32,
    /// Ids and keys follow from it.
    pub seed: u64,
    /// The first date that seeded rows carry.
    pub epoch: DateTime<Utc>,
    pub clock: Clock,
    /// How long to wait before an undelivered webhook is sent again.
    pub webhook_retry: Retry,
    /// Deliveries are not sent but wait to be taken, by a test that chooses what becomes of each.
    pub hold_webhooks: bool,
    /// Serve HTTPS with this kind of certificate.
    pub tls: Option<TlsKind>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            version: Version::default(),
            rate_limit: Some(60),
            rate_window: TimeDelta::seconds(60),
            largest_page: 1000,
            seed: 1,
            epoch: DateTime::from_timestamp(1_785_542_400, 0).unwrap_or(DateTime::UNIX_EPOCH),
            clock: Clock::system(),
            webhook_retry: Retry::default(),
            hold_webhooks: false,
            tls: None,
        }
    }
}

/// A request as the fake saw it. Never holds a key.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: String,
    /// 0 when the connection was dropped.
    pub status: u16,
    pub at: DateTime<Utc>,
}

/// A running fake Plane; dropping it stops the server.
pub struct FakePlane {
    shared: Arc<Shared>,
    addr: SocketAddr,
    tls: Option<connection::Tls>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

/// What every connection of one server looks at.
pub(crate) struct Shared {
    pub state: RwLock<State>,
    pub faults: Mutex<Faults>,
    pub limit: Mutex<RateLimit>,
    pub largest_page: u32,
    pub seen: Mutex<Vec<Seen>>,
    pub deliveries: Mutex<Vec<Delivery>>,
    /// Bodies that wait to be taken, if deliveries are not sent.
    pub held: Option<Mutex<Vec<String>>>,
    pub clock: Clock,
    pub version: Version,
    pub retry: Retry,
    pub sender: reqwest::Client,
    pub runtime: tokio::runtime::Handle,
    pub is_stopped: Arc<AtomicBool>,
}

impl FakePlane {
    /// Starts an empty Plane.
    ///
    /// # Panics
    /// When the address can't be bound or the certificate can't be made: nothing can be tested then.
    pub async fn start(options: Options) -> FakePlane {
        let listener = tokio::net::TcpListener::bind(options.addr).await;
        let listener = listener.expect("the fake Plane's address must be free");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let tls = options
            .tls
            .map(|kind| connection::Tls::new(kind, options.clock.now()));
        let shared = Arc::new(Shared {
            state: RwLock::new(State::new(
                options.clock.clone(),
                options.seed,
                options.epoch,
            )),
            faults: Mutex::default(),
            limit: Mutex::new(RateLimit::new(options.rate_limit, options.rate_window)),
            largest_page: options.largest_page,
            seen: Mutex::default(),
            deliveries: Mutex::default(),
            held: options.hold_webhooks.then(Mutex::default),
            clock: options.clock,
            version: options.version,
            retry: options.webhook_retry,
            sender: webhooks::sender(),
            runtime: tokio::runtime::Handle::current(),
            is_stopped: Arc::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let acceptor = tls.as_ref().map(connection::Tls::shown);
        let server = tokio::spawn(connection::serve(
            listener,
            acceptor,
            shared.clone(),
            stopped,
        ));
        FakePlane {
            shared,
            addr,
            tls,
            stop: Some(stop),
            server,
        }
    }

    /// Starts an empty Plane behind HTTPS.
    pub async fn start_tls(options: Options, kind: TlsKind) -> FakePlane {
        FakePlane::start(Options {
            tls: Some(kind),
            ..options
        })
        .await
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate authority that signed the server's certificate, if it serves HTTPS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(|tls| tls.ca_pem.as_str())
    }

    /// Shows another certificate to connections that come from now on, if it serves HTTPS.
    pub fn show_certificate(&self, kind: TlsKind) {
        if let Some(tls) = &self.tls {
            tls.show(kind, self.shared.clock.now());
        }
    }

    /// Reads or changes what Plane knows. Webhooks that follow from it are sent afterwards.
    pub fn given<R>(&self, tell: impl FnOnce(&mut State) -> R) -> R {
        self.shared.change(tell)
    }

    /// Switches a fault on.
    pub fn fail(&self, fault: impl Into<Fault>) {
        lock(&self.shared.faults).add(fault.into());
    }

    /// Switches all faults off.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Every request so far, without those to `/__fake/`.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    pub fn forget_requests(&self) {
        lock(&self.shared.seen).clear();
    }

    /// Changes the limit and forgets what was counted.
    pub fn set_rate_limit(&self, per_minute: Option<u32>) {
        self.shared.set_rate_limit(per_minute);
    }

    /// Every webhook request sent so far, with its outcome.
    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.shared.deliveries).clone()
    }

    /// The bodies of deliveries that were held back since this was asked last, the oldest first.
    pub fn take_held(&self) -> Vec<String> {
        let held = self.shared.held.as_ref().map(lock);
        held.map(|mut held| std::mem::take(&mut *held))
            .unwrap_or_default()
    }

    /// Waits until the server ends, which it does only when its task fails.
    pub async fn wait(mut self) {
        let _ = (&mut self.server).await;
    }
}

/// Its address alone: the state holds keys.
impl fmt::Debug for FakePlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakePlane")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Drop for FakePlane {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.server.abort();
    }
}

impl Shared {
    pub(crate) fn change<R>(self: &Arc<Self>, tell: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self
            .state
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let result = tell(&mut state);
        let events: Vec<_> = state.events.drain(..).collect();
        drop(state);
        webhooks::dispatch(self, events);
        result
    }

    pub(crate) fn set_rate_limit(&self, per_minute: Option<u32>) {
        let mut limit = lock(&self.limit);
        limit.per_minute = per_minute;
        limit.forget();
    }
}

/// A panic in a test's `given` must not hide behind a poisoned lock elsewhere.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
