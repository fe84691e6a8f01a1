use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// More deliveries a second than this are a flood: whoever sorts and applies them waits until what belongs together is there, and
/// leaves the machine to whoever receives.
const FLOOD: usize = 100;

/// How many deliveries come a second.
#[derive(Default)]
pub(super) struct Pace(Mutex<Seconds>);

#[derive(Default)]
struct Seconds {
    second: i64,
    now: usize,
    before: usize,
}

impl Pace {
    pub(super) fn note(&self, at: DateTime<Utc>, deliveries: usize) {
        let mut seconds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seconds.turn(at);
        seconds.now += deliveries;
    }

    /// Whether many came in this second or in the one before.
    pub(super) fn is_flood(&self, at: DateTime<Utc>) -> bool {
        let mut seconds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seconds.turn(at);
        seconds.now.max(seconds.before) > FLOOD
    }
}

impl Seconds {
    fn turn(&mut self, at: DateTime<Utc>) {
        let second = at.timestamp();
        if second == self.second {
            return;
        }
        self.before = if second == self.second + 1 {
            self.now
        } else {
            0
        };
        (self.second, self.now) = (second, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_many_deliveries_in_a_second_and_is_over_soon_after() {
        let at = |ms: i64| DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap();
        let pace = Pace::default();
        let is_flood = |ms, deliveries| {
            pace.note(at(ms), deliveries);
            pace.is_flood(at(ms))
        };
        assert!(!is_flood(0, 100));
        assert!(is_flood(500, 1));
        assert!(pace.is_flood(at(1_900)), "a second later still");
        assert!(!pace.is_flood(at(2_000)));
        assert!(!is_flood(60_000, 100));
        assert!(is_flood(61_000, 101));
        assert!(!is_flood(1_000, 1), "a clock that is set back begins anew");
    }
}
