/// What people say to problems.
mod act;
/// What kind of failure it is, and what is known of that kind.
mod class;
/// What one look makes of the problems of an integration.
mod round;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use act::ProblemAct;
pub use class::{Class, Remedy, Round, Side};
pub use round::{Ended, Seen, Stands, Turned, round};

use crate::{
    checks::Level,
    connection_test::ConnectionTest,
    health::ConnectionState,
    ids::{IntegrationId, ProblemId, ProjectId, UserId},
    page::Cursor,
    text::TextError,
    usage::{CallRecord, Purpose},
};

/// For so many days a problem is kept after it was resolved.
pub const PROBLEM_KEPT_DAYS: i64 = 90;
/// So many affected projects are named.
pub const PROJECTS_MOST: usize = 100;
/// For so many days it is known how often it happened in which hour.
const HOURS_KEPT: i64 = 7 * 24;

/// Something that failed, to be put with what failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    pub class: Class,
    /// The path that was asked for, without its ids, where the class tells that apart.
    pub endpoint: Option<String>,
    pub project: Option<ProjectId>,
    pub at: DateTime<Utc>,
    /// How often; 0: what ended because of it was counted already.
    pub times: u32,
    /// A run ended because of it, or the connection counts as failing: it is a problem, however rare it is.
    pub is_end: bool,
}

impl Sighting {
    /// What a test of a saved connection tells, with what all of its tests say together; `None`: it passed, or failed for what says
    /// nothing about the connection, or for what the next run meets where it asks.
    pub fn of_test(test: &ConnectionTest, state: ConnectionState) -> Option<Self> {
        let class = Class::of_code(&test.status)
            .filter(|class| *class != Class::RateLimited && !class.has_endpoint())?;
        (!test.success).then(|| Self {
            class,
            endpoint: None,
            project: None,
            at: test.started_at,
            times: 1,
            is_end: state == ConnectionState::Failing,
        })
    }

    /// What failed among calls; those of one kind that ended together are told together. Tests tell what they found themselves.
    pub fn of_calls(calls: &[CallRecord]) -> Vec<(IntegrationId, Self)> {
        let mut groups = BTreeMap::<_, (DateTime<Utc>, u32)>::new();
        for call in calls {
            if matches!(call.purpose, Purpose::ConnectionTest | Purpose::HealthCheck) {
                continue;
            }
            let class = call.error.as_deref().and_then(Class::of_call);
            if let Some((integration, class)) = call.integration.zip(class) {
                let group = (integration, class, call.endpoint.clone(), call.project);
                let (at, times) = groups.entry(group).or_insert((call.ended_at, 0));
                *at = call.ended_at.max(*at);
                *times += 1;
            }
        }
        let groups = groups.into_iter();
        groups
            .map(|((integration, class, endpoint, project), (at, times))| {
                let one = Self {
                    class,
                    endpoint: Some(endpoint),
                    project,
                    at,
                    times,
                    is_end: false,
                };
                (integration, one)
            })
            .collect()
    }
}

/// Failures of one class, in one integration, at one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    pub id: ProblemId,
    pub integration: IntegrationId,
    pub class: Class,
    pub endpoint: Option<String>,
    pub level: Level,
    /// What is wrong, in a sentence, as of the last time.
    pub says: String,
    /// The first time ever.
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    /// How often, ever.
    pub count: u64,
    /// Since when it is a problem, this time; `None`: it was seen, and may pass.
    pub opened_at: Option<DateTime<Utc>>,
    pub resolved_at: Option<DateTime<Utc>>,
    /// How many times it became a problem.
    pub spells: u32,
    /// How often in which hour, as hours since 1970; of the last week.
    pub hours: BTreeMap<i64, u32>,
    /// Those that it concerned this time; [`PROJECTS_MOST`] at most.
    pub projects: BTreeSet<ProjectId>,
    /// Rounds that went well since it was seen last, and when the latest of them began.
    pub clean: u32,
    pub clean_at: Option<DateTime<Utc>>,
    /// How often it was seen since then, while it may still pass.
    pub pending: Option<(DateTime<Utc>, u32)>,
    pub acknowledged: Option<ByWhom>,
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Who sees to it.
    pub owner: Option<ByWhom>,
    pub note: String,
}

/// A person, as named then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ByWhom {
    pub id: UserId,
    pub name: String,
    pub at: DateTime<Utc>,
}

/// Where a problem stands. Ordered by how pressing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemState {
    Open,
    Acknowledged,
    Snoozed,
    Resolved,
}

impl ProblemState {
    pub const ALL: [ProblemState; 4] = [
        ProblemState::Open,
        ProblemState::Acknowledged,
        ProblemState::Snoozed,
        ProblemState::Resolved,
    ];

    /// The word in addresses and exports.
    pub fn slug(self) -> &'static str {
        match self {
            ProblemState::Open => "open",
            ProblemState::Acknowledged => "acknowledged",
            ProblemState::Snoozed => "snoozed",
            ProblemState::Resolved => "resolved",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.slug() == slug)
    }

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            ProblemState::Open => "Open",
            ProblemState::Acknowledged => "Acknowledged",
            ProblemState::Snoozed => "Snoozed",
            ProblemState::Resolved => "Resolved",
        }
    }
}

