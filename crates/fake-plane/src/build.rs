//! Functions that put things into the [`State`]: "given a workspace with …".

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::names;
use crate::state::*;

impl State {
    /// Adds a workspace without members.
    pub fn add_workspace(&mut self, slug: &str, name: &str) -> Uuid {
        let id = self.id(&format!("workspace/{slug}"));
        self.workspaces.push(Workspace {
            id,
            slug: slug.to_owned(),
            name: name.to_owned(),
            members: Vec::new(),
            webhooks: Vec::new(),
        });
        id
    }

    /// Adds a user called `first last`, with a mail address made from the names.
    pub fn add_user(&mut self, first_name: &str, last_name: &str) -> Uuid {
        let display_name = first_name.to_lowercase();
        let id = self.id(&format!("user/{first_name} {last_name}"));
        self.users.push(User {
            id,
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email: format!("{display_name}@example.test"),
            display_name,
            zone: 0,
        });
        id
    }

    /// Gives a user a key of Plane's form; its value is a function of the seed and `label`.
    pub fn add_key(&mut self, user: Uuid, label: &str) -> String {
        let digest = Sha256::digest(self.id(&format!("key/{label}")).as_bytes());
        let value = format!("plane_api_{}", hex::encode(&digest[..16]));
        self.add_key_value(user, &value);
        value
    }

    /// Gives a user a key with a value chosen by the caller.
    pub fn add_key_value(&mut self, user: Uuid, value: &str) {
        let key = Key {
            user,
            active: true,
            expires_at: None,
            per_minute: None,
        };
        self.keys.insert(value.to_owned(), key);
    }

    /// Sets the offset from UTC, in minutes, that a user's answers are written in.
    pub fn set_zone(&mut self, user: Uuid, minutes: i32) {
        if let Some(user) = self.users.iter_mut().find(|known| known.id == user) {
            user.zone = minutes;
        }
    }

    /// Makes a user a member of a workspace (or changes the role).
    pub fn join_workspace(&mut self, slug: &str, user: Uuid, role: Role) {
        let Some(workspace) = self.workspace_mut(slug) else {
            return;
        };
        workspace.members.retain(|member| member.user != user);
        workspace.members.push(Member {
            user,
            role,
            sort_order: 0.0,
        });
    }

    /// Takes a user out of a workspace; project memberships stay, as in Plane (`auth-22`).
    pub fn leave_workspace(&mut self, slug: &str, user: Uuid) {
        if let Some(workspace) = self.workspace_mut(slug) {
            workspace.members.retain(|member| member.user != user);
        }
    }

    /// Makes a user a member of a project (or changes the role).
    pub fn join_project(&mut self, project: Uuid, user: Uuid, role: Role) {
        let Some(project) = self.project_mut(project) else {
            return;
        };
        project.members.retain(|member| member.user != user);
        project.members.push(Member {
            user,
            role,
            sort_order: 65535.0,
        });
    }

    /// Takes a user out of a project.
    pub fn leave_project(&mut self, project: Uuid, user: Uuid) {
        if let Some(project) = self.project_mut(project) {
            project.members.retain(|member| member.user != user);
        }
    }

    /// Adds a public project with Plane's five states, no members and no work items.
    ///
    /// # Panics
    /// When the workspace does not exist: a mistake in the test.
    pub fn add_project(&mut self, slug: &str, name: &str, identifier: &str) -> Uuid {
        let workspace = self.workspace(slug).map(|workspace| workspace.id);
        let workspace = workspace.expect("add the workspace before its projects");
        let id = self.id(&format!("project/{slug}/{identifier}"));
        let created_at = self.seed_moment();
        let states = self.default_states(id, created_at);
        self.projects.push(Project {
            id,
            workspace,
            name: name.to_owned(),
            identifier: identifier.to_owned(),
            description: String::new(),
            network: 2,
            created_at,
            updated_at: created_at,
            archived_at: None,
            deleted_at: None,
            created_by: None,
            updated_by: None,
            project_lead: None,
            logo_props: json!({}),
            module_view: true,
            cycle_view: true,
            members: Vec::new(),
            states,
            labels: Vec::new(),
            cycles: Vec::new(),
            modules: Vec::new(),
            comments: Vec::new(),
            items: Items::default(),
            next_sequence: 1,
        });
        id
    }

