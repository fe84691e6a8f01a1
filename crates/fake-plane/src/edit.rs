//! Changes to what is there, each with the webhook events that Plane sends for it (plane-api.md, section 8).

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::state::*;
use crate::webhooks::{Event, What};

impl State {
    /// Changes a work item as a PATCH would: `updated_at` moves, one event per changed field.
    pub fn edit_item(&mut self, item: Uuid, change: impl FnOnce(&mut WorkItem)) {
        self.edit_item_as(None, item, change);
    }

    pub(crate) fn edit_item_as(
        &mut self,
        actor: Option<Uuid>,
        id: Uuid,
        change: impl FnOnce(&mut WorkItem),
    ) {
        let at = self.moment();
        let Some(project) = self.project_of(id).map(|project| project.id) else {
            return;
        };
        let actor = actor.or_else(|| self.somebody(project));
        let Some(owner) = self.project_mut(project) else {
            return;
        };
        let Some(item) = owner.items.get_mut(id) else {
            return;
        };
        let before = item.clone();
        change(item);
        item.updated_at = at;
        item.updated_by = actor;
        let after = item.clone();
        if before.state != after.state {
            let done = owner.state(after.state).map(|state| state.group);
            let completed_at = (done == Some(StateGroup::Completed)).then_some(at);
            if let Some(item) = owner.items.get_mut(id) {
                item.completed_at = completed_at;
            }
        }
        for (field, old_value, new_value) in changed_fields(&before, &after) {
            self.emit(
                project,
                What::WorkItem(id),
                "updated",
                actor,
                (field, old_value, new_value),
            );
        }
    }

    /// Moves a work item into the state called `state`.
    pub fn move_to(&mut self, item: Uuid, state: &str) {
        let project = self.project_of(item);
        let Some(state) = project.and_then(|p| p.state_called(state)).map(|s| s.id) else {
            return;
        };
        self.edit_item(item, |item| item.state = state);
    }

    /// Gives a work item the labels called `names` and no other.
    pub fn relabel(&mut self, item: Uuid, names: &[&str]) {
        let Some(project) = self.project_of(item) else {
            return;
        };
        let labels = names
            .iter()
            .filter_map(|name| project.label_called(name))
            .map(|l| l.id);
        let labels: Vec<Uuid> = labels.collect();
        self.edit_item(item, |item| item.labels = labels);
    }

    /// Deletes a work item. Plane sends nothing for it.
    pub fn delete_item(&mut self, item: Uuid) {
        let at = self.moment();
        if let Some(item) = self.row(item) {
            item.deleted_at = Some(at);
        }
    }

    /// Archives a work item. Plane sends nothing for it, and it can't be told from a deletion.
    pub fn archive_item(&mut self, item: Uuid) {
        let at = self.moment();
        if let Some(item) = self.row(item) {
            item.archived_at = Some(at.date_naive());
        }
    }

    /// Brings an archived work item back.
    pub fn unarchive_item(&mut self, item: Uuid) {
        if let Some(item) = self.row(item) {
            item.archived_at = None;
        }
    }

    /// Reports a work item that is new; [`State::add_item`] is for set-ups and stays silent.
    pub fn create_item(&mut self, project: Uuid, name: &str) -> Uuid {
        let item = self.add_item(project, name);
        let actor = self.somebody(project);
        self.emit_created(project, What::WorkItem(item), actor);
        item
    }

    /// Renames a label. No work item's `updated_at` moves and no event is sent.
    pub fn rename_label(&mut self, label: Uuid, name: &str) {
        let at = self.moment();
        let mut labels = self
            .projects
            .iter_mut()
            .flat_map(|project| &mut project.labels);
        if let Some(label) = labels.find(|known| known.id == label) {
            name.clone_into(&mut label.name);
            label.updated_at = at;
        }
    }

    /// Deletes a label: it disappears from its work items, whose `updated_at` stays.
    pub fn delete_label(&mut self, label: Uuid) {
        let owner = |project: &&mut Project| project.label(label).is_some();
        let Some(project) = self.projects.iter_mut().find(owner) else {
            return;
        };
        project.labels.retain(|known| known.id != label);
        for item in project.items.all_mut() {
            item.labels.retain(|known| *known != label);
        }
    }

