//! Lists as files: the same rows as on the page with the same filter, all of them.

/// Tests of a connection.
pub(super) mod connection;
/// The health log of an integration.
pub(super) mod health;
/// Projects, and how old their copies are.
pub(super) mod projects;

use std::{borrow::Cow, fmt::Display};

use app::{Failure, Visit};
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use domain::actor::{User, Viewer};
use http::header;

use crate::failure::internal;

fn viewer(request: &Request) -> Result<Viewer, Failure> {
    let visit: Option<&Visit> = request.extensions().get();
    let user = visit.and_then(|visit| visit.user.clone());
    user.map(User::viewer).ok_or(Failure::SignIn)
}

fn file(name: String, body: impl IntoResponse) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_DISPOSITION, disposition)], body).into_response()
}

/// A table as a file that a spreadsheet opens and runs nothing of.
fn csv_file(
    name: String,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<Response, Failure> {
    let failed = |error: &dyn Display| internal(&error.to_string(), "csv");
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(header).map_err(|error| failed(&error))?;
    for row in rows {
        csv.write_record(row.iter().map(|cell| no_formula(cell).into_owned()))
            .map_err(|error| failed(&error))?;
    }
    let bytes = csv.into_inner().map_err(|error| failed(&error))?;
    let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
    Ok(file(name, ([kind], bytes)))
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
