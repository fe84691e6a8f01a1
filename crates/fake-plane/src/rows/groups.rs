//! Cycles and modules with their counts.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::View;
use crate::state::{Cycle, PlaneModule, Project, StateGroup};

/// How many of `items` are in states of each group, and in all; archived, deleted and drafts don't count.
fn counts(project: &Project, items: &[Uuid]) -> [(&'static str, usize); 6] {
    let groups = || {
        let items = items.iter().filter_map(|&id| project.items.visible(id));
        items
            .filter_map(|item| project.state(item.state))
            .map(|state| state.group)
    };
    let of = |group| groups().filter(|&known| known == group).count();
    [
        ("total_issues", groups().count()),
        ("cancelled_issues", of(StateGroup::Cancelled)),
        ("completed_issues", of(StateGroup::Completed)),
        ("started_issues", of(StateGroup::Started)),
        ("unstarted_issues", of(StateGroup::Unstarted)),
        ("backlog_issues", of(StateGroup::Backlog)),
    ]
}

fn with_counts(project: &Project, items: &[Uuid], row: Value) -> Value {
    let Value::Object(columns) = row else {
        return row;
    };
    let counts = counts(project, items).map(|(name, count)| (name.to_owned(), json!(count)));
    let id = columns.get("id").map(|id| ("id".to_owned(), id.clone()));
    let mut whole: Map<String, Value> = id.into_iter().chain(counts).collect();
    whole.extend(columns);
    Value::Object(whole)
}

/// `sub-13`, with counts.
pub(crate) fn counted_cycle(view: &View, project: &Project, row: &Cycle) -> Value {
    view.only(with_counts(project, &row.items, cycle(view, project, row)))
}

/// `write-50`, without.
pub(crate) fn cycle(view: &View, project: &Project, row: &Cycle) -> Value {
    json!({
        "id": row.id,
        "created_at": view.time(row.created_at),
        "updated_at": view.time(row.updated_at),
        "deleted_at": null,
        "name": row.name,
        "description": row.description,
        "start_date": view.maybe_time(row.start_date),
        "end_date": view.maybe_time(row.end_date),
        "view_props": {},
        "sort_order": row.sort_order,
        "external_source": null,
        "external_id": null,
        "progress_snapshot": {},
        "archived_at": view.maybe_time(row.archived_at),
        "logo_props": {},
        "timezone": "UTC",
        "version": 1,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
        "project": project.id,
        "workspace": project.workspace,
        "owned_by": row.owned_by,
    })
}

/// `sub-17`, with counts. Plane counts the groups that occur, not the items in them.
pub(crate) fn counted_module(view: &View, project: &Project, row: &PlaneModule) -> Value {
    let mut whole = with_counts(project, &row.items, plane_module(view, project, row));
    for name in ["cancelled", "completed", "started", "unstarted", "backlog"] {
        let count = &mut whole[format!("{name}_issues")];
        *count = json!(count.as_u64().unwrap_or(0).min(1));
    }
    view.only(whole)
}

/// `write-54`, without.
pub(crate) fn plane_module(view: &View, project: &Project, row: &PlaneModule) -> Value {
    json!({
        "id": row.id,
        "created_at": view.time(row.created_at),
        "updated_at": view.time(row.updated_at),
        "deleted_at": null,
        "name": row.name,
        "description": row.description,
        "description_text": null,
        "description_html": null,
        "start_date": row.start_date,
        "target_date": row.target_date,
        "status": row.status,
        "view_props": {},
        "sort_order": row.sort_order,
        "external_source": null,
        "external_id": null,
        "archived_at": view.maybe_time(row.archived_at),
        "logo_props": {},
        "created_by": row.created_by,
        "updated_by": row.updated_by,
        "project": project.id,
        "workspace": project.workspace,
        "lead": row.lead,
        "members": row.members,
    })
}
