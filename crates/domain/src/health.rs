use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    connection_test::TestSummary,
    ids::{IntegrationId, TestId},
};

/// Whether a connection works, as far as its tests tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConnectionState {
    /// It was never tested.
    #[default]
    Unknown,
    Works,
    /// The latest test failed, or the latest two: that may pass.
    Unsteady,
    /// Three tests in a row failed, and no two have passed since.
    Failing,
}

/// What the tests of a connection say together. One failure is no alarm, and one success no all-clear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionHealth {
    pub state: ConnectionState,
    /// Since when; while it is unsteady or failing, when the first of the tests that failed was made.
    pub since: Option<DateTime<Utc>>,
    /// How many of the latest tests failed in a row.
    pub failed: u32,
    /// How many of the latest tests passed in a row.
    pub passed: u32,
}

impl ConnectionHealth {
    pub const FAILING_AFTER: u32 = 3;
    pub const BACK_AFTER: u32 = 2;

    /// After one more test, later than those before.
    pub fn after(self, test: &TestSummary) -> Self {
        use ConnectionState::{Failing, Unknown, Unsteady, Works};
        let at = Some(test.started_at);
        let (failed, passed) = match test.success {
            true => (0, self.passed.saturating_add(1)),
            false => (self.failed.saturating_add(1), 0),
        };
        let (state, since) = match (self.state, test.success) {
            (Works, true) => (Works, self.since),
            (Failing, true) if passed < Self::BACK_AFTER => (Failing, self.since),
            (_, true) => (Works, at),
            (Unknown | Works, false) => (Unsteady, at),
            (Unsteady, false) if failed < Self::FAILING_AFTER => (Unsteady, self.since),
            (_, false) => (Failing, self.since),
        };
        Self {
            state,
            since,
            failed,
            passed,
        }
    }

    /// Whether the next test decides something, so that nobody should wait long for it.
    fn is_open(&self) -> bool {
        match self.state {
            ConnectionState::Unsteady => true,
            ConnectionState::Failing => self.passed > 0,
            ConnectionState::Unknown | ConnectionState::Works => false,
        }
    }
}

/// What is known of a connection: all that lists and pages say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Health {
    pub connection: ConnectionHealth,
    /// The latest tests, the latest first; [`Health::RECENT`] at most.
    pub recent: Vec<TestSummary>,
}

impl Health {
    pub const RECENT: usize = 14;

    /// Adds a test. One that is there already changes nothing, and one that is earlier than the latest decides nothing.
    pub fn add(&mut self, test: &TestSummary) {
        if self.recent.iter().any(|known| known.id == test.id) {
            return;
        }
        let place = self
            .recent
            .iter()
            .take_while(|known| key(known) > key(test));
        let place = place.count();
        // Plane answered, but more was asked of it than it allows: that says nothing about the connection.
        if place == 0 && test.status != RATE_LIMITED {
            self.connection = std::mem::take(&mut self.connection).after(test);
        }
        self.recent.insert(place, test.clone());
        self.recent.truncate(Self::RECENT);
    }

    /// Whether a test ended otherwise than the one before it, as far as that is known.
    pub fn is_turn(&self, test: &TestSummary) -> bool {
        let mut earlier = self.recent.iter().filter(|known| key(known) < key(test));
        earlier
            .next()
            .is_none_or(|before| before.status != test.status)
    }

    pub fn latest(&self) -> Option<&TestSummary> {
        self.recent.first()
    }

    /// When the latest test that passed was made, of those that are known.
    pub fn passed_at(&self) -> Option<DateTime<Utc>> {
        let passed = self.recent.iter().find(|test| test.success);
        passed.map(|test| test.started_at)
    }

    /// Days until the certificate of Plane's server runs out, as of the latest test that saw it.
    pub fn certificate_days_left(&self) -> Option<i32> {
        self.recent
            .iter()
            .find_map(|test| test.certificate_days_left)
    }
}

/// The order of tests.
fn key(test: &TestSummary) -> (DateTime<Utc>, TestId) {
    (test.started_at, test.id)
}

/// The status of a test that Plane's rate limit ended.
const RATE_LIMITED: &str = "rate_limited";

/// An integration whose connection is tested by itself, as far as it decides when that is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub integration: IntegrationId,
    pub created_at: DateTime<Utc>,
    /// When an admin last changed it, its key included.
    pub updated_at: DateTime<Utc>,
    /// How often it is to be tested.
    pub every: TimeDelta,
    pub health: Health,
}

/// A connection is tested this soon where the next test decides something, or somebody changed something.
const SOON: TimeDelta = TimeDelta::minutes(1);
/// A clock that was set back by more than this does not count.
const SKEW: TimeDelta = TimeDelta::minutes(5);

