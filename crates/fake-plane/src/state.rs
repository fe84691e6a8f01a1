//! What the fake Plane knows: users, keys, workspaces and everything in them.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Clock;
pub use crate::items::Items;
use crate::webhooks::{Event, Webhook};

/// Everything a Plane server keeps, in memory. Build it with the functions in `build.rs`, change it with those in `edit.rs`.
pub struct State {
    pub(crate) clock: Clock,
    /// The first date that [`State::add_items`] hands out.
    pub epoch: DateTime<Utc>,
    pub(crate) namespace: Uuid,
    pub(crate) last_moment: DateTime<Utc>,
    pub users: Vec<User>,
    pub keys: HashMap<String, Key>,
    pub workspaces: Vec<Workspace>,
    pub projects: Vec<Project>,
    pub(crate) events: VecDeque<Event>,
}

/// A person with a profile; `zone` is the offset that timestamps are shown in.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub id: Uuid,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub display_name: String,
    /// Offset from UTC in minutes. Plane keeps a zone name; one offset is enough to test with.
    #[serde(default)]
    pub zone: i32,
}

/// An API key. Expired, inactive and unknown keys get the same answer (plane-api.md, section 2).
#[derive(Debug, Clone)]
pub struct Key {
    pub user: Uuid,
    pub active: bool,
    pub expires_at: Option<DateTime<Utc>>,
    /// Requests per minute when it differs from the server's limit (service tokens: 300).
    pub per_minute: Option<u32>,
}

#[derive(Debug)]
pub struct Workspace {
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub members: Vec<Member>,
    pub webhooks: Vec<Webhook>,
}

/// A user's place in a workspace or project.
#[derive(Debug, Clone)]
pub struct Member {
    pub user: Uuid,
    pub role: Role,
    /// Projects only: the place in the user's own project list.
    pub sort_order: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Guest,
    Member,
    Admin,
}

impl Role {
    /// Plane's number for it.
    pub fn number(self) -> u8 {
        match self {
            Role::Guest => 5,
            Role::Member => 15,
            Role::Admin => 20,
        }
    }
}

