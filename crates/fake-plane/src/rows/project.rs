//! A project's row.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::View;
use super::item::workspace_lite;
use crate::state::Project;

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

/// The table's own columns, as webhooks have them too.
pub(super) fn project_columns(view: &View, row: &Project) -> Value {
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
