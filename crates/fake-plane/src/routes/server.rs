//! What answers without a project: the server itself, users and members.

use serde_json::json;

use super::{Answer, Context, Reply};
use crate::{Shared, rows};

/// `url-07`: needs no key; tells version and edition.
pub(super) fn instance(shared: &Shared) -> Reply {
    let state = shared
        .state
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let id = state.id("instance");
    let version = shared.version.name();
    Reply::json(
        200,
        &json!({
            "config": {
                "enable_signup": false,
                "is_workspace_creation_disabled": false,
                "is_google_enabled": false,
                "is_github_enabled": false,
                "is_gitlab_enabled": false,
                "is_gitea_enabled": false,
                "is_magic_login_enabled": true,
                "is_email_password_enabled": true,
                "github_app_name": "",
                "slack_client_id": null,
                "posthog_api_key": null,
                "posthog_host": null,
                "has_unsplash_configured": false,
                "has_llm_configured": false,
                "file_size_limit": 5_242_880.0,
                "is_smtp_configured": false,
                "admin_base_url": null,
                "space_base_url": null,
                "app_base_url": "http://127.0.0.1",
                "instance_changelog_url": "",
                "is_self_managed": true,
            },
            "instance": {
                "id": id,
                "created_at": "2026-08-01T00:00:00.000001Z",
                "updated_at": "2026-08-01T00:00:00.000001Z",
                "deleted_at": null,
                "instance_name": "Fake Plane",
                "whitelist_emails": null,
                "instance_id": "fake-plane",
                "current_version": version,
                "latest_version": version,
                "edition": "PLANE_COMMUNITY",
                "domain": "http://127.0.0.1",
                "last_checked_at": "2026-08-01T00:00:00.000001Z",
                "namespace": null,
                "is_telemetry_enabled": true,
                "is_support_required": true,
                "is_setup_done": true,
                "is_signup_screen_visited": true,
                "is_verified": true,
                "is_test": false,
                "is_current_version_deprecated": false,
                "created_by": null,
                "updated_by": null,
                "workspaces_exist": !state.workspaces.is_empty(),
            },
        }),
    )
}

pub(super) fn me(context: &Context) -> Answer {
    let state = context.state();
    let user = state.user(context.user).ok_or_else(Reply::crash)?;
    Ok(Reply::json(200, &rows::user(user)))
}

/// `sub-11`: a bare array, the newest member first.
pub(super) fn workspace_members(context: &Context) -> Answer {
    let state = context.state();
    let workspace = state.workspace(context.slug).ok_or_else(Reply::gone)?;
    let people = workspace.members.iter().rev().filter_map(|member| {
        let mut person = rows::user(state.user(member.user)?);
        person["role"] = json!(member.role.number());
        Some(person)
    });
    Ok(Reply::json(200, &people.collect::<Vec<_>>()))
}

/// `sub-33`.
pub(super) fn no_relations() -> Reply {
    Reply::json(
        200,
        &json!({
            "blocking": [],
            "blocked_by": [],
            "duplicate": [],
            "relates_to": [],
            "start_after": [],
            "start_before": [],
            "finish_after": [],
            "finish_before": [],
        }),
    )
}
