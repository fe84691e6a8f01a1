use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{integration::Standing, walk::AROUND_EVERY};

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
    /// Worst first.
    pub const ALL: [Freshness; 7] = [
        Freshness::Stale,
        Freshness::Never,
        Freshness::Late,
        Freshness::Unknown,
        Freshness::Fresh,
        Freshness::Paused,
        Freshness::Inactive,
    ];

    /// The word in addresses and exports.
    pub fn slug(self) -> &'static str {
        match self {
            Freshness::Fresh => "fresh",
            Freshness::Late => "late",
            Freshness::Stale => "stale",
            Freshness::Never => "never",
            Freshness::Paused => "paused",
            Freshness::Inactive => "inactive",
            Freshness::Unknown => "unknown",
        }
    }

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

/// A kind of thing that is copied of every project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    WorkItems,
    Labels,
    States,
    Cycles,
    Modules,
    Members,
}

impl Kind {
    pub const ALL: [Kind; 6] = [
        Kind::WorkItems,
        Kind::Labels,
        Kind::States,
        Kind::Cycles,
        Kind::Modules,
        Kind::Members,
    ];

    /// The word in exports.
    pub fn word(self) -> &'static str {
        match self {
            Kind::WorkItems => "work_items",
            Kind::Labels => "labels",
            Kind::States => "states",
            Kind::Cycles => "cycles",
            Kind::Modules => "modules",
            Kind::Members => "members",
        }
    }

    /// The word a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Kind::WorkItems => "Work items",
            Kind::Labels => "Labels",
            Kind::States => "States",
            Kind::Cycles => "Cycles",
            Kind::Modules => "Modules",
            Kind::Members => "Members",
        }
    }

    /// How old a copy of it may be, where the schedule has this interval: work items are read by each run, the others by the first one
    /// that begins an hour after they were read.
    pub fn interval(self, schedule: TimeDelta) -> TimeDelta {
        match self {
            Kind::WorkItems => schedule,
            _ => schedule + AROUND_EVERY,
        }
    }
}

/// When each kind of a project was last copied whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Copied {
    pub work_items: Option<DateTime<Utc>>,
    pub labels: Option<DateTime<Utc>>,
    pub states: Option<DateTime<Utc>>,
    pub cycles: Option<DateTime<Utc>>,
    pub modules: Option<DateTime<Utc>>,
    pub members: Option<DateTime<Utc>>,
    /// What Plane did not let the key list when it was last asked.
    pub refused: Vec<Kind>,
}

impl Copied {
    pub fn at(&self, kind: Kind) -> Option<DateTime<Utc>> {
        match kind {
            Kind::WorkItems => self.work_items,
            Kind::Labels => self.labels,
            Kind::States => self.states,
            Kind::Cycles => self.cycles,
            Kind::Modules => self.modules,
            Kind::Members => self.members,
        }
    }

    /// Whether there never was a copy, because Plane does not let the key list it.
    pub fn is_withheld(&self, kind: Kind) -> bool {
        self.at(kind).is_none() && self.refused.contains(&kind)
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

    #[test]
    fn the_worst_stands_first_and_every_word_is_its_own() {
        assert!(Freshness::ALL.is_sorted());
        for (n, freshness) in Freshness::ALL.into_iter().enumerate() {
            let json = serde_json::to_string(&freshness).unwrap();
            assert_eq!(json, format!("\"{}\"", freshness.slug()));
            assert_eq!(
                Freshness::ALL
                    .iter()
                    .filter(|f| f.slug() == freshness.slug())
                    .count(),
                1,
                "{n}"
            );
        }
    }
}
