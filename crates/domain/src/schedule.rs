use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    ids::IntegrationId,
    integration::{IntegrationRow, Standing},
    quiet::QuietHours,
    run::{Outcome, RunSummary},
};

/// An integration that is synced by itself, as far as it decides when that is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    pub integration: IntegrationId,
    /// How old its copy may become; at least a minute.
    pub interval: TimeDelta,
    pub quiet_hours: Option<QuietHours>,
    pub created_at: DateTime<Utc>,
    /// When an admin last changed it, its key included.
    pub updated_at: DateTime<Utc>,
    pub last_run: Option<RunSummary>,
    /// When the latest of its connection's tests that passed was made.
    pub passed_at: Option<DateTime<Utc>>,
}

/// After trouble that may pass, a run is tried again this soon, if the interval is not shorter.
const SOON: TimeDelta = TimeDelta::minutes(5);
/// How often a key or workspace that Plane refused is tried, though nobody changed it: access can be given back in Plane.
const REFUSED: TimeDelta = TimeDelta::hours(6);
/// A clock that was set back by more than this does not count.
const SKEW: TimeDelta = TimeDelta::minutes(5);
/// Quiet hours of many integrations end at one time; their runs begin within this time, or a tenth of the interval.
const AFTER_QUIET: TimeDelta = TimeDelta::minutes(10);

impl Scheduled {
    /// The schedule of a row of the list; `None` while it rests.
    pub fn of(row: &IntegrationRow) -> Option<Self> {
        let integration = &row.integration;
        (integration.standing() == Standing::Active).then(|| Self {
            integration: integration.id,
            interval: integration.settings.interval(),
            quiet_hours: integration.settings.quiet_hours,
            created_at: integration.created_at,
            updated_at: integration.updated_at,
            last_run: row.last_run.clone(),
            passed_at: row.health.passed_at(),
        })
    }

