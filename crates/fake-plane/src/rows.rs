//! Rows as Plane writes them: names, order, formats. One place for the REST answers and the webhooks' `data`.

use chrono::{DateTime, Datelike, FixedOffset, Offset, Timelike, Utc};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::state::*;
use crate::webhooks::What;

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

fn people<'i>(view: &View, ids: impl Iterator<Item = &'i Uuid>) -> Vec<Value> {
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

fn workspace_lite(state: &State, id: Uuid) -> Value {
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

fn state_lite(project: &Project, state: Uuid) -> Value {
    project.state(state).map_or(json!({}), |state| {
        json!({ "id": state.id, "name": state.name, "color": state.color, "group": state.group })
    })
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

/// `projects-01` for lists, `projects-07` for one: the list has `sort_order` too.
pub(crate) fn project(view: &View, row: &Project, user: Uuid, in_list: bool) -> Value {
    let member = row.members.iter().find(|member| member.user == user);
    let mut counts = Map::new();
    let mut put = |name: &str, value: Value| counts.insert(name.to_owned(), value);
    put("id", json!(row.id));
    put("total_members", json!(row.members.len()));
    put("total_cycles", json!(row.cycles.len()));
    put("total_modules", json!(row.modules.len()));
    put("is_member", json!(member.is_some()));
    if in_list {
        put("sort_order", json!(member.map(|member| member.sort_order)));
    }
    put(
        "member_role",
        json!(member.map(|member| member.role.number())),
    );
    put("is_deployed", json!(false));
    let mut columns = project_columns(view, row);
    if view.expands("workspace") {
        columns["workspace"] = workspace_lite(view.state, row.workspace);
    }
    if view.expands("project_lead") {
        columns["project_lead"] = view.person(row.project_lead);
    }
    if view.expands("default_assignee") {
        columns["default_assignee"] = json!({});
    }
    if let Value::Object(columns) = columns {
        counts.extend(columns);
    }
    view.only(Value::Object(counts))
}

fn project_columns(view: &View, row: &Project) -> Value {
    json!({
        "id": row.id,
        "cover_image_url": null,
        "created_at": view.time(row.created_at),
        "updated_at": view.time(row.updated_at),
        "deleted_at": null,
        "name": row.name,
        "description": row.description,
        "description_text": null,
        "description_html": null,
        "network": row.network,
        "identifier": row.identifier,
        "emoji": null,
        "icon_prop": null,
        "module_view": row.module_view,
        "cycle_view": row.cycle_view,
        "issue_views_view": false,
        "page_view": true,
        "intake_view": false,
        "is_time_tracking_enabled": false,
        "is_issue_type_enabled": false,
        "guest_view_all_features": false,
        "cover_image": null,
        "archive_in": 0,
        "close_in": 0,
        "logo_props": row.logo_props,
        "archived_at": view.maybe_time(row.archived_at),
        "timezone": "UTC",
        "external_source": null,
        "external_id": null,
        "created_by": row.created_by,
        "updated_by": row.updated_by,
        "workspace": row.workspace,
        "default_assignee": null,
        "project_lead": row.project_lead,
        "cover_image_asset": null,
        "estimate": null,
        "default_state": null,
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
