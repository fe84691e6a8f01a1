use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How old the copy is, against its schedule (peers.md section 1.3). Ordered worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// Older than twice the interval.
    Stale,
    /// Never completely synced.
    Never,
    /// Older than the interval.
    Late,
    /// Not known, such as when the clock went backwards.
    Unknown,
    /// Within the interval.
    Fresh,
    /// Switched off by an admin.
    Paused,
}

impl Freshness {
    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Freshness::Fresh => "Fresh",
            Freshness::Late => "Late",
            Freshness::Stale => "Stale",
            Freshness::Never => "Never synced",
            Freshness::Paused => "Inactive",
            Freshness::Unknown => "Unknown",
        }
    }
}

/// The freshness of a copy last completely synced at `complete_at`, of an integration with this interval.
pub fn freshness(
    complete_at: Option<DateTime<Utc>>,
    interval: TimeDelta,
    is_active: bool,
    now: DateTime<Utc>,
) -> Freshness {
    if !is_active {
        return Freshness::Paused;
    }
    let Some(complete_at) = complete_at else {
        return Freshness::Never;
    };
    let age = now - complete_at;
    if age < -TimeDelta::minutes(5) {
        Freshness::Unknown
    } else if age <= interval {
        Freshness::Fresh
    } else if age <= interval * 2 {
        Freshness::Late
    } else {
        Freshness::Stale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_ages_from_fresh_to_stale() {
        let then = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let interval = TimeDelta::minutes(15);
        let after = |minutes| {
            freshness(
                Some(then),
                interval,
                true,
                then + TimeDelta::minutes(minutes),
            )
        };
        assert_eq!(after(0), Freshness::Fresh);
        assert_eq!(after(15), Freshness::Fresh);
        assert_eq!(after(16), Freshness::Late);
        assert_eq!(after(31), Freshness::Stale);
        assert_eq!(after(-60), Freshness::Unknown);
        assert_eq!(freshness(None, interval, true, then), Freshness::Never);
        assert_eq!(
            freshness(Some(then), interval, false, then),
            Freshness::Paused
        );
    }
}
