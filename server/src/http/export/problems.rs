use app::{Failure, problems::filter, query::Query};
use axum::{
    extract::{Request, State},
    response::Response,
};
use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    checks::Level,
    ids::{IntegrationId, ProblemId},
    problems::{Class, ProblemState},
};
use http::Uri;
use serde::Serialize;

use super::{FileKind, file, viewer};
use crate::http::{HttpState, refusal::Asked};

const HEADER: [&str; 17] = [
    "id",
    "class",
    "name",
    "integration",
    "integration_name",
    "endpoint",
    "state",
    "level",
    "says",
    "advice",
    "opened_at",
    "first_at",
    "last_at",
    "resolved_at",
    "count",
    "owner",
    "note",
];

/// A problem as it is exported.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    id: ProblemId,
    class: Class,
    name: &'static str,
    integration: IntegrationId,
    integration_name: String,
    endpoint: Option<String>,
    state: Option<ProblemState>,
    level: Level,
    says: String,
    advice: &'static str,
    opened_at: Option<DateTime<Utc>>,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    count: u64,
    owner: Option<String>,
    note: String,
    /// What it comes of.
    cause: Option<ProblemId>,
}

pub(super) async fn send(
    State(state): State<HttpState>,
    request: Request,
    kind: FileKind,
) -> Response {
    let asked = Asked::by(&request, &state);
    let found = found(&state, viewer(&request), request.uri()).await;
    match found.and_then(|all| file("problems", kind, all, &HEADER, row)) {
        Ok(file) => file,
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

/// All problems that the page shows with this filter, in its order.
async fn found(
    state: &HttpState,
    viewer: Result<Viewer, Failure>,
    uri: &Uri,
) -> Result<Vec<Exported>, Failure> {
    let viewer = viewer?;
    let query = Query::parse(uri.query().unwrap_or_default());
    let filter = filter::read(&query, viewer.user().id);
    let now = state.portal.clock.now();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let list = state
            .portal
            .backend
            .problems
            .list(&viewer, &filter, after)
            .await?;
        all.extend(list.page.rows.into_iter().map(|row| {
            let problem = row.problem;
            Exported {
                state: problem.state(now),
                id: problem.id,
                class: problem.class,
                name: problem.class.name(),
                advice: problem.class.advice(),
                integration: problem.integration,
                integration_name: row.integration_name,
                endpoint: problem.endpoint,
                level: problem.level,
                says: problem.says,
                opened_at: problem.opened_at,
                first_at: problem.first_at,
                last_at: problem.last_at,
                resolved_at: problem.resolved_at,
                count: problem.count,
                owner: problem.owner.map(|owner| owner.name),
                note: problem.note,
                cause: row.cause.map(|(id, _)| id),
            }
        }));
        after = list.page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn row(problem: Exported) -> Vec<String> {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    vec![
        problem.id.to_string(),
        problem.class.word().to_owned(),
        problem.name.to_owned(),
        problem.integration.to_string(),
        problem.integration_name,
        problem.endpoint.unwrap_or_default(),
        problem.state.map_or("", ProblemState::slug).to_owned(),
        problem.level.word().to_owned(),
        problem.says,
        problem.advice.to_owned(),
        time(problem.opened_at),
        time(Some(problem.first_at)),
        time(Some(problem.last_at)),
        time(problem.resolved_at),
        problem.count.to_string(),
        problem.owner.unwrap_or_default(),
        problem.note,
    ]
}
