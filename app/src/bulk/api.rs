use domain::ids::{BulkId, IntegrationId};
use leptos::prelude::*;

use crate::{BulkForm, Done, Failure, integrations::list, paths, query::Query};

/// Looks at what an action on many integrations would do; goes to what it found. `filter` is the query of the list.
#[server(prefix = "/api/ui", endpoint = "plan_bulk")]
pub async fn plan_bulk(
    #[server(default)] ids: Vec<IntegrationId>,
    #[server(default)] all: bool,
    #[server(default)] filter: String,
    #[server(default)] action: String,
    #[server(default)] interval_minutes: String,
    #[server(default)] with_tag: String,
    #[server(default)] note: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = BulkForm {
        ids,
        all,
        filter: list::read(&Query::parse(&filter)),
        action,
        interval_minutes,
        with_tag,
        note,
    };
    let id = crate::backend().bulk.plan(&admin, form).await?;
    Done::go(paths::bulk(id))
}

/// Starts a planned operation; sent twice, it starts once.
#[server(prefix = "/api/ui", endpoint = "start_bulk")]
pub async fn start_bulk(id: BulkId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().bulk.start(&admin, id).await?;
    Done::go(paths::bulk(id))
}

/// Begins no further item of an operation.
#[server(prefix = "/api/ui", endpoint = "stop_bulk")]
pub async fn stop_bulk(id: BulkId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend().bulk.stop(&admin, id).await?;
    Done::go(paths::bulk(id))
}

/// Plans what failed in an operation once more; sent twice, it leads to one plan.
#[server(prefix = "/api/ui", endpoint = "retry_bulk")]
pub async fn retry_bulk(id: BulkId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let retry = crate::backend().bulk.retry(&admin, id).await?;
    Done::go(paths::bulk(retry))
}
