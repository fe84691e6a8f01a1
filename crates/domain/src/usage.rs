use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    histogram::Histogram,
    ids::{IntegrationId, ProjectId},
};

/// What a call to Plane was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Sync,
    /// What a webhook told of was looked at.
    Webhook,
    /// A project's copy was compared with Plane.
    Compare,
    /// A connection test that a person asked for.
    ConnectionTest,
    /// A connection test of the schedule.
    HealthCheck,
}

impl Purpose {
    pub const ALL: [Purpose; 5] = [
        Purpose::Sync,
        Purpose::Webhook,
        Purpose::Compare,
        Purpose::ConnectionTest,
        Purpose::HealthCheck,
    ];

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Purpose::Sync => "Syncs",
            Purpose::Webhook => "Webhooks",
            Purpose::Compare => "Comparisons",
            Purpose::ConnectionTest => "Connection tests",
            Purpose::HealthCheck => "Health checks",
        }
    }
}

/// A key at the Plane that it is for: what Plane's limit counts by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaneKey {
    /// Scheme, host and port.
    pub origin: String,
    pub fingerprint: String,
}

/// A call to Plane with a key, as it is kept to be counted: when it ended, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// `None`: a connection test before the integration was saved.
    pub integration: Option<IntegrationId>,
    pub key: PlaneKey,
    pub purpose: Purpose,
    /// The path without its ids, such as `projects/:id/work-items`.
    pub endpoint: String,
    /// Of the answer, if its head came.
    pub status: Option<u16>,
    /// Why it failed, as a code.
    pub error: Option<String>,
    pub ended_at: DateTime<Utc>,
    pub took_ms: u64,
    /// For Plane's limit, before it was sent.
    pub waited_ms: u64,
    /// Of the answer's body, after decompression.
    pub bytes: u64,
    /// Calls that Plane said were left.
    pub remaining: Option<u32>,
    /// The project it was about.
    #[serde(default)]
    pub project: Option<ProjectId>,
}

/// How long the slots are that calls are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    Minute,
    Hour,
    /// Of UTC.
    Day,
}

impl Slot {
    pub const ALL: [Slot; 3] = [Slot::Minute, Slot::Hour, Slot::Day];

    pub fn length(self) -> TimeDelta {
        match self {
            Slot::Minute => TimeDelta::minutes(1),
            Slot::Hour => TimeDelta::hours(1),
            Slot::Day => TimeDelta::days(1),
        }
    }

    /// When the slot begins that a time is in.
    pub fn start(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let since = at.timestamp().rem_euclid(self.length().num_seconds());
        DateTime::from_timestamp(at.timestamp() - since, 0).unwrap_or(at)
    }
}

/// Calls, counted. Two can be added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CallTally {
    pub calls: u64,
    /// Answers 429.
    pub limited: u64,
    /// Those that failed, by their code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
    pub waited_ms: u64,
    pub bytes: u64,
    /// Milliseconds.
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    pub took: Histogram,
    /// The least that Plane said was left.
    pub least_remaining: Option<u32>,
}

impl CallTally {
    pub fn add(&mut self, call: &CallRecord) {
        self.calls += 1;
        self.limited += u64::from(call.status == Some(429));
        if let Some(code) = &call.error {
            *self.failed.entry(code.clone()).or_default() += 1;
        }
        self.waited_ms += call.waited_ms;
        self.bytes += call.bytes;
        self.took.add(call.took_ms);
        self.least_remaining = least(self.least_remaining, call.remaining);
    }

    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.limited += other.limited;
        for (code, times) in &other.failed {
            *self.failed.entry(code.clone()).or_default() += times;
        }
        self.waited_ms += other.waited_ms;
        self.bytes += other.bytes;
        self.took.merge(&other.took);
        self.least_remaining = least(self.least_remaining, other.least_remaining);
    }

    /// How many failed, for whatever reason.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }
}

fn least(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// The calls of a slot by what they were for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    pub by_purpose: BTreeMap<Purpose, CallTally>,
    /// The most calls of a minute.
    pub peak: u64,
}

impl Usage {
    pub fn add(&mut self, call: &CallRecord) {
        self.by_purpose.entry(call.purpose).or_default().add(call);
    }

    pub fn merge(&mut self, other: &Self) {
        for (purpose, tally) in &other.by_purpose {
            self.by_purpose.entry(*purpose).or_default().merge(tally);
        }
        self.peak = self.peak.max(other.peak);
    }

    pub fn calls(&self) -> u64 {
        self.by_purpose.values().map(|tally| tally.calls).sum()
    }

    /// All purposes together.
    pub fn total(&self) -> CallTally {
        let mut total = CallTally::default();
        self.by_purpose
            .values()
            .for_each(|tally| total.merge(tally));
        total
    }
}

/// The most calls that a minute of today will have, by what the hours of the days before had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    pub calls: u64,
    /// The hour that it is expected in, or was.
    pub hour: DateTime<Utc>,
}

/// So many days are looked back at for a [`Forecast`].
pub const FORECAST_DAYS: i64 = 7;

