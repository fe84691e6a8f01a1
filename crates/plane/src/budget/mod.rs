#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use domain::text::BaseUrl;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

/// Plane's window: calls of the last 60 seconds count (plane-api.md section 6).
const WINDOW: Duration = Duration::from_secs(60);
/// What Plane allows until its headers say otherwise.
const USUAL_LIMIT: u32 = 60;
/// More than this in a window is as good as no limit, and is not worth remembering call by call.
const LARGEST_LIMIT: u32 = 10_000;
/// Calls left to people while a sync runs: a connection test needs them.
const RESERVE: u32 = 3;
/// A sync may use the reserve if as many calls come free within this time: nobody waits longer for it.
const RESERVE_DELAY: Duration = Duration::from_secs(5);
/// How long a wait for calls in flight is announced for; their end wakes it anyway.
const RECHECK: Duration = Duration::from_secs(1);
/// A sync call that waited this long no longer stands back.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who a call is for. People go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    Interactive,
    #[default]
    Sync,
}

/// The calls that one key may still make: Plane's own sliding log, kept on this side, so that no call is answered 429.
/// Shared by everything that uses the key (see [`Budgets`]).
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    /// Goes up whenever a waiting call should look again.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    limit: u32,
    /// When each finished call of the window ended: later than Plane counted it, so never too early.
    ended: VecDeque<Instant>,
    in_flight: u32,
    /// Plane answered 429 although no answer tells what is left: a proxy drops the headers, or the limit is its own.
    limit_untold: bool,
    /// Calls of others with the same key, as the latest answer's header implied, and when.
    foreign: Option<(u32, Instant)>,
    frozen_until: Option<Instant>,
    /// After a freeze: how much came free is not known before one answer tells.
    must_probe: bool,
    people_waiting: u32,
    remaining: Option<u32>,
}

/// What a budget knows, for keeping it over a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedBudget {
    pub limit: u32,
    /// How long ago each call of the window was made, in milliseconds.
    pub calls_ms_ago: Vec<u64>,
    pub frozen_for_ms: u64,
}

/// The right to make one call. Dropping it counts the call as made, also when the caller was cancelled.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    budget: &'a Budget,
    counted: bool,
}

impl Default for Budget {
    fn default() -> Self {
        let state = State {
            limit: USUAL_LIMIT,
            ended: VecDeque::new(),
            in_flight: 0,
            limit_untold: false,
            foreign: None,
            frozen_until: None,
            must_probe: false,
            people_waiting: 0,
            remaining: None,
        };
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        }
    }
}

impl Budget {
    /// Calls that could be made right now by a person.
    pub fn free(&self) -> u32 {
        let mut state = self.state();
        state.forget(Instant::now());
        if state.frozen_until.is_some() {
            0
        } else {
            state.free()
        }
    }

    /// Calls allowed in 60 seconds, as far as is known.
    pub fn limit(&self) -> u32 {
        self.state().limit
    }

    /// What Plane's latest answer said was left.
    pub fn remaining(&self) -> Option<u32> {
        self.state().remaining
    }

    /// What is known, for keeping it.
    pub fn save(&self) -> SavedBudget {
        let now = Instant::now();
        let mut state = self.state();
        state.forget(now);
        let age = |at: Instant| (now - at).as_millis() as u64;
        let mut calls_ms_ago: Vec<u64> = state.ended.iter().map(|at| age(*at)).collect();
        calls_ms_ago.extend(std::iter::repeat_n(0, state.in_flight as usize));
        if let Some((count, seen)) = state.foreign {
            calls_ms_ago.extend(std::iter::repeat_n(age(seen), count as usize));
        }
        let frozen_for_ms = state
            .frozen_until
            .map_or(0, |until| (until - now).as_millis() as u64);
        SavedBudget {
            limit: state.limit,
            calls_ms_ago,
            frozen_for_ms,
        }
    }

    /// Takes up what was kept `ago`, so that a restart cannot spend the same calls twice.
    pub fn restore(&self, saved: &SavedBudget, ago: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        state.limit = saved.limit.clamp(1, LARGEST_LIMIT);
        let ages = saved
            .calls_ms_ago
            .iter()
            .map(|ms| Duration::from_millis(*ms).saturating_add(ago));
        let mut ended: Vec<Instant> = ages
            .filter(|age| *age < WINDOW)
            .filter_map(|age| now.checked_sub(age))
            .collect();
        ended.extend(&state.ended);
        ended.sort();
        state.ended = ended.into();
        let frozen = Duration::from_millis(saved.frozen_for_ms)
            .saturating_sub(ago)
            .min(WINDOW);
        if !frozen.is_zero() {
            state.frozen_until = state.frozen_until.max(Some(now + frozen));
        }
        drop(state);
        self.wake();
    }

