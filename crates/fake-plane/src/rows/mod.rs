//! Rows as Plane writes them: names, order, formats. One place for the REST answers and the webhooks' `data`.

/// Cycles and modules.
mod groups;
/// Work items.
mod item;
/// Projects.
mod project;
/// What webhooks say.
mod webhook;

use chrono::{DateTime, Datelike, FixedOffset, Offset, Timelike, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::state::{Comment, Label, Project, ProjectState, State, StateGroup, User};

pub(crate) use groups::{counted_cycle, counted_module, cycle, plane_module};
pub(crate) use item::ItemRow;
pub(crate) use project::project;
pub(crate) use webhook::webhook_data;

/// How rows are to be shown to whoever asked.
pub(crate) struct View<'a> {
    pub state: &'a State,
    zone: FixedOffset,
    fields: Option<Vec<&'a str>>,
    expand: Vec<&'a str>,
}

impl<'a> View<'a> {
    /// For a user's request with its `fields` and `expand`.
    pub(crate) fn new(
        state: &'a State,
        user: Uuid,
        fields: Option<&'a str>,
        expand: Option<&'a str>,
    ) -> Self {
        let minutes = state.user(user).map_or(0, |user| user.zone);
        let names = |text: &'a str| {
            text.split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
        };
        Self {
            state,
            zone: FixedOffset::east_opt(minutes * 60).unwrap_or(Utc.fix()),
            fields: fields
                .map(|text| names(text).collect::<Vec<_>>())
                .filter(|all| !all.is_empty()),
            expand: expand.map(|text| names(text).collect()).unwrap_or_default(),
        }
    }

    /// Webhook bodies are always in UTC.
    pub(crate) fn webhook(state: &'a State) -> Self {
        Self {
            state,
            zone: Utc.fix(),
            fields: None,
            expand: Vec::new(),
        }
    }

    /// The same view of rows inside rows: `fields` counts for the outer ones only.
    fn inner(&self) -> Self {
        Self {
            state: self.state,
            zone: self.zone,
            fields: None,
            expand: Vec::new(),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.fields
            .as_ref()
            .is_none_or(|fields| fields.contains(&name))
    }

    fn expands(&self, name: &str) -> bool {
        self.expand.contains(&name)
    }

    /// Python's `isoformat` in the reader's zone, with `Z` for UTC; no fraction when it is zero.
    fn time(&self, at: DateTime<Utc>) -> String {
        let at = at.with_timezone(&self.zone);
        let mut text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        );
        let micros = at.timestamp_subsec_micros();
        if micros != 0 {
            text.push_str(&format!(".{micros:06}"));
        }
        match self.zone.local_minus_utc() {
            0 => text.push('Z'),
            seconds => {
                let (sign, minutes) = if seconds < 0 {
                    ('-', -seconds / 60)
                } else {
                    ('+', seconds / 60)
                };
                text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
            }
        }
        text
    }

    fn maybe_time(&self, at: Option<DateTime<Utc>>) -> Option<String> {
        at.map(|at| self.time(at))
    }

    /// Drops what `fields` does not name.
    pub(crate) fn only(&self, row: Value) -> Value {
        let (Some(_), Value::Object(members)) = (&self.fields, &row) else {
            return row;
        };
        let wanted = members.iter().filter(|(name, _)| self.wants(name));
        Value::Object(
            wanted
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    fn person(&self, id: Option<Uuid>) -> Value {
        id.and_then(|id| self.state.user(id))
            .map_or(json!({}), user)
    }
}

/// `auth-01`: also the form that people have in members lists, expansions and webhooks.
pub(crate) fn user(user: &User) -> Value {
    json!({
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "avatar": "",
        "avatar_url": null,
        "display_name": user.display_name,
    })
}

/// `sub-03`.
pub(crate) fn label(view: &View, project: &Project, row: &Label) -> Value {
    view.only(json!({
        "id": row.id,
        "created_at": view.time(row.created_at),
        "updated_at": view.time(row.updated_at),
        "deleted_at": null,
        "name": row.name,
        "description": row.description,
        "color": row.color,
        "sort_order": row.sort_order,
        "external_source": row.external_source,
        "external_id": row.external_id,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
        "workspace": project.workspace,
        "project": project.id,
        "parent": row.parent,
    }))
}

/// `sub-26`.
pub(crate) fn state(view: &View, project: &Project, row: &ProjectState) -> Value {
    view.only(json!({
        "id": row.id,
        "created_at": view.time(row.created_at),
        "updated_at": view.time(row.updated_at),
        "deleted_at": null,
        "name": row.name,
        "description": row.description,
        "color": row.color,
        "slug": row.slug,
        "sequence": row.sequence,
        "group": row.group,
        "is_triage": row.group == StateGroup::Triage,
        "default": row.default,
        "external_source": null,
        "external_id": null,
        "created_by": null,
        "updated_by": row.updated_by,
        "project": project.id,
        "workspace": project.workspace,
    }))
}

/// `write-16`.
pub(crate) fn comment(view: &View, project: &Project, row: &Comment) -> Value {
    view.only(json!({
        "id": row.id,
        "created_at": view.time(row.created_at),
        "updated_at": view.time(row.updated_at),
        "deleted_at": null,
        "comment_html": row.comment_html,
        "attachments": [],
        "access": "INTERNAL",
        "external_source": null,
        "external_id": null,
        "edited_at": null,
        "created_by": row.actor,
        "updated_by": row.actor,
        "project": project.id,
        "workspace": project.workspace,
        "description": row.description,
        "issue": row.item,
        "actor": row.actor,
        "parent": null,
    }))
}
