/// What the checks say now.
mod findings;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use findings::{Backlog, Busy, GIVEN_UP_MOST, Known, certificate_level, findings};

use crate::ids::IntegrationId;

/// Something that is looked at of every integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Whether the copy is as young as its schedule promises.
    Freshness,
    /// Whether Plane can be reached and answers.
    Connection,
    /// Whether Plane takes the key.
    Key,
    /// Whether the key's last day is near.
    Expiry,
    /// Whether the key is close to Plane's limit.
    Budget,
    Certificate,
    /// Whether the webhook still speaks.
    Webhook,
    /// Whether what comes in its name is believed.
    Signature,
    /// What was received and is not applied.
    Backlog,
    /// Whether the copy was what Plane has, when they were last compared.
    Drift,
    /// What an admin has to decide before it is removed.
    Held,
}

impl Check {
    pub const ALL: [Check; 11] = [
        Check::Freshness,
        Check::Connection,
        Check::Key,
        Check::Expiry,
        Check::Budget,
        Check::Certificate,
        Check::Webhook,
        Check::Signature,
        Check::Backlog,
        Check::Drift,
        Check::Held,
    ];

    /// The word in addresses and exports.
    pub fn word(self) -> &'static str {
        match self {
            Check::Freshness => "freshness",
            Check::Connection => "connection",
            Check::Key => "key",
            Check::Expiry => "expiry",
            Check::Budget => "budget",
            Check::Certificate => "certificate",
            Check::Webhook => "webhook",
            Check::Signature => "signature",
            Check::Backlog => "backlog",
            Check::Drift => "drift",
            Check::Held => "held",
        }
    }

    /// The check of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Check::ALL.into_iter().find(|check| check.word() == word)
    }

    /// The word a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Check::Freshness => "Freshness",
            Check::Connection => "Connection",
            Check::Key => "API key",
            Check::Expiry => "Key’s last day",
            Check::Budget => "API budget",
            Check::Certificate => "Certificate",
            Check::Webhook => "Webhook",
            Check::Signature => "Signatures",
            Check::Backlog => "Backlog",
            Check::Drift => "Drift",
            Check::Held => "Deletions",
        }
    }
}

/// What a check says. Ordered worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Bad,
    /// Somebody should look, and nothing is wrong yet.
    Warning,
    /// There is nothing to tell by, which is never taken for good.
    Unknown,
    Good,
}

impl Level {
    /// The word it is stored and exported by.
    pub fn word(self) -> &'static str {
        match self {
            Level::Bad => "bad",
            Level::Warning => "warning",
            Level::Unknown => "unknown",
            Level::Good => "good",
        }
    }

    /// The level of that word.
    pub fn from_word(word: &str) -> Self {
        let all = [Level::Bad, Level::Warning, Level::Good];
        let found = all.into_iter().find(|level| level.word() == word);
        found.unwrap_or(Level::Unknown)
    }
}

/// What a check says now, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub check: Check,
    pub level: Level,
    /// A sentence; where it is bad, what to do as well.
    pub says: String,
}

/// A level that a check had, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Since {
    pub check: Check,
    pub level: Level,
    pub at: DateTime<Utc>,
}

/// A line of the health log: a check that says something else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthChange {
    pub integration: IntegrationId,
    pub at: DateTime<Utc>,
    pub check: Check,
    pub was: Level,
    pub level: Level,
    pub says: String,
}

/// What the levels become with these findings, and the changes that tells. A check that is seen for the first time is told only
/// if somebody should look. One that nothing tells any more keeps what it said: a pause is no all-clear and no alarm.
pub fn changes(
    integration: IntegrationId,
    before: &[Since],
    findings: &[Finding],
    now: DateTime<Utc>,
) -> (Vec<Since>, Vec<HealthChange>) {
    let (mut after, mut changes) = (Vec::new(), Vec::new());
    for finding in findings {
        let known = before.iter().find(|since| since.check == finding.check);
        let was = known.map_or(Level::Unknown, |since| since.level);
        if let Some(known) = known
            && (finding.level == was || finding.level == Level::Unknown)
        {
            after.push(*known);
            continue;
        }
        if finding.level == Level::Unknown {
            continue;
        }
        after.push(Since {
            check: finding.check,
            level: finding.level,
            at: now,
        });
        if known.is_some() || finding.level < Level::Unknown {
            changes.push(HealthChange {
                integration,
                at: now,
                check: finding.check,
                was,
                level: finding.level,
                says: finding.says.clone(),
            });
        }
    }
    (after, changes)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    fn finding(level: Level) -> Finding {
        Finding {
            check: Check::Key,
            level,
            says: format!("It is {}.", level.word()),
        }
    }

    /// Levels that changed, and what is kept in the end.
    type Told = (Vec<(Level, Level)>, Option<(Level, DateTime<Utc>)>);

    /// The levels in turn, a minute apart.
    fn told(levels: &[Level]) -> Told {
        let (mut known, mut told) = (vec![], vec![]);
        for (minute, level) in (0..).zip(levels) {
            let id = IntegrationId(Uuid::nil());
            let (after, new) = changes(id, &known, &[finding(*level)], at(minute));
            known = after;
            told.extend(new.into_iter().map(|change| (change.was, change.level)));
        }
        (told, known.first().map(|since| (since.level, since.at)))
    }

    #[test]
    fn a_level_is_told_when_it_begins_and_unknown_tells_nothing() {
        use Level::{Bad, Good, Unknown, Warning};
        assert_eq!(told(&[Good, Good]), (vec![], Some((Good, at(0)))));
        assert_eq!(told(&[Unknown, Unknown]), (vec![], None));
        assert_eq!(
            told(&[Bad, Bad]),
            (vec![(Unknown, Bad)], Some((Bad, at(0))))
        );
        assert_eq!(
            told(&[Good, Warning, Warning, Bad, Good]),
            (
                vec![(Good, Warning), (Warning, Bad), (Bad, Good)],
                Some((Good, at(4)))
            )
        );
        assert_eq!(
            told(&[Bad, Unknown, Unknown, Bad]),
            (vec![(Unknown, Bad)], Some((Bad, at(0)))),
            "a pause is neither an all-clear nor an alarm"
        );
        assert_eq!(told(&[Bad, Unknown, Good]).0, [(Unknown, Bad), (Bad, Good)]);
    }

    #[test]
    fn words_are_read_back() {
        for check in Check::ALL {
            assert_eq!(Check::from_word(check.word()), Some(check));
        }
        for level in [Level::Bad, Level::Warning, Level::Unknown, Level::Good] {
            assert_eq!(Level::from_word(level.word()), level);
        }
        assert!(Level::Bad < Level::Warning && Level::Warning < Level::Unknown);
    }
}
