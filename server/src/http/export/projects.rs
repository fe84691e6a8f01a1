use app::{Failure, mirror::projects, query::Query};
use axum::{
    extract::{Request, State},
    response::Response,
};
use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    freshness::{Freshness, Kind},
    ids::{IntegrationId, ProjectId},
    mirror::{Access, ProjectRow},
};
use http::Uri;
use serde::Serialize;

use super::{FileKind, file, viewer};
use crate::http::{HttpState, refusal::Asked};

/// A project as it is exported.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    integration: IntegrationId,
    integration_name: String,
    project: ProjectId,
    identifier: String,
    name: String,
    access: Access,
    state: &'static str,
    /// All of it is known as of then.
    fresh_as_of: Option<DateTime<Utc>>,
    interval_minutes: u32,
    total_work_items: u64,
    total_labels: u32,
    kinds: Vec<ExportedKind>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedKind {
    kind: Kind,
    copied_at: Option<DateTime<Utc>>,
    /// None: there is no copy to be had.
    state: Option<Freshness>,
}

pub(super) async fn send(
    State(state): State<HttpState>,
    request: Request,
    kind: FileKind,
) -> Response {
    let asked = Asked::by(&request, &state);
    let found = found(&state, viewer(&request), request.uri()).await;
    let header = header();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    match found.and_then(|all| file("projects", kind, all, &header, row)) {
        Ok(file) => file,
        Err(failure) => asked.refuse(failure, &state).await,
    }
}

/// All projects that the page shows with this filter, in its order.
async fn found(
    state: &HttpState,
    viewer: Result<Viewer, Failure>,
    uri: &Uri,
) -> Result<Vec<Exported>, Failure> {
    let viewer = viewer?;
    let filter = projects::read(&Query::parse(uri.query().unwrap_or_default()));
    let mirror = &state.portal.backend.mirror;
    let now = state.portal.clock.now();
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let list = mirror.projects(&viewer, &filter, after).await?;
        all.extend(list.rows.into_iter().map(|row| exported(row, now)));
        after = list.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn exported(row: ProjectRow, now: DateTime<Utc>) -> Exported {
    let kinds = Kind::ALL.into_iter().map(|kind| ExportedKind {
        kind,
        copied_at: row.copied.at(kind),
        state: row.freshness_of(kind, now),
    });
    Exported {
        kinds: kinds.collect(),
        state: row.state(now).slug(),
        fresh_as_of: row.fresh_as_of(),
        integration: row.integration,
        integration_name: row.integration_name,
        project: row.project.id,
        identifier: row.project.identifier,
        name: row.project.name,
        access: row.access,
        interval_minutes: row.interval_minutes,
        total_work_items: row.total_work_items,
        total_labels: row.total_labels,
    }
}

fn header() -> Vec<String> {
    let plain = [
        "integration",
        "integration_name",
        "project",
        "identifier",
        "name",
        "state",
        "fresh_as_of",
        "interval_minutes",
        "total_work_items",
        "total_labels",
    ];
    let kinds = Kind::ALL.into_iter().flat_map(|kind| {
        [
            format!("{}_at", kind.word()),
            format!("{}_state", kind.word()),
        ]
    });
    plain.map(str::to_owned).into_iter().chain(kinds).collect()
}

fn row(project: Exported) -> Vec<String> {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let mut row = vec![
        project.integration.to_string(),
        project.integration_name,
        project.project.to_string(),
        project.identifier,
        project.name,
        project.state.to_owned(),
        time(project.fresh_as_of),
        project.interval_minutes.to_string(),
        project.total_work_items.to_string(),
        project.total_labels.to_string(),
    ];
    for kind in project.kinds {
        row.push(time(kind.copied_at));
        row.push(kind.state.map_or("not_copied", Freshness::slug).to_owned());
    }
    row
}
