use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use app::Failure;
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

/// So many accounts are remembered at once; beyond that the oldest failures are forgotten.
const REMEMBERED: usize = 10_000;

/// After so many failures the day is over.
const DAY_LIMIT: u32 = 100;

/// Counts failures by name and makes whoever fails wait, longer and longer (after kanidm's soft lock). Kept in memory: a
/// restart forgets it, and each instance counts for itself.
#[derive(Clone)]
pub struct Tries {
    by_name: Arc<Mutex<HashMap<[u8; 32], Failures>>>,
    wait: fn(u32, DateTime<Utc>) -> DateTime<Utc>,
    /// So many tries of one name may be under way at once.
    at_once: u32,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    under_way: u32,
    last: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// A try under way; given up, it counts as neither.
pub struct Try {
    tries: Tries,
    name: [u8; 32],
}

impl Tries {
    /// For accounts: two tries are free, then 3, 5, 10 seconds; after a hundred the day is over.
    pub fn for_accounts() -> Self {
        Self {
            by_name: Arc::default(),
            wait: account_wait,
            at_once: 4,
        }
    }

    /// For client addresses, behind which there may be many people: thirty tries are free, then one every ten seconds.
    pub fn for_addresses() -> Self {
        Self {
            by_name: Arc::default(),
            wait: address_wait,
            at_once: 64,
        }
    }

