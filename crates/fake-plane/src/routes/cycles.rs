//! `/cycles/` and `/modules/` with their work items.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Context, Reply};
use crate::paging::LARGEST;
use crate::rows::{self, ItemRow};
use crate::state::{Cycle, PlaneModule, Project, State};
use crate::webhooks::What;

/// The newest first; `cycle_view=current` is a bare array (`sub-14`).
pub(super) fn list(context: &Context, project: Uuid) -> Answer {
    let now = context.shared.clock.now();
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let wanted = context.asked.param("cycle_view").unwrap_or("all");
    let is_wanted = |cycle: &&Cycle| {
        let days = cycle.start_date.zip(cycle.end_date);
        let (is_past, is_future) =
            days.map_or((false, false), |(start, end)| (end < now, start > now));
        project.archived_at.is_none()
            && match wanted {
                "current" => days.is_some() && !is_past && !is_future,
                "upcoming" => is_future,
                "completed" => is_past,
                "draft" => days.is_none(),
                "incomplete" => !is_past,
                _ => true,
            }
    };
    let mut all: Vec<&Cycle> = project.cycles.iter().filter(is_wanted).collect();
    all.sort_by_key(|cycle| std::cmp::Reverse(cycle.created_at));
    let view = context.view(&state);
    let show = |cycle: &&Cycle| rows::counted_cycle(&view, project, cycle);
    match wanted {
        "current" => Ok(Reply::json(200, &all.iter().map(show).collect::<Vec<_>>())),
        _ => context.page(&all, show),
    }
}

pub(super) fn detail(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let cycle = cycle_of(project, id)?;
    Ok(Reply::json(
        200,
        &rows::counted_cycle(&context.view(&state), project, cycle),
    ))
}

pub(super) fn items(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    page_of_items(context, &state, project, &cycle_of(project, id)?.items)
}

pub(super) fn create(context: &Context, project_id: Uuid) -> Answer {
    let name = name(context)?;
    let id = context.shared.change(|state| {
        let at = state.moment();
        let id = state.add_cycle(project_id, &name, None, &[]);
        if let Some(cycle) = state
            .project_mut(project_id)
            .and_then(|p| p.cycles.last_mut())
        {
            cycle.created_at = at;
            cycle.updated_at = at;
            cycle.created_by = Some(context.user);
            cycle.owned_by = context.user;
        }
        state.emit_created(project_id, What::Cycle(id), Some(context.user));
        id
    });
    plain_cycle(context, 201, project_id, id)
}

pub(super) fn update(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    let name = name(context)?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        let cycle = project.cycles.iter_mut().find(|cycle| cycle.id == id);
        let cycle = cycle.ok_or_else(Reply::gone)?;
        let old = std::mem::replace(&mut cycle.name, name.clone());
        cycle.updated_at = at;
        cycle.updated_by = Some(context.user);
        let change = ("name", json!(old), json!(name));
        state.emit(
            project_id,
            What::Cycle(id),
            "updated",
            Some(context.user),
            change,
        );
        Ok(())
    })?;
    plain_cycle(context, 200, project_id, id)
}

pub(super) fn delete(context: &Context, project: Uuid, id: Uuid) -> Answer {
    context.shared.change(|state| {
        let project = state.project_mut(project).ok_or_else(Reply::gone)?;
        cycle_of(project, id)?;
        project.cycles.retain(|cycle| cycle.id != id);
        Ok(Reply::no_content())
    })
}

pub(super) fn add_items(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let added = added_items(context)?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project).ok_or_else(Reply::gone)?;
        let (workspace, project_id) = (project.workspace, project.id);
        let cycle = project.cycles.iter_mut().find(|cycle| cycle.id == id);
        let cycle = cycle.ok_or_else(Reply::gone)?;
        cycle.items.extend(&added);
        let rows = added.iter().map(|item| {
            json!({
                "id": Uuid::new_v5(&id, item.as_bytes()),
                "sub_issues_count": 0,
                "created_at": at,
                "updated_at": at,
                "deleted_at": null,
                "created_by": null,
                "updated_by": null,
                "project": project_id,
                "workspace": workspace,
                "issue": item,
                "cycle": id,
            })
        });
        Ok(Reply::json(200, &rows.collect::<Vec<_>>()))
    })
}

/// The newest first.
pub(super) fn modules(context: &Context, project: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let is_shown = project.archived_at.is_none();
    let mut all: Vec<&PlaneModule> = project.modules.iter().filter(|_| is_shown).collect();
    all.sort_by_key(|row| std::cmp::Reverse(row.created_at));
    let view = context.view(&state);
    context.page(&all, |row| rows::counted_module(&view, project, row))
}

pub(super) fn module(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let row = module_of(project, id)?;
    Ok(Reply::json(
        200,
        &rows::counted_module(&context.view(&state), project, row),
    ))
}

