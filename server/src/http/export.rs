//! Lists as files: the same rows as on the page with the same filter, all of them.

use std::borrow::Cow;

use app::{Failure, Visit};
use axum::{
    Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse, Response},
};
use domain::{
    actor::{User, Viewer},
    connection_test::ConnectionTest,
    ids::IntegrationId,
};
use http::header;
use serde::Deserialize;

use super::{HttpState, refusal::Asked};

#[derive(Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    show: String,
}

pub(super) async fn tests_as_csv(
    State(state): State<HttpState>,
    Path(id): Path<IntegrationId>,
    Query(filter): Query<Filter>,
    request: Request,
) -> Response {
    let asked = Asked::by(&request, &state);
    let written = tests(&state, viewer(&request), id, &filter).await;
    match written.and_then(|tests| csv_of(&tests)) {
        Ok(text) => {
            let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
            file(format!("connection-{id}.csv"), ([kind], text))
        }
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

pub(super) async fn tests_as_json(
    State(state): State<HttpState>,
    Path(id): Path<IntegrationId>,
    Query(filter): Query<Filter>,
    request: Request,
) -> Response {
    let asked = Asked::by(&request, &state);
    match tests(&state, viewer(&request), id, &filter).await {
        Ok(tests) => file(format!("connection-{id}.json"), Json(tests)),
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

fn viewer(request: &Request) -> Option<Viewer> {
    let visit: Option<&Visit> = request.extensions().get();
    visit?.user.clone().map(User::viewer)
}

/// All tests that are kept of an integration: a thousand at most.
async fn tests(
    state: &HttpState,
    viewer: Option<Viewer>,
    id: IntegrationId,
    filter: &Filter,
) -> Result<Vec<ConnectionTest>, Failure> {
    let viewer = viewer.ok_or(Failure::SignIn)?;
    let integrations = &state.portal.backend.integrations;
    integrations.get(&viewer, id).await?;
    let only_failed = filter.show == "failed";
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = integrations.tests(&viewer, id, only_failed, after).await?;
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn file(name: String, body: impl IntoResponse) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_DISPOSITION, disposition)], body).into_response()
}

fn csv_of(tests: &[ConnectionTest]) -> Result<String, Failure> {
    let internal =
        |error: &dyn std::fmt::Display| crate::failure::internal(&error.to_string(), "csv");
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([
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
    ])
    .map_err(|error| internal(&error))?;
    for test in tests {
        let count = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
        let days = test.certificate_days_left.map(|days| days.to_string());
        let row = [
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
        ];
        csv.write_record(row.iter().map(|cell| no_formula(cell).into_owned()))
            .map_err(|error| internal(&error))?;
    }
    let bytes = csv.into_inner().map_err(|error| internal(&error))?;
    String::from_utf8(bytes).map_err(|error| internal(&error))
}

/// A spreadsheet takes what begins like this for a formula, and what a server said must not run there. Numbers stay numbers.
fn no_formula(cell: &str) -> Cow<'_, str> {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err() {
        true => format!("'{cell}").into(),
        false => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::no_formula;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for formula in ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(no_formula(formula), format!("'{formula}"));
        }
        for plain in ["", "ok", "-3", "+4", "a=b", "3"] {
            assert_eq!(no_formula(plain), plain);
        }
    }
}