    /// Begins a try, unless the name has to wait.
    pub fn begin(&self, name: &str, now: DateTime<Utc>) -> Result<Try, Failure> {
        let name = hash(name);
        let mut names = self.lock();
        if names.len() >= REMEMBERED {
            make_room(&mut names, now);
        }
        let fresh = Failures {
            count: 0,
            under_way: 0,
            last: now,
            until: now,
        };
        let failures = names.entry(name).or_insert(fresh);
        let is_over = failures.count >= DAY_LIMIT && now >= failures.until;
        if is_over || now - failures.last >= TimeDelta::days(1) {
            *failures = Failures {
                under_way: failures.under_way,
                ..fresh
            };
        }
        if failures.until > now {
            let milliseconds = (failures.until - now).num_milliseconds();
            return Err(wait_for((milliseconds + 999) / 1000));
        }
        if failures.under_way >= self.at_once {
            return Err(wait_for(1));
        }
        failures.under_way += 1;
        Ok(Try {
            tries: self.clone(),
            name,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Failures>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try {
    /// Another failure: the next try may have to wait.
    pub fn failed(self, now: DateTime<Utc>) {
        if let Some(failures) = self.tries.lock().get_mut(&self.name) {
            failures.count += 1;
            failures.last = now;
            failures.until = (self.tries.wait)(failures.count, now);
        }
    }

    /// All is forgiven.
    pub fn succeeded(self) {
        if let Some(failures) = self.tries.lock().get_mut(&self.name) {
            failures.count = 0;
            failures.until = failures.last;
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        let mut names = self.tries.lock();
        if let Some(failures) = names.get_mut(&self.name) {
            failures.under_way = failures.under_way.saturating_sub(1);
            if failures.under_way == 0 && failures.count == 0 {
                names.remove(&self.name);
            }
        }
    }
}

/// A short name for log lines that does not show what was typed: people type passwords into the wrong field.
pub(super) fn alias(typed: &str) -> String {
    hex::encode(&hash(typed)[..6])
}

fn account_wait(failures: u32, now: DateTime<Utc>) -> DateTime<Utc> {
    match failures {
        0..3 => now,
        3..9 => now + TimeDelta::seconds(3),
        9..25 => now + TimeDelta::seconds(5),
        25..DAY_LIMIT => now + TimeDelta::seconds(10),
        _ => {
            let tomorrow = now.date_naive().checked_add_days(Days::new(1));
            tomorrow.map_or(now + TimeDelta::days(1), |day| {
                day.and_time(NaiveTime::MIN).and_utc()
            })
        }
    }
}

fn address_wait(failures: u32, now: DateTime<Utc>) -> DateTime<Utc> {
    if failures < 30 {
        now
    } else {
        now + TimeDelta::seconds(10)
    }
}

fn wait_for(seconds: i64) -> Failure {
    let seconds = u32::try_from(seconds.max(1)).unwrap_or(u32::MAX);
    Failure::TooMany {
        message: "There were too many tries that failed.".to_owned(),
        retry_after_seconds: seconds,
    }
}

fn make_room(names: &mut HashMap<[u8; 32], Failures>, now: DateTime<Utc>) {
    names.retain(|_, f| f.under_way > 0 || now - f.last < TimeDelta::days(1));
    if names.len() < REMEMBERED {
        return;
    }
    let mut times: Vec<_> = names.values().map(|f| f.last).collect();
    let (_, middle, _) = times.select_nth_unstable(REMEMBERED / 2);
    let middle = *middle;
    // Those who must wait longest are the ones under attack.
    names.retain(|_, f| f.under_way > 0 || f.last > middle || f.count >= 25);
}

fn hash(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn wait(tries: &Tries, name: &str, now: DateTime<Utc>) -> Option<u32> {
        match tries.begin(name, now) {
            Ok(_) => None,
            Err(Failure::TooMany {
                retry_after_seconds,
                ..
            }) => Some(retry_after_seconds),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_guesser_gets_at_most_a_hundred_tries_a_day() {
        let tries = Tries::for_accounts();
        let (mut now, mut made) = (start(), 0);
        while now < start() + TimeDelta::hours(12) {
            if let Ok(a_try) = tries.begin("maya", now) {
                a_try.failed(now);
                made += 1;
            }
            now += TimeDelta::seconds(1);
        }
        assert_eq!(made, 100);
        assert_eq!(wait(&tries, "jonas", now), None, "others are not touched");
        let tomorrow = (start() + TimeDelta::days(1))
            .date_naive()
            .and_time(NaiveTime::MIN)
            .and_utc();
        assert_eq!(wait(&tries, "maya", tomorrow), None);
    }

    #[test]
    fn waiting_grows_and_is_told_and_a_success_forgives() {
        let tries = Tries::for_accounts();
        for _ in 0..3 {
            tries.begin("maya", start()).unwrap().failed(start());
        }
        assert_eq!(wait(&tries, "maya", start()), Some(3));
        assert_eq!(
            wait(&tries, "maya", start() + TimeDelta::milliseconds(2500)),
            Some(1)
        );
        let later = start() + TimeDelta::seconds(3);
        tries.begin("maya", later).unwrap().succeeded();
        assert!(tries.lock().is_empty());
        assert_eq!(wait(&tries, "maya", later), None);
    }

    #[test]
    fn racing_does_not_buy_more_tries() {
        let tries = Tries::for_accounts();
        let under_way: Vec<_> = (0..100)
            .filter_map(|_| tries.begin("maya", start()).ok())
            .collect();
        assert_eq!(under_way.len(), 4);
        drop(under_way);
        assert_eq!(
            wait(&tries, "maya", start()),
            None,
            "a request that was given up counts for nothing"
        );
    }

    #[test]
    fn an_office_behind_one_address_gets_thirty_failures_before_it_waits() {
        let tries = Tries::for_addresses();
        for _ in 0..30 {
            tries.begin("192.0.2.1", start()).unwrap().failed(start());
        }
        assert!(wait(&tries, "192.0.2.1", start()).is_some());
        assert_eq!(
            wait(&tries, "192.0.2.1", start() + TimeDelta::seconds(10)),
            None
        );
    }

    #[test]
    fn memory_is_bounded_and_keeps_those_under_attack() {
        let tries = Tries::for_accounts();
        let mut now = start();
        for _ in 0..25 {
            now += TimeDelta::seconds(6);
            tries.begin("maya", now).unwrap().failed(now);
        }
        for n in 0..30_000 {
            let now = now + TimeDelta::milliseconds(n);
            tries.begin(&format!("guess {n}"), now).unwrap().failed(now);
        }
        assert!(tries.lock().len() <= REMEMBERED);
        assert!(tries.lock()[&hash("maya")].count == 25);
    }
}
