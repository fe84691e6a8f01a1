//! A work item's row, with its expansions.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{View, label, user};
use crate::state::{Project, State, WorkItem};

/// `wi-37`; written without a tree in between, because lists hold a thousand of them.
pub(crate) struct ItemRow<'a> {
    pub view: &'a View<'a>,
    pub project: &'a Project,
    pub item: &'a WorkItem,
}

impl Serialize for ItemRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            view,
            project,
            item,
        } = self;
        let mut map = serializer.serialize_map(None)?;
        macro_rules! put {
            ($name:literal, $value:expr) => {
                if view.wants($name) {
                    map.serialize_entry($name, &$value)?;
                }
            };
            ($name:literal, $value:expr, or $expanded:expr) => {
                if view.expands($name) && view.wants($name) {
                    map.serialize_entry($name, &$expanded)?;
                } else {
                    put!($name, $value);
                }
            };
        }
        let null = Value::Null;
        put!("id", item.id);
        put!("type_id", null);
        put!("created_at", view.time(item.created_at));
        put!("updated_at", view.time(item.updated_at));
        put!("deleted_at", null);
        put!("point", null);
        put!("name", item.name);
        put!("description_html", item.description_html);
        put!("description_binary", null);
        put!("priority", item.priority);
        put!("start_date", item.start_date);
        put!("target_date", item.target_date);
        put!("sequence_id", item.sequence_id);
        put!("sort_order", item.sort_order);
        put!("completed_at", view.maybe_time(item.completed_at));
        put!("archived_at", item.archived_at);
        put!("is_draft", item.is_draft);
        put!("external_source", item.external_source);
        put!("external_id", item.external_id);
        put!("created_by", item.created_by, or view.person(item.created_by));
        put!("updated_by", item.updated_by, or view.person(item.updated_by));
        put!("project", project.id, or project_lite(project));
        put!("workspace", project.workspace, or workspace_lite(view.state, project.workspace));
        put!("parent", item.parent, or parent_lite(project, item.parent));
        put!("state", item.state, or state_lite(project, item.state));
        put!("estimate_point", null);
        put!("type", null);
        // Expanded people come in the other order than their ids (`wi-38`).
        put!("assignees", item.assignees, or people(view, item.assignees.iter().rev()));
        put!("labels", item.labels, or labels_of(view, project, item));
        map.end()
    }
}

pub(super) fn people<'i>(view: &View, ids: impl Iterator<Item = &'i Uuid>) -> Vec<Value> {
    ids.filter_map(|&id| view.state.user(id))
        .map(user)
        .collect()
}

fn labels_of(view: &View, project: &Project, item: &WorkItem) -> Vec<Value> {
    let view = view.inner();
    let rows = item.labels.iter().filter_map(|&id| project.label(id));
    rows.map(|row| label(&view, project, row)).collect()
}

fn project_lite(project: &Project) -> Value {
    json!({
        "id": project.id,
        "identifier": project.identifier,
        "name": project.name,
        "cover_image": null,
        "icon_prop": null,
        "emoji": null,
        "description": project.description,
        "cover_image_url": null,
    })
}

pub(super) fn workspace_lite(state: &State, id: Uuid) -> Value {
    let workspace = state.workspaces.iter().find(|workspace| workspace.id == id);
    workspace.map_or(
        json!({}),
        |w| json!({ "name": w.name, "slug": w.slug, "id": w.id }),
    )
}

fn parent_lite(project: &Project, parent: Option<Uuid>) -> Value {
    let parent = parent.and_then(|id| project.items.get(id));
    parent.map_or(json!({}), |parent| {
        json!({ "id": parent.id, "sequence_id": parent.sequence_id, "project_id": project.id })
    })
}

pub(super) fn state_lite(project: &Project, state: Uuid) -> Value {
    project.state(state).map_or(json!({}), |state| {
        json!({ "id": state.id, "name": state.name, "color": state.color, "group": state.group })
    })
}
