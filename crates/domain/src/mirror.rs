use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    collection::Collection,
    drift::DriftCheck,
    freshness::{Copied, Freshness, Kind, freshness},
    ids::{CollectionId, IntegrationId, LabelId, MemberId, ProjectId, StateId, WorkItemId},
    integration::Standing,
    page::Cursor,
    walk::Held,
};

/// A Plane project as its API tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub id: ProjectId,
    /// Upper-case prefix of its work items: `WEB` in `WEB-7`.
    pub identifier: String,
    pub name: String,
    pub description: String,
    /// Public to the workspace (`network` 2) or private (0).
    pub is_public: bool,
    /// Whether the key's owner belongs to it; without that its work items answer 403 (plane-api.md section 4).
    pub is_member: bool,
    pub archived_at: Option<DateTime<Utc>>,
    pub total_members: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Whether a project's work items can be copied, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    Readable,
    /// Listed, but the key's owner is not a member.
    NotMember,
    /// Archived in Plane: it lists no items, and what was copied stays.
    Archived,
    /// Not in Plane's list any more; what was copied stays.
    Gone,
}

/// A project with what lists say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectRow {
    pub integration: IntegrationId,
    pub integration_name: String,
    pub workspace: String,
    /// How often its integration is to be synced.
    pub interval_minutes: u32,
    pub standing: Standing,
    pub project: Project,
    pub access: Access,
    pub total_work_items: u64,
    pub total_labels: u32,
    pub copied: Copied,
    /// Work items that wait for an admin before they are taken out.
    pub held: Option<Held>,
    /// The last comparison with Plane that looked at fields.
    pub drift: Option<DriftCheck>,
    /// When Plane's count last agreed with the copy's.
    pub counted_at: Option<DateTime<Utc>>,
}

impl ProjectRow {
    /// How old the copy of a kind is; `None`: none is to be had, because the key can't read the project or may not list this.
    pub fn freshness_of(&self, kind: Kind, now: DateTime<Utc>) -> Option<Freshness> {
        if self.access != Access::Readable || self.copied.is_withheld(kind) {
            return None;
        }
        let interval = kind.interval(TimeDelta::minutes(self.interval_minutes.into()));
        Some(freshness(
            self.copied.at(kind),
            interval,
            self.standing,
            now,
        ))
    }

    /// What its worst kind says.
    pub fn state(&self, now: DateTime<Utc>) -> CopyState {
        let all = Kind::ALL.into_iter();
        let worst = all.filter_map(|kind| self.freshness_of(kind, now)).min();
        worst.map_or(CopyState::NotCopied, CopyState::Copied)
    }

    /// When the first of its kinds is due, or was; `None`: one was never copied.
    pub fn due_at(&self) -> Option<DateTime<Utc>> {
        let kinds = Kind::ALL.into_iter();
        let schedule = TimeDelta::minutes(self.interval_minutes.into());
        let due = kinds
            .filter(|kind| !self.copied.is_withheld(*kind))
            .map(|kind| Some(self.copied.at(kind)? + kind.interval(schedule)));
        due.min().flatten()
    }

    /// The oldest of what was copied: as of then, all of it is known.
    pub fn fresh_as_of(&self) -> Option<DateTime<Utc>> {
        let kinds = Kind::ALL.into_iter();
        let times = kinds
            .filter(|kind| !self.copied.is_withheld(*kind))
            .map(|kind| self.copied.at(kind));
        times.min().flatten()
    }
}

/// What a list says of a project's copy. Ordered worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyState {
    Copied(Freshness),
    /// The key can't read it, or it is archived or gone.
    NotCopied,
}

impl CopyState {
    /// Worst first.
    pub fn all() -> impl Iterator<Item = CopyState> {
        let copied = Freshness::ALL.into_iter().map(CopyState::Copied);
        copied.chain([CopyState::NotCopied])
    }

    /// The word in addresses and exports.
    pub fn slug(self) -> &'static str {
        match self {
            CopyState::Copied(freshness) => freshness.slug(),
            CopyState::NotCopied => "not_copied",
        }
    }

    /// The state of that word.
    pub fn from_slug(slug: &str) -> Option<Self> {
        CopyState::all().find(|state| state.slug() == slug)
    }

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            CopyState::Copied(freshness) => freshness.word(),
            CopyState::NotCopied => "Not copied",
        }
    }
}

/// Which projects a list shows, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    pub integration: Option<IntegrationId>,
    /// Part of the name or identifier, any case.
    pub q: String,
    pub state: Option<CopyState>,
    pub sort: ProjectSort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProjectSort {
    /// Worst first, and of those the one that has been due for longest.
    #[default]
    State,
    Name,
    /// Most work items first.
    Items,
}

impl ProjectSort {
    pub const ALL: [ProjectSort; 3] = [ProjectSort::State, ProjectSort::Name, ProjectSort::Items];

    /// The word in addresses.
    pub fn slug(self) -> &'static str {
        match self {
            ProjectSort::State => "state",
            ProjectSort::Name => "name",
            ProjectSort::Items => "items",
        }
    }
}

/// One page of projects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectList {
    pub rows: Vec<ProjectRow>,
    /// As in [`crate::page::Page`].
    pub next: Option<Cursor>,
    /// How many there are of each state, of those that match in everything but the state; worst first, none of zero.
    pub counts: Vec<(CopyState, u32)>,
}

/// A work item that Plane does not have any more, kept apart for 30 days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedItem {
    pub id: WorkItemId,
    pub sequence_id: u64,
    pub name: String,
    /// When Plane confirmed it.
    pub deleted_at: DateTime<Utc>,
}

/// Which deleted work items are put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restore {
    One(WorkItemId),
    All,
}

