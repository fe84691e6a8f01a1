use chrono::{DateTime, Utc};
use domain::{
    checks::{Level, certificate_level},
    connection_test::ConnectionTest,
    health::{ConnectionState, Health},
    ids::IntegrationId,
    integration::IntegrationRow,
    page::{Cursor, Page},
};
use leptos::prelude::*;

use crate::{
    integrations::{param, pieces::crumbs},
    paths,
    query::Query,
    ui::{
        badge::{Badge, Shape, TestBadge, Tone},
        chips::{Chip, Chips},
        empty::Empty,
        form::LinkButton,
        frame::Frame,
        head::{Crumbs, PageHead},
        number::count,
        page::{loaded, signed_in},
        pager::Pager,
        panel::{Figure, Figures},
        table::TableRegion,
        time::{Ago, ago, one_unit},
    },
    visit,
};

const RENEW: &str = "Renew it on Plane’s server.";

/// Whether a connection works, since when, and every test that told.
#[component]
pub fn ConnectionPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    let only_failed = query.get("show") == Some("failed");
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (id, integrations) = (id?, crate::backend().integrations);
            let row = integrations.get(&viewer, id).await?;
            let tests = integrations.tests(&viewer, id, only_failed, after).await?;
            Ok((row, tests))
        },
        move |(row, tests)| view! { <Connection row tests only_failed is_first/> },
    )
}

#[component]
fn Connection(
    row: IntegrationRow,
    tests: Page<ConnectionTest>,
    only_failed: bool,
    is_first: bool,
) -> impl IntoView {
    let integration = row.integration;
    let id = integration.id;
    let title = format!("Connection of {}", integration.settings.integration_name);
    let says = says(&row.health, visit().now);
    let (tone, shape) = look(row.health.connection.state);
    let state = word(row.health.connection.state);
    let address = move |only_failed: bool| {
        Query::default()
            .with("show", only_failed.then_some("failed"))
            .on(&paths::connection(id))
    };
    let chip = move |label: &str, failed: bool| Chip {
        label: label.to_owned(),
        href: address(failed),
        is_current: only_failed == failed,
        count: None,
    };
    let list = match (tests.rows.is_empty(), only_failed) {
        (true, true) => view! { <Empty title="No test failed" says="None of those that are kept did."/> }.into_any(),
        (true, false) => view! { <Empty title="Not tested yet" says="The connection is tested within a minute or two, and from then on as often as the integration’s settings say."/> }.into_any(),
        _ => view! { <Tests tests=tests.rows/> }.into_any(),
    };
    let export = move |kind: &str| {
        Query::default()
            .with("show", only_failed.then_some("failed"))
            .on(&format!("{}.{kind}", paths::connection(id)))
    };
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs(Some(&integration))/>
            <PageHead title says=move || view! { <Badge tone shape text=state/> " " {says} }>
                <LinkButton label="Export as CSV" href=export("csv")/>
                <LinkButton label="Export as JSON" href=export("json")/>
            </PageHead>
            <Facts health=row.health/>
            <Chips label="Filter tests" chips=vec![chip("All", false), chip("Failed", true)]/>
            {list}
            <Pager next=tests.next is_first base=address(only_failed)/>
        </Frame>
    }
}

#[component]
fn Facts(health: Health) -> impl IntoView {
    let recent = (!health.recent.is_empty()).then(|| {
        let passed = health.recent.iter().filter(|test| test.success).count();
        let health = health.clone();
        view! {
            <Figure label="Latest tests passed" value=passed.to_string() unit=format!("/ {}", health.recent.len())>
                <TestStrip health/>
            </Figure>
        }
    });
    let certificate = health.certificate_days_left().map(|days| {
        let (tone, says) = match certificate_level(days) {
            Level::Bad if days < 1 => (Tone::Bad, "It has run out: nothing gets through."),
            Level::Bad => (Tone::Bad, RENEW),
            Level::Warning => (Tone::Late, RENEW),
            Level::Unknown | Level::Good => (Tone::Idle, "Of Plane’s server"),
        };
        view! { <Figure label="Certificate runs out in" value=days.max(0).to_string() unit="days" tone>{says}</Figure> }
    });
    view! { <Figures>{recent}{certificate}</Figures> }
}

