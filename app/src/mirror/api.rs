use domain::{
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::Restore,
};
use leptos::prelude::*;

use crate::{Done, Failure, paths};

/// Lets the work items go that a project holds back, as far as Plane confirms each.
#[server(prefix = "/api/ui", endpoint = "release_held")]
pub async fn release_held(id: IntegrationId, project: ProjectId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let run = crate::backend().runs.release(&admin, id, project).await?;
    Done::go(paths::run(run))
}

/// Puts a deleted work item back.
#[server(prefix = "/api/ui", endpoint = "restore_deleted")]
pub async fn restore_deleted(
    id: IntegrationId,
    project: ProjectId,
    item: WorkItemId,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .mirror
        .restore(&admin, id, project, Restore::One(item))
        .await?;
    Done::go(paths::work_item(id, project, item))
}

/// Puts every deleted work item of a project back.
#[server(prefix = "/api/ui", endpoint = "restore_all_deleted")]
pub async fn restore_all_deleted(id: IntegrationId, project: ProjectId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .mirror
        .restore(&admin, id, project, Restore::All)
        .await?;
    Done::go(paths::deleted_items(id, project))
}

/// Takes out again what was put back.
#[server(prefix = "/api/ui", endpoint = "discard_kept")]
pub async fn discard_kept(
    id: IntegrationId,
    project: ProjectId,
    item: WorkItemId,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .mirror
        .discard(&admin, id, project, item)
        .await?;
    Done::go(paths::deleted_items(id, project))
}

/// Compares a project's copy with Plane.
#[server(prefix = "/api/ui", endpoint = "compare_project")]
pub async fn compare_project(id: IntegrationId, project: ProjectId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().runs.compare(&admin, id, project).await?;
    Done::go(paths::drift(id, project))
}

/// Reads everything of a project again, whatever its copy says.
#[server(prefix = "/api/ui", endpoint = "reread_project")]
pub async fn reread_project(id: IntegrationId, project: ProjectId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let run = crate::backend().runs.reread(&admin, id, project).await?;
    Done::go(paths::run(run))
}
