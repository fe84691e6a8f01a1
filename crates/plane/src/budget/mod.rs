/// Keeping budgets in a database.
mod keeper;
/// Who goes first.
mod lanes;
/// What processes tell each other.
mod shared;
/// Many processes, restarts and a strict Plane, in simulated time.
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
/// The sliding log.
mod window;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::text::BaseUrl;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use self::window::{Turn, Window};
pub use self::{
    keeper::{Ledger, LedgerError, keep},
    lanes::Lane,
    shared::{Record, Share},
};
use crate::breaker::Breaker;

/// How long things last; the default is what suits every Plane.
#[derive(Clone, Copy, Debug)]
pub struct Lasts {
    /// Plane's window: calls of the last 60 seconds count (plane-api.md section 6).
    pub window: Duration,
    /// Whatever `Retry-After` says, the key is tried again by then.
    pub freeze: Duration,
    /// How long an origin that is down is left alone.
    pub rest: Duration,
}

impl Default for Lasts {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            freeze: Duration::from_secs(60 * 60),
            rest: Duration::from_secs(60),
        }
    }
}

/// The calls that one key may still make: Plane's own sliding log, kept on this side, so that no call is answered 429.
/// Shared by everything that uses the key (see [`Budgets`]), by other processes too (see [`keep`]).
#[derive(Debug)]
pub struct Budget {
    state: Mutex<Window>,
    /// Goes up whenever a waiting call should look again.
    changed: watch::Sender<u64>,
    /// Rung when a call may have to be claimed.
    asked: Notify,
    /// The origin's.
    breaker: Arc<Breaker>,
    /// Rows of the largest page that Plane gives; learnt from a refusal.
    largest_page: AtomicU32,
}

/// The right to make one call. Dropping it counts the call as made, also when the caller was cancelled.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    budget: &'a Budget,
    sent: Instant,
    counted: bool,
    answered: AtomicBool,
}

impl Default for Budget {
    fn default() -> Self {
        let lasts = Lasts::default();
        Self::new(lasts, Arc::new(Breaker::new(lasts.rest)))
    }
}

impl Budget {
    fn new(lasts: Lasts, breaker: Arc<Breaker>) -> Self {
        Self {
            state: Mutex::new(Window::new(lasts)),
            changed: watch::Sender::new(0),
            asked: Notify::new(),
            breaker,
            largest_page: u32::MAX.into(),
        }
    }

    /// Calls that could be made right now by a person.
    pub fn free(&self) -> u32 {
        let now = Instant::now();
        let mut state = self.state();
        state.forget(now);
        if state.frozen_until.is_some() {
            0
        } else {
            state.free(now)
        }
    }

    /// Calls that wait for their turn.
    pub fn waiting(&self) -> u32 {
        u32::try_from(self.state().lanes.waiting()).unwrap_or(u32::MAX)
    }

    /// Calls allowed in a window, as far as is known.
    pub fn limit(&self) -> u32 {
        self.state().limit
    }

    /// What Plane's latest answer said was left.
    pub fn remaining(&self) -> Option<u32> {
        self.state().remaining
    }

    pub(crate) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    pub(crate) fn largest_page(&self) -> u32 {
        self.largest_page.load(Relaxed)
    }

    pub(crate) fn learn_largest_page(&self, rows: u32) {
        self.largest_page.store(rows, Relaxed);
    }