    /// When the next run is due, quiet hours apart; one in the past is due now, however many were missed. `None` while one
    /// is under way.
    ///
    /// A copy is as old as the start of its last complete run. So that it stays fresh, the next run starts before the
    /// interval is over: by the time that the last one took, and by up to three twentieths of the interval. How much
    /// of these is decided by the integration's id, so that many with one interval do not start together.
    ///
    /// What lies in the future says that the clock was set back: then a run is due now, instead of when the clock has
    /// caught up.
    pub fn due_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let is_ahead = |at: DateTime<Utc>| at > now + SKEW;
        let Some(last) = &self.last_run else {
            let first = self.created_at + self.interval - self.early();
            return Some(if is_ahead(self.created_at) {
                now
            } else {
                first
            });
        };
        let (finished_at, outcome) = (last.finished_at?, last.outcome?);
        if is_ahead(last.started_at) || is_ahead(finished_at) {
            return Some(now);
        }
        Some(match outcome {
            Outcome::Succeeded
            | Outcome::Partial
            | Outcome::Held
            | Outcome::Cancelled
            | Outcome::Failed => {
                let took = (finished_at - last.started_at).max(TimeDelta::zero());
                let early = took + self.interval / 20 + self.early();
                last.started_at + (self.interval - early).max(self.interval / 2)
            }
            // It goes on where it was.
            Outcome::Interrupted => finished_at,
            Outcome::RateLimited | Outcome::Unreachable => finished_at + self.interval.min(SOON),
            Outcome::Rejected => {
                // Somebody changed it here, or a test says that Plane takes it again.
                let news = [Some(self.updated_at), self.passed_at]
                    .into_iter()
                    .flatten();
                let news = news.filter(|at| *at > finished_at && !is_ahead(*at)).min();
                news.unwrap_or(finished_at + self.interval.max(REFUSED))
            }
        })
    }

    /// Whether a run is to be started now.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.due_at(now).is_some_and(|due| due <= now) && !self.is_quiet(now)
    }

    /// When a run will be started, if nobody starts one before.
    pub fn next_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut next = self.due_at(now)?.max(now);
        // More than once only where clocks that are set back make an hour quiet again.
        while let Some(end) = self.quiet_until(next) {
            next = end + self.after_quiet();
        }
        Some(next)
    }

    /// Within the quiet hours, or so soon after them that other integrations go first.
    fn is_quiet(&self, at: DateTime<Utc>) -> bool {
        self.quiet_hours
            .is_some_and(|quiet| quiet.contain(at) || quiet.contain(at - self.after_quiet()))
    }

    fn quiet_until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let quiet = self.quiet_hours?;
        quiet
            .until(at)
            .or_else(|| quiet.until(at - self.after_quiet()))
    }

    /// Up to a tenth of the interval.
    fn early(&self) -> TimeDelta {
        self.integration.share_of(self.interval / 10)
    }

    fn after_quiet(&self) -> TimeDelta {
        self.integration
            .share_of((self.interval / 10).min(AFTER_QUIET))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::ids::RunId;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn scheduled(minutes: i64, last_run: Option<RunSummary>) -> Scheduled {
        Scheduled {
            integration: IntegrationId(Uuid::nil()),
            interval: TimeDelta::minutes(minutes),
            quiet_hours: None,
            created_at: at(0),
            updated_at: at(0),
            last_run,
            passed_at: None,
        }
    }

    fn of_integration(id: u128, minutes: i64, last_run: Option<RunSummary>) -> Scheduled {
        Scheduled {
            integration: IntegrationId(Uuid::from_u128(id)),
            ..scheduled(minutes, last_run)
        }
    }

    fn run(started: i64, took: i64, outcome: Option<Outcome>) -> Option<RunSummary> {
        Some(RunSummary {
            id: RunId(Uuid::nil()),
            started_at: at(started),
            finished_at: outcome.map(|_| at(started + took)),
            outcome,
        })
    }

    #[test]
    fn what_ended_decides_how_soon_the_next_one_comes() {
        let due = |outcome| {
            let due = scheduled(60, run(0, 60, outcome)).due_at(at(100));
            due.map(|due| (due - at(0)).num_minutes())
        };
        assert_eq!(due(None), None);
        assert!((50..=56).contains(&due(Some(Outcome::Succeeded)).unwrap()));
        assert_eq!(due(Some(Outcome::Failed)), due(Some(Outcome::Succeeded)));
        assert_eq!(due(Some(Outcome::Interrupted)), Some(1));
        assert_eq!(due(Some(Outcome::Unreachable)), Some(6));
        assert_eq!(due(Some(Outcome::RateLimited)), Some(6));
        assert_eq!(due(Some(Outcome::Rejected)), Some(361));
    }

    #[test]
    fn a_refused_key_is_tried_at_once_when_an_admin_changed_something() {
        let refused = scheduled(60, run(0, 60, Some(Outcome::Rejected)));
        let changed = Scheduled {
            updated_at: at(90),
            ..refused.clone()
        };
        assert!(!refused.is_due(at(100)));
        assert!(changed.is_due(at(100)));
        // A change that was made while the clock was a year ahead counts once.
        let changed = Scheduled {
            updated_at: at(365 * 86_400),
            ..refused
        };
        assert!(!changed.is_due(at(100)));
    }

    #[test]
    fn a_refused_key_is_tried_at_once_when_a_test_says_that_it_is_taken_again() {
        let refused = scheduled(60, run(0, 60, Some(Outcome::Rejected)));
        let passed = |minutes| Scheduled {
            passed_at: Some(at(minutes)),
            ..refused.clone()
        };
        assert!(!passed(0).is_due(at(100)), "that was before");
        assert!(passed(90).is_due(at(100)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_schedule() {
        let last = scheduled(15, run(1_000_000, 60, Some(Outcome::Succeeded)));
        assert!(last.is_due(at(0)));
        let under_way = scheduled(15, run(1_000_000, 60, None));
        assert!(!under_way.is_due(at(0)));
        let new = Scheduled {
            created_at: at(1_000_000),
            ..scheduled(15, None)
        };
        assert!(new.is_due(at(0)));
    }

    #[test]
    fn a_hundred_integrations_with_one_interval_do_not_start_together() {
        for minutes in [5, 15, 60, 1440] {
            let mut in_a_second: BTreeMap<i64, u32> = BTreeMap::new();
            for id in 1..=100 {
                let due = of_integration(id, minutes, None).due_at(at(0)).unwrap();
                *in_a_second.entry(due.timestamp()).or_default() += 1;
            }
            let most = in_a_second.values().max().copied().unwrap_or_default();
            let (first, last) = (
                in_a_second.keys().min().unwrap(),
                in_a_second.keys().max().unwrap(),
            );
            // A tenth of the interval to spread over: half a minute of five, in which 100 make 3 or so a second.
            assert!(
                most <= 12,
                "{most} of 100 within a second, every {minutes} minutes"
            );
            assert!(
                last - first >= minutes * 60 / 10 * 8 / 10,
                "{first} to {last}"
            );
        }
    }

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    /// What the portal does, look by look: starts what is due, and ends it at once. Answers when it started something.
    fn simulate(
        mut one: Scheduled,
        clock: impl IntoIterator<Item = DateTime<Utc>>,
    ) -> Vec<DateTime<Utc>> {
        let mut started = Vec::new();
        for now in clock {
            if one.is_due(now) {
                started.push(now);
                one.last_run = Some(RunSummary {
                    id: RunId(Uuid::nil()),
                    started_at: now,
                    finished_at: Some(now),
                    outcome: Some(Outcome::Succeeded),
                });
            }
        }
        started
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_run_that_is_not_too_long_keeps_the_copy_fresh(
            id: u128, minutes in 1i64..2000, share in 0i64..35,
        ) {
            let took = minutes * 60 * share / 100;
            let last = run(0, took, Some(Outcome::Succeeded));
            let next = of_integration(id, minutes, last).due_at(at(took)).unwrap();
            prop_assert!(next + TimeDelta::seconds(took) <= at(minutes * 60), "complete again in time");
            prop_assert!(next >= at(minutes * 30), "and not twice as often as asked for");
        }

        #[test]
        fn whatever_ended_and_however_long_ago_one_run_is_due_and_then_none(
            id: u128, minutes in 1i64..2000, took in 0i64..100_000, which in 0usize..9,
        ) {
            let ended = of_integration(id, minutes, run(0, took, Some(Outcome::ALL[which])));
            let later = at(took) + TimeDelta::days(30);
            prop_assert!(ended.is_due(later));
            let started = of_integration(id, minutes, run(30 * DAY + took, 0, None));
            prop_assert!(!started.is_due(later));
        }

        #[test]
        fn what_was_missed_while_the_portal_was_down_is_caught_up_once(
            id: u128, minutes in 5i64..1440, down in DAY..40 * DAY,
        ) {
            let one = of_integration(id, minutes, run(-60, 60, Some(Outcome::Succeeded)));
            let looks = (0..20).map(|look| at(down + look * 5));
            prop_assert_eq!(simulate(one, looks), vec![at(down)]);
        }

        #[test]
        fn no_jump_of_the_clock_stops_the_schedule_or_makes_it_run_wild(
            id: u128, minutes in 5i64..180, jump in prop_oneof![
                Just(HOUR), Just(-HOUR), Just(365 * DAY), Just(-365 * DAY), -400 * DAY..400 * DAY,
            ], which in 0usize..9, was_running: bool,
        ) {
            // Two intervals, then the clock jumps; two intervals more.
            let length = minutes * 60 * 2;
            let before = (0..length / 5).map(|look| at(look * 5));
            let after = (0..length / 5).map(|look| at(length + jump + look * 5));
            // One that began before the jump may end behind it.
            let ended = if was_running { length + jump } else { 60 };
            let mut one = of_integration(id, minutes, run(0, ended, Some(Outcome::ALL[which])));
            one.updated_at = at(jump);
            let runs = simulate(one.clone(), before.chain(after.clone()));
            let behind = runs.iter().filter(|start| **start >= at(length + jump)).count();
            prop_assert!(runs.len() <= 7, "{} runs in four intervals", runs.len());
            if one.due_at(at(length + jump)).is_some_and(|due| due <= at(2 * length + jump)) {
                prop_assert!(behind >= 1, "the schedule goes on behind the jump");
            }
        }

        #[test]
        fn when_the_next_one_is_said_to_start_it_starts(
            id: u128, minutes in 5i64..1440, from in 0u32..24, length in 1u32..23, second in 0i64..3 * DAY,
        ) {
            let quiet = format!("{from:02}:30-{:02}:30 Europe/Berlin", (from + length) % 24).parse().unwrap();
            let one = Scheduled {
                quiet_hours: Some(quiet),
                ..of_integration(id, minutes, run(0, 30, Some(Outcome::Succeeded)))
            };
            let now = at(second);
            let next = one.next_at(now).unwrap();
            prop_assert!(next >= now && one.is_due(next));
            prop_assert!(next == now || !one.is_due(next - TimeDelta::seconds(1)));
        }
    }

    proptest! {
        // Each looks at three days.
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn none_starts_within_quiet_hours_and_what_was_missed_is_caught_up_once(
            id: u128, minutes in 5i64..240, from in 0u32..24, length in 1u32..23,
            zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
            // Days around the changes of the clocks in 2027.
            day in proptest::sample::select(vec!["2027-03-27", "2027-03-13", "2027-10-30", "2027-11-06", "2027-01-10"]),
        ) {
            let quiet: QuietHours = format!("{from:02}:00-{:02}:00 {zone}", (from + length) % 24).parse().unwrap();
            let begin: DateTime<Utc> = format!("{day}T00:00:00Z").parse().unwrap();
            let one = Scheduled {
                quiet_hours: Some(quiet),
                created_at: begin,
                ..of_integration(id, minutes, None)
            };
            let looks = (0..3 * DAY / 30).map(|look| begin + TimeDelta::seconds(look * 30));
            let runs = simulate(one.clone(), looks);
            prop_assert!(runs.iter().all(|start| !quiet.contain(*start)));
            // After each end of quiet hours one run, soon, and not one for each that was missed.
            let mut now = begin + TimeDelta::days(1);
            while now < begin + TimeDelta::days(2) {
                if let Some(end) = quiet.until(now) {
                    let soon = end + TimeDelta::minutes(minutes.min(10) + 1);
                    let caught_up = runs.iter().filter(|start| **start >= end && **start < soon).count();
                    let was_due = i64::from(length) * 60 > minutes && !quiet.contain(soon);
                    if was_due {
                        prop_assert!(caught_up >= 1, "one soon after {end}: {runs:?}");
                    }
                    prop_assert!(caught_up <= 3, "{caught_up} soon after {end}");
                    now = end;
                }
                now += TimeDelta::minutes(30);
            }
        }
    }
}
