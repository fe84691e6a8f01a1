use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{IntegrationId, ProjectId, RunId, UserId};

/// What set a run off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "by")]
pub enum Trigger {
    /// Somebody pressed "Sync now".
    Person(UserId),
    /// The integration's interval.
    Schedule,
}

/// [`Trigger`] without whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    Person,
    Schedule,
}

impl TriggerKind {
    /// The word in addresses and the store, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            TriggerKind::Person => "person",
            TriggerKind::Schedule => "schedule",
        }
    }
}

impl Trigger {
    pub fn kind(self) -> TriggerKind {
        match self {
            Trigger::Person(_) => TriggerKind::Person,
            Trigger::Schedule => TriggerKind::Schedule,
        }
    }
}

/// How a run ended. Only [`Outcome::Succeeded`] is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything the key can read was copied.
    Succeeded,
    /// Some projects could not be copied; the reason says which.
    Partial,
    /// So much was missing in Plane at once that nothing was removed: somebody has to look.
    Held,
    /// Plane's limit was in the way for longer than a run waits.
    RateLimited,
    /// DNS, connect, TLS or timeout.
    Unreachable,
    /// Plane refused the key or the workspace.
    Rejected,
    /// Hangar stopped while the run was under way.
    Interrupted,
    Failed,
    Cancelled,
}

impl Outcome {
    /// Every one, in the order a filter offers them.
    pub const ALL: [Outcome; 9] = [
        Outcome::Succeeded,
        Outcome::Partial,
        Outcome::Held,
        Outcome::RateLimited,
        Outcome::Unreachable,
        Outcome::Rejected,
        Outcome::Interrupted,
        Outcome::Failed,
        Outcome::Cancelled,
    ];

    /// The word for pages.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Succeeded => "Succeeded",
            Outcome::Partial => "Partial",
            Outcome::Held => "Held",
            Outcome::RateLimited => "Rate limited",
            Outcome::Unreachable => "Unreachable",
            Outcome::Rejected => "Rejected",
            Outcome::Interrupted => "Interrupted",
            Outcome::Failed => "Failed",
            Outcome::Cancelled => "Cancelled",
        }
    }
}

/// What a run did, so far or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    pub projects: u32,
    pub members: u32,
    pub states: u32,
    pub labels: u32,
    /// Cycles and modules.
    pub collections: u32,
    /// Work items read from Plane.
    pub items: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    /// Not listed by Plane any more, and not yet known why.
    pub suspected: u64,
    /// Confirmed by Plane to be gone.
    pub deleted: u64,
    pub requests: u32,
    /// Answers 429.
    pub rate_limited: u32,
    /// Seconds spent waiting for the limit.
    pub waited_seconds: u32,
    /// Of Plane's answers, after decompression.
    pub bytes: u64,
}

/// What is being copied right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Starting,
    Projects,
    Members,
    States,
    Labels,
    WorkItems,
    Deletions,
    Cycles,
    Modules,
}

impl Phase {
    /// The words for pages.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Projects => "projects",
            Phase::Members => "members",
            Phase::States => "states",
            Phase::Labels => "labels",
            Phase::WorkItems => "work items",
            Phase::Deletions => "deletions",
            Phase::Cycles => "cycles",
            Phase::Modules => "modules",
        }
    }
}

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    pub phase: Phase,
    pub project: Option<ProjectId>,
    pub project_name: Option<String>,
    /// Projects done, of those to copy.
    pub projects_done: u32,
    pub projects_total: u32,
    /// Pages of the current project's work items.
    pub page: u32,
    pub pages: Option<u32>,
    /// Work items of the current project.
    pub items_done: u64,
    pub items_total: Option<u64>,
    /// Set while the run waits for Plane's limit.
    pub waiting_until: Option<DateTime<Utc>>,
}

/// One attempt to bring an integration up to date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRun {
    pub id: RunId,
    pub integration: IntegrationId,
    pub integration_name: String,
    pub trigger: Trigger,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    /// `None` while it is under way.
    pub outcome: Option<Outcome>,
    /// One sentence: why it ended so, or what was left out.
    pub reason: Option<String>,
    pub counts: Counts,
    pub progress: Progress,
    pub cancel_requested: bool,
    /// Goes up with every run of the integration; every write of the run names it.
    pub epoch: u64,
}

impl SyncRun {
    pub fn summary(&self) -> RunSummary {
        RunSummary {
            id: self.id,
            started_at: self.started_at,
            finished_at: self.finished_at,
            outcome: self.outcome,
        }
    }
}

/// A run in a list row of its integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    pub id: RunId,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: Option<Outcome>,
}

/// What the list of runs can be narrowed to: what is under way, or what ended so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Ended(Outcome),
}

/// Filters of the list of runs, as they stand in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFilter {
    pub integration: Option<IntegrationId>,
    pub state: Option<RunState>,
    pub trigger: Option<TriggerKind>,
    pub time: RunTime,
}

/// When runs started. Days are those of UTC, as on all pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunTime {
    #[default]
    Any,
    Today,
    Hours24,
    Days7,
    Days30,
    /// From one day to another, both included; either may be left open.
    Between {
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
    },
    /// From one moment until before another: what a chart's bar stands for.
    Span {
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    },
}

impl RunTime {
    /// The first moment, and the first one after the last.
    pub fn bounds(self, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        match self {
            RunTime::Any => (None, None),
            RunTime::Today => (Some(begin(now.date_naive())), None),
            RunTime::Hours24 => (Some(now - TimeDelta::hours(24)), None),
            RunTime::Days7 => (Some(now - TimeDelta::days(7)), None),
            RunTime::Days30 => (Some(now - TimeDelta::days(30)), None),
            RunTime::Between { from, to } => (
                from.map(begin),
                to.and_then(|day| day.succ_opt()).map(begin),
            ),
            RunTime::Span { from, until } => (Some(from), Some(until)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_bounds() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().ok();
        let now = utc("2026-11-24T18:30:00Z").unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let check = |time: RunTime, from: &str, to: &str| {
            assert_eq!(time.bounds(now), (utc(from), utc(to)), "{time:?}");
        };
        check(RunTime::Any, "", "");
        check(RunTime::Today, "2026-11-24T00:00:00Z", "");
        check(RunTime::Hours24, "2026-11-23T18:30:00Z", "");
        check(RunTime::Days7, "2026-11-17T18:30:00Z", "");
        check(RunTime::Days30, "2026-10-25T18:30:00Z", "");
        let (from, to) = (day("2026-11-01"), day("2026-11-02"));
        check(
            RunTime::Between { from, to },
            "2026-11-01T00:00:00Z",
            "2026-11-03T00:00:00Z",
        );
        check(
            RunTime::Between { from: None, to },
            "",
            "2026-11-03T00:00:00Z",
        );
        let to = Some(NaiveDate::MAX);
        check(RunTime::Between { from: None, to }, "", "");
    }
}
