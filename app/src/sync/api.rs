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

/// Asks a run to stop; it does within two seconds.
#[server(prefix = "/api/ui", endpoint = "cancel_run")]
pub async fn cancel_run(id: RunId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().runs.cancel(&admin, id).await?;
    Done::go(paths::run(id))
}
