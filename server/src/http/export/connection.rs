use app::Failure;
use axum::{
    extract::{Path, Query, Request, State},
    response::Response,
};
use domain::{actor::Viewer, connection_test::ConnectionTest, ids::IntegrationId};
use serde::Deserialize;

use super::{FileKind, all_rows, file, viewer};
use crate::http::{HttpState, refusal::Asked};

const HEADER: [&str; 11] = [
    "started_at",
    "success",
    "status",
    "error",
    "is_scheduled",
    "took_ms",
    "api_calls",
    "projects_count",
    "plane_version",
    "certificate_days_left",
    "id",
];

#[derive(Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    show: String,
}

pub(super) async fn send(
    State(state): State<HttpState>,
    Path(id): Path<IntegrationId>,
    Query(filter): Query<Filter>,
    request: Request,
    kind: FileKind,
) -> Response {
    let asked = Asked::by(&request, &state);
    let found = tests(&state, viewer(&request), id, &filter).await;
    let name = format!("connection-{id}");
    match found.and_then(|tests| file(&name, kind, tests, &HEADER, row)) {
        Ok(file) => file,
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

/// All tests that are kept of an integration: a thousand at most.
async fn tests(
    state: &HttpState,
    viewer: Result<Viewer, Failure>,
    id: IntegrationId,
    filter: &Filter,
) -> Result<Vec<ConnectionTest>, Failure> {
    let viewer = viewer?;
    let integrations = &state.portal.backend.integrations;
    integrations.get(&viewer, id).await?;
    let only_failed = filter.show == "failed";
    let page = |after| integrations.tests(&viewer, id, only_failed, after);
    all_rows(usize::MAX, page).await
}

fn row(test: ConnectionTest) -> Vec<String> {
    let count = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let days = test.certificate_days_left.map(|days| days.to_string());
    vec![
        test.started_at.to_rfc3339(),
        test.success.to_string(),
        test.status.clone(),
        test.error.clone().unwrap_or_default(),
        test.is_scheduled.to_string(),
        test.took_ms.to_string(),
        test.api_calls.to_string(),
        count(test.projects_count),
        test.plane_version.clone().unwrap_or_default(),
        days.unwrap_or_default(),
        test.id.to_string(),
    ]
}
