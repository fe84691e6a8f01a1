use std::{fmt, str::FromStr};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{trend::Stretch, usage::Slot};

/// How far back a dashboard looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    Hours6,
    #[default]
    Hours24,
    Days7,
    Days30,
    Days90,
}

impl Range {
    pub const ALL: [Range; 5] = [
        Range::Hours6,
        Range::Hours24,
        Range::Days7,
        Range::Days30,
        Range::Days90,
    ];

    /// The word in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Range::Hours6 => "6h",
            Range::Hours24 => "24h",
            Range::Days7 => "7d",
            Range::Days30 => "30d",
            Range::Days90 => "90d",
        }
    }

    /// What a person reads.
    pub fn label(self) -> &'static str {
        match self {
            Range::Hours6 => "6 h",
            Range::Hours24 => "24 h",
            Range::Days7 => "7 d",
            Range::Days30 => "30 d",
            Range::Days90 => "90 d",
        }
    }

    /// What one bar of a chart stands for.
    pub fn bar(self) -> TimeDelta {
        match self {
            Range::Hours6 => TimeDelta::minutes(10),
            Range::Hours24 => TimeDelta::hours(1),
            Range::Days7 => TimeDelta::hours(6),
            Range::Days30 | Range::Days90 => TimeDelta::days(1),
        }
    }

    /// The bars of a chart.
    pub fn bars(self) -> i32 {
        match self {
            Range::Hours6 => 36,
            Range::Hours24 => 24,
            Range::Days7 => 28,
            Range::Days30 => 30,
            Range::Days90 => 90,
        }
    }

    /// The longest slots that its bars are made of.
    pub fn slot(self) -> Slot {
        match self {
            Range::Hours6 => Slot::Minute,
            Range::Hours24 | Range::Days7 => Slot::Hour,
            Range::Days30 | Range::Days90 => Slot::Day,
        }
    }

    /// The longest stretches of a trend that its bars are made of.
    pub fn stretch(self) -> Stretch {
        match self {
            Range::Hours6 => Stretch::Short,
            Range::Hours24 | Range::Days7 => Stretch::Hour,
            Range::Days30 | Range::Days90 => Stretch::Day,
        }
    }

    /// When the bars begin, the oldest first; the last one is under way.
    pub fn starts(self, now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let first = self.start(now);
        (0..self.bars()).map(|n| first + self.bar() * n).collect()
    }

    /// When the first bar begins.
    pub fn start(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let since = now.timestamp().rem_euclid(self.bar().num_seconds());
        let last = DateTime::from_timestamp(now.timestamp() - since, 0).unwrap_or(now);
        last - self.bar() * (self.bars() - 1)
    }

    /// Which bar a time is in.
    pub fn bar_of(self, at: DateTime<Utc>, now: DateTime<Utc>) -> Option<usize> {
        let since = (at - self.start(now)).num_seconds();
        let bar = since.div_euclid(self.bar().num_seconds());
        usize::try_from(bar)
            .ok()
            .filter(|bar| *bar < self.bars() as usize)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// It is none of the ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range is 6h, 24h, 7d, 30d or 90d")]
pub struct UnknownRange;

impl FromStr for Range {
    type Err = UnknownRange;

    fn from_str(word: &str) -> Result<Self, UnknownRange> {
        Range::ALL
            .into_iter()
            .find(|range| range.word() == word)
            .ok_or(UnknownRange)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_read_as_it_is_written() {
        for range in Range::ALL {
            assert_eq!(range.word().parse(), Ok(range));
        }
        assert_eq!("1y".parse::<Range>(), Err(UnknownRange));
    }

    proptest! {
        #[test]
        fn bars_follow_each_other_up_to_now(seconds in 0i64..4_000_000_000, which in 0usize..5) {
            let (range, now) = (Range::ALL[which], DateTime::from_timestamp(seconds, 0).unwrap());
            let starts = range.starts(now);
            prop_assert_eq!(starts.len(), range.bars() as usize);
            prop_assert!(starts.windows(2).all(|two| two[1] - two[0] == range.bar()));
            let last = *starts.last().unwrap();
            prop_assert!(last <= now && now < last + range.bar());
            for (bar, start) in starts.iter().enumerate() {
                prop_assert_eq!(range.slot().start(*start), *start);
                prop_assert_eq!(range.stretch().start(*start), *start);
                prop_assert_eq!(range.bar_of(*start, now), Some(bar));
                prop_assert_eq!(range.bar_of(*start + range.bar() - TimeDelta::seconds(1), now), Some(bar));
            }
            prop_assert_eq!(range.bar_of(starts[0] - TimeDelta::seconds(1), now), None);
            prop_assert_eq!(range.bar_of(last + range.bar(), now), None);
        }
    }
}
