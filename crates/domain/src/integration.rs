use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    freshness::{Freshness, freshness},
    health::Health,
    ids::{IntegrationId, ProjectId, UserId},
    page::Cursor,
    quiet::QuietHours,
    run::RunSummary,
    tag::{Tag, Tags},
    text::{BaseUrl, Name, TextError, WorkspaceSlug},
};

/// How the key is sent (plane-api.md section 2): `X-API-Key`, or `Bearer` for OAuth tokens of cloud and commercial Plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    #[default]
    ApiKey,
    Bearer,
}

impl AuthScheme {
    /// The word in forms and the store.
    pub fn word(self) -> &'static str {
        match self {
            AuthScheme::ApiKey => "api_key",
            AuthScheme::Bearer => "bearer",
        }
    }

    /// The scheme of a form's or the store's word; anything else is the default.
    pub fn from_word(word: &str) -> Self {
        if word == "bearer" {
            AuthScheme::Bearer
        } else {
            AuthScheme::ApiKey
        }
    }
}

/// What may be shown of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyHint {
    /// The key's last four characters.
    pub last_four: String,
    /// 16 hex digits of a keyed hash: equal keys have equal fingerprints, and nothing leads back to the key.
    pub fingerprint: String,
    pub replaced_at: DateTime<Utc>,
}

/// What a person sets: everything but the key. Seed names in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationSettings {
    pub integration_name: Name,
    pub description: String,
    pub base_url: BaseUrl,
    pub workspace: WorkspaceSlug,
    /// Sync this project alone; `None` means every project the key can read.
    pub project_id: Option<ProjectId>,
    pub auth_scheme: AuthScheme,
    /// How often the copy should be brought up to date, in minutes: 5 to 1440.
    pub interval_minutes: u32,
    pub quiet_hours: Option<QuietHours>,
    /// How often the connection is tested by itself, in minutes: 5 to 1440.
    #[serde(default = "fifteen")]
    pub test_minutes: u32,
    /// The last day on which Plane takes the key, as far as somebody said.
    #[serde(default)]
    pub key_expires_on: Option<NaiveDate>,
    #[serde(default)]
    pub tags: Tags,
}

fn fifteen() -> u32 {
    15
}

impl IntegrationSettings {
    /// The interval in a form, in minutes: 5 to 1440.
    pub fn parse_interval(text: &str) -> Result<u32, TextError> {
        text.trim()
            .parse()
            .ok()
            .filter(|minutes| (5..=1440).contains(minutes))
            .ok_or(TextError(
                "Enter a number of minutes between 5 and 1440 (a day).",
            ))
    }

    pub fn interval(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.interval_minutes))
    }
}

/// An integration as everyone may see it: never a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    pub id: IntegrationId,
    #[serde(flatten)]
    pub settings: IntegrationSettings,
    pub is_active: bool,
    pub paused: Option<Pause>,
    pub key: KeyHint,
    /// Goes up with every change; a change that names an older one is refused.
    pub version: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Integration {
    /// Whether it is brought up to date by itself. Switched off outdoes paused.
    pub fn standing(&self) -> Standing {
        match (self.is_active, &self.paused) {
            (false, _) => Standing::Inactive,
            (true, Some(_)) => Standing::Paused,
            (true, None) => Standing::Active,
        }
    }
}

/// Whether an integration is brought up to date by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active,
    /// No scheduled run starts; somebody may still sync it by hand.
    Paused,
    /// Nothing is done for it at all.
    Inactive,
}

/// Who paused an integration, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    pub at: DateTime<Utc>,
    pub by: UserId,
    pub by_name: String,
    /// May be empty.
    pub note: String,
}

impl Pause {
    /// Longest note, in characters.
    pub const NOTE_MAX: usize = 300;

    /// A note as it was typed, in one line.
    pub fn parse_note(text: &str) -> Result<String, TextError> {
        let note = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if note.chars().count() > Self::NOTE_MAX {
            return Err(TextError("A note has at most 300 characters."));
        }
        Ok(note)
    }
}

/// How many integrations there are, by standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegrationCounts {
    pub active: u32,
    pub paused: u32,
    pub inactive: u32,
}

impl IntegrationCounts {
    pub fn all(self) -> u32 {
        self.active + self.paused + self.inactive
    }
}

/// An integration with what the list and its own page say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntegrationRow {
    pub integration: Integration,
    pub freshness: Freshness,
    pub member_projects: u32,
    pub visible_projects: u32,
    pub total_work_items: u64,
    /// Start of the last run that copied everything.
    pub complete_at: Option<DateTime<Utc>>,
    /// How many requests that run made.
    pub complete_requests: Option<u32>,
    pub last_run: Option<RunSummary>,
    pub health: Health,
}

impl IntegrationRow {
    /// How fresh the copy is by then; all else stays as it was read.
    pub fn judge_freshness(&mut self, now: DateTime<Utc>) {
        let of = &self.integration;
        self.freshness = freshness(self.complete_at, of.settings.interval(), of.standing(), now);
    }
}

/// The seed's query: an active integration with its member projects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveIntegration {
    pub id: IntegrationId,
    pub integration_name: Name,
    pub workspace: WorkspaceSlug,
    pub projects: Vec<ActiveProject>,
}

/// A member project in [`ActiveIntegration`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveProject {
    pub id: ProjectId,
    pub name: String,
    pub is_member: bool,
    pub total_work_items: u64,
}

/// What the list shows: filter and order, as they stand in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntegrationFilter {
    /// Part of the name or workspace, any case.
    pub q: String,
    pub show: IntegrationShow,
    pub tag: Option<Tag>,
    pub sort: IntegrationSort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntegrationShow {
    #[default]
    All,
    /// Stale, late, never synced, or whose last run or test went wrong.
    Attention,
    Fresh,
    Paused,
    Inactive,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntegrationSort {
    /// Worst first.
    #[default]
    State,
    Name,
    Items,
    Synced,
}

/// One page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrationList {
    pub rows: Vec<IntegrationRow>,
    /// As in [`crate::page::Page`].
    pub next: Option<Cursor>,
    /// How many integrations the filter shows, on all pages together.
    pub matching: u32,
}

/// Some of the integrations: those that somebody ticked, or all that a filter shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    Ids(Vec<IntegrationId>),
    Matching(IntegrationFilter),
}

/// What deleting an integration would lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionCost {
    pub projects: u32,
    pub work_items: u64,
    pub labels: u32,
    pub runs: u32,
    pub tests: u32,
}
