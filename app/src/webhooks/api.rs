use domain::ids::{BurstId, IntegrationId};
use leptos::prelude::*;

use crate::{Done, Failure, integrations::api::TypedKey, paths};

/// Makes the address of an integration's webhook; one that is there stays.
#[server(prefix = "/api/ui", endpoint = "create_webhook")]
pub async fn create_webhook(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().inbox.create_webhook(&admin, id).await?;
    Done::go(paths::webhook(id))
}

/// Sets the secret that Plane made, and checks with it what was not believed.
#[server(prefix = "/api/ui", endpoint = "save_webhook_secret")]
pub async fn save_webhook_secret(
    id: IntegrationId,
    #[server(default)] secret: TypedKey,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let checked = crate::backend()
        .inbox
        .save_secret(&admin, id, secret.0)
        .await?;
    Done::go(paths::webhook_checked(id, checked))
}

/// Begins to replace the secret, or ends that.
#[server(prefix = "/api/ui", endpoint = "rotate_webhook_secret")]
pub async fn rotate_webhook_secret(id: IntegrationId, is_open: bool) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().inbox.rotate(&admin, id, is_open).await?;
    Done::go(paths::webhook(id))
}

/// Applies one burst once more.
#[server(prefix = "/api/ui", endpoint = "replay_burst")]
pub async fn replay_burst(id: IntegrationId, burst: BurstId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .inbox
        .replay(&admin, vec![(id, burst)])
        .await?;
    Done::go(paths::burst(id, burst))
}
