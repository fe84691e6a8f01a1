use domain::{
    ids::{BurstId, IntegrationId, ReplayId},
    inbox::Retention,
    replay::ReplayScope,
};
use leptos::prelude::*;

use super::filter;
use crate::{Done, Failure, integrations::api::TypedKey, paths, query::Query};

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

/// Makes a secret here, for senders that take one.
#[server(prefix = "/api/ui", endpoint = "make_webhook_secret")]
pub async fn make_webhook_secret(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().inbox.make_secret(&admin, id).await?;
    Done::go(paths::webhook(id))
}

/// Shows the secret that was made here no more.
#[server(prefix = "/api/ui", endpoint = "hide_webhook_secret")]
pub async fn hide_webhook_secret(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().inbox.hide_secret(&admin, id).await?;
    Done::go(paths::webhook(id))
}

/// Sends a signed delivery over the public address.
#[server(prefix = "/api/ui", endpoint = "test_webhook")]
pub async fn test_webhook(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().inbox.test_itself(&admin, id).await?;
    Done::go(paths::webhook(id))
}

/// Sets how long events are kept.
#[server(prefix = "/api/ui", endpoint = "keep_webhook_events")]
pub async fn keep_webhook_events(
    id: IntegrationId,
    #[server(default)] days: String,
    #[server(default)] megabytes: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    // What is no number is out of every range.
    let number = |text: &str| text.trim().parse().unwrap_or(0);
    let keeps = Retention {
        days: number(&days),
        megabytes: number(&megabytes),
    };
    crate::backend()
        .inbox
        .keep_events(&admin, id, keeps)
        .await?;
    Done::go(paths::webhook(id))
}

/// Applies one burst once more.
#[server(prefix = "/api/ui", endpoint = "replay_burst")]
pub async fn replay_burst(id: IntegrationId, burst: BurstId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .inbox
        .apply_again(&admin, id, burst)
        .await?;
    Done::go(paths::burst(id, burst))
}

/// Looks at what applying bursts once more would change: those that are `chosen`, each as `integration/burst`, or `all` that
/// `filter`, the query of the log, lets through.
#[server(prefix = "/api/ui", endpoint = "plan_replay")]
pub async fn plan_replay(
    #[server(default)] chosen: Vec<String>,
    #[server(default)] filter: String,
    #[server(default)] all: bool,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let scope = match all {
        true => ReplayScope::Matching(filter::read(&Query::parse(&filter))),
        false => ReplayScope::Chosen(chosen.iter().filter_map(|one| named(one)).collect()),
    };
    let id = crate::backend()
        .inbox
        .start_replay(&admin, scope, true)
        .await?;
    Done::go(paths::replay(id))
}

/// Applies once more what a replay only looked at.
#[server(prefix = "/api/ui", endpoint = "start_replay")]
pub async fn start_replay(id: ReplayId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let inbox = crate::backend().inbox;
    let looked_at = inbox.replay(&admin.clone().viewer(), id).await?;
    let id = inbox.start_replay(&admin, looked_at.scope, false).await?;
    Done::go(paths::replay(id))
}

/// Applies no further burst.
#[server(prefix = "/api/ui", endpoint = "cancel_replay")]
pub async fn cancel_replay(id: ReplayId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().inbox.cancel_replay(&admin, id).await?;
    Done::go(paths::replay(id))
}

fn named(text: &str) -> Option<(IntegrationId, BurstId)> {
    let (integration, burst) = text.split_once('/')?;
    Some((integration.parse().ok()?, burst.parse().ok()?))
}
