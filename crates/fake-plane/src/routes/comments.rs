//! Comments of work items.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Context, Reply};
use crate::edit::NO_FIELD;
use crate::rows;
use crate::state::{Comment, State};
use crate::webhooks::What;

pub(super) fn list(context: &Context, project: Uuid, item: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let all: Vec<&Comment> = project
        .comments
        .iter()
        .rev()
        .filter(|c| c.item == item)
        .collect();
    let view = context.view(&state);
    context.page(&all, |comment| rows::comment(&view, project, comment))
}

pub(super) fn create(context: &Context, project_id: Uuid, item: Uuid) -> Answer {
    let html = html(context)?;
    context.shared.change(|state| {
        let at = state.moment();
        let id = state.id(&format!("comment/{item}/{at}"));
        let description = state.id(&format!("comment-description/{item}/{at}"));
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        project.items.visible(item).ok_or_else(Reply::gone)?;
        project.comments.push(Comment {
            id,
            item,
            created_at: at,
            updated_at: at,
            comment_html: html,
            description,
            actor: context.user,
        });
        state.emit(
            project_id,
            What::Comment(id),
            "created",
            Some(context.user),
            NO_FIELD,
        );
        show(context, state, 201, project_id, id)
    })
}

pub(super) fn update(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    let html = html(context)?;
    context.shared.change(|state| {
        let at = state.moment();
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        let comment = project.comments.iter_mut().find(|comment| comment.id == id);
        let comment = comment.ok_or_else(Reply::gone)?;
        let old = std::mem::replace(&mut comment.comment_html, html.clone());
        comment.updated_at = at;
        let change = ("comment_html", json!(old), json!(html));
        state.emit(
            project_id,
            What::Comment(id),
            "updated",
            Some(context.user),
            change,
        );
        show(context, state, 200, project_id, id)
    })
}

pub(super) fn delete(context: &Context, project: Uuid, id: Uuid) -> Answer {
    context.shared.change(|state| {
        let project = state.project_mut(project).ok_or_else(Reply::gone)?;
        let before = project.comments.len();
        project.comments.retain(|comment| comment.id != id);
        match project.comments.len() < before {
            true => Ok(Reply::no_content()),
            false => Err(Reply::gone()),
        }
    })
}

fn show(context: &Context, state: &State, status: u16, project: Uuid, id: Uuid) -> Answer {
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let comment = project.comments.iter().find(|comment| comment.id == id);
    let comment = comment.ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        status,
        &rows::comment(&context.view(state), project, comment),
    ))
}

fn html(context: &Context) -> Result<String, Reply> {
    let body = context.body()?;
    let html = body.get("comment_html").and_then(Value::as_str);
    Ok(html.unwrap_or("<p></p>").to_owned())
}