    /// Waits until `lane` may make a call, and tells `waiting` each time until when it will wait at least.
    /// Gives up with the time still to wait, at once if that is later than `latest`.
    pub(crate) async fn acquire(
        &self,
        lane: Lane,
        latest: Instant,
        mut waiting: impl FnMut(Instant),
    ) -> Result<Permit<'_>, Duration> {
        let mut changes = self.changed.subscribe();
        let queued = Queued::enter(self, lane);
        loop {
            changes.mark_unchanged();
            let now = Instant::now();
            let turn = {
                let mut state = self.state();
                state.forget(now);
                let turn = state.turn(lane, queued.ticket, now);
                if turn == Turn::Now {
                    state.take(lane, now);
                }
                turn
            };
            let until = match turn {
                Turn::Now => {
                    return Ok(Permit {
                        budget: self,
                        sent: now,
                        counted: true,
                        answered: AtomicBool::new(false),
                    });
                }
                Turn::At(until) if until > latest => return Err(until - now),
                Turn::Soon if now >= latest => return Err(self.state().span / 60),
                Turn::At(until) => {
                    waiting(until);
                    until
                }
                Turn::Soon => latest,
            };
            // The keeper may have to claim the call first.
            self.asked.notify_one();
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                // The sender lives in `self`, so this only ends with a change.
                _ = changes.changed() => {}
            }
        }
    }

    /// A 429: nothing may be sent for `wait`, then one call to see how much has come free. Answers how long that is: an
    /// absurd wait is cut.
    pub(crate) fn freeze(&self, wait: Duration) -> Duration {
        let now = Instant::now();
        let mut state = self.state();
        let wait = wait.min(state.longest_freeze);
        state.freeze(now + wait);
        state.claims.changed(now);
        drop(state);
        self.wake();
        wait
    }

    /// An allowed answer that tells nothing: this Plane has no limit, until a 429 says otherwise.
    pub(crate) fn learn_of_no_limit(&self) {
        if self.state().learn_of_no_limit() {
            self.wake();
        }
    }

    fn wake(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, Window> {
        self.state
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl Permit<'_> {
    /// Plane answers this call, so it has counted it by now.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Relaxed);
    }

    /// What `X-RateLimit-Remaining` of this call's answer teaches.
    pub(crate) fn learn(&self, remaining: u32) {
        self.answered();
        let now = Instant::now();
        let mut state = self.budget.state();
        state.forget(now);
        state.learn(remaining, self.sent, now);
        drop(state);
        self.budget.wake();
    }

    /// Plane did not count this call: it never arrived, or was refused before the limit was looked at.
    pub(crate) fn give_back(mut self) {
        self.counted = false;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let answered = self.answered.load(Relaxed);
        self.budget
            .state()
            .end(self.sent, self.counted, answered, now);
        self.budget.wake();
    }
}

/// A place in a lane, for as long as it lives: a cancelled wait leaves nothing behind.
struct Queued<'a> {
    budget: &'a Budget,
    lane: Lane,
    ticket: u64,
}

impl<'a> Queued<'a> {
    fn enter(budget: &'a Budget, lane: Lane) -> Self {
        let ticket = budget.state().lanes.enter(lane, Instant::now());
        Self {
            budget,
            lane,
            ticket,
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.budget.state().lanes.leave(self.lane, self.ticket);
        self.budget.wake();
    }
}

/// A budget at a moment, as this process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetState {
    /// Calls allowed in a window, as far as is known.
    pub limit: u32,
    /// Calls that could be made right now.
    pub free: u32,
    /// Calls that wait for their turn.
    pub waiting: u32,
}

/// One key at one origin.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetKey {
    /// Scheme, host and port.
    pub origin: String,
    pub fingerprint: String,
}

impl BudgetKey {
    pub fn new(base: &BaseUrl, fingerprint: &str) -> Self {
        let url = base.as_str();
        let path = url.find("://").map_or(0, |at| at + 3);
        let end = url[path..].find('/').map_or(url.len(), |at| path + at);
        Self {
            origin: url[..end].to_owned(),
            fingerprint: fingerprint.to_owned(),
        }
    }
}

/// All budgets of this process, one per origin and key.
#[derive(Debug, Default)]
pub struct Budgets {
    lasts: Lasts,
    by_key: Mutex<HashMap<BudgetKey, Arc<Budget>>>,
}

impl Budgets {
    /// With other times than the usual ones.
    pub fn new(lasts: Lasts) -> Self {
        Self {
            lasts,
            by_key: Mutex::default(),
        }
    }

    /// Calls that a key may make in a window: what its budget has learnt, if there is one, else what is usual.
    pub fn limit(&self, key: &BudgetKey) -> u32 {
        self.state(key).limit
    }

    /// How the budget of a key is, if there is one, else how it would begin.
    pub fn state(&self, key: &BudgetKey) -> BudgetState {
        let by_key = self
            .by_key
            .lock()
            .expect("nothing panics while it holds the lock");
        match by_key.get(key) {
            Some(budget) => BudgetState {
                limit: budget.limit(),
                free: budget.free(),
                waiting: budget.waiting(),
            },
            None => BudgetState {
                limit: window::USUAL_LIMIT,
                free: window::USUAL_LIMIT,
                waiting: 0,
            },
        }
    }

    /// The budget of a key. A new one is shown to `begin`, which may have it kept.
    pub fn for_key(
        &self,
        key: BudgetKey,
        begin: impl FnOnce(&BudgetKey, &Arc<Budget>),
    ) -> Arc<Budget> {
        let mut by_key = self
            .by_key
            .lock()
            .expect("nothing panics while it holds the lock");
        if let Some(known) = by_key.get(&key) {
            return known.clone();
        }
        let neighbour = by_key.iter().find(|(other, _)| other.origin == key.origin);
        let breaker = neighbour.map_or_else(
            || Arc::new(Breaker::new(self.lasts.rest)),
            |(_, budget)| budget.breaker.clone(),
        );
        let budget = Arc::new(Budget::new(self.lasts, breaker));
        begin(&key, &budget);
        by_key.insert(key, budget.clone());
        budget
    }
}
