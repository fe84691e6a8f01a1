//! `/work-items/`: creating, changing, deleting (plane-api.md, section 5).

use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Answer, Context, Reply};
use crate::build::{blank_item, last_in_state};
use crate::rows::ItemRow;
use crate::state::{Priority, Project, Role, StateGroup, WorkItem};
use crate::webhooks::What;

pub(super) fn create(context: &Context, project_id: Uuid) -> Answer {
    let body = context.body()?;
    let id = context.shared.change(|state| {
        let at = state.moment();
        let namespace = state.namespace;
        let project = state.project_mut(project_id).ok_or_else(Reply::gone)?;
        if !body.contains_key("name") {
            return Err(Reply::field_error("name", "This field is required."));
        }
        let change = Change::read(&body, project)?;
        if let Some(known) = same_external(project, &body) {
            let error = "Issue with the same external id and external source already exists";
            return Err(Reply::json(409, &json!({ "error": error, "id": known })));
        }
        let mut item = blank_item(namespace, project, "", at);
        item.created_by = Some(context.user);
        change.apply(&mut item);
        check_dates(&item)?;
        item.sort_order = last_in_state(project, item.state);
        if project.state(item.state).map(|state| state.group) == Some(StateGroup::Completed) {
            item.completed_at = Some(at);
        }
        let id = item.id;
        project.items.push(item);
        state.emit_created(project_id, What::WorkItem(id), Some(context.user));
        Ok(id)
    })?;
    show(context, 201, project_id, id)
}

pub(super) fn update(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    let body = context.body()?;
    context.shared.change(|state| {
        let project = state.project(project_id).ok_or_else(Reply::gone)?;
        let item = project.items.visible(id).ok_or_else(Reply::gone)?;
        let change = Change::read(&body, project)?;
        let mut after = item.clone();
        change.clone().apply(&mut after);
        check_dates(&after)?;
        state.edit_item_as(Some(context.user), id, |item| change.apply(item));
        Ok(())
    })?;
    show(context, 200, project_id, id)
}

pub(super) fn delete(context: &Context, project_id: Uuid, id: Uuid) -> Answer {
    context.shared.change(|state| {
        let project = state.project(project_id).ok_or_else(Reply::gone)?;
        let item = project.items.visible(id).ok_or_else(Reply::gone)?;
        let is_admin = project.role(context.user) == Some(Role::Admin);
        if !is_admin && item.created_by != Some(context.user) {
            return Err(Reply::error(
                403,
                "Only admin or creator can delete the work item",
            ));
        }
        state.delete_item(id);
        Ok(Reply::no_content())
    })
}

fn show(context: &Context, status: u16, project: Uuid, id: Uuid) -> Answer {
    let state = context.state();
    let project = state.project(project).ok_or_else(Reply::gone)?;
    let item = project.items.get(id).ok_or_else(Reply::gone)?;
    Ok(Reply::json(
        status,
        &ItemRow {
            view: &context.view(&state),
            project,
            item,
        },
    ))
}

fn same_external(project: &Project, body: &Map<String, Value>) -> Option<Uuid> {
    let (id, source) = (
        body.get("external_id")?.as_str()?,
        body.get("external_source")?.as_str()?,
    );
    let known = project.items.all().iter().find(|item| {
        item.deleted_at.is_none()
            && item.external_id.as_deref() == Some(id)
            && item.external_source.as_deref() == Some(source)
    });
    known.map(|item| item.id)
}

fn check_dates(item: &WorkItem) -> Result<(), Reply> {
    match (item.start_date, item.target_date) {
        (Some(start), Some(target)) if start > target => Err(Reply::field_error(
            "non_field_errors",
            "Start date cannot exceed target date",
        )),
        _ => Ok(()),
    }
}

/// A body's wishes, checked.
#[derive(Debug, Clone, Default)]
struct Change {
    name: Option<String>,
    description_html: Option<String>,
    priority: Option<Priority>,
    state: Option<Uuid>,
    parent: Option<Option<Uuid>>,
    assignees: Option<Vec<Uuid>>,
    labels: Option<Vec<Uuid>>,
    start_date: Option<Option<NaiveDate>>,
    target_date: Option<Option<NaiveDate>>,
    external_id: Option<String>,
    external_source: Option<String>,
}

impl Change {
    fn read(body: &Map<String, Value>, project: &Project) -> Result<Self, Reply> {
        let text = |field: &str| body.get(field).and_then(Value::as_str).map(str::to_owned);
        let mut change = Self {
            name: text("name"),
            description_html: text("description_html"),
            external_id: text("external_id"),
            external_source: text("external_source"),
            ..Self::default()
        };
        if change
            .name
            .as_ref()
            .is_some_and(|name| name.chars().count() > 255)
        {
            let error = "Ensure this field has no more than 255 characters.";
            return Err(Reply::field_error("name", error));
        }
        if change.name.as_deref() == Some("") {
            return Err(Reply::field_error("name", "This field may not be blank."));
        }
        if let Some(asked) = body.get("priority") {
            let priority = serde_json::from_value(asked.clone());
            let refused = |_| {
                let shown = asked
                    .as_str()
                    .map_or(asked.to_string(), |text| format!("\"{text}\""));
                Reply::field_error("priority", &format!("{shown} is not a valid choice."))
            };
            change.priority = Some(priority.map_err(refused)?);
        }
        if let Some(asked) = body.get("state").and_then(Value::as_str) {
            let id = Uuid::try_parse(asked)
                .ok()
                .filter(|&id| project.state(id).is_some());
            let refused = || {
                let error = format!("Invalid pk \"{asked}\" - object does not exist.");
                Reply::field_error("state", &error)
            };
            change.state = Some(id.ok_or_else(refused)?);
        }
        if let Some(parent) = body.get("parent") {
            change.parent = Some(parent.as_str().and_then(|id| Uuid::try_parse(id).ok()));
        }
        // Foreign people and labels are dropped without a word.
        let ids = |field: &str| {
            let all = body
                .get(field)?
                .as_array()?
                .iter()
                .filter_map(Value::as_str);
            Some(
                all.filter_map(|id| Uuid::try_parse(id).ok())
                    .collect::<Vec<_>>(),
            )
        };
        let known = |ids: Vec<Uuid>, is_known: &dyn Fn(Uuid) -> bool| -> Vec<Uuid> {
            ids.into_iter().filter(|&id| is_known(id)).collect()
        };
        change.labels = ids("labels").map(|ids| known(ids, &|id| project.label(id).is_some()));
        change.assignees = ids("assignees").map(|ids| known(ids, &|id| project.role(id).is_some()));
        let date = |field: &str| {
            body.get(field)
                .map(|day| day.as_str().and_then(|day| day.parse().ok()))
        };
        change.start_date = date("start_date");
        change.target_date = date("target_date");
        Ok(change)
    }

    fn apply(self, item: &mut WorkItem) {
        fn set<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        set(&mut item.name, self.name);
        set(&mut item.description_html, self.description_html);
        set(&mut item.priority, self.priority);
        set(&mut item.state, self.state);
        set(&mut item.parent, self.parent);
        set(&mut item.assignees, self.assignees);
        set(&mut item.labels, self.labels);
        set(&mut item.start_date, self.start_date);
        set(&mut item.target_date, self.target_date);
        item.external_id = self.external_id.or(item.external_id.take());
        item.external_source = self.external_source.or(item.external_source.take());
    }
}