pub(super) fn module_items(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    page_of_items(context, &state, project, &module_of(project, id)?.items)
}

pub(super) fn create_module(context: &Context, project_id: Uuid) -> Answer {
    let name = name(context)?;
    let id = context.shared.change(|state| {
        let at = state.moment();
        let id = state.add_module(project_id, &name, &[]);
        if let Some(row) = state
            .project_mut(project_id)
            .and_then(|p| p.modules.last_mut())
        {
            row.created_at = at;
            row.updated_at = at;
            row.created_by = Some(context.user);
        }
        state.emit_created(project_id, What::Module(id), Some(context.user));
        id
    });
    let state = context.state();
    let project = state.project(project_id).ok_or_else(Reply::gone)?;
    let row = module_of(project, id)?;
    Ok(Reply::json(
        201,
        &rows::plane_module(&context.view(&state), project, row),
    ))
}

/// Answers the changed columns alone (`write-55`).
pub(super) fn update_module(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    let name = name(context)?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        let row = project
            .modules
            .iter_mut()
            .find(|row| row.id == id)
            .ok_or_else(Reply::gone)?;
        let old = std::mem::replace(&mut row.name, name.clone());
        row.updated_at = at;
        row.updated_by = Some(context.user);
        let reply = Reply::json(
            200,
            &json!({
                "name": row.name,
                "description": row.description,
                "start_date": row.start_date,
                "target_date": row.target_date,
                "status": row.status,
                "lead": row.lead,
                "external_source": null,
                "external_id": null,
            }),
        );
        let change = ("name", json!(old), json!(name));
        state.emit(
            project_id,
            What::Module(id),
            "updated",
            Some(context.user),
            change,
        );
        Ok(reply)
    })
}

pub(super) fn delete_module(context: &Context, project: Uuid, id: Uuid) -> Answer {
    context.shared.change(|state| {
        let project = state.project_mut(project).ok_or_else(Reply::gone)?;
        module_of(project, id)?;
        project.modules.retain(|row| row.id != id);
        Ok(Reply::no_content())
    })
}

pub(super) fn add_module_items(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let added = added_items(context)?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project).ok_or_else(Reply::gone)?;
        let (workspace, project_id) = (project.workspace, project.id);
        let row = project
            .modules
            .iter_mut()
            .find(|row| row.id == id)
            .ok_or_else(Reply::gone)?;
        row.items.extend(&added);
        let rows = added.iter().map(|item| {
            json!({
                "id": Uuid::new_v5(&id, item.as_bytes()),
                "sub_issues_count": 0,
                "created_at": at,
                "updated_at": at,
                "deleted_at": null,
                "created_by": context.user,
                "updated_by": context.user,
                "project": project_id,
                "workspace": workspace,
                "module": id,
                "issue": item,
            })
        });
        Ok(Reply::json(200, &rows.collect::<Vec<_>>()))
    })
}

fn cycle_of(project: &Project, id: Uuid) -> Result<&Cycle, Reply> {
    project
        .cycles
        .iter()
        .find(|cycle| cycle.id == id)
        .ok_or_else(Reply::gone)
}

fn module_of(project: &Project, id: Uuid) -> Result<&PlaneModule, Reply> {
    project
        .modules
        .iter()
        .find(|row| row.id == id)
        .ok_or_else(Reply::gone)
}

fn plain_cycle(context: &Context, status: u16, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let row = cycle_of(project, id)?;
    Ok(Reply::json(
        status,
        &rows::cycle(&context.view(&state), project, row),
    ))
}

/// In the order of their creation (`sub-16`).
fn page_of_items(context: &Context, state: &State, project: &Project, items: &[Uuid]) -> Answer {
    let view = context.view(state);
    let mut all: Vec<_> = items
        .iter()
        .filter_map(|&id| project.items.visible(id))
        .collect();
    all.sort_by_key(|item| (item.created_at, item.sequence_id));
    let window = context.window(LARGEST)?;
    let rows = all[window.of(all.len())].iter();
    let rows = rows
        .map(|item| ItemRow {
            view: &view,
            project,
            item,
        })
        .collect();
    Ok(Reply::json(200, &window.envelope(all.len(), rows)))
}

fn name(context: &Context) -> Result<String, Reply> {
    let body = context.body()?;
    let name = body.get("name").and_then(Value::as_str);
    Ok(name
        .ok_or_else(|| Reply::field_error("name", "This field is required."))?
        .to_owned())
}

fn added_items(context: &Context) -> Result<Vec<Uuid>, Reply> {
    let body = context.body()?;
    let ids = body
        .get("issues")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ids: Vec<Uuid> = ids
        .filter_map(Value::as_str)
        .filter_map(|id| Uuid::try_parse(id).ok())
        .collect();
    match ids.is_empty() {
        true => Err(Reply::error(400, "Issues are required")),
        false => Ok(ids),
    }
}