#[component]
fn Tests(tests: Vec<ConnectionTest>) -> impl IntoView {
    let rows = tests
        .into_iter()
        .map(|test| {
            let link = test
                .integration
                .map(|id| paths::connection_test(id, test.id));
            view! {
                <tr>
                    <th scope="row"><a href=link><Ago at=test.started_at/></a></th>
                    <td><TestBadge success=test.success/></td>
                    <td>{test.error.clone().unwrap_or_default()}</td>
                    <td>{test.asked_for_by()}</td>
                    <td class="number">{format!("{} ms", test.took_ms)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Connection tests">
            <table>
                <caption class="visually-hidden">"Connection tests, latest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"When"</th>
                        <th scope="col">"Result"</th>
                        <th scope="col">"Why"</th>
                        <th scope="col">"Asked for by"</th>
                        <th scope="col" class="number">"Took"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// The latest tests as marks, the oldest first; one that failed is lower, and cut in two.
#[component]
pub fn TestStrip(health: Health) -> impl IntoView {
    let says = strip_says(&health);
    let width = health.recent.len() * 7;
    let marks = (0..)
        .zip(health.recent.iter().rev())
        .map(|(n, test): (usize, _)| {
            let x = n * 7;
            let (class, drawn) = match test.success {
                true => ("tone-good", format!("M{x} 0h5v14h-5z")),
                false => ("tone-bad", format!("M{x} 5h5v3h-5zM{x} 11h5v3h-5z")),
            };
            view! { <path class=class d=drawn fill="currentColor"/> }
        })
        .collect_view();
    view! {
        <svg class="test-strip" role="img" aria-label=says viewBox=format!("0 0 {width} 14") width=width.to_string() height="14">
            {marks}
        </svg>
    }
    .into_any()
}

fn strip_says(health: &Health) -> String {
    let failed = health.recent.iter().filter(|test| !test.success).count();
    let all = count(
        health.recent.len() as u64,
        "latest test",
        "latest tests together",
    );
    match failed {
        0 => format!("{all}: none failed"),
        n => format!("{all}: {n} failed"),
    }
}

/// What a list says of a connection beside its strip; nothing while it works.
pub fn trouble(health: &Health, now: DateTime<Utc>) -> Option<String> {
    let since = health.connection.since.map(|at| ago(at, now));
    match health.connection.state {
        ConnectionState::Failing => Some(format!(
            "Connection failing since {}",
            since.unwrap_or_default()
        )),
        ConnectionState::Unsteady => Some("Connection unsteady".to_owned()),
        ConnectionState::Unknown | ConnectionState::Works => None,
    }
}

/// The state in a sentence.
fn says(health: &Health, now: DateTime<Utc>) -> String {
    let connection = &health.connection;
    let since = connection
        .since
        .map_or_else(String::new, |at| one_unit(now - at));
    let failed = match connection.failed {
        1 => "test".to_owned(),
        n => format!("{n} tests"),
    };
    match connection.state {
        ConnectionState::Unknown => "It was never tested.".to_owned(),
        ConnectionState::Works => format!("For {since}, as far as its tests tell."),
        ConnectionState::Unsteady => {
            format!("The latest {failed} failed. After three in a row it counts as failing.")
        }
        ConnectionState::Failing if connection.passed > 0 => {
            format!("For {since}; the latest test passed, and one more makes it working again.")
        }
        ConnectionState::Failing => format!("For {since}: the latest {failed} failed."),
    }
}

fn word(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Unknown => "Not tested",
        ConnectionState::Works => "Works",
        ConnectionState::Unsteady => "Unsteady",
        ConnectionState::Failing => "Failing",
    }
}

fn look(state: ConnectionState) -> (Tone, Shape) {
    match state {
        ConnectionState::Unknown => (Tone::Idle, Shape::Question),
        ConnectionState::Works => (Tone::Good, Shape::Dot),
        ConnectionState::Unsteady => (Tone::Late, Shape::Half),
        ConnectionState::Failing => (Tone::Bad, Shape::Triangle),
    }
}
