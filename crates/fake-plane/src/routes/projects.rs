//! `/projects/`: the list, one, its summary and members, and their changes.

use std::cmp::Reverse;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Answer, Context, Reply};
use crate::rows;
use crate::state::{Project, Role, State};
use crate::webhooks::What;

/// Those the user is a member of and all public ones, archived ones too (`projects-01`).
pub(super) fn list(context: &Context) -> Answer {
    let state = context.state();
    let mut visible: Vec<&Project> = state
        .projects
        .iter()
        .filter(|p| sees(context, &state, p))
        .collect();
    order(context, &mut visible)?;
    let view = context.view(&state);
    context.page(&visible, |project| {
        rows::project(&view, project, context.user, true)
    })
}

fn sees(context: &Context, state: &State, project: &Project) -> bool {
    let workspace = state.workspace(context.slug).map(|workspace| workspace.id);
    project.deleted_at.is_none()
        && Some(project.workspace) == workspace
        && (project.network == 2 || project.role(context.user).is_some())
}

/// The member's own order unless asked otherwise; those without one last, ties by age.
fn order(context: &Context, projects: &mut [&Project]) -> Result<(), Reply> {
    projects.sort_by_key(|project| (project.created_at, project.id));
    let own = |project: &Project| {
        let member = project
            .members
            .iter()
            .find(|member| member.user == context.user);
        member.map_or(i64::MAX, |member| (member.sort_order * 1000.0) as i64)
    };
    let asked = context.asked.param("order_by").unwrap_or("sort_order");
    let (name, descending) = match asked.strip_prefix('-') {
        Some(name) => (name, true),
        None => (asked, false),
    };
    match name {
        "sort_order" => projects.sort_by_key(|project| own(project)),
        "created_at" => {}
        "updated_at" => projects.sort_by_key(|project| project.updated_at),
        "name" => projects.sort_by(|a, b| a.name.cmp(&b.name)),
        "identifier" => projects.sort_by(|a, b| a.identifier.cmp(&b.identifier)),
        "network" => projects.sort_by_key(|project| Reverse(project.network)),
        _ => return Err(Reply::crash()),
    }
    if descending {
        projects.reverse();
    }
    Ok(())
}

pub(super) fn detail(context: &Context, id: Uuid) -> Answer {
    let state = context.state();
    let project = state
        .project(id)
        .filter(|project| sees(context, &state, project));
    let project = project.ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        200,
        &rows::project(&context.view(&state), project, context.user, false),
    ))
}

/// `projects-14`: counts; `issues` includes archived and draft ones.
pub(super) fn summary(context: &Context, id: Uuid) -> Answer {
    let state = context.state();
    let workspace = state.workspace(context.slug).map(|workspace| workspace.id);
    let project = state
        .project(id)
        .filter(|project| Some(project.workspace) == workspace);
    let project = project.ok_or_else(Reply::gone)?;
    let items = project
        .items
        .all()
        .iter()
        .filter(|item| item.deleted_at.is_none())
        .count();
    let all = [
        ("intakes", 0),
        ("members", project.members.len()),
        ("cycles", project.cycles.len()),
        ("labels", project.labels.len()),
        ("pages", 0),
        ("modules", project.modules.len()),
        ("issues", items),
        ("states", project.states.len()),
    ];
    let wanted = context
        .asked
        .param("fields")
        .map(|text| text.split(',').collect::<Vec<_>>());
    let counts = all
        .into_iter()
        .filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted.contains(name)));
    let counts: Map<String, Value> = counts
        .map(|(name, count)| (name.to_owned(), json!(count)))
        .collect();
    let row = json!({
        "id": project.id,
        "name": project.name,
        "identifier": project.identifier,
        "counts": counts,
    });
    Ok(Reply::json(200, &row))
}

/// `sub-09`: a bare array, the newest member first.
pub(super) fn members(context: &Context, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(id).ok_or_else(Reply::gone)?;
    let people = project
        .members
        .iter()
        .rev()
        .filter_map(|member| state.user(member.user));
    Ok(Reply::json(
        200,
        &people.map(rows::user).collect::<Vec<_>>(),
    ))
}

pub(super) fn create(context: &Context) -> Answer {
    let body = context.body()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (name, identifier) = (text("name"), text("identifier"));
    for (field, value) in [("name", name), ("identifier", identifier)] {
        if value.is_empty() {
            return Err(Reply::field_error(field, "This field is required."));
        }
    }
    let created = context.shared.change(|state| {
        let workspace = state.workspace(context.slug)?.id;
        let is_taken = state.projects.iter().any(|project| {
            project.workspace == workspace
                && project.deleted_at.is_none()
                && (project.name == name || project.identifier == identifier)
        });
        if is_taken {
            return None;
        }
        let at = state.moment();
        let id = state.add_project(context.slug, name, identifier);
        state.join_project(id, context.user, Role::Admin);
        if let Some(project) = state.project_mut(id) {
            project.created_at = at;
            project.updated_at = at;
            project.created_by = Some(context.user);
            project.module_view = false;
            project.cycle_view = false;
            project.logo_props =
                json!({ "icon": { "name": "quiz", "color": "#5e6ad2" }, "in_use": "icon" });
        }
        state.emit_created(id, What::Project(id), Some(context.user));
        Some(id)
    });
    // The same words for a taken name and a taken identifier (`write-43`, `write-44`).
    let taken = || Reply::json(409, &json!({ "name": "The project name is already taken" }));
    let id = created.ok_or_else(taken)?;
    let state = context.state();
    let project = state.project(id).ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        201,
        &rows::project(&context.view(&state), project, context.user, false),
    ))
}

pub(super) fn update(context: &Context, id: Uuid) -> Answer {
    let body = context.body()?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(id).ok_or_else(Reply::gone)?;
        if project.archived_at.is_some() {
            return Err(Reply::error(400, "Archived project cannot be updated"));
        }
        project.updated_at = at;
        project.updated_by = Some(context.user);
        let mut changed = Vec::new();
        for (field, slot) in [
            ("description", &mut project.description),
            ("name", &mut project.name),
        ] {
            if let Some(new) = body
                .get(field)
                .and_then(Value::as_str)
                .filter(|new| *new != slot.as_str())
            {
                let old = std::mem::replace(slot, new.to_owned());
                changed.push((field, json!(old), json!(new)));
            }
        }
        for change in changed {
            state.emit(id, What::Project(id), "updated", Some(context.user), change);
        }
        Ok(())
    })?;
    detail(context, id)
}

pub(super) fn delete(context: &Context, id: Uuid) -> Answer {
    context.shared.change(|state| state.delete_project(id));
    Ok(Reply::no_content())
}

pub(super) fn archive(context: &Context, id: Uuid) -> Answer {
    context
        .shared
        .change(|state| match context.asked.method.as_str() {
            "POST" => state.archive_project(id),
            _ => state.unarchive_project(id),
        });
    Ok(Reply::no_content())
}
