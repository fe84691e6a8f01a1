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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAR: Duration = Duration::from_secs(3600);

    async fn call(budget: &Budget, lane: Lane) -> Instant {
        drop(
            budget
                .acquire(lane, Instant::now() + FAR, |_| ())
                .await
                .unwrap(),
        );
        Instant::now()
    }

    /// Whether a call in `lane` would have to wait.
    fn waits(budget: &Budget, lane: Lane) -> bool {
        let now = Instant::now();
        let mut state = budget.state();
        state.forget(now);
        state.next(lane, now).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn no_window_of_60_seconds_sees_more_than_60_calls_and_none_less_than_97_percent() {
        let budget = Budget::default();
        let began = Instant::now();
        let mut made = Vec::new();
        while began.elapsed() < Duration::from_secs(600) {
            made.push(call(&budget, Lane::Sync).await - began);
        }
        for window in made.windows(61) {
            assert!(window[60] - window[0] >= WINDOW, "{window:?}");
        }
        assert!(made.len() >= 600 * 97 / 100, "{}", made.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_waits_five_seconds_at_most_however_busy_a_sync_is() {
        for pause in [0, 1, 30, 53, 56, 58, 61, 90, 117, 1000] {
            let budget = Arc::new(Budget::default());
            let sync = tokio::spawn({
                let budget = budget.clone();
                async move {
                    loop {
                        call(&budget, Lane::Sync).await;
                    }
                }
            });
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let asked = Instant::now();
            for _ in 0..3 {
                call(&budget, Lane::Interactive).await;
            }
            assert!(
                asked.elapsed() <= RESERVE_DELAY,
                "{:?} after a pause of {pause} s",
                asked.elapsed()
            );
            sync.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn people_go_first_and_a_patient_sync_is_not_starved() {
        let budget = Arc::new(Budget::default());
        for _ in 0..60 {
            call(&budget, Lane::Interactive).await;
        }
        let sync = tokio::spawn({
            let budget = budget.clone();
            async move { call(&budget, Lane::Sync).await }
        });
        let person = tokio::spawn({
            let budget = budget.clone();
            async move { call(&budget, Lane::Interactive).await }
        });
        assert!(person.await.unwrap() <= sync.await.unwrap());

        let asked = Instant::now();
        let people: Vec<_> = (0..200)
            .map(|_| {
                let budget = budget.clone();
                tokio::spawn(async move { call(&budget, Lane::Interactive).await })
            })
            .collect();
        call(&budget, Lane::Sync).await;
        assert!(
            asked.elapsed() < Duration::from_secs(130),
            "{:?}",
            asked.elapsed()
        );
        people.iter().for_each(|person| person.abort());
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_freezes_the_key_and_then_one_call_finds_out_what_is_free() {
        let budget = Budget::default();
        budget.freeze(Duration::from_secs(57));
        assert_eq!(budget.free(), 0);
        let asked = Instant::now();
        let mut told = None;
        let permit = budget
            .acquire(Lane::Sync, asked + FAR, |until| told = Some(until))
            .await
            .unwrap();
        assert_eq!(asked.elapsed(), Duration::from_secs(57));
        assert_eq!(told, Some(asked + Duration::from_secs(57)));
        assert!(
            waits(&budget, Lane::Sync),
            "only one call goes out before its answer is seen"
        );
        budget.learn(22);
        drop(permit);
        assert_eq!(budget.free(), 22);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_longer_than_allowed_is_refused_at_once() {
        let budget = Budget::default();
        budget.freeze(Duration::from_secs(57));
        let asked = Instant::now();
        let refused = budget
            .acquire(Lane::Sync, asked + Duration::from_secs(10), |_| ())
            .await;
        assert_eq!(refused.err(), Some(Duration::from_secs(57)));
        assert!(asked.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn others_that_use_the_key_are_noticed_and_forgotten() {
        let budget = Budget::default();
        let permit = budget
            .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
            .await
            .unwrap();
        budget.learn(19);
        drop(permit);
        assert_eq!(budget.free(), 19);
        tokio::time::advance(WINDOW).await;
        assert_eq!(budget.free(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_larger_limit_is_learnt() {
        let budget = Budget::default();
        let permit = budget
            .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
            .await
            .unwrap();
        budget.learn(299);
        drop(permit);
        assert_eq!((budget.limit(), budget.free()), (300, 299));
    }

    #[tokio::test(start_paused = true)]
    async fn a_plane_without_a_limit_is_not_held_back_until_it_answers_429() {
        let budget = Budget::default();
        let asked = Instant::now();
        for _ in 0..500 {
            let permit = budget
                .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
                .await
                .unwrap();
            budget.learn_of_no_limit();
            drop(permit);
        }
        assert!(asked.elapsed().is_zero());
        budget.freeze(Duration::from_secs(3));
        assert_eq!(budget.limit(), 60);
        call(&budget, Lane::Sync).await;
        assert_eq!(
            asked.elapsed(),
            WINDOW,
            "the calls of the last minute count"
        );
        budget.learn_of_no_limit();
        assert_eq!(budget.limit(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_smaller_limit_is_kept() {
        let budget = Budget::default();
        for left in (0..10).rev() {
            let permit = budget
                .acquire(Lane::Interactive, Instant::now() + FAR, |_| ())
                .await
                .unwrap();
            budget.learn(left);
            drop(permit);
        }
        assert_eq!(budget.free(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_call_counts_and_a_cancelled_wait_leaves_nothing() {
        let budget = Budget::default();
        drop(
            budget
                .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
                .await
                .unwrap(),
        );
        assert_eq!(budget.free(), 59);
        budget.freeze(Duration::from_secs(5));
        {
            let wait = budget.acquire(Lane::Interactive, Instant::now() + FAR, |_| ());
            tokio::select! {
                biased;
                _ = wait => panic!("the budget is frozen"),
                () = tokio::task::yield_now() => {}
            }
        }
        let state = budget.state();
        assert_eq!((state.people_waiting, state.in_flight), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_plane_did_not_count_is_given_back() {
        let budget = Budget::default();
        budget
            .acquire(Lane::Sync, Instant::now() + FAR, |_| ())
            .await
            .unwrap()
            .give_back();
        assert_eq!(budget.free(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_does_not_spend_calls_twice() {
        let budget = Budget::default();
        for _ in 0..40 {
            call(&budget, Lane::Sync).await;
        }
        tokio::time::advance(Duration::from_secs(10)).await;
        let saved = budget.save();
        let again = Budget::default();
        again.restore(&saved, Duration::from_secs(20));
        assert_eq!(again.free(), 20);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(again.free(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn equal_keys_at_one_origin_share_a_budget() {
        let budgets = Budgets::default();
        let base = |text: &str| text.parse::<BaseUrl>().unwrap();
        let one = budgets.for_key(&base("https://p.example"), "ab12");
        call(&one, Lane::Sync).await;
        let same = budgets.for_key(&base("https://p.example/prefix"), "ab12");
        let other_key = budgets.for_key(&base("https://p.example"), "cd34");
        let other_host = budgets.for_key(&base("https://q.example"), "ab12");
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!((other_key.free(), other_host.free()), (60, 60));
        drop((one, same));
        assert_eq!(
            budgets.for_key(&base("https://p.example"), "ab12").free(),
            59
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_happens_no_window_is_overdrawn(
            steps in prop::collection::vec((0u8..6, 0u32..400, 0u64..40_000), 1..200),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let made = runtime.block_on(async {
                let budget = Budget::default();
                let mut made = Vec::new();
                for (what, number, pause) in steps {
                    match what {
                        0 => tokio::time::advance(Duration::from_millis(pause)).await,
                        1 => budget.freeze(Duration::from_millis(pause)),
                        2 => {
                            let lane = if number % 2 == 0 { Lane::Sync } else { Lane::Interactive };
                            let latest = Instant::now() + Duration::from_millis(pause);
                            let _ = budget.acquire(lane, latest, |_| ()).await.map(Permit::give_back);
                        }
                        _ => {
                            for _ in 0..number % 70 {
                                made.push(call(&budget, if what == 3 { Lane::Interactive } else { Lane::Sync }).await);
                            }
                        }
                    }
                }
                made
            });
            for window in made.windows(61) {
                prop_assert!(window[60] - window[0] >= WINDOW);
            }
        }
    }
}