/// A project. `row` holds the columns that nothing here interprets.
#[derive(Debug)]
pub struct Project {
    pub id: Uuid,
    pub workspace: Uuid,
    pub name: String,
    pub identifier: String,
    pub description: String,
    /// 2 public, 0 private.
    pub network: u8,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub archived_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub created_by: Option<Uuid>,
    pub updated_by: Option<Uuid>,
    pub project_lead: Option<Uuid>,
    pub logo_props: Value,
    pub module_view: bool,
    pub cycle_view: bool,
    pub members: Vec<Member>,
    pub states: Vec<ProjectState>,
    pub labels: Vec<Label>,
    pub cycles: Vec<Cycle>,
    pub modules: Vec<PlaneModule>,
    pub comments: Vec<Comment>,
    pub items: Items,
    pub next_sequence: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateGroup {
    Backlog,
    Unstarted,
    Started,
    Completed,
    Cancelled,
    /// Never listed.
    Triage,
}

/// A state of a project's workflow (Plane's "State"; named so because [`State`] is the server's).
#[derive(Debug, Clone, Deserialize)]
pub struct ProjectState {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub color: String,
    pub slug: String,
    pub sequence: f64,
    pub group: StateGroup,
    #[serde(default)]
    pub default: bool,
    #[serde(default)]
    pub updated_by: Option<Uuid>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Label {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub color: String,
    pub sort_order: f64,
    pub external_source: Option<String>,
    pub external_id: Option<String>,
    pub created_by: Option<Uuid>,
    pub updated_by: Option<Uuid>,
    pub parent: Option<Uuid>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Cycle {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub name: String,
    pub description: String,
    pub start_date: Option<DateTime<Utc>>,
    pub end_date: Option<DateTime<Utc>>,
    pub sort_order: f64,
    pub archived_at: Option<DateTime<Utc>>,
    pub created_by: Option<Uuid>,
    pub updated_by: Option<Uuid>,
    pub owned_by: Uuid,
    #[serde(default)]
    pub items: Vec<Uuid>,
}

/// A module of a project (Plane's "Module").
#[derive(Debug, Clone, Deserialize)]
pub struct PlaneModule {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub name: String,
    pub description: String,
    pub start_date: Option<NaiveDate>,
    pub target_date: Option<NaiveDate>,
    pub status: String,
    pub sort_order: f64,
    pub archived_at: Option<DateTime<Utc>>,
    pub created_by: Option<Uuid>,
    pub updated_by: Option<Uuid>,
    pub lead: Option<Uuid>,
    #[serde(default)]
    pub members: Vec<Uuid>,
    #[serde(default)]
    pub items: Vec<Uuid>,
}

#[derive(Debug, Clone)]
pub struct Comment {
    pub id: Uuid,
    pub item: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub comment_html: String,
    pub description: Uuid,
    pub actor: Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Urgent,
    High,
    Medium,
    Low,
    None,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WorkItem {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    #[serde(default)]
    pub deleted_at: Option<DateTime<Utc>>,
    pub name: String,
    pub description_html: String,
    pub priority: Priority,
    pub start_date: Option<NaiveDate>,
    pub target_date: Option<NaiveDate>,
    pub sequence_id: u32,
    pub sort_order: f64,
    pub completed_at: Option<DateTime<Utc>>,
    pub archived_at: Option<NaiveDate>,
    pub is_draft: bool,
    pub external_source: Option<String>,
    pub external_id: Option<String>,
    pub created_by: Option<Uuid>,
    pub updated_by: Option<Uuid>,
    pub parent: Option<Uuid>,
    pub state: Uuid,
    pub assignees: Vec<Uuid>,
    pub labels: Vec<Uuid>,
}

impl WorkItem {
    /// Lists and the detail page leave archived, draft and deleted ones out.
    pub fn is_visible(&self) -> bool {
        self.deleted_at.is_none() && self.archived_at.is_none() && !self.is_draft
    }
}

impl State {
    pub(crate) fn new(clock: Clock, seed: u64, epoch: DateTime<Utc>) -> Self {
        Self {
            clock,
            epoch,
            namespace: Uuid::new_v5(
                &Uuid::NAMESPACE_URL,
                format!("fake-plane/{seed}").as_bytes(),
            ),
            last_moment: DateTime::<Utc>::MIN_UTC,
            users: Vec::new(),
            keys: HashMap::new(),
            workspaces: Vec::new(),
            projects: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// The id that belongs to `name`: the same for the same seed.
    pub fn id(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.namespace, name.as_bytes())
    }

    /// Now, but later than any moment given out before, as a database's clock would be under load.
    pub(crate) fn moment(&mut self) -> DateTime<Utc> {
        let now = self
            .clock
            .now()
            .max(self.last_moment + TimeDelta::microseconds(1));
        self.last_moment = now;
        now
    }

    pub fn user(&self, id: Uuid) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    pub fn workspace(&self, slug: &str) -> Option<&Workspace> {
        self.workspaces
            .iter()
            .find(|workspace| workspace.slug == slug)
    }

    pub fn workspace_mut(&mut self, slug: &str) -> Option<&mut Workspace> {
        self.workspaces
            .iter_mut()
            .find(|workspace| workspace.slug == slug)
    }

    /// A project that is not deleted.
    pub fn project(&self, id: Uuid) -> Option<&Project> {
        self.projects
            .iter()
            .find(|project| project.id == id && project.deleted_at.is_none())
    }

    pub fn project_mut(&mut self, id: Uuid) -> Option<&mut Project> {
        self.projects
            .iter_mut()
            .find(|project| project.id == id && project.deleted_at.is_none())
    }

    /// The project `identifier` of a workspace.
    pub fn project_called(&self, slug: &str, identifier: &str) -> Option<&Project> {
        let workspace = self.workspace(slug)?.id;
        self.projects.iter().find(|project| {
            project.workspace == workspace
                && project.identifier == identifier
                && project.deleted_at.is_none()
        })
    }

    /// The work item `WEB-7` of a workspace: its project and its id.
    pub fn item_called(&self, slug: &str, name: &str) -> Option<(Uuid, Uuid)> {
        let (identifier, number) = name.rsplit_once('-')?;
        let project = self.project_called(slug, identifier)?;
        let number: u32 = number.parse().ok()?;
        let item = project
            .items
            .all()
            .iter()
            .find(|item| item.sequence_id == number)?;
        Some((project.id, item.id))
    }

    /// The project that holds a work item.
    pub fn project_of(&self, item: Uuid) -> Option<&Project> {
        self.projects
            .iter()
            .find(|project| project.items.get(item).is_some())
    }
}

impl Workspace {
    pub fn role(&self, user: Uuid) -> Option<Role> {
        self.members
            .iter()
            .find(|member| member.user == user)
            .map(|member| member.role)
    }
}

impl Project {
    pub fn role(&self, user: Uuid) -> Option<Role> {
        self.members
            .iter()
            .find(|member| member.user == user)
            .map(|member| member.role)
    }

    pub fn state(&self, id: Uuid) -> Option<&ProjectState> {
        self.states.iter().find(|state| state.id == id)
    }

    pub fn state_called(&self, name: &str) -> Option<&ProjectState> {
        self.states.iter().find(|state| state.name == name)
    }

    pub fn label(&self, id: Uuid) -> Option<&Label> {
        self.labels.iter().find(|label| label.id == id)
    }

    pub fn label_called(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name == name)
    }
}
