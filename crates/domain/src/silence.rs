use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What a webhook did in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookHour {
    /// Hours since 1970.
    pub hour: i64,
    /// Changes of the copy that it brought.
    pub told: u64,
    /// Changes that a poll found and that it should have brought.
    pub caught: u64,
    pub deliveries: u64,
}

impl WebhookHour {
    /// The number of the hour that a time is in.
    pub fn of(at: DateTime<Utc>) -> i64 {
        at.timestamp().div_euclid(3600)
    }
}

/// Who was first with the changes of some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    pub told: u64,
    pub caught: u64,
}

impl Coverage {
    /// Of the hours from that time on.
    pub fn since(hours: &[WebhookHour], from: DateTime<Utc>) -> Self {
        let from = WebhookHour::of(from);
        let since = hours.iter().filter(|hour| hour.hour >= from);
        since.fold(Self::default(), |sum, hour| Self {
            told: sum.told + hour.told,
            caught: sum.caught + hour.caught,
        })
    }

    /// Thousandths of all changes that the webhook told first; `None`: nothing changed. Whole only if nothing was caught.
    pub fn per_mille(self) -> Option<u64> {
        let all = self.told + self.caught;
        (all > 0).then(|| self.told * 1000 / all)
    }
}

/// Why a webhook is taken for silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Silence {
    /// Polls found so many changes since its last delivery.
    Missed(u64),
    /// By what it usually brings, so many deliveries should have come since its last one.
    Quiet(u64),
}

/// So many changes found by polls are no chance.
const MISSED: u64 = 3;
/// A webhook that told of something a moment ago is not silent.
const LATELY: TimeDelta = TimeDelta::minutes(10);
/// When so many deliveries are to be expected and none comes, chance would do that less than once in a thousand times: e^-7 is
/// 0.0009 (Poisson).
const EXPECTED: f64 = 7.0;
/// What is usual is learnt from so many weeks, as far as there are that many.
pub const LEARNT_WEEKS: i64 = 4;
/// Nothing is usual before that.
const LEARNT: TimeDelta = TimeDelta::days(7);

/// Whether a webhook has fallen silent. `missed`: changes that polls found since its last delivery. `first_at`, `last_at`: of its
/// deliveries. What is usual is learnt for each hour of the week from `hours`, which go back [`LEARNT_WEEKS`].
pub fn silence(
    hours: &[WebhookHour],
    missed: u64,
    first_at: Option<DateTime<Utc>>,
    last_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Silence> {
    let (first_at, last_at) = first_at.zip(last_at)?;
    if missed >= MISSED && now - last_at >= LATELY {
        return Some(Silence::Missed(missed));
    }
    if !looks_at_hours(missed, Some(first_at), Some(last_at), now) {
        return None;
    }
    let expected = expected(hours, first_at, last_at, now);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of deliveries, not negative"
    )]
    (expected >= EXPECTED).then_some(Silence::Quiet(expected as u64))
}