    /// Plane's own set (`sub-07`).
    fn default_states(&self, project: Uuid, at: DateTime<Utc>) -> Vec<ProjectState> {
        [
            ("Backlog", "#60646C", 15000.0, StateGroup::Backlog),
            ("Todo", "#60646C", 30000.0, StateGroup::Unstarted),
            ("In Progress", "#F59E0B", 45000.0, StateGroup::Started),
            ("Done", "#46A758", 60000.0, StateGroup::Completed),
            ("Cancelled", "#9AA4BC", 75000.0, StateGroup::Cancelled),
        ]
        .into_iter()
        .map(|(name, color, sequence, group)| ProjectState {
            id: self.id(&format!("state/{project}/{name}")),
            created_at: at,
            updated_at: at,
            name: name.to_owned(),
            description: String::new(),
            color: color.to_owned(),
            slug: name.to_lowercase().replace(' ', "-"),
            sequence,
            group,
            default: name == "Backlog",
            updated_by: None,
        })
        .collect()
    }

    /// Adds a label. A test that wants another parent or description edits the row.
    pub fn add_label(&mut self, project: Uuid, name: &str, color: &str) -> Uuid {
        let count = self
            .project(project)
            .map_or(0, |project| project.labels.len());
        let id = self.id(&format!("label/{project}/{count}/{name}"));
        let at = self.seed_moment();
        if let Some(project) = self.project_mut(project) {
            let last = project
                .labels
                .iter()
                .map(|label| label.sort_order)
                .fold(55535.0, f64::max);
            project.labels.push(Label {
                id,
                created_at: at,
                updated_at: at,
                name: name.to_owned(),
                description: String::new(),
                color: color.to_owned(),
                sort_order: last + 10000.0,
                external_source: None,
                external_id: None,
                created_by: None,
                updated_by: None,
                parent: None,
            });
        }
        id
    }

    /// Adds the labels that most teams have, with colours.
    pub fn add_usual_labels(&mut self, project: Uuid) -> Vec<Uuid> {
        names::LABELS
            .iter()
            .map(|(name, color)| self.add_label(project, name, color))
            .collect()
    }

    /// Adds one work item in the default state, created now.
    ///
    /// # Panics
    /// When the project does not exist: a mistake in the test.
    pub fn add_item(&mut self, project: Uuid, name: &str) -> Uuid {
        let at = self.moment();
        let namespace = self.namespace;
        let project = self
            .project_mut(project)
            .expect("add the project before its work items");
        let mut item = blank_item(namespace, project, name, at);
        item.sort_order = last_in_state(project, item.state);
        let id = item.id;
        project.items.push(item);
        id
    }

    /// Adds `count` believable work items, spread over 90 days from [`State::epoch`]; the same every time.
    ///
    /// # Panics
    /// When the project does not exist: a mistake in the test.
    pub fn add_items(&mut self, project: Uuid, count: u32) -> Vec<Uuid> {
        let (namespace, epoch) = (self.namespace, self.epoch);
        let project = self
            .project_mut(project)
            .expect("add the project before its work items");
        let span = TimeDelta::days(90);
        let step = span / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        let mut last: HashMap<Uuid, f64> = project
            .states
            .iter()
            .map(|s| (s.id, last_in_state(project, s.id)))
            .collect();
        (0..count)
            .map(|n| {
                let created_at = epoch + step * i32::try_from(n).unwrap_or(i32::MAX);
                let mut item = blank_item(namespace, project, "", created_at);
                names::dress(&mut item, project, epoch + span);
                if let Some(place) = last.get_mut(&item.state) {
                    item.sort_order = *place;
                    *place += 10000.0;
                }
                let id = item.id;
                project.items.push(item);
                id
            })
            .collect()
    }

