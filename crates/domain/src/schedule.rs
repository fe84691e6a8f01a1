use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    ids::IntegrationId,
    run::{Outcome, RunSummary},
};

/// An active integration, as far as it decides when it is synced next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    pub integration: IntegrationId,
    /// How old its copy may become; at least a minute.
    pub interval: TimeDelta,
    pub created_at: DateTime<Utc>,
    /// When an admin last changed it, its key included.
    pub updated_at: DateTime<Utc>,
    pub last_run: Option<RunSummary>,
}

/// After trouble that may pass, a run is tried again this soon, if the interval is not shorter.
const SOON: TimeDelta = TimeDelta::minutes(5);
/// How often a key or workspace that Plane refused is tried, though nobody changed it: access can be given back in Plane.
const REFUSED: TimeDelta = TimeDelta::hours(6);
/// A clock that was set back by more than this does not count.
const SKEW: TimeDelta = TimeDelta::minutes(5);

impl Scheduled {
    /// When the next run is due; one in the past is due now, however many were missed. `None` while one is under way.
    ///
    /// A copy is as old as the start of its last complete run. So that it stays fresh, the next run starts before the
    /// interval is over: by the time that the last one took, and by up to a tenth of the interval, which also spreads
    /// integrations that were added together.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        let Some(last) = &self.last_run else {
            return Some(self.created_at + self.interval);
        };
        let finished_at = last.finished_at?;
        Some(match last.outcome? {
            Outcome::Succeeded
            | Outcome::Partial
            | Outcome::Held
            | Outcome::Cancelled
            | Outcome::Failed => {
                let took = (finished_at - last.started_at).max(TimeDelta::zero());
                let early = took + self.interval / 20 + self.interval / 20 * spread(last) / 256;
                last.started_at + (self.interval - early).max(self.interval / 2)
            }
            // It goes on where it was.
            Outcome::Interrupted => finished_at,
            Outcome::RateLimited | Outcome::Unreachable => finished_at + self.interval.min(SOON),
            Outcome::Rejected if self.updated_at > finished_at => self.updated_at,
            Outcome::Rejected => finished_at + self.interval.max(REFUSED),
        })
    }

    /// Whether a run is to be started now. A last run in the future means that the clock was set back: the schedule
    /// begins anew, instead of waiting for the clock to catch up.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let is_ahead = |run: &RunSummary| run.outcome.is_some() && run.started_at > now + SKEW;
        self.last_run.as_ref().is_some_and(is_ahead) || self.due_at().is_some_and(|due| due <= now)
    }
}

/// 0 to 255, the same whoever asks.
fn spread(run: &RunSummary) -> i32 {
    i32::from(run.id.0.as_bytes()[15])
}

#[cfg(test)]
mod tests {
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
            created_at: at(0),
            updated_at: at(0),
            last_run,
        }
    }

    fn run(id: u128, started: i64, took: i64, outcome: Option<Outcome>) -> Option<RunSummary> {
        Some(RunSummary {
            id: RunId(Uuid::from_u128(id)),
            started_at: at(started),
            finished_at: outcome.map(|_| at(started + took)),
            outcome,
        })
    }

    #[test]
    fn what_ended_decides_how_soon_the_next_one_comes() {
        let due = |outcome| {
            let due = scheduled(60, run(0, 0, 60, outcome)).due_at();
            due.map(|due| (due - at(0)).num_minutes())
        };
        assert_eq!(due(None), None);
        assert_eq!(due(Some(Outcome::Succeeded)), Some(56));
        assert_eq!(due(Some(Outcome::Failed)), Some(56));
        assert_eq!(due(Some(Outcome::Interrupted)), Some(1));
        assert_eq!(due(Some(Outcome::Unreachable)), Some(6));
        assert_eq!(due(Some(Outcome::RateLimited)), Some(6));
        assert_eq!(due(Some(Outcome::Rejected)), Some(361));
    }

    #[test]
    fn a_refused_key_is_tried_at_once_when_an_admin_changed_something() {
        let refused = scheduled(60, run(0, 0, 60, Some(Outcome::Rejected)));
        let changed = Scheduled {
            updated_at: at(90),
            ..refused.clone()
        };
        assert!(!refused.is_due(at(100)));
        assert!(changed.is_due(at(100)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_schedule() {
        let last = scheduled(15, run(0, 1_000_000, 60, Some(Outcome::Succeeded)));
        assert!(last.is_due(at(0)));
        let under_way = scheduled(15, run(0, 1_000_000, 60, None));
        assert!(!under_way.is_due(at(0)));
    }

    proptest! {
        #[test]
        fn a_run_that_is_not_too_long_keeps_the_copy_fresh(
            id: u128, minutes in 1i64..2000, share in 0i64..40,
        ) {
            let took = minutes * 60 * share / 100;
            let next = scheduled(minutes, run(id, 0, took, Some(Outcome::Succeeded))).due_at().unwrap();
            prop_assert!(next + TimeDelta::seconds(took) <= at(minutes * 60), "complete again in time");
            prop_assert!(next >= at(minutes * 30), "and not twice as often as asked for");
        }

        #[test]
        fn whatever_ended_and_however_long_ago_one_run_is_due_and_then_none(
            id: u128, minutes in 1i64..2000, took in 0i64..100_000, which in 0usize..9,
        ) {
            let ended = scheduled(minutes, run(id, 0, took, Some(Outcome::ALL[which])));
            let later = at(took) + TimeDelta::days(30);
            prop_assert!(ended.is_due(later));
            let started = scheduled(minutes, run(id, 30 * 86_400 + took, 0, None));
            prop_assert!(!started.is_due(later));
        }

        #[test]
        fn integrations_that_began_together_drift_apart(minutes in 5i64..2000) {
            let due: std::collections::BTreeSet<_> = (0..256u128)
                .map(|id| scheduled(minutes, run(id, 0, 0, Some(Outcome::Succeeded))).due_at())
                .collect();
            prop_assert!(due.len() > 10, "{}", due.len());
        }
    }
}
