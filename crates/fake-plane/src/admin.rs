//! The fake's own API under `/__fake/`: what Playwright and the demo turn it with.

use std::sync::Arc;

use axum::extract::State as Extracted;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::state::{Priority, State};
use crate::{Delivery, Fault, Seen, Shared, lock};

type Fake = Extracted<Arc<Shared>>;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(summary))
        .route("/edit", post(edit))
        .route("/faults", post(fail).delete(heal))
        .route("/requests", get(requests).delete(forget))
        .route("/deliveries", get(deliveries))
        .route("/rate-limit", post(rate_limit))
}

/// What is there, without keys.
async fn summary(Extracted(shared): Fake) -> Json<Value> {
    let state = shared
        .state
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let workspaces = state.workspaces.iter().map(|workspace| {
        let projects = state
            .projects
            .iter()
            .filter(|project| project.workspace == workspace.id);
        let projects = projects.filter(|project| project.deleted_at.is_none()).map(|project| {
            json!({
                "id": project.id,
                "name": project.name,
                "identifier": project.identifier,
                "is_archived": project.archived_at.is_some(),
                "members": project.members.len(),
                "labels": project.labels.iter().map(|label| &label.name).collect::<Vec<_>>(),
                "states": project.states.iter().map(|state| &state.name).collect::<Vec<_>>(),
                "work_items": project.items.all().iter().filter(|item| item.is_visible()).count(),
            })
        });
        json!({
            "slug": workspace.slug,
            "id": workspace.id,
            "members": workspace.members.len(),
            "webhooks": workspace.webhooks.iter()
                .map(|hook| json!({ "id": hook.id, "url": hook.url, "is_active": hook.is_active }))
                .collect::<Vec<_>>(),
            "projects": projects.collect::<Vec<_>>(),
        })
    });
    Json(json!({
        "version": shared.version.name(),
        "rate_limit": lock(&shared.limit).per_minute,
        "workspaces": workspaces.collect::<Vec<_>>(),
    }))
}

/// A change, by the names that people use: `WEB` for a project, `WEB-7` for a work item.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Edit {
    #[serde(rename = "edit_item")]
    ChangeItem {
        workspace: String,
        item: String,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        description_html: Option<String>,
        #[serde(default)]
        priority: Option<Priority>,
        #[serde(default)]
        state: Option<String>,
        #[serde(default)]
        labels: Option<Vec<String>>,
    },
    CreateItem {
        workspace: String,
        project: String,
        name: String,
    },
    AddItems {
        workspace: String,
        project: String,
        count: u32,
    },
    DeleteItem {
        workspace: String,
        item: String,
    },
    ArchiveItem {
        workspace: String,
        item: String,
    },
    AddLabel {
        workspace: String,
        project: String,
        name: String,
        color: String,
    },
    RenameLabel {
        workspace: String,
        project: String,
        label: String,
        name: String,
    },
    DeleteLabel {
        workspace: String,
        project: String,
        label: String,
    },
    AddProject {
        workspace: String,
        name: String,
        identifier: String,
    },
    RenameProject {
        workspace: String,
        project: String,
        name: String,
    },
    ArchiveProject {
        workspace: String,
        project: String,
    },
    DeleteProject {
        workspace: String,
        project: String,
    },
    /// Takes the user of the e2e and demo seeds' key out of a project.
    LeaveProject {
        workspace: String,
        project: String,
        user: String,
    },
    LeaveWorkspace {
        workspace: String,
        user: String,
    },
    AddKey {
        user: String,
        key: String,
    },
    RevokeKey {
        key: String,
    },
    AddWebhook {
        workspace: String,
        url: String,
    },
    RegenerateSecret {
        webhook: Uuid,
    },
}

/// 200 with the id (and secret) of what was made or changed; 404 when a name is not known.
async fn edit(Extracted(shared): Fake, Json(edit): Json<Edit>) -> (StatusCode, Json<Value>) {
    match shared.change(|state| apply(state, edit)) {
        Some(done) => (StatusCode::OK, Json(done)),
        None => (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": "no such thing in the fake" })),
        ),
    }
}