impl Problem {
    /// Longest note, in characters.
    pub const NOTE_MAX: usize = 1000;

    /// A note as it was typed.
    pub fn parse_note(text: &str) -> Result<String, TextError> {
        let note = text.trim();
        if note.chars().count() > Self::NOTE_MAX {
            return Err(TextError("A note has at most 1000 characters."));
        }
        Ok(note.to_owned())
    }

    /// `None`: it is no problem yet.
    pub fn state(&self, now: DateTime<Utc>) -> Option<ProblemState> {
        self.opened_at?;
        Some(if self.resolved_at.is_some() {
            ProblemState::Resolved
        } else if self.snoozed_until.is_some_and(|until| until > now) {
            ProblemState::Snoozed
        } else if self.acknowledged.is_some() {
            ProblemState::Acknowledged
        } else {
            ProblemState::Open
        })
    }

    /// Whether it is a problem now, whatever anybody said to it.
    pub fn is_unresolved(&self) -> bool {
        self.opened_at.is_some() && self.resolved_at.is_none()
    }

    /// The one of the same integration that this comes of, if there is one.
    pub fn cause<'a>(&self, all: impl IntoIterator<Item = &'a Problem>) -> Option<&'a Problem> {
        let causes = all.into_iter().filter(|other| {
            other.integration == self.integration
                && other.is_unresolved()
                && self.class.follows_from(other.class)
        });
        causes.min_by_key(|other| (other.level, other.opened_at, other.id))
    }

    /// How often in each of so many parts of the last week, the oldest first.
    pub fn trend(&self, parts: usize, now: DateTime<Utc>) -> Vec<u64> {
        let mut trend = vec![0; parts];
        let from = hour_of(now) - HOURS_KEPT + 1;
        for (hour, times) in self.hours.range(from..) {
            let since = usize::try_from(hour - from).unwrap_or(0);
            let part = (since * parts / usize::try_from(HOURS_KEPT).unwrap_or(1)).min(parts - 1);
            trend[part] += u64::from(*times);
        }
        trend
    }
}

fn hour_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(TimeDelta::hours(1).num_seconds())
}

/// What happened to a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    Opened,
    /// A rule told people of it.
    Told,
    /// It happened again after it was resolved.
    Back,
    /// Two rounds went well.
    Resolved,
    Acknowledged,
    /// Nobody has taken note of it any more.
    Reopened,
    Snoozed,
    Woken,
    Owner,
    Note,
}

impl Turn {
    pub const ALL: [Turn; 10] = [
        Turn::Opened,
        Turn::Told,
        Turn::Back,
        Turn::Resolved,
        Turn::Acknowledged,
        Turn::Reopened,
        Turn::Snoozed,
        Turn::Woken,
        Turn::Owner,
        Turn::Note,
    ];

    /// The word in the store and in exports.
    pub fn word(self) -> &'static str {
        match self {
            Turn::Opened => "opened",
            Turn::Told => "told",
            Turn::Back => "back",
            Turn::Resolved => "resolved",
            Turn::Acknowledged => "acknowledged",
            Turn::Reopened => "reopened",
            Turn::Snoozed => "snoozed",
            Turn::Woken => "woken",
            Turn::Owner => "owner",
            Turn::Note => "note",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|turn| turn.word() == word)
    }
}

/// A line of a problem's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemEvent {
    pub problem: ProblemId,
    pub integration: IntegrationId,
    pub class: Class,
    pub level: Level,
    pub at: DateTime<Utc>,
    pub turn: Turn,
    /// Who did it; `None`: Hangar saw it.
    pub actor_name: Option<String>,
    /// One sentence.
    pub says: String,
}

/// Which problems a list shows, as it stands in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemFilter {
    /// `None`: all that are not resolved.
    pub state: Option<ProblemState>,
    pub integration: Option<IntegrationId>,
    pub class: Option<Class>,
    /// Those that this person sees to.
    pub owner: Option<UserId>,
}

impl ProblemFilter {
    /// Whether it shows this one, whatever its state.
    pub fn holds(&self, problem: &Problem) -> bool {
        self.integration.is_none_or(|id| id == problem.integration)
            && self.class.is_none_or(|class| class == problem.class)
            && self
                .owner
                .is_none_or(|id| problem.owner.as_ref().is_some_and(|owner| owner.id == id))
    }
}

/// A problem with what it comes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caused {
    pub problem: Problem,
    pub cause: Option<(ProblemId, Class)>,
}

impl Caused {
    pub fn of(problem: &Problem, cause: Option<&Problem>) -> Self {
        Self {
            problem: problem.clone(),
            cause: cause.map(|cause| (cause.id, cause.class)),
        }
    }
}

/// One page of problems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemList {
    pub rows: Vec<Caused>,
    /// As in [`crate::page::Page`].
    pub next: Option<Cursor>,
    /// How many there are of each state, of those that match in everything but the state; none of zero.
    pub counts: Vec<(ProblemState, u32)>,
    /// The integrations of all unresolved ones that the filter shows, on all pages.
    pub integrations: BTreeSet<IntegrationId>,
}

#[cfg(test)]
mod tests;
