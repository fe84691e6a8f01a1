use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::integration::Standing;

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
    /// An admin paused its schedule.
    Paused,
    /// Switched off by an admin.
    Inactive,
}

impl Freshness {
    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Freshness::Fresh => "Fresh",
            Freshness::Late => "Late",
            Freshness::Stale => "Stale",
            Freshness::Never => "Never synced",
            Freshness::Paused => "Paused",
            Freshness::Inactive => "Inactive",
            Freshness::Unknown => "Unknown",
        }
    }

    /// Whether somebody wants it to age: it is neither worse nor better than another one.
    pub fn is_resting(self) -> bool {
        matches!(self, Freshness::Paused | Freshness::Inactive)
    }
}

/// The freshness of a copy last completely synced at `complete_at`, of an integration with this interval and standing.
pub fn freshness(
    complete_at: Option<DateTime<Utc>>,
    interval: TimeDelta,
    standing: Standing,
    now: DateTime<Utc>,
) -> Freshness {
    match standing {
        Standing::Active => {}
        Standing::Paused => return Freshness::Paused,
        Standing::Inactive => return Freshness::Inactive,
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
                Standing::Active,
                then + TimeDelta::minutes(minutes),
            )
        };
        assert_eq!(after(0), Freshness::Fresh);
        assert_eq!(after(15), Freshness::Fresh);
        assert_eq!(after(16), Freshness::Late);
        assert_eq!(after(31), Freshness::Stale);
        assert_eq!(after(-60), Freshness::Unknown);
        let of = |complete_at, standing| freshness(complete_at, interval, standing, then);
        assert_eq!(of(None, Standing::Active), Freshness::Never);
        assert_eq!(of(Some(then), Standing::Paused), Freshness::Paused);
        assert_eq!(of(Some(then), Standing::Inactive), Freshness::Inactive);
    }
}
