//! Lists as files: the same rows as on the page with the same filter, all of them.

/// Calls to Plane.
mod calls;
/// Tests of a connection.
mod connection;
/// The health log of an integration.
mod health;
/// What fails, grouped.
mod problems;
/// Projects, and how old their copies are.
mod projects;
/// Everything that happened to an integration.
mod timeline;

use std::{borrow::Cow, fmt::Display};

use app::{Failure, Visit};
use axum::{
    Json, Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use domain::{
    actor::{User, Viewer},
    page::{Cursor, Page},
};
use http::header;
use serde::Serialize;

use super::HttpState;
use crate::failure::internal;

pub(super) fn router() -> Router<HttpState> {
    let mut router = Router::new();
    for kind in [FileKind::Csv, FileKind::Json] {
        let ending = kind.ending();
        router = router
            .route(
                &format!("/projects.{ending}"),
                get(move |state, request| projects::send(state, request, kind)),
            )
            .route(
                &format!("/problems.{ending}"),
                get(move |state, request| problems::send(state, request, kind)),
            )
            .route(
                &format!("/integrations/{{id}}/calls.{ending}"),
                get(move |state, id, request| calls::send(state, id, request, kind)),
            )
            .route(
                &format!("/integrations/{{id}}/timeline.{ending}"),
                get(move |state, id, request| timeline::send(state, id, request, kind)),
            )
            .route(
                &format!("/integrations/{{id}}/health.{ending}"),
                get(move |state, id, filter, request| {
                    health::send(state, id, filter, request, kind)
                }),
            )
            .route(
                &format!("/integrations/{{id}}/connection.{ending}"),
                get(move |state, id, filter, request| {
                    connection::send(state, id, filter, request, kind)
                }),
            );
    }
    router
}

fn viewer(request: &Request) -> Result<Viewer, Failure> {
    let visit: Option<&Visit> = request.extensions().get();
    let user = visit.and_then(|visit| visit.user.clone());
    user.map(User::viewer).ok_or(Failure::SignIn)
}

/// The rows of all pages, as far as `most`: those of the page on which that is reached are all among them.
async fn all_rows<T, F>(most: usize, page: impl Fn(Option<Cursor>) -> F) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<Page<T>, Failure>>,
{
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = page(after).await?;
        all.extend(page.rows);
        after = page.next;
        if after.is_none() || all.len() >= most {
            return Ok(all);
        }
    }
}

/// What a list is sent as.
#[derive(Clone, Copy)]
enum FileKind {
    /// For spreadsheets, which run nothing of it.
    Csv,
    Json,
}

impl FileKind {
    fn ending(self) -> &'static str {
        match self {
            FileKind::Csv => "csv",
            FileKind::Json => "json",
        }
    }
}

/// A list as a file of that name and kind; `row` has a cell for each of `columns`.
fn file<T: Serialize>(
    name: &str,
    kind: FileKind,
    list: Vec<T>,
    columns: &[&str],
    row: impl Fn(T) -> Vec<String>,
) -> Result<Response, Failure> {
    let body = match kind {
        FileKind::Json => Json(list).into_response(),
        FileKind::Csv => {
            let text = csv(columns, list.into_iter().map(row))?;
            ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response()
        }
    };
    let ending = kind.ending();
    let disposition = format!("attachment; filename=\"{name}.{ending}\"");
    Ok(([(header::CONTENT_DISPOSITION, disposition)], body).into_response())
}

fn csv(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Failure> {
    let failed = |error: &dyn Display| internal(&error.to_string(), "csv");
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(columns).map_err(|error| failed(&error))?;
    for row in rows {
        csv.write_record(row.iter().map(|cell| no_formula(cell).into_owned()))
            .map_err(|error| failed(&error))?;
    }
    csv.into_inner().map_err(|error| failed(&error))
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
