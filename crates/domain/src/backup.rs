use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    checks::Level,
    ids::BackupId,
    problems::{Class, Stands},
};

/// What became of one backup: it is verified, or it failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    pub id: BackupId,
    pub started_at: DateTime<Utc>,
    pub took_ms: u64,
    /// Who asked for it; `None`: it was due.
    pub asked_by: Option<String>,
    pub made: Result<Made, Failed>,
}

/// A file that was read back, imported and found to hold the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// Its name in the directory of backups.
    pub file: String,
    pub bytes: u64,
    pub records: u64,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// One sentence.
    pub says: String,
}

/// What decides when there is a backup next, and whether somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backups<'a> {
    pub every: TimeDelta,
    /// Since when the portal runs.
    pub running_since: DateTime<Utc>,
    /// The latest verified one that is still there.
    pub good: Option<&'a Backup>,
    /// The latest one, whatever became of it.
    pub last: Option<&'a Backup>,
}

/// What starts again and again has other work than a backup.
const AFTER_START: TimeDelta = TimeDelta::minutes(5);
/// One that failed is tried again after this, unless it is due sooner.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// What is old when the portal starts is made first, and told if that fails.
const GRACE: TimeDelta = TimeDelta::minutes(30);

impl Backups<'_> {
    /// When the next one is made.
    pub fn due_at(&self) -> DateTime<Utc> {
        let failed = self.last.filter(|last| last.made.is_err());
        let due = match (failed, self.good) {
            (Some(failed), _) => failed.started_at + AGAIN.min(self.every),
            (None, Some(good)) => good.started_at + self.every,
            (None, None) => self.running_since,
        };
        due.max(self.running_since + AFTER_START)
    }

    /// How old what could be restored is.
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.good.map(|good| now - good.started_at)
    }

    /// How pressing that is: with one and a half intervals somebody should look, with more than three it is bad. Where there is
    /// none at all, the first is waited for as long as an interval.
    pub fn level(&self, now: DateTime<Utc>) -> Level {
        let running = now - self.running_since;
        let (age, late) = match self.age(now) {
            Some(age) => (age, self.every * 3 / 2),
            None => (running, self.every),
        };
        let failed = self
            .last
            .is_some_and(|last| last.made.is_err() && last.started_at >= self.running_since);
        if age <= late {
            Level::Good
        } else if running < GRACE && !failed {
            Level::Unknown
        } else if age > self.every * 3 {
            Level::Bad
        } else {
            Level::Warning
        }
    }

    /// How it stands, for the problems of Hangar itself.
    pub fn stands(&self, now: DateTime<Utc>) -> Stands {
        let age = match self.age(now) {
            Some(age) => format!("The last good backup is {} old", words(age)),
            None => "There is no backup yet".to_owned(),
        };
        let plan = format!("there should be one every {}", words(self.every));
        let why = match self.last.map(|last| &last.made) {
            Some(Err(failed)) => format!(" The last one failed: {}", failed.says),
            _ => String::new(),
        };
        Stands {
            class: Class::BackupOld,
            endpoint: None,
            level: self.level(now),
            says: format!("{age}, and {plan}.{why}"),
        }
    }
}

impl Stands {
    /// Nothing is backed up here, so nothing is amiss.
    pub fn no_backups() -> Self {
        Self {
            class: Class::BackupOld,
            endpoint: None,
            level: Level::Good,
            says: String::new(),
        }
    }
}

/// `24 hours`, `3 days`: whole ones, counted in hours for as long as that says more.
fn words(length: TimeDelta) -> String {
    let hours = length.num_hours();
    let (n, unit) = if hours > 48 {
        (length.num_days(), "day")
    } else if hours > 0 {
        (hours, "hour")
    } else {
        (length.num_minutes(), "minute")
    };
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {unit}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::hours(hours)
    }

    fn one(started_at: DateTime<Utc>, made: Result<Made, Failed>) -> Backup {
        Backup {
            id: BackupId(Uuid::nil()),
            started_at,
            took_ms: 1,
            asked_by: None,
            made,
        }
    }

    fn good(hours: i64) -> Backup {
        let made = Made {
            file: "x".to_owned(),
            bytes: 1,
            records: 1,
        };
        one(at(hours), Ok(made))
    }

    fn failed(hours: i64) -> Backup {
        let says = "The disk is full.".to_owned();
        one(at(hours), Err(Failed { says }))
    }

    fn known<'a>(good: Option<&'a Backup>, last: Option<&'a Backup>) -> Backups<'a> {
        Backups {
            every: TimeDelta::hours(24),
            running_since: at(0),
            good,
            last,
        }
    }

    #[test]
    fn the_next_one_follows_the_last_good_one_and_one_that_failed_is_tried_sooner() {
        let (first, broken) = (good(1), failed(25));
        assert_eq!(known(None, None).due_at(), at(0) + AFTER_START);
        assert_eq!(known(Some(&first), Some(&first)).due_at(), at(25));
        assert_eq!(known(Some(&first), Some(&broken)).due_at(), at(26));
        let quick = Backups {
            every: TimeDelta::minutes(10),
            ..known(None, Some(&broken))
        };
        assert_eq!(quick.due_at(), at(25) + TimeDelta::minutes(10));
        // What was due while it was down is made soon after the start.
        let later = Backups {
            running_since: at(100),
            ..known(Some(&first), Some(&first))
        };
        assert_eq!(later.due_at(), at(100) + AFTER_START);
        // Somebody removed the file of the last one: that is none.
        assert_eq!(known(None, Some(&first)).due_at(), at(0) + AFTER_START);
    }

    #[test]
    fn one_and_a_half_intervals_are_a_warning_and_three_are_bad() {
        let first = good(0);
        let level = |hours, minutes| {
            known(Some(&first), Some(&first)).level(at(hours) + TimeDelta::minutes(minutes))
        };
        assert_eq!(level(36, 0), Level::Good);
        assert_eq!(level(36, 1), Level::Warning);
        assert_eq!(level(72, 0), Level::Warning);
        assert_eq!(level(72, 1), Level::Bad);
    }

    #[test]
    fn without_any_the_first_interval_is_waited_for() {
        let broken = failed(1);
        let none = known(None, Some(&broken));
        assert_eq!(none.level(at(24)), Level::Good);
        assert_eq!(none.level(at(25)), Level::Warning);
        assert_eq!(none.level(at(73)), Level::Bad);
        assert_eq!(
            none.stands(at(25)).says,
            "There is no backup yet, and there should be one every 24 hours. The last one failed: The disk is full."
        );
    }

    #[test]
    fn after_a_downtime_the_next_one_is_waited_for_before_anybody_is_told() {
        let first = good(0);
        let started = Backups {
            running_since: at(100),
            ..known(Some(&first), Some(&first))
        };
        assert_eq!(started.level(at(100)), Level::Unknown);
        assert_eq!(started.level(at(101)), Level::Bad);
        let broken = failed(100);
        let failed = Backups {
            last: Some(&broken),
            ..started
        };
        assert_eq!(failed.level(at(100)), Level::Bad);
        assert_eq!(
            started.stands(at(101)).says,
            "The last good backup is 4 days old, and there should be one every 24 hours."
        );
    }

    #[test]
    fn lengths_are_whole_and_short() {
        for (minutes, text) in [
            (1, "1 minute"),
            (60, "1 hour"),
            (24 * 60, "24 hours"),
            (48 * 60 + 59, "48 hours"),
            (49 * 60, "2 days"),
        ] {
            assert_eq!(words(TimeDelta::minutes(minutes)), text);
        }
    }
}