impl Checked {
    /// When it is tested next; a test that somebody makes counts as well. Many that were made together are not tested together:
    /// each is up to a tenth of the time early, by its id.
    pub fn due_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let is_ahead = |at: DateTime<Utc>| at > now + SKEW;
        let Some(last) = self.health.latest().map(|test| test.started_at) else {
            return (self.created_at + SOON).min(now + SOON);
        };
        if is_ahead(last) {
            return now;
        }
        let usual = match self.health.connection.is_open() {
            true => last + SOON,
            false => last + self.every - self.integration.share_of(self.every / 10),
        };
        match self.updated_at > last && !is_ahead(self.updated_at) {
            true => usual.min(self.updated_at + SOON),
            false => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::ids::TestId;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    fn test(n: i64, success: bool) -> TestSummary {
        TestSummary {
            id: TestId(Uuid::from_u128(n.unsigned_abs().into())),
            success,
            status: "ok".to_owned(),
            started_at: at(n),
            certificate_days_left: None,
        }
    }

    #[test]
    fn a_test_that_ended_otherwise_than_the_one_before_is_a_turn() {
        let mut health = Health::default();
        let turns: Vec<bool> = ["ok", "ok", "timeout", "bad_key", "bad_key", "ok"]
            .into_iter()
            .zip(1..)
            .map(|(status, n)| {
                let test = TestSummary {
                    status: status.to_owned(),
                    ..test(n, status == "ok")
                };
                let is_turn = health.is_turn(&test);
                health.add(&test);
                assert_eq!(health.is_turn(&test), is_turn, "asked again");
                is_turn
            })
            .collect();
        assert_eq!(turns, [true, false, true, true, false, true]);
    }

    /// One letter for each test, a minute apart: `+` passed, `-` failed.
    fn health(tests: &str) -> Health {
        let mut health = Health::default();
        for (n, letter) in (0..).zip(tests.chars()) {
            health.add(&test(n, letter == '+'));
        }
        health
    }

    #[test]
    fn three_failures_are_an_alarm_and_two_successes_the_all_clear() {
        use ConnectionState::{Failing, Unknown, Unsteady, Works};
        for (tests, state, since) in [
            ("", Unknown, None),
            ("+", Works, Some(0)),
            ("+++", Works, Some(0)),
            ("-", Unsteady, Some(0)),
            ("++-", Unsteady, Some(2)),
            ("++--", Unsteady, Some(2)),
            ("++--+", Works, Some(4)),
            ("++---", Failing, Some(2)),
            ("++------", Failing, Some(2)),
            ("++---+", Failing, Some(2)),
            ("++---+-", Failing, Some(2)),
            ("++---+-+", Failing, Some(2)),
            ("++---++", Works, Some(6)),
            ("---", Failing, Some(0)),
            ("++---++-", Unsteady, Some(7)),
        ] {
            let health = health(tests).connection;
            assert_eq!(
                (health.state, health.since),
                (state, since.map(at)),
                "{tests}"
            );
        }
    }

    fn checked(tests: &str, updated: i64) -> Checked {
        Checked {
            integration: IntegrationId(Uuid::nil()),
            created_at: at(0),
            updated_at: at(updated),
            every: TimeDelta::minutes(15),
            health: health(tests),
        }
    }

    #[test]
    fn what_decides_something_is_tested_soon() {
        let due = |tests: &str, updated: i64| {
            let due = checked(tests, updated).due_at(at(10));
            (due - at(0)).num_minutes()
        };
        assert_eq!(due("", 0), 1);
        assert_eq!(due("+", 0), 15);
        assert_eq!(due("++--", 0), 4, "a minute after the last one");
        assert_eq!(due("++---", 0), 19, "it is known");
        assert_eq!(due("++---+", 0), 6);
        assert_eq!(due("++", 5), 6, "somebody changed something");
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let mut ahead = checked("", 0);
        ahead.health.add(&test(500, true));
        assert_eq!(ahead.due_at(at(10)), at(10));
        assert_eq!(checked("+", 500).due_at(at(2)), at(15));
    }

    #[test]
    fn the_latest_tests_are_kept_each_once_and_in_their_order() {
        let mut health = Health::default();
        for n in [3, 1, 2, 5, 4, 5, 1] {
            health.add(&test(n, n != 4));
        }
        let order: Vec<DateTime<Utc>> = health.recent.iter().map(|test| test.started_at).collect();
        assert_eq!(order, [5, 4, 3, 2, 1].map(at));
        assert_eq!(
            health.connection.passed, 2,
            "of those that came late none counts"
        );
        for n in 6..40 {
            health.add(&test(n, false));
        }
        assert_eq!(health.recent.len(), Health::RECENT);
        assert_eq!(
            (health.connection.failed, health.connection.since),
            (34, Some(at(6)))
        );
    }

    #[test]
    fn a_rate_limit_says_nothing_about_a_connection() {
        let mut limited = test(9, false);
        limited.status = "rate_limited".to_owned();
        let mut known = health("++");
        known.add(&limited);
        assert_eq!(known.connection, health("++").connection);
        assert_eq!(known.latest(), Some(&limited));
    }

    proptest! {
        #[test]
        fn it_is_failing_only_after_three_in_a_row_and_works_only_after_two(tests in "[+-]{0,40}") {
            let health = health(&tests).connection;
            match health.state {
                ConnectionState::Failing => {
                    let from = tests.rfind("---").unwrap();
                    prop_assert!(!tests[from..].contains("++"));
                }
                ConnectionState::Works => prop_assert!(tests.ends_with('+')),
                ConnectionState::Unsteady => prop_assert!(tests.ends_with('-') && !tests.ends_with("---")),
                ConnectionState::Unknown => prop_assert!(tests.is_empty()),
            }
            prop_assert!(health.failed == 0 || health.passed == 0);
        }

        #[test]
        fn many_are_spread_over_a_tenth_of_the_time(id: u128) {
            let one = Checked { integration: IntegrationId(Uuid::from_u128(id)), ..checked("+", 0) };
            let due = one.due_at(at(10));
            prop_assert!(due > at(13) && due <= at(15), "{}", due);
        }
    }
}
