use domain::{
    checks::{Check, HealthChange, Level},
    ids::IntegrationId,
    integration::IntegrationRow,
    page::{Cursor, Page},
};
use leptos::prelude::*;

use crate::{
    CheckNow,
    integrations::{param, pieces::crumbs},
    paths,
    query::Query,
    ui::{
        badge::{Badge, Shape, Tone},
        chips::{Chip, Chips},
        empty::Empty,
        form::LinkButton,
        frame::Frame,
        head::{Crumbs, PageHead},
        number::count,
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

/// What is looked at of an integration, what that says now, and when it said something else.
#[component]
pub fn HealthPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    let check = query.get("check").and_then(Check::from_word);
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (id, backend) = (id?, crate::backend());
            let row = backend.integrations.get(&viewer, id).await?;
            let checks = backend.health.checks(&viewer, id).await?;
            Ok((
                row,
                checks,
                backend.health.log(&viewer, id, check, after).await?,
            ))
        },
        move |(row, checks, log)| view! { <Health row checks log check is_first/> },
    )
}

#[component]
fn Health(
    row: IntegrationRow,
    checks: Vec<CheckNow>,
    log: Page<HealthChange>,
    check: Option<Check>,
    is_first: bool,
) -> impl IntoView {
    let integration = row.integration;
    let id = integration.id;
    let title = format!("Health of {}", integration.settings.integration_name);
    let address = move |check: Option<Check>, ending: &str| {
        Query::default()
            .with("check", check.map(Check::word))
            .on(&format!("{}{ending}", paths::health(id)))
    };
    let chip = |one: Option<Check>| Chip {
        label: one.map_or("All", Check::name).to_owned(),
        href: address(one, ""),
        is_current: check == one,
        count: None,
    };
    let all = Check::ALL.into_iter().map(Some);
    let chips: Vec<Chip> = [None].into_iter().chain(all).map(chip).collect();
    let overall = overall(&checks);
    let says = says(&checks);
    let list = match (log.rows.is_empty(), check) {
        (false, _) => view! { <Log rows=log.rows/> }.into_any(),
        (true, Some(_)) => {
            view! { <Empty title="Nothing of this check" says="It has said the same since it is looked at."/> }.into_any()
        }
        (true, None) => view! {
            <Empty title="Nothing has changed yet" says="When one of the checks above says something else, it is written down here."/>
        }
        .into_any(),
    };
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs(Some(&integration))/>
            <PageHead title says=move || view! { <LevelBadge level=overall/> " " {says} }>
                <LinkButton label="Export as CSV" href=address(check, ".csv")/>
                <LinkButton label="Export as JSON" href=address(check, ".json")/>
            </PageHead>
            <Checks checks id/>
            <h2>"What changed"</h2>
            <Chips label="Filter changes" chips/>
            {list}
            <Pager next=log.next is_first base=address(check, "")/>
        </Frame>
    }
}

/// The worst that any check says. One that has nothing to tell by does not count, but for the two that every integration has.
fn overall(checks: &[CheckNow]) -> Level {
    let needed = |check| matches!(check, Check::Freshness | Check::Connection);
    let counts = checks.iter().map(|now| &now.finding);
    let counts = counts.filter(|one| one.level != Level::Unknown || needed(one.check));
    counts.map(|one| one.level).min().unwrap_or(Level::Unknown)
}

/// How many checks ask for somebody.
fn says(checks: &[CheckNow]) -> String {
    let with = |level| {
        checks
            .iter()
            .filter(|now| now.finding.level == level)
            .count() as u64
    };
    match (with(Level::Bad), with(Level::Warning)) {
        (0, 0) => {
            "Nothing asks for somebody. All checks are looked at every ten seconds.".to_owned()
        }
        (0, warnings) => format!("{} to look at.", count(warnings, "thing", "things")),
        (bad, 0) => format!("{} to see to.", count(bad, "thing", "things")),
        (bad, warnings) => format!(
            "{} to see to, {warnings} more to look at.",
            count(bad, "thing", "things")
        ),
    }
}

#[component]
fn Checks(mut checks: Vec<CheckNow>, id: IntegrationId) -> impl IntoView {
    // What has nothing to tell by stands last, because nobody has to see to it.
    checks.sort_by_key(|now| (now.finding.level == Level::Unknown, now.finding.level));
    let rows = checks
        .into_iter()
        .map(|now| {
            let finding = now.finding;
            let since = now.since.map(|at| {
                view! { <span class="stacked-word">"Since "</span> <Ago at/> }
            });
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader"><a href=place(finding.check, id)>{finding.check.name()}</a></th>
                    <td role="cell"><LevelBadge level=finding.level/></td>
                    <td role="cell" class="says">{finding.says}</td>
                    <td role="cell" class="number">{since}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Checks">
            <table class="health-checks stacked" role="table">
                <caption class="visually-hidden">"Checks, worst first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Check"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Why"</th>
                        <th scope="col" role="columnheader" class="number">"Since"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Log(rows: Vec<HealthChange>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|change| {
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">{change.check.name()}</th>
                    <td role="cell"><LevelBadge level=change.level/></td>
                    <td role="cell" class="says">{change.says}</td>
                    <td role="cell" class="number"><Ago at=change.at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Health log">
            <table class="health-checks stacked" role="table">
                <caption class="visually-hidden">"What checks said, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Check"</th>
                        <th scope="col" role="columnheader">"Became"</th>
                        <th scope="col" role="columnheader">"Why"</th>
                        <th scope="col" role="columnheader" class="number">"When"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// Where more of it stands.
fn place(check: Check, id: IntegrationId) -> String {
    let projects = || {
        Query::default()
            .with("integration", Some(id))
            .on(paths::PROJECTS)
    };
    match check {
        Check::Freshness | Check::Drift | Check::Held => projects(),
        Check::Connection | Check::Key | Check::Expiry | Check::Certificate => {
            paths::connection(id)
        }
        Check::Budget => paths::BUDGET.to_owned(),
        Check::Webhook | Check::Signature | Check::Backlog => paths::webhook(id),
    }
}

/// What a check says, as a word, a shape and a colour.
#[component]
pub fn LevelBadge(level: Level) -> impl IntoView {
    let (tone, shape, text) = match level {
        Level::Bad => (Tone::Bad, Shape::Triangle, "Bad"),
        Level::Warning => (Tone::Late, Shape::Half, "Look at this"),
        Level::Unknown => (Tone::Idle, Shape::Question, "Unknown"),
        Level::Good => (Tone::Good, Shape::Dot, "Good"),
    };
    view! { <Badge tone shape text/> }
}
