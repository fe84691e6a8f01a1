use domain::ids::{IntegrationId, MaintenanceId};
use leptos::prelude::*;

use crate::{Done, Failure, MaintenanceForm, TargetsForm, paths};

/// Says what is promised of an integration.
#[server(prefix = "/api/ui", endpoint = "save_objectives")]
pub async fn save_objectives(
    id: IntegrationId,
    #[server(default)] freshness: String,
    #[server(default)] success: String,
    #[server(default)] coverage: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = TargetsForm {
        freshness,
        success,
        coverage,
    };
    crate::backend()
        .trends
        .set_targets(&admin, id, form)
        .await?;
    Done::go(paths::objectives(id))
}

/// Announces a time in which nothing counts.
#[server(prefix = "/api/ui", endpoint = "announce_maintenance")]
pub async fn announce_maintenance(
    #[server(default)] integration: String,
    #[server(default)] from: String,
    #[server(default)] minutes: String,
    #[server(default)] reason: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = MaintenanceForm {
        integration,
        from,
        minutes,
        reason,
    };
    crate::backend().trends.announce(&admin, form).await?;
    Done::go(paths::OBJECTIVES)
}

/// Ends a maintenance now, or forgets it if it did not begin.
#[server(prefix = "/api/ui", endpoint = "end_maintenance")]
pub async fn end_maintenance(id: MaintenanceId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().trends.end_maintenance(&admin, id).await?;
    Done::go(paths::OBJECTIVES)
}
