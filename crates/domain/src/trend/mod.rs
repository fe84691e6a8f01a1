/// What may explain what a chart shows.
mod happening;
/// How old copies were at one moment.
mod sample;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use happening::{Happening, HappeningKind, OUTAGES, Place, outages};
pub use sample::{Sampled, sample};

use crate::{
    histogram::Histogram,
    objective::Kept,
    run::{Outcome, SyncRun},
};

/// How long the stretches are that trends are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stretch {
    /// Five minutes: what is looked at, and counted, at once.
    Short,
    Hour,
    /// Of UTC.
    Day,
}

impl Stretch {
    pub const ALL: [Stretch; 3] = [Stretch::Short, Stretch::Hour, Stretch::Day];

    pub fn length(self) -> TimeDelta {
        match self {
            Stretch::Short => TimeDelta::minutes(5),
            Stretch::Hour => TimeDelta::hours(1),
            Stretch::Day => TimeDelta::days(1),
        }
    }

    /// When the stretch begins that a time is in.
    pub fn start(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let since = at.timestamp().rem_euclid(self.length().num_seconds());
        DateTime::from_timestamp(at.timestamp() - since, 0).unwrap_or(at)
    }

    /// For how long they are kept: twice what a dashboard shows of them, for the period before.
    pub fn kept(self) -> TimeDelta {
        match self {
            Stretch::Short => TimeDelta::days(3),
            Stretch::Hour => TimeDelta::days(15),
            Stretch::Day => TimeDelta::days(400),
        }
    }
}

/// How syncing went in a stretch of time, of one integration or of all. Two can be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trend {
    pub copies: Copies,
    pub runs: Runs,
    pub webhooks: Webhooks,
    /// What counts for the objectives: all of that, without maintenance.
    pub kept: Kept,
}

impl Trend {
    pub fn merge(&mut self, other: &Self) {
        self.copies.merge(&other.copies);
        self.runs.merge(&other.runs);
        self.webhooks.merge(&other.webhooks);
        self.kept.merge(&other.kept);
    }

    /// Nothing was measured, and nothing happened.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How old the copies of projects were, each looked at once in five minutes. Projects whose integration rests are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Copies {
    pub looked_at: u64,
    /// Within the schedule, in every kind.
    pub fresh: u64,
    /// At most twice as old as the schedule promises.
    pub good: u64,
    /// Seconds since their work items were copied whole; those that never were are not in it.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub lag_s: Histogram,
    pub largest_lag_s: u64,
}

impl Copies {
    pub fn merge(&mut self, other: &Self) {
        self.looked_at += other.looked_at;
        self.fresh += other.fresh;
        self.good += other.good;
        self.lag_s.merge(&other.lag_s);
        self.largest_lag_s = self.largest_lag_s.max(other.largest_lag_s);
    }
}

/// Runs that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Runs {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ended: BTreeMap<Outcome, u64>,
    /// Of those that copied what they could.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub took_ms: Histogram,
    /// Work items that they read.
    pub items: u64,
}

impl Runs {
    /// Counts a run; one that is under way is none.
    pub fn add(&mut self, run: &SyncRun) {
        let Some((outcome, finished_at)) = run.outcome.zip(run.finished_at) else {
            return;
        };
        *self.ended.entry(outcome).or_default() += 1;
        if matches!(outcome, Outcome::Succeeded | Outcome::Partial) {
            let took = (finished_at - run.started_at).num_milliseconds();
            self.took_ms.add(u64::try_from(took).unwrap_or(0));
            self.items += run.counts.items;
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (outcome, times) in &other.ended {
            *self.ended.entry(*outcome).or_default() += times;
        }
        self.took_ms.merge(&other.took_ms);
        self.items += other.items;
    }

    pub fn of(&self, outcome: Outcome) -> u64 {
        self.ended.get(&outcome).copied().unwrap_or(0)
    }

    pub fn count(&self) -> u64 {
        self.ended.values().sum()
    }
}

/// What webhooks brought, and what they missed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Webhooks {
    pub deliveries: u64,
    /// Changes of the copy that they brought.
    pub told: u64,
    /// Changes that a poll found first.
    pub caught: u64,
    /// From a change in Plane to the copy that has it.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub lag_ms: Histogram,
}

impl Webhooks {
    pub fn merge(&mut self, other: &Self) {
        self.deliveries += other.deliveries;
        self.told += other.told;
        self.caught += other.caught;
        self.lag_ms.merge(&other.lag_ms);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        ids::{IntegrationId, RunId},
        run::{Counts, Progress, Trigger},
    };

    fn run(outcome: Option<Outcome>, seconds: i64) -> SyncRun {
        let started_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        SyncRun {
            id: RunId(Uuid::nil()),
            integration: IntegrationId(Uuid::nil()),
            integration_name: "Acme".to_owned(),
            trigger: Trigger::Schedule,
            started_at,
            finished_at: outcome.map(|_| started_at + TimeDelta::seconds(seconds)),
            outcome,
            reason: None,
            counts: Counts {
                items: 10,
                ..Counts::default()
            },
            progress: Progress::default(),
            cancel_requested: false,
            epoch: 1,
        }
    }

    #[test]
    fn durations_are_those_of_runs_that_copied_something() {
        let mut runs = Runs::default();
        runs.add(&run(Some(Outcome::Succeeded), 8));
        runs.add(&run(Some(Outcome::Failed), 900));
        runs.add(&run(None, 0));
        assert_eq!((runs.count(), runs.of(Outcome::Failed)), (2, 1));
        assert_eq!((runs.took_ms.count(), runs.items), (1, 10));
    }

    fn trend() -> impl Strategy<Value = Trend> {
        (
            0u64..9,
            prop::collection::vec(0u64..10_000, 0..5),
            prop::collection::vec((0usize..9, 0i64..900), 0..5),
            0u64..9,
        )
            .prop_map(|(good, lags, ended, told)| {
                let mut trend = Trend::default();
                trend.copies.good = good;
                trend.copies.looked_at = good + 1;
                for lag in lags {
                    trend.copies.lag_s.add(lag);
                    trend.copies.largest_lag_s = trend.copies.largest_lag_s.max(lag);
                }
                for (outcome, seconds) in ended {
                    trend.runs.add(&run(Some(Outcome::ALL[outcome]), seconds));
                }
                trend.webhooks.told = told;
                trend.webhooks.lag_ms.add(told * 100);
                trend
            })
    }

    proptest! {
        #[test]
        fn it_does_not_matter_in_which_order_trends_are_added(a in trend(), b in trend(), c in trend()) {
            let sum = |all: [&Trend; 3]| all.into_iter().fold(Trend::default(), |mut sum, one| {
                sum.merge(one);
                sum
            });
            prop_assert_eq!(sum([&a, &b, &c]), sum([&c, &a, &b]));
            let text = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<Trend>(&text).unwrap(), a);
        }

        #[test]
        fn stretches_lie_in_each_other(seconds in 0i64..4_000_000_000) {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            for two in Stretch::ALL.windows(2) {
                let [short, long] = [two[0], two[1]];
                prop_assert_eq!(long.start(short.start(at)), long.start(at));
                prop_assert!(short.start(at) + short.length() <= long.start(at) + long.length());
            }
        }
    }
}
