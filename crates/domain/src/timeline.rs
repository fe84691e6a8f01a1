use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    audit::AuditEntry, checks::HealthChange, connection_test::ConnectionTest,
    problems::ProblemEvent, run::SyncRun,
};

/// What happened to an integration, whatever kind of thing it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "what")]
pub enum TimelineEntry {
    Run(Box<SyncRun>),
    /// Its connection was tested.
    Test(Box<ConnectionTest>),
    /// Somebody changed it: its settings, its key, its webhook, its schedule.
    Change(AuditEntry),
    /// A check says something else: the connection, the webhook, the copy.
    Health(HealthChange),
    /// A problem began, was told, was seen to, or is over.
    Problem(ProblemEvent),
}

/// [`TimelineEntry`] without what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimelineKind {
    Run,
    Test,
    Change,
    Health,
    Problem,
}

impl TimelineKind {
    pub const ALL: [TimelineKind; 5] = [
        TimelineKind::Run,
        TimelineKind::Test,
        TimelineKind::Change,
        TimelineKind::Health,
        TimelineKind::Problem,
    ];

    /// The word in addresses and exports.
    pub fn slug(self) -> &'static str {
        match self {
            TimelineKind::Run => "run",
            TimelineKind::Test => "test",
            TimelineKind::Change => "change",
            TimelineKind::Health => "health",
            TimelineKind::Problem => "problem",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.slug() == slug)
    }

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            TimelineKind::Run => "Sync runs",
            TimelineKind::Test => "Connection tests",
            TimelineKind::Change => "Changes by people",
            TimelineKind::Health => "Checks",
            TimelineKind::Problem => "Problems and alerts",
        }
    }
}

impl TimelineEntry {
    pub fn kind(&self) -> TimelineKind {
        match self {
            TimelineEntry::Run(_) => TimelineKind::Run,
            TimelineEntry::Test(_) => TimelineKind::Test,
            TimelineEntry::Change(_) => TimelineKind::Change,
            TimelineEntry::Health(_) => TimelineKind::Health,
            TimelineEntry::Problem(_) => TimelineKind::Problem,
        }
    }

    /// When it happened; of a run and of a test, when it started.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            TimelineEntry::Run(run) => run.started_at,
            TimelineEntry::Test(test) => test.started_at,
            TimelineEntry::Change(entry) => entry.at,
            TimelineEntry::Health(change) => change.at,
            TimelineEntry::Problem(event) => event.at,
        }
    }
}
