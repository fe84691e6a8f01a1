//! `/work-items/` and its old name `/issues/`: reading.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::{Answer, Context, Reply};
use crate::paging::LARGEST;
use crate::rows::ItemRow;
use crate::state::{Project, WorkItem};

/// One page, or a single object when both external names are given. Every other filter is ignored, as Plane does.
pub(super) fn list(context: &Context, project: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let view = context.view(&state);
    let rows = project.items.all();

    let external = (
        context.asked.param("external_id"),
        context.asked.param("external_source"),
    );
    if let (Some(id), Some(source)) = external {
        let item = rows.iter().find(|item| {
            item.is_visible()
                && item.external_id.as_deref() == Some(id)
                && item.external_source.as_deref() == Some(source)
        });
        let item = item.ok_or_else(Reply::gone)?;
        return Ok(Reply::json(
            200,
            &ItemRow {
                view: &view,
                project,
                item,
            },
        ));
    }

    let order = in_order(
        project,
        context.asked.param("order_by").unwrap_or("-created_at"),
    )?;
    let window = context.window(LARGEST)?;
    let order: &[u32] = if project.archived_at.is_some() {
        &[]
    } else {
        &order
    };
    let page = order[window.of(order.len())]
        .iter()
        .map(|&place| &rows[place as usize]);
    let page = page
        .map(|item| ItemRow {
            view: &view,
            project,
            item,
        })
        .collect();
    Ok(Reply::json(200, &window.envelope(order.len(), page)))
}

pub(super) fn detail(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let item = project.items.visible(id).ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        200,
        &ItemRow {
            view: &context.view(&state),
            project,
            item,
        },
    ))
}

/// `WEB-7`; another case was refused already, for such a project does not exist.
pub(super) fn called(context: &Context, name: &str) -> Answer {
    let state = context.state();
    let (project, id) = state
        .item_called(context.slug, name)
        .ok_or_else(Reply::gone)?;
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let item = project.items.visible(id).ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        200,
        &ItemRow {
            view: &context.view(&state),
            project,
            item,
        },
    ))
}

/// `wi-46`: by name, number or `WEB-7`, in the projects that the user is in; not paged.
pub(super) fn search(context: &Context) -> Answer {
    let text = context
        .asked
        .param("search")
        .unwrap_or_default()
        .to_lowercase();
    if text.is_empty() {
        return Ok(Reply::json(200, &json!({ "issues": [] })));
    }
    let state = context.state();
    let workspace = state.workspace(context.slug).ok_or_else(Reply::gone)?;
    let everywhere = context.asked.param("workspace_search") == Some("true");
    let only = context.asked.param("project_id").filter(|_| !everywhere);
    let limit = context
        .asked
        .param("limit")
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(10);
    let projects = state.projects.iter().filter(|project| {
        project.workspace == workspace.id
            && project.deleted_at.is_none()
            && project.archived_at.is_none()
            && project.role(context.user).is_some()
            && only.is_none_or(|only| project.id.to_string() == only)
    });
    let found = projects.flat_map(|project| {
        let items = project
            .items
            .all()
            .iter()
            .rev()
            .filter(|item| item.is_visible());
        let identifier = project.identifier.to_lowercase();
        let text = &text;
        let hits = items.filter(move |item| {
            item.name.to_lowercase().contains(text)
                || text
                    .strip_prefix(&identifier)
                    .and_then(|rest| rest.strip_prefix('-'))
                    == Some(item.sequence_id.to_string().as_str())
        });
        hits.map(move |item| {
            json!({
                "name": item.name,
                "id": item.id,
                "sequence_id": item.sequence_id,
                "project__identifier": project.identifier,
                "project_id": project.id,
                "workspace__slug": workspace.slug,
            })
        })
    });
    Ok(Reply::json(
        200,
        &json!({ "issues": found.take(limit).collect::<Vec<_>>() }),
    ))
}

/// Places of the visible items in the order asked for; an unknown order is a 500 up to v1.3.1 (`wi-23`).
fn in_order(project: &Project, order_by: &str) -> Result<Arc<[u32]>, Reply> {
    let (name, descending) = match order_by.strip_prefix('-') {
        Some(name) => (name, true),
        None => (order_by, false),
    };
    let compare: fn(&Project, &WorkItem, &WorkItem) -> Ordering = match name {
        "created_at" => |_, a, b| a.created_at.cmp(&b.created_at),
        "updated_at" => |_, a, b| a.updated_at.cmp(&b.updated_at),
        "sequence_id" => |_, a, b| a.sequence_id.cmp(&b.sequence_id),
        "name" => |_, a, b| a.name.cmp(&b.name),
        "id" => |_, a, b| a.id.cmp(&b.id),
        "sort_order" => |_, a, b| a.sort_order.total_cmp(&b.sort_order),
        "priority" => |_, a, b| a.priority.cmp(&b.priority),
        // Postgres puts nulls last.
        "completed_at" => |_, a, b| null_last(a.completed_at).cmp(&null_last(b.completed_at)),
        "start_date" => |_, a, b| null_last(a.start_date).cmp(&null_last(b.start_date)),
        "target_date" => |_, a, b| null_last(a.target_date).cmp(&null_last(b.target_date)),
        "state__group" => |p, a, b| group(p, a).cmp(&group(p, b)),
        "state__name" => |p, a, b| state_name(p, a).cmp(&state_name(p, b)),
        _ => return Err(Reply::crash()),
    };
    Ok(project.items.in_order(order_by, |rows, places| {
        places.sort_unstable_by(|&a, &b| {
            let (a, b) = (&rows[a as usize], &rows[b as usize]);
            let wanted = compare(project, a, b);
            let wanted = if descending { wanted.reverse() } else { wanted };
            // DISTINCT sorts ties by the row's first columns: created_at, updated_at.
            let ties =
                || (a.created_at, a.updated_at, a.id).cmp(&(b.created_at, b.updated_at, b.id));
            wanted.then_with(ties)
        });
    }))
}

fn null_last<T: Ord>(value: Option<T>) -> (bool, Option<T>) {
    (value.is_none(), value)
}

fn group(project: &Project, item: &WorkItem) -> Option<crate::state::StateGroup> {
    project.state(item.state).map(|state| state.group)
}

fn state_name<'p>(project: &'p Project, item: &WorkItem) -> Option<&'p str> {
    project.state(item.state).map(|state| state.name.as_str())
}
