//! `/labels/` and `/states/`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Context, Reply};
use crate::rows;
use crate::state::{Label, ProjectState, StateGroup};

/// The newest first, whatever order is asked for (`sub-32`). Empty for who is not in the project (`sub-05`).
pub(super) fn list(context: &Context, project: Uuid) -> Answer {
    let state = context.state();
    let Some(project) = state.project(project) else {
        return context.empty_page(1000);
    };
    let is_shown = project.role(context.user).is_some() && project.archived_at.is_none();
    let mut all: Vec<&Label> = project.labels.iter().filter(|_| is_shown).collect();
    all.sort_by_key(|label| std::cmp::Reverse(label.created_at));
    let view = context.view(&state);
    context.page(&all, |label| rows::label(&view, project, label))
}

pub(super) fn detail(context: &Context, project: Uuid, id: Uuid) -> Answer {
    show(context, 200, project, id)
}

pub(super) fn create(context: &Context, project_id: Uuid) -> Answer {
    let body = context.body()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let required = || Reply::field_error("name", "This field is required.");
    let name = text("name").ok_or_else(required)?;
    let id = context.shared.change(|state| {
        let at = state.moment();
        let project = state.project(project_id).ok_or_else(Reply::gone)?;
        if let Some(known) = project.label_called(&name) {
            let error = "Label with the same name already exists in the project";
            return Err(Reply::json(409, &json!({ "error": error, "id": known.id })));
        }
        let id = state.add_label(project_id, &name, &text("color").unwrap_or_default());
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        if let Some(label) = project.labels.iter_mut().find(|label| label.id == id) {
            label.created_at = at;
            label.updated_at = at;
            label.created_by = Some(context.user);
            label.description = text("description").unwrap_or_default();
            label.parent = text("parent").and_then(|id| Uuid::try_parse(&id).ok());
            label.external_id = text("external_id");
            label.external_source = text("external_source");
        }
        Ok(id)
    })?;
    show(context, 201, project_id, id)
}

pub(super) fn update(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    let body = context.body()?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("name");
        let taken = name.as_ref().and_then(|name| project.label_called(name));
        if taken.is_some_and(|label| label.id != id) {
            return Err(Reply::error(400, "The payload is not valid"));
        }
        let label = project.labels.iter_mut().find(|label| label.id == id);
        let label = label.ok_or_else(Reply::gone)?;
        label.updated_at = at;
        label.updated_by = Some(context.user);
        for (slot, value) in [
            (&mut label.name, name),
            (&mut label.color, text("color")),
            (&mut label.description, text("description")),
        ] {
            if let Some(value) = value {
                *slot = value;
            }
        }
        Ok(())
    })?;
    show(context, 200, project_id, id)
}

pub(super) fn delete(context: &Context, project: Uuid, id: Uuid) -> Answer {
    context.shared.change(|state| {
        state
            .project(project)
            .and_then(|project| project.label(id))
            .ok_or_else(Reply::gone)?;
        state.delete_label(id);
        Ok(Reply::no_content())
    })
}

fn show(context: &Context, status: u16, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let label = project.label(id).ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        status,
        &rows::label(&context.view(&state), project, label),
    ))
}

/// In the workflow's order; the triage state is not listed.
pub(super) fn states(context: &Context, project: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let is_shown =
        |row: &&ProjectState| row.group != StateGroup::Triage && project.archived_at.is_none();
    let mut all: Vec<&ProjectState> = project.states.iter().filter(is_shown).collect();
    all.sort_by(|a, b| a.sequence.total_cmp(&b.sequence));
    let view = context.view(&state);
    context.page(&all, |row| rows::state(&view, project, row))
}

pub(super) fn state(context: &Context, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let row = project
        .state(id)
        .filter(|row| row.group != StateGroup::Triage);
    let row = row.ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        200,
        &rows::state(&context.view(&state), project, row),
    ))
}

pub(super) fn update_state(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    let body = context.body()?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        let row = project
            .states
            .iter_mut()
            .find(|row| row.id == id)
            .ok_or_else(Reply::gone)?;
        row.updated_at = at;
        row.updated_by = Some(context.user);
        for (field, slot) in [
            ("name", &mut row.name),
            ("description", &mut row.description),
            ("color", &mut row.color),
        ] {
            if let Some(value) = body.get(field).and_then(Value::as_str) {
                value.clone_into(slot);
            }
        }
        Ok(())
    })?;
    self::state(context, project_id, id)
}