    /// Waits until `lane` may make a call, and tells `waiting` each time until when it will wait at least.
    /// Gives up at once with the time still to wait if that is later than `latest`.
    pub(crate) async fn acquire(
        &self,
        lane: Lane,
        latest: Instant,
        mut waiting: impl FnMut(Instant),
    ) -> Result<Permit<'_>, Duration> {
        let came = Instant::now();
        let mut changes = self.changed.subscribe();
        let _queued = (lane == Lane::Interactive).then(|| Queued::enter(self));
        loop {
            changes.mark_unchanged();
            let until = {
                let now = Instant::now();
                let lane = if now - came >= PATIENCE {
                    Lane::Interactive
                } else {
                    lane
                };
                let mut state = self.state();
                state.forget(now);
                match state.next(lane, now) {
                    None => {
                        state.in_flight += 1;
                        return Ok(Permit {
                            budget: self,
                            counted: true,
                        });
                    }
                    Some(until) => until,
                }
            };
            if until > latest {
                return Err(until - Instant::now());
            }
            waiting(until);
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                // The sender lives in `self`, so this only ends with a change.
                _ = changes.changed() => {}
            }
        }
    }

    /// What `X-RateLimit-Remaining` of an allowed answer teaches: others use the key too, or the limit is larger.
    pub(crate) fn learn(&self, remaining: u32) {
        let now = Instant::now();
        let mut state = self.state();
        state.forget(now);
        state.remaining = Some(remaining);
        state.must_probe = false;
        // The answered call is still in flight here, so both sides count it. Only a lower bound of the limit is
        // certain: our log forgets later than Plane's.
        state.limit = state
            .limit
            .max(remaining.saturating_add(1).min(LARGEST_LIMIT));
        let used = state.limit.saturating_sub(remaining);
        let foreign = used.saturating_sub(state.own());
        state.foreign = (foreign > 0).then_some((foreign, now));
        drop(state);
        self.wake();
    }

    /// An allowed answer that tells nothing: this Plane has no limit, until a 429 says otherwise.
    pub(crate) fn learn_of_no_limit(&self) {
        let mut state = self.state();
        if !state.limit_untold && state.remaining.is_none() && state.limit < LARGEST_LIMIT {
            state.limit = LARGEST_LIMIT;
            drop(state);
            self.wake();
        }
    }

    /// A 429: nothing may be sent for `wait`, then one call to see how much has come free.
    pub(crate) fn freeze(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.state();
        state.frozen_until = state.frozen_until.max(Some(until));
        if state.remaining.is_none() && state.limit >= LARGEST_LIMIT {
            (state.limit, state.limit_untold) = (USUAL_LIMIT, true);
        }
        state.must_probe = true;
        drop(state);
        self.wake();
    }

    fn wake(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

impl State {
    /// When `lane` may make a call; `None` means now.
    fn next(&self, lane: Lane, now: Instant) -> Option<Instant> {
        if let Some(until) = self.frozen_until {
            return Some(until);
        }
        if self.must_probe && self.in_flight > 0 {
            return Some(now + RECHECK);
        }
        let free = self.free();
        let kept = match lane {
            _ if self.must_probe => 0,
            Lane::Interactive => 0,
            Lane::Sync => self.kept_for_people(now),
        };
        if free > kept {
            return None;
        }
        let one_comes_free = self.ended.front().map(|at| *at + WINDOW);
        let foreign_end = self.foreign.map(|(_, seen)| seen + WINDOW);
        let opens = |at: &Instant| *at + (WINDOW - RESERVE_DELAY);
        let reserve_opens = self.ended.iter().map(opens).find(|at| *at > now);
        [
            reserve_opens.filter(|_| lane == Lane::Sync),
            one_comes_free,
            foreign_end,
        ]
        .into_iter()
        .flatten()
        .min()
        // Only calls in flight: their end wakes us.
        .or(Some(now + WINDOW))
    }

    fn kept_for_people(&self, now: Instant) -> u32 {
        if self.people_waiting > 0 {
            return self.limit;
        }
        let reserve = RESERVE.min(self.limit / 10);
        let soon = self
            .ended
            .iter()
            .take_while(|at| **at + WINDOW <= now + RESERVE_DELAY)
            .count();
        reserve.saturating_sub(soon as u32)
    }

    fn free(&self) -> u32 {
        let foreign = self.foreign.map_or(0, |(count, _)| count);
        self.limit
            .saturating_sub(self.own())
            .saturating_sub(foreign)
    }

    fn own(&self) -> u32 {
        self.ended.len() as u32 + self.in_flight
    }

    fn forget(&mut self, now: Instant) {
        while self.ended.front().is_some_and(|at| *at + WINDOW <= now) {
            self.ended.pop_front();
        }
        self.foreign = self.foreign.filter(|(_, seen)| *seen + WINDOW > now);
        self.frozen_until = self.frozen_until.filter(|until| *until > now);
    }
}

impl Permit<'_> {
    /// Plane did not count this call: it never arrived, or was refused before the limit was looked at.
    pub(crate) fn give_back(mut self) {
        self.counted = false;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        state.in_flight -= 1;
        if self.counted {
            state.must_probe &= state.frozen_until.is_some();
            state.ended.push_back(Instant::now());
            if state.ended.len() > LARGEST_LIMIT as usize {
                state.ended.pop_front();
            }
        }
        drop(state);
        self.budget.wake();
    }
}

/// Marks that a person waits, for as long as it lives: a cancelled wait leaves nothing behind.
struct Queued<'a>(&'a Budget);

impl<'a> Queued<'a> {
    fn enter(budget: &'a Budget) -> Self {
        budget.state().people_waiting += 1;
        Self(budget)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.state().people_waiting -= 1;
        self.0.wake();
    }
}

/// All budgets of this process, one per origin and key.
#[derive(Debug, Default)]
pub struct Budgets {
    by_key: Mutex<HashMap<(String, String), Arc<Budget>>>,
}

impl Budgets {
    /// The budget of the key with this fingerprint at this address's origin.
    pub fn for_key(&self, base: &BaseUrl, fingerprint: &str) -> Arc<Budget> {
        let mut by_key = self
            .by_key
            .lock()
            .expect("nothing panics while it holds the lock");
        by_key.retain(|_, budget| Arc::strong_count(budget) > 1 || budget.free() < budget.limit());
        by_key
            .entry((base.host().to_owned(), fingerprint.to_owned()))
            .or_default()
            .clone()
    }
}
