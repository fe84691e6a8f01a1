//! The `data` of webhooks: objects where the REST rows have ids.

use serde_json::{Value, json};

use super::item::{people, state_lite};
use super::project::project_columns;
use super::{View, comment, cycle, plane_module};
use crate::state::{Project, WorkItem};
use crate::webhooks::What;

/// The `data` of a webhook; null when the thing is gone by the time it is sent.
pub(crate) fn webhook_data(view: &View, what: What) -> Value {
    let projects = || view.state.projects.iter();
    let found = match what {
        What::Project(id) => projects()
            .find(|p| p.id == id)
            .map(|p| project_columns(view, p)),
        What::WorkItem(id) => projects()
            .find_map(|p| p.items.get(id).map(|item| (p, item)))
            .map(|(p, item)| webhook_item(view, p, item)),
        What::Cycle(id) => projects()
            .find_map(|p| {
                p.cycles
                    .iter()
                    .find(|cycle| cycle.id == id)
                    .map(|cycle| (p, cycle))
            })
            .map(|(p, row)| cycle(view, p, row)),
        What::Module(id) => projects()
            .find_map(|p| {
                p.modules
                    .iter()
                    .find(|module| module.id == id)
                    .map(|m| (p, m))
            })
            .map(|(p, row)| plane_module(view, p, row)),
        What::Comment(id) => projects()
            .find_map(|p| {
                p.comments
                    .iter()
                    .find(|comment| comment.id == id)
                    .map(|c| (p, c))
            })
            .map(|(p, row)| {
                let mut data = comment(view, p, row);
                // The REST answer names the author as editor from the start, the delivery does not.
                if row.created_at == row.updated_at {
                    data["updated_by"] = Value::Null;
                }
                data
            }),
    };
    found.unwrap_or(Value::Null)
}

/// `webhook-issue-created-001`: objects where the REST row has ids.
fn webhook_item(view: &View, project: &Project, item: &WorkItem) -> Value {
    let labels = item.labels.iter().filter_map(|&id| project.label(id));
    let labels = labels.map(|l| json!({ "id": l.id, "name": l.name, "color": l.color }));
    json!({
        "id": item.id,
        "labels": labels.collect::<Vec<_>>(),
        "assignees": people(view, item.assignees.iter()),
        "state": state_lite(project, item.state),
        "description": {},
        "created_at": view.time(item.created_at),
        "updated_at": view.time(item.updated_at),
        "deleted_at": null,
        "point": null,
        "name": item.name,
        "description_json": {},
        "description_html": item.description_html,
        "description_stripped": stripped(&item.description_html),
        "description_binary": null,
        "priority": item.priority,
        "start_date": item.start_date,
        "target_date": item.target_date,
        "sequence_id": item.sequence_id,
        "sort_order": item.sort_order,
        "completed_at": view.maybe_time(item.completed_at),
        "archived_at": item.archived_at,
        "is_draft": item.is_draft,
        "external_source": item.external_source,
        "external_id": item.external_id,
        "created_by": item.created_by,
        "updated_by": item.updated_by,
        "project": project.id,
        "workspace": project.workspace,
        "parent": item.parent,
        "estimate_point": null,
        "type": null,
    })
}

/// The text between the tags.
fn stripped(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut in_tag = false;
    for c in html.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    text
}