/// A person in a Plane workspace. The e-mail address is kept out on purpose: nothing here needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub id: MemberId,
    pub display_name: String,
}

/// Plane's five groups of workflow states, plus triage, which its lists never show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateGroup {
    Backlog,
    Unstarted,
    Started,
    Completed,
    Cancelled,
    Triage,
    /// A group this version does not know.
    Unknown,
}

impl StateGroup {
    /// The groups a filter offers.
    pub const LISTED: [StateGroup; 5] = [
        StateGroup::Backlog,
        StateGroup::Unstarted,
        StateGroup::Started,
        StateGroup::Completed,
        StateGroup::Cancelled,
    ];

    /// Plane's word.
    pub fn word(self) -> &'static str {
        match self {
            StateGroup::Backlog => "backlog",
            StateGroup::Unstarted => "unstarted",
            StateGroup::Started => "started",
            StateGroup::Completed => "completed",
            StateGroup::Cancelled => "cancelled",
            StateGroup::Triage => "triage",
            StateGroup::Unknown => "unknown",
        }
    }

    /// The group of Plane's word.
    pub fn from_word(word: &str) -> Self {
        match word {
            "backlog" => StateGroup::Backlog,
            "unstarted" => StateGroup::Unstarted,
            "started" => StateGroup::Started,
            "completed" => StateGroup::Completed,
            "cancelled" => StateGroup::Cancelled,
            "triage" => StateGroup::Triage,
            _ => StateGroup::Unknown,
        }
    }
}

/// A workflow state of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub id: StateId,
    pub name: String,
    /// `#rrggbb`, or empty.
    pub color: String,
    pub group: StateGroup,
    /// Plane's order within the project, in thousandths (Plane keeps a fraction).
    pub sequence: i64,
}

/// A label of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    pub id: LabelId,
    pub name: String,
    /// `#rrggbb`, or empty.
    pub color: String,
    pub description: String,
    pub parent: Option<LabelId>,
}

/// A label with the number of work items that carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelCount {
    pub label: Label,
    pub work_items: u64,
}

/// Plane's priorities, most pressing first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Urgent,
    High,
    Medium,
    Low,
    None,
}

impl Priority {
    pub const ALL: [Priority; 5] = [
        Priority::Urgent,
        Priority::High,
        Priority::Medium,
        Priority::Low,
        Priority::None,
    ];

    /// Plane's word.
    pub fn word(self) -> &'static str {
        match self {
            Priority::Urgent => "urgent",
            Priority::High => "high",
            Priority::Medium => "medium",
            Priority::Low => "low",
            Priority::None => "none",
        }
    }

    /// The priority of Plane's word; an unknown one is "none".
    pub fn from_word(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|p| p.word() == word)
            .unwrap_or(Priority::None)
    }

    /// 0 for urgent to 4 for none: how lists sort it.
    pub fn rank(self) -> u8 {
        self as u8
    }
}

/// A work item as Plane's API tells it. Relations are ids; names are joined locally.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkItem {
    pub id: WorkItemId,
    pub project: ProjectId,
    /// Never reused; 7 in `WEB-7`.
    pub sequence_id: u64,
    pub name: String,
    /// Untrusted HTML: sanitised when shown.
    pub description_html: String,
    pub priority: Priority,
    pub state: Option<StateId>,
    pub labels: Vec<LabelId>,
    pub assignees: Vec<MemberId>,
    pub parent: Option<WorkItemId>,
    pub start_date: Option<NaiveDate>,
    pub target_date: Option<NaiveDate>,
    pub completed_at: Option<DateTime<Utc>>,
    pub created_by: Option<MemberId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A work item in the table, names joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkItemRow {
    pub id: WorkItemId,
    pub sequence_id: u64,
    pub name: String,
    pub priority: Priority,
    pub state: Option<State>,
    pub labels: Vec<Label>,
    pub assignees: Vec<Member>,
    pub updated_at: DateTime<Utc>,
}

/// A work item on its own page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkItemDetail {
    pub project: ProjectRow,
    pub row: WorkItemRow,
    /// Sanitised: safe to put into a page as it is.
    pub description: SafeHtml,
    /// Sequence id and name of the parent, if it was copied.
    pub parent: Option<(WorkItemId, u64, String)>,
    pub start_date: Option<NaiveDate>,
    pub target_date: Option<NaiveDate>,
    pub completed_at: Option<DateTime<Utc>>,
    pub created_by: Option<Member>,
    pub created_at: DateTime<Utc>,
    /// When our copy was last written.
    pub copied_at: DateTime<Utc>,
    /// The cycle and the modules it is in.
    pub collections: Vec<Collection>,
    /// Put back then by an admin, though Plane does not have it.
    pub kept_since: Option<DateTime<Utc>>,
    /// The item in Plane's web app.
    pub plane_url: String,
}

/// HTML that went through the sanitiser in `server/src/mirror.rs`, the only place that makes one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SafeHtml(pub String);

/// Filters and order of the work item table, as they stand in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkItemFilter {
    pub state_group: Option<StateGroup>,
    pub label: Option<LabelId>,
    pub assignee: Option<MemberId>,
    /// In this cycle or module.
    pub collection: Option<CollectionId>,
    pub priority: Option<Priority>,
    /// Words of the name, or an identifier such as `WEB-7` or `7`.
    pub q: String,
    pub sort: WorkItemSort,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkItemSort {
    /// Latest change first.
    #[default]
    Updated,
    /// Highest number first.
    Newest,
    /// Lowest number first.
    Oldest,
    /// Most pressing first, then latest change.
    Priority,
}

/// What the filters of a project's table can offer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facets {
    pub states: Vec<State>,
    pub labels: Vec<LabelCount>,
    pub members: Vec<Member>,
    /// Cycles, then modules.
    pub collections: Vec<Collection>,
}
