use app::{Failure, health::timeline, query::Query};
use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use domain::{actor::Viewer, ids::IntegrationId, run::Outcome, timeline::TimelineEntry};
use http::Uri;

use super::{FileKind, all_rows, file, viewer};
use crate::http::{HttpState, refusal::Asked};

const HEADER: [&str; 6] = ["at", "kind", "what", "state", "says", "by"];
/// So many entries are sent at most, the latest ones.
const MOST: usize = 10_000;

pub(super) async fn send(
    State(state): State<HttpState>,
    Path(id): Path<IntegrationId>,
    request: Request,
    kind: FileKind,
) -> Response {
    let asked = Asked::by(&request, &state);
    let found = found(&state, viewer(&request), id, request.uri()).await;
    let name = format!("timeline-{id}");
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
) -> Result<Vec<TimelineEntry>, Failure> {
    let viewer = viewer?;
    let backend = &state.portal.backend;
    backend.integrations.get(&viewer, id).await?;
    let chosen = timeline::kind(&Query::parse(uri.query().unwrap_or_default()));
    let page = |after| backend.health.timeline(&viewer, id, chosen, after);
    all_rows(MOST, page).await
}

fn row(entry: TimelineEntry) -> Vec<String> {
    let (at, kind) = (entry.at().to_rfc3339(), entry.kind().slug().to_owned());
    let (what, state, says, by) = match entry {
        TimelineEntry::Run(run) => {
            let state = run.outcome.map_or("Running", Outcome::word);
            (
                run.id.to_string(),
                state.to_owned(),
                run.reason.unwrap_or_default(),
                String::new(),
            )
        }
        TimelineEntry::Test(test) => {
            let by = test.asked_for_by().to_owned();
            let says = test.error.unwrap_or_default();
            (test.id.to_string(), test.status, says, by)
        }
        TimelineEntry::Change(change) => {
            (change.action, String::new(), change.says, change.actor_name)
        }
        TimelineEntry::Health(change) => (
            change.check.word().to_owned(),
            change.level.word().to_owned(),
            change.says,
            String::new(),
        ),
        TimelineEntry::Problem(event) => (
            event.class.word().to_owned(),
            event.turn.word().to_owned(),
            event.says,
            event.actor_name.unwrap_or_default(),
        ),
    };
    vec![at, kind, what, state, says, by]
}