/// Whether [`silence`] needs the hours at all: not for a webhook that spoke a moment ago, that missed enough, or that is too young.
pub fn looks_at_hours(
    missed: u64,
    first_at: Option<DateTime<Utc>>,
    last_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> bool {
    let is_old = first_at.is_some_and(|first| now - first >= LEARNT);
    missed < MISSED && is_old && last_at.is_some_and(|last| now - last >= LATELY)
}

/// How many deliveries there usually are from the last one until now.
fn expected(
    hours: &[WebhookHour],
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> f64 {
    const WEEK: i64 = 7 * 24;
    let last = WebhookHour::of(last_at);
    // From the last delivery on nothing is usual.
    let from = WebhookHour::of(first_at).max(last - LEARNT_WEEKS * WEEK);
    let mut sums = [0.0; WEEK as usize];
    for hour in hours
        .iter()
        .filter(|hour| (from..=last).contains(&hour.hour))
    {
        #[expect(clippy::cast_precision_loss, reason = "a number of deliveries")]
        let deliveries = hour.deliveries as f64;
        sums[place(hour.hour)] += deliveries;
    }
    let rate = |hour: i64| {
        // As often as this hour of the week has come by.
        let latest = last - 1 - (last - 1 - hour).rem_euclid(WEEK);
        let times = (0..LEARNT_WEEKS).filter(|n| latest - n * WEEK >= from);
        let times = u32::try_from(times.count()).unwrap_or(0);
        match times {
            0 => 0.0,
            n => sums[place(hour)] / f64::from(n),
        }
    };
    // A silence of more than a week is judged by its first week.
    let end = now.min(last_at + TimeDelta::weeks(1));
    let mut expected = 0.0;
    let mut at = last_at;
    while at < end {
        let hour = WebhookHour::of(at);
        let next = DateTime::from_timestamp((hour + 1) * 3600, 0)
            .unwrap_or(end)
            .min(end);
        #[expect(clippy::cast_precision_loss, reason = "at most an hour in seconds")]
        let part = (next - at).num_seconds() as f64 / 3600.0;
        expected += rate(hour) * part;
        if next <= at {
            break;
        }
        at = next;
    }
    expected
}

fn place(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(7 * 24)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Seconds after the beginning of an hour.
    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 / 3600 * 3600 + seconds, 0).unwrap()
    }

    const HOUR: i64 = 3600;
    const WEEK: i64 = 7 * 24 * HOUR;

    /// Ten deliveries in each hour of these.
    fn busy(hours: std::ops::Range<i64>) -> Vec<WebhookHour> {
        hours
            .map(|n| WebhookHour {
                hour: WebhookHour::of(at(n * HOUR)),
                told: 8,
                caught: 0,
                deliveries: 10,
            })
            .collect()
    }

    #[test]
    fn a_webhook_that_polls_outrun_is_silent() {
        let check = |missed, last: i64, now: i64| {
            silence(&[], missed, Some(at(0)), Some(at(last)), at(now))
        };
        assert_eq!(check(3, 0, 601), Some(Silence::Missed(3)));
        assert_eq!(check(2, 0, 601), None, "it may be chance");
        assert_eq!(check(9, 0, 599), None, "it told of something a moment ago");
        assert_eq!(
            silence(&[], 9, None, None, at(0)),
            None,
            "it never said anything"
        );
    }

    #[test]
    fn a_gap_is_judged_by_what_is_usual_at_that_hour_of_the_week() {
        // Two busy weeks.
        let hours = busy(0..14 * 24);
        let last = 2 * WEEK;
        let check = |after: i64| silence(&hours, 0, Some(at(0)), Some(at(last)), at(last + after));
        assert_eq!(check(HOUR / 2), None, "five should have come");
        assert!(
            matches!(check(HOUR), Some(Silence::Quiet(9 | 10))),
            "{:?}",
            check(HOUR)
        );

        // The same, but this very hour is always quiet, and so are the next ones.
        let from = WebhookHour::of(at(0));
        let is_usual = |hour: &&WebhookHour| (hour.hour - from).rem_euclid(7 * 24) >= 10;
        let quiet: Vec<WebhookHour> = hours.iter().filter(is_usual).copied().collect();
        let check = |after: i64| silence(&quiet, 0, Some(at(0)), Some(at(last)), at(last + after));
        assert_eq!(check(9 * HOUR), None, "nothing is usual then");
        assert!(check(11 * HOUR).is_some());
    }

    #[test]
    fn nothing_is_usual_in_the_first_week() {
        let hours = busy(0..5 * 24);
        let last = 5 * 24 * HOUR;
        assert_eq!(
            silence(&hours, 0, Some(at(0)), Some(at(last)), at(last + 5 * HOUR)),
            None
        );
    }

    #[test]
    fn coverage_is_whole_only_if_nothing_was_caught() {
        let hours = [
            WebhookHour {
                hour: 10,
                told: 999,
                caught: 0,
                deliveries: 0,
            },
            WebhookHour {
                hour: 11,
                told: 1000,
                caught: 1,
                deliveries: 0,
            },
        ];
        let since =
            |hour: i64| Coverage::since(&hours, DateTime::from_timestamp(hour * HOUR, 0).unwrap());
        assert_eq!(since(10).per_mille(), Some(999));
        assert_eq!(
            since(11),
            Coverage {
                told: 1000,
                caught: 1
            }
        );
        assert_eq!(since(12).per_mille(), None);
    }

    proptest! {
        #[test]
        fn no_past_is_too_odd(
            hours in proptest::collection::vec((-2000i64..2000, 0u64..50), 0..50),
            first in -3_000_000i64..3_000_000, last in -3_000_000i64..3_000_000, now in -3_000_000i64..3_000_000,
        ) {
            let hours: Vec<WebhookHour> = hours.into_iter().map(|(hour, deliveries)| WebhookHour {
                hour: WebhookHour::of(at(0)) + hour, told: 0, caught: 0, deliveries,
            }).collect();
            silence(&hours, 0, Some(at(first)), Some(at(last)), at(now));
        }
    }
}