/// The busiest minute of today (of UTC): of the hours that are over it is known, for the others it is what the same hour had on the
/// days before. `peaks` are the busiest minutes of hours. `None` without a day to go by.
pub fn forecast(peaks: &[(DateTime<Utc>, u64)], now: DateTime<Utc>) -> Option<Forecast> {
    let (today, hour) = (Slot::Day.start(now), Slot::Hour.start(now));
    let oldest = today - TimeDelta::days(FORECAST_DAYS);
    let before = || {
        peaks
            .iter()
            .filter(|(start, _)| (oldest..today).contains(start))
    };
    before().next()?;
    let known = peaks
        .iter()
        .filter(|(start, _)| (today..=hour).contains(start))
        .copied();
    let to_come = before().filter_map(|(start, calls)| {
        let same_hour = today + (*start - Slot::Day.start(*start));
        (same_hour >= hour).then_some((same_hour, *calls))
    });
    let busiest = known
        .chain(to_come)
        .max_by_key(|(start, calls)| (*calls, std::cmp::Reverse(*start)));
    busiest.map(|(hour, calls)| Forecast { calls, hour })
}

/// Whose calls are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    All,
    Integration(IntegrationId),
    Key(PlaneKey),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(purpose: Purpose, status: u16, error: Option<&str>) -> CallRecord {
        CallRecord {
            integration: None,
            key: PlaneKey {
                origin: "https://plane.example".to_owned(),
                fingerprint: "ab12".to_owned(),
            },
            purpose,
            endpoint: "projects".to_owned(),
            status: Some(status),
            error: error.map(str::to_owned),
            ended_at: DateTime::UNIX_EPOCH,
            took_ms: 40,
            waited_ms: 5,
            bytes: 100,
            remaining: Some(u32::from(status) / 10),
            project: None,
        }
    }

    #[test]
    fn calls_are_counted_by_purpose_and_by_what_went_wrong() {
        let mut usage = Usage::default();
        usage.add(&call(Purpose::Sync, 200, None));
        usage.add(&call(Purpose::Sync, 429, None));
        usage.add(&call(Purpose::HealthCheck, 403, Some("bad_key")));

        let total = usage.total();
        assert_eq!((total.calls, total.limited, total.failures()), (3, 1, 1));
        assert_eq!(total.failed["bad_key"], 1);
        assert_eq!((total.waited_ms, total.bytes), (15, 300));
        assert_eq!(total.least_remaining, Some(20));
        assert_eq!(total.took.quantile(0.5), Some(41));
        assert_eq!(usage.by_purpose[&Purpose::Sync].calls, 2);
    }

    #[test]
    fn a_slot_begins_where_the_clock_says() {
        let at = DateTime::parse_from_rfc3339("2026-11-26T21:47:33.512Z")
            .unwrap()
            .to_utc();
        let start = |slot: Slot| slot.start(at).format("%dT%H:%M:%S").to_string();
        assert_eq!(start(Slot::Minute), "26T21:47:00");
        assert_eq!(start(Slot::Hour), "26T21:00:00");
        assert_eq!(start(Slot::Day), "26T00:00:00");
    }

    #[test]
    fn the_busiest_minute_to_come_is_the_one_of_the_same_hour_before() {
        let at = |day: i64, hour: i64| {
            DateTime::UNIX_EPOCH + TimeDelta::days(day) + TimeDelta::hours(hour)
        };
        let now = at(9, 12) + TimeDelta::minutes(20);
        assert_eq!(forecast(&[(at(9, 3), 50)], now), None, "no day to go by");
        let peaks = [
            (at(1, 15), 99), // too long ago
            (at(7, 9), 58),  // that hour is over
            (at(7, 14), 40),
            (at(8, 14), 47),
            (at(8, 20), 12),
            (at(9, 3), 31),
        ];
        let expect = |calls, hour| Some(Forecast { calls, hour });
        assert_eq!(forecast(&peaks, now), expect(47, at(9, 14)));
        let busy = [&peaks[..], &[(at(9, 12), 52)]].concat();
        assert_eq!(forecast(&busy, now), expect(52, at(9, 12)));
        assert_eq!(forecast(&peaks, at(9, 21)), expect(31, at(9, 3)));
    }

    proptest! {
        #[test]
        fn what_is_counted_apart_adds_up(calls in prop::collection::vec((0usize..5, 0usize..4), 0..60), cut in 0usize..60) {
            let statuses = [(200, None), (429, None), (403, Some("bad_key")), (502, Some("plane_fault"))];
            let calls: Vec<_> = calls
                .into_iter()
                .map(|(purpose, status)| call(Purpose::ALL[purpose], statuses[status].0, statuses[status].1))
                .collect();
            let of = |calls: &[CallRecord]| {
                let mut usage = Usage::default();
                calls.iter().for_each(|call| usage.add(call));
                usage
            };
            let (first, rest) = calls.split_at(cut.min(calls.len()));
            let mut sum = of(first);
            sum.merge(&of(rest));
            prop_assert_eq!(&sum, &of(&calls));
            prop_assert_eq!(sum.total().calls, calls.len() as u64);
            let json = serde_json::to_string(&sum).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), sum);
        }
    }
}