    /// Renames a project.
    pub fn rename_project(&mut self, project: Uuid, name: &str) {
        let (at, actor) = (self.moment(), self.somebody(project));
        let Some(row) = self.project_mut(project) else {
            return;
        };
        let old = std::mem::replace(&mut row.name, name.to_owned());
        row.updated_at = at;
        row.updated_by = actor;
        self.emit(
            project,
            What::Project(project),
            "updated",
            actor,
            ("name", json!(old), json!(name)),
        );
    }

    /// Archives a project: its lists are empty from then on. Plane sends nothing for it.
    pub fn archive_project(&mut self, project: Uuid) {
        let at = self.moment();
        if let Some(project) = self.project_mut(project) {
            project.archived_at = Some(at);
            project.updated_at = at;
        }
    }

    /// Brings an archived project back.
    pub fn unarchive_project(&mut self, project: Uuid) {
        if let Some(project) = self.project_mut(project) {
            project.archived_at = None;
        }
    }

    /// Deletes a project.
    pub fn delete_project(&mut self, project: Uuid) {
        let (at, actor) = (self.moment(), self.somebody(project));
        if let Some(row) = self.project_mut(project) {
            row.deleted_at = Some(at);
            self.emit(project, What::Project(project), "deleted", actor, NO_FIELD);
        }
    }

    /// Switches a key off; the owner's other keys stay valid.
    pub fn revoke_key(&mut self, key: &str) {
        if let Some(key) = self.keys.get_mut(key) {
            key.active = false;
        }
    }

    /// Lets a key run out a minute ago.
    pub fn expire_key(&mut self, key: &str) {
        let at = self.moment() - TimeDelta::minutes(1);
        if let Some(key) = self.keys.get_mut(key) {
            key.expires_at = Some(at);
        }
    }

    /// Who did it, when a test does not say: the first admin, else the first member.
    fn somebody(&self, project: Uuid) -> Option<Uuid> {
        let members = &self.project(project)?.members;
        let admin = members.iter().find(|member| member.role == Role::Admin);
        admin.or(members.first()).map(|member| member.user)
    }

    fn row(&mut self, item: Uuid) -> Option<&mut WorkItem> {
        self.projects.iter_mut().find_map(|project| {
            project.items.get(item)?;
            project.items.get_mut(item)
        })
    }

    pub(crate) fn emit_created(&mut self, project: Uuid, what: What, actor: Option<Uuid>) {
        self.emit(project, what, "created", actor, NO_FIELD);
    }

    pub(crate) fn emit(
        &mut self,
        project: Uuid,
        what: What,
        action: &'static str,
        actor: Option<Uuid>,
        (field, old_value, new_value): (&'static str, Value, Value),
    ) {
        let owner = self.projects.iter().find(|known| known.id == project);
        let Some(workspace) = owner.map(|project| project.workspace) else {
            return;
        };
        let field = (!field.is_empty()).then_some(field);
        self.events.push_back(Event {
            workspace,
            what,
            action,
            actor,
            field,
            old_value,
            new_value,
        });
    }
}

pub(crate) const NO_FIELD: (&str, Value, Value) = ("", Value::Null, Value::Null);

/// The fields that differ, by the names the public API's events use (`webhook-issue-updated-*`).
fn changed_fields(before: &WorkItem, after: &WorkItem) -> Vec<(&'static str, Value, Value)> {
    let all = [
        ("name", json!(before.name), json!(after.name)),
        (
            "description_html",
            json!(before.description_html),
            json!(after.description_html),
        ),
        ("priority", json!(before.priority), json!(after.priority)),
        ("state", json!(before.state), json!(after.state)),
        ("parent", json!(before.parent), json!(after.parent)),
        ("labels", json!(before.labels), json!(after.labels)),
        ("assignees", json!(before.assignees), json!(after.assignees)),
        (
            "start_date",
            json!(before.start_date),
            json!(after.start_date),
        ),
        (
            "target_date",
            json!(before.target_date),
            json!(after.target_date),
        ),
    ];
    all.into_iter().filter(|(_, old, new)| old != new).collect()
}