fn apply(state: &mut State, edit: Edit) -> Option<Value> {
    let id = match edit {
        Edit::ChangeItem {
            workspace,
            item,
            name,
            description_html,
            priority,
            state: to,
            labels,
        } => {
            let (project, id) = state.item_called(&workspace, &item)?;
            let project = state.project(project)?;
            let to = match to {
                Some(name) => Some(project.state_called(&name)?.id),
                None => None,
            };
            let labels = match labels {
                Some(names) => {
                    let ids = names
                        .iter()
                        .map(|name| Some(project.label_called(name)?.id));
                    Some(ids.collect::<Option<Vec<_>>>()?)
                }
                None => None,
            };
            state.edit_item(id, |item| {
                item.name = name.unwrap_or(std::mem::take(&mut item.name));
                item.description_html =
                    description_html.unwrap_or(std::mem::take(&mut item.description_html));
                item.priority = priority.unwrap_or(item.priority);
                item.state = to.unwrap_or(item.state);
                item.labels = labels.unwrap_or(std::mem::take(&mut item.labels));
            });
            id
        }
        Edit::CreateItem {
            workspace,
            project,
            name,
        } => {
            let project = project_id(state, &workspace, &project)?;
            state.create_item(project, &name)
        }
        Edit::AddItems {
            workspace,
            project,
            count,
        } => {
            let project = project_id(state, &workspace, &project)?;
            state.add_items(project, count);
            project
        }
        Edit::DeleteItem { workspace, item } => {
            let (_, id) = state.item_called(&workspace, &item)?;
            state.delete_item(id);
            id
        }
        Edit::ArchiveItem { workspace, item } => {
            let (_, id) = state.item_called(&workspace, &item)?;
            state.archive_item(id);
            id
        }
        Edit::AddLabel {
            workspace,
            project,
            name,
            color,
        } => {
            let project = project_id(state, &workspace, &project)?;
            state.add_label(project, &name, &color)
        }
        Edit::RenameLabel {
            workspace,
            project,
            label,
            name,
        } => {
            let id = state
                .project_called(&workspace, &project)?
                .label_called(&label)?
                .id;
            state.rename_label(id, &name);
            id
        }
        Edit::DeleteLabel {
            workspace,
            project,
            label,
        } => {
            let id = state
                .project_called(&workspace, &project)?
                .label_called(&label)?
                .id;
            state.delete_label(id);
            id
        }
        Edit::AddProject {
            workspace,
            name,
            identifier,
        } => {
            let members = state.workspace(&workspace)?.members.clone();
            let project = state.add_project(&workspace, &name, &identifier);
            for member in members {
                state.join_project(project, member.user, member.role);
            }
            project
        }
        Edit::RenameProject {
            workspace,
            project,
            name,
        } => {
            let project = project_id(state, &workspace, &project)?;
            state.rename_project(project, &name);
            project
        }
        Edit::ArchiveProject { workspace, project } => {
            let project = project_id(state, &workspace, &project)?;
            state.archive_project(project);
            project
        }
        Edit::DeleteProject { workspace, project } => {
            let project = project_id(state, &workspace, &project)?;
            state.delete_project(project);
            project
        }
        Edit::LeaveProject {
            workspace,
            project,
            user,
        } => {
            let project = project_id(state, &workspace, &project)?;
            let user = user_id(state, &user)?;
            state.leave_project(project, user);
            project
        }
        Edit::LeaveWorkspace { workspace, user } => {
            let id = state.workspace(&workspace)?.id;
            let user = user_id(state, &user)?;
            state.leave_workspace(&workspace, user);
            id
        }
        Edit::AddKey { user, key } => {
            let user = user_id(state, &user)?;
            state.add_key_value(user, &key);
            user
        }
        Edit::RevokeKey { key } => {
            let user = state.keys.get(&key)?.user;
            state.revoke_key(&key);
            user
        }
        Edit::AddWebhook { workspace, url } => {
            state.workspace(&workspace)?;
            let (id, secret) = state.add_webhook(&workspace, &url);
            return Some(json!({ "id": id, "secret": secret }));
        }
        Edit::RegenerateSecret { webhook } => {
            let secret = state.regenerate_secret(webhook)?;
            return Some(json!({ "id": webhook, "secret": secret }));
        }
    };
    Some(json!({ "id": id }))
}

fn project_id(state: &State, slug: &str, identifier: &str) -> Option<Uuid> {
    state
        .project_called(slug, identifier)
        .map(|project| project.id)
}

fn user_id(state: &State, display_name: &str) -> Option<Uuid> {
    let user = state
        .users
        .iter()
        .find(|user| user.display_name == display_name);
    user.map(|user| user.id)
}

async fn fail(Extracted(shared): Fake, Json(fault): Json<Fault>) -> StatusCode {
    lock(&shared.faults).add(fault);
    StatusCode::NO_CONTENT
}

async fn heal(Extracted(shared): Fake) -> StatusCode {
    lock(&shared.faults).clear();
    StatusCode::NO_CONTENT
}

async fn requests(Extracted(shared): Fake) -> Json<Vec<Seen>> {
    Json(lock(&shared.seen).clone())
}

async fn forget(Extracted(shared): Fake) -> StatusCode {
    lock(&shared.seen).clear();
    StatusCode::NO_CONTENT
}

async fn deliveries(Extracted(shared): Fake) -> Json<Vec<Delivery>> {
    Json(lock(&shared.deliveries).clone())
}

#[derive(Debug, Deserialize)]
struct Limit {
    per_minute: Option<u32>,
}

async fn rate_limit(Extracted(shared): Fake, Json(limit): Json<Limit>) -> StatusCode {
    shared.set_rate_limit(limit.per_minute);
    StatusCode::NO_CONTENT
}
