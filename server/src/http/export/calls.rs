use app::{Failure, health::calls, query::Query};
use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use domain::{actor::Viewer, ids::IntegrationId, usage::CallRecord};
use http::Uri;

use super::{FileKind, all_rows, file, viewer};
use crate::http::{HttpState, refusal::Asked};

const HEADER: [&str; 11] = [
    "ended_at",
    "purpose",
    "endpoint",
    "project",
    "status",
    "error",
    "took_ms",
    "waited_ms",
    "bytes",
    "remaining",
    "key_fingerprint",
];
/// So many calls are sent at most, the latest ones.
const MOST: usize = 100_000;

pub(super) async fn send(
    State(state): State<HttpState>,
    Path(id): Path<IntegrationId>,
    request: Request,
    kind: FileKind,
) -> Response {
    let asked = Asked::by(&request, &state);
    let found = found(&state, viewer(&request), id, request.uri()).await;
    let name = format!("calls-{id}");
    match found.and_then(|all| file(&name, kind, all, &HEADER, row)) {
        Ok(file) => file,
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

async fn found(
    state: &HttpState,
    viewer: Result<Viewer, Failure>,
    id: IntegrationId,
    uri: &Uri,
) -> Result<Vec<CallRecord>, Failure> {
    let viewer = viewer?;
    let backend = &state.portal.backend;
    backend.integrations.get(&viewer, id).await?;
    let only_failed = calls::only_failed(&Query::parse(uri.query().unwrap_or_default()));
    let page = |after| backend.health.calls(&viewer, id, only_failed, after);
    all_rows(MOST, page).await
}

fn row(call: CallRecord) -> Vec<String> {
    let or_empty = |text: Option<String>| text.unwrap_or_default();
    vec![
        call.ended_at.to_rfc3339(),
        call.purpose.word().to_owned(),
        call.endpoint,
        or_empty(call.project.map(|id| id.to_string())),
        or_empty(call.status.map(|status| status.to_string())),
        or_empty(call.error),
        call.took_ms.to_string(),
        call.waited_ms.to_string(),
        call.bytes.to_string(),
        or_empty(call.remaining.map(|left| left.to_string())),
        call.key.fingerprint,
    ]
}
