use app::Failure;
use axum::{
    extract::{Path, Query, Request, State},
    response::Response,
};
use domain::{
    actor::Viewer,
    checks::{Check, HealthChange},
    ids::IntegrationId,
};
use serde::Deserialize;

use super::{FileKind, all_rows, file, viewer};
use crate::http::{HttpState, refusal::Asked};

const HEADER: [&str; 5] = ["at", "check", "was", "level", "says"];

#[derive(Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    check: String,
}

pub(super) async fn send(
    State(state): State<HttpState>,
    Path(id): Path<IntegrationId>,
    Query(filter): Query<Filter>,
    request: Request,
    kind: FileKind,
) -> Response {
    let asked = Asked::by(&request, &state);
    let found = log(&state, viewer(&request), id, &filter).await;
    let name = format!("health-{id}");
    match found.and_then(|log| file(&name, kind, log, &HEADER, row)) {
        Ok(file) => file,
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

/// The whole health log that is kept of an integration: a thousand changes at most.
async fn log(
    state: &HttpState,
    viewer: Result<Viewer, Failure>,
    id: IntegrationId,
    filter: &Filter,
) -> Result<Vec<HealthChange>, Failure> {
    let viewer = viewer?;
    let backend = &state.portal.backend;
    backend.integrations.get(&viewer, id).await?;
    let check = Check::from_word(&filter.check);
    let page = |after| backend.health.log(&viewer, id, check, after);
    all_rows(usize::MAX, page).await
}

fn row(change: HealthChange) -> Vec<String> {
    vec![
        change.at.to_rfc3339(),
        change.check.word().to_owned(),
        change.was.word().to_owned(),
        change.level.word().to_owned(),
        change.says,
    ]
}