    /// Adds a cycle over the given days that holds `items`.
    pub fn add_cycle(
        &mut self,
        project: Uuid,
        name: &str,
        days: Option<(DateTime<Utc>, DateTime<Utc>)>,
        items: &[Uuid],
    ) -> Uuid {
        let id = self.id(&format!("cycle/{project}/{name}"));
        let at = self.seed_moment();
        let owner = self.users.first().map_or(Uuid::nil(), |user| user.id);
        if let Some(project) = self.project_mut(project) {
            let first = project
                .cycles
                .iter()
                .map(|c| c.sort_order)
                .fold(75535.0, f64::min);
            project.cycles.push(Cycle {
                id,
                created_at: at,
                updated_at: at,
                name: name.to_owned(),
                description: String::new(),
                start_date: days.map(|days| days.0),
                end_date: days.map(|days| days.1),
                sort_order: first - 10000.0,
                archived_at: None,
                created_by: None,
                updated_by: None,
                owned_by: owner,
                items: items.to_vec(),
            });
        }
        id
    }

    /// Adds a module that holds `items`.
    pub fn add_module(&mut self, project: Uuid, name: &str, items: &[Uuid]) -> Uuid {
        let id = self.id(&format!("module/{project}/{name}"));
        let at = self.seed_moment();
        if let Some(project) = self.project_mut(project) {
            let first = project
                .modules
                .iter()
                .map(|m| m.sort_order)
                .fold(75535.0, f64::min);
            project.modules.push(PlaneModule {
                id,
                created_at: at,
                updated_at: at,
                name: name.to_owned(),
                description: String::new(),
                start_date: None,
                target_date: None,
                status: "planned".to_owned(),
                sort_order: first - 10000.0,
                archived_at: None,
                created_by: None,
                updated_by: None,
                lead: None,
                members: Vec::new(),
                items: items.to_vec(),
            });
        }
        id
    }

    /// A moment for a thing that belongs to the set-up: the epoch, and later for each further thing.
    fn seed_moment(&self) -> DateTime<Utc> {
        let things: usize = self
            .projects
            .iter()
            .map(|p| 1 + p.labels.len() + p.cycles.len())
            .sum();
        self.epoch + TimeDelta::milliseconds(i64::try_from(things).unwrap_or(0))
    }
}

/// The next work item of a project, in its default state, not yet in it.
pub(crate) fn blank_item(
    namespace: Uuid,
    project: &mut Project,
    name: &str,
    at: DateTime<Utc>,
) -> WorkItem {
    let sequence_id = project.next_sequence;
    project.next_sequence += 1;
    let default = project
        .states
        .iter()
        .find(|state| state.default)
        .or(project.states.first());
    let state = default.map_or(Uuid::nil(), |state| state.id);
    WorkItem {
        id: Uuid::new_v5(
            &namespace,
            format!("item/{}/{sequence_id}", project.id).as_bytes(),
        ),
        created_at: at,
        updated_at: at,
        deleted_at: None,
        name: name.to_owned(),
        description_html: "<p></p>".to_owned(),
        priority: Priority::None,
        start_date: None,
        target_date: None,
        sequence_id,
        sort_order: 65535.0,
        completed_at: None,
        archived_at: None,
        is_draft: false,
        external_source: None,
        external_id: None,
        created_by: None,
        updated_by: None,
        parent: None,
        state,
        assignees: Vec::new(),
        labels: Vec::new(),
    }
}

/// Where a new work item stands: at the end of its state (`write-01`).
pub(crate) fn last_in_state(project: &Project, state: Uuid) -> f64 {
    let there = project
        .items
        .all()
        .iter()
        .filter(|item| item.state == state);
    there.map(|item| item.sort_order).fold(55535.0, f64::max) + 10000.0
}
