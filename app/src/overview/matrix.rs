use chrono::{DateTime, Utc};
use domain::{
    freshness::Kind,
    mirror::{Access, ProjectList, ProjectRow},
};
use leptos::prelude::*;

use crate::{
    mirror::projects::KindAge,
    paths,
    ui::{badge::CopyBadge, link::Link, number::number, table::TableRegion},
};

/// So many projects stand on the overview.
const MOST: usize = 10;

/// The projects whose copies are the worst, and how old each kind of thing in them is.
#[component]
pub fn Matrix(projects: ProjectList, total: u32, now: DateTime<Utc>) -> impl IntoView {
    if projects.rows.is_empty() {
        return ().into_any();
    }
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| view! { <th scope="col" class="number">{kind.name()}</th> })
        .collect_view();
    let lines = projects
        .rows
        .into_iter()
        .take(MOST)
        .map(|row| view! { <Line row now/> })
        .collect_view();
    view! {
        <section>
            <div class="section-head">
                <h2>"Trust by project"</h2>
                <p class="quiet">"worst first · age of the copy · " <Link href=paths::PROJECTS>{format!("all {}", number(u64::from(total)))}</Link></p>
            </div>
            <TableRegion label="Projects, worst first">
                <table class="matrix">
                    <caption class="visually-hidden">"Projects, worst first: how long ago each kind of thing was copied whole"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Project"</th>
                            <th scope="col">"State"</th>
                            {kinds}
                            <th scope="col" class="number">"Drift"</th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </TableRegion>
        </section>
    }
    .into_any()
}

#[component]
fn Line(row: ProjectRow, now: DateTime<Utc>) -> impl IntoView {
    let (integration, project) = (row.integration, row.project.id);
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| {
            let (freshness, at) = (row.freshness_of(kind, now), row.copied.at(kind));
            view! { <td class="number"><KindAge freshness at is_withheld=row.copied.is_withheld(kind)/></td> }
        })
        .collect_view();
    let drift = drift(&row);
    let state = row.state(now);
    let ProjectRow {
        access,
        integration_name,
        project: of,
        ..
    } = row;
    view! {
        <tr>
            <th scope="row">
                <Link href=paths::project(integration, project)>{of.name}</Link>
                " " <span class="row-says">{of.identifier} " in " <Link href=paths::integration(integration)>{integration_name}</Link></span>
            </th>
            <td><CopyBadge state access/></td>
            {kinds}
            <td class="number">{drift.map(|drift| view! { <Link href=paths::drift(integration, project)>{drift}</Link> })}</td>
        </tr>
    }
    .into_any()
}

/// What Plane had more than the copy when they were last compared, "+1" or "−2", and how many differed; `None`: they were not yet.
fn drift(row: &ProjectRow) -> Option<String> {
    let check = row
        .drift
        .as_ref()
        .filter(|_| row.access == Access::Readable)?;
    let mut parts = Vec::new();
    parts.extend((check.missing > 0).then(|| format!("+{}", number(check.missing))));
    parts.extend((check.extra > 0).then(|| format!("−{}", number(check.extra))));
    parts.extend((check.different > 0).then(|| format!("{} differ", number(check.different))));
    Some(if parts.is_empty() {
        "0".to_owned()
    } else {
        parts.join(", ")
    })
}
