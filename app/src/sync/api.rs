use domain::ids::{IntegrationId, RunId};
use leptos::prelude::*;

use crate::{Done, Failure, paths};

/// Starts a sync run, or goes to the one that is under way.
#[server(prefix = "/api/ui", endpoint = "start_sync")]
pub async fn start_sync(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let run = crate::backend().runs.start(&admin, id).await?;
    Done::go(paths::run(run))
}

/// Stops an integration's schedule and the run under way; copy and pages stay.
#[server(prefix = "/api/ui", endpoint = "pause_integration")]
pub async fn pause_integration(
    id: IntegrationId,
    #[server(default)] note: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().runs.pause(&admin, id, &note).await?;
    Done::go(paths::integration(id))
}

/// Lets a paused schedule go on.
#[server(prefix = "/api/ui", endpoint = "resume_integration")]
pub async fn resume_integration(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().runs.resume(&admin, id).await?;
    Done::go(paths::integration(id))
}

/// Asks a run to stop; it does within two seconds.
#[server(prefix = "/api/ui", endpoint = "cancel_run")]
pub async fn cancel_run(id: RunId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().runs.cancel(&admin, id).await?;
    Done::go(paths::run(id))
}
