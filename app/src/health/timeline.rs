use domain::{
    checks::HealthChange,
    connection_test::ConnectionTest,
    ids::IntegrationId,
    integration::IntegrationRow,
    page::{Cursor, Page},
    problems::{ProblemEvent, Turn},
    run::SyncRun,
    timeline::{TimelineEntry, TimelineKind},
};
use leptos::prelude::*;

use super::checks::LevelBadge;
use crate::{
    integrations::{param, pieces::crumbs},
    paths,
    query::Query,
    ui::{
        badge::{Badge, OutcomeBadge, Shape, TestBadge, Tone},
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

/// The kind in an address; without one, all of them.
pub fn kind(query: &Query) -> Option<TimelineKind> {
    query.get("show").and_then(TimelineKind::from_slug)
}

/// Everything that happened to an integration, in one stream.
#[component]
pub fn TimelinePage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    let chosen = kind(&query);
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (id, backend) = (id?, crate::backend());
            let row = backend.integrations.get(&viewer, id).await?;
            let page = backend.health.timeline(&viewer, id, chosen, after).await?;
            Ok((row, page))
        },
        move |(row, page)| view! { <View row page chosen is_first/> },
    )
}

#[component]
fn View(
    row: IntegrationRow,
    page: Page<TimelineEntry>,
    chosen: Option<TimelineKind>,
    is_first: bool,
) -> impl IntoView {
    let integration = row.integration;
    let id = integration.id;
    let title = format!("Timeline of {}", integration.settings.integration_name);
    let address = move |kind: Option<TimelineKind>, ending: &str| {
        Query::default()
            .with("show", kind.map(TimelineKind::slug))
            .on(&format!("{}{ending}", paths::timeline(id)))
    };
    let chip = |kind: Option<TimelineKind>| Chip {
        label: kind.map_or("Everything", TimelineKind::word).to_owned(),
        href: address(kind, ""),
        is_current: chosen == kind,
        count: None,
    };
    let all = TimelineKind::ALL.into_iter().map(Some);
    let chips: Vec<Chip> = [None].into_iter().chain(all).map(chip).collect();
    let list = match page.rows.is_empty() {
        true => view! {
            <Empty title="Nothing has happened yet" says="Runs, connection tests, changes, checks that say something else, problems and alerts will stand here."/>
        }
        .into_any(),
        false => view! { <Entries entries=page.rows/> }.into_any(),
    };
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs(Some(&integration))/>
            <PageHead title says=move || says(chosen)>
                <LinkButton label="Calls to Plane" href=paths::calls(id)/>
                <LinkButton label="Export as CSV" href=address(chosen, ".csv")/>
                <LinkButton label="Export as JSON" href=address(chosen, ".json")/>
            </PageHead>
            <Chips label="Filter the timeline" chips/>
            {list}
            <Pager next=page.next is_first base=address(chosen, "")/>
        </Frame>
    }
    .into_any()
}

fn says(chosen: Option<TimelineKind>) -> &'static str {
    match chosen {
        None => {
            "What happened, whatever kind of thing it was, the latest first. Of the tests that the schedule makes, those that ended \
             otherwise than the one before."
        }
        Some(_) => "What happened, the latest first.",
    }
}

#[component]
fn Entries(entries: Vec<TimelineEntry>) -> impl IntoView {
    let rows = entries
        .into_iter()
        .map(|entry| {
            let at = entry.at();
            let (what, state, says) = match entry {
                TimelineEntry::Run(run) => run_line(*run),
                TimelineEntry::Test(test) => test_line(*test),
                TimelineEntry::Change(change) => {
                    let says = view! { {change.says} <span class="row-says">"by " {change.actor_name}</span> };
                    ("Change".into_any(), ().into_any(), says.into_any())
                }
                TimelineEntry::Health(change) => health_line(change),
                TimelineEntry::Problem(event) => problem_line(event),
            };
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">{what}</th>
                    <td role="cell">{state}</td>
                    <td role="cell" class="says">{says}</td>
                    <td role="cell" class="number"><Ago at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Timeline">
            <table class="health-checks stacked" role="table">
                <caption class="visually-hidden">"What happened, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"What"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"In words"</th>
                        <th scope="col" role="columnheader" class="number">"When"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

type Line = (AnyView, AnyView, AnyView);

fn run_line(run: SyncRun) -> Line {
    let changed = run.counts.created + run.counts.updated + run.counts.deleted;
    let says = run.reason.clone().unwrap_or_else(|| match changed {
        0 => "Nothing was new.".to_owned(),
        changed => format!(
            "{}.",
            count(changed, "work item changed", "work items changed")
        ),
    });
    (
        view! { <a href=paths::run(run.id)>"Sync run"</a> }.into_any(),
        view! { <OutcomeBadge outcome=run.outcome/> }.into_any(),
        says.into_any(),
    )
}

fn test_line(test: ConnectionTest) -> Line {
    let page = test
        .integration
        .map(|id| paths::connection_test(id, test.id));
    let by = test.asked_for_by();
    let says = test
        .error
        .unwrap_or_else(|| "Plane answered as it should.".to_owned());
    (
        view! { <a href=page>"Connection test"</a> }.into_any(),
        view! { <TestBadge success=test.success/> }.into_any(),
        view! { {says} <span class="row-says">"by " {by}</span> }.into_any(),
    )
}

fn health_line(change: HealthChange) -> Line {
    (
        view! { <a href=paths::health(change.integration)>{change.check.name()}</a> }.into_any(),
        view! { <LevelBadge level=change.level/> }.into_any(),
        change.says.into_any(),
    )
}

fn problem_line(event: ProblemEvent) -> Line {
    let (tone, shape, word) = match event.turn {
        Turn::Opened => (Tone::Bad, Shape::Triangle, "Opened"),
        Turn::Back => (Tone::Bad, Shape::Triangle, "Came back"),
        Turn::Resolved => (Tone::Good, Shape::Dot, "Resolved"),
        Turn::Told => (Tone::Accent, Shape::Dot, "Told"),
        Turn::Acknowledged | Turn::Owner | Turn::Note => (Tone::Accent, Shape::Ring, "Seen to"),
        Turn::Reopened | Turn::Woken => (Tone::Late, Shape::Half, "Open again"),
        Turn::Snoozed => (Tone::Idle, Shape::Pause, "Snoozed"),
    };
    let by = event
        .actor_name
        .map(|name| view! { <span class="row-says">"by " {name}</span> });
    (
        view! { <a href=paths::problem(event.problem)>{event.class.name()}</a> }.into_any(),
        view! { <Badge tone shape text=word/> }.into_any(),
        view! { {event.says} {by} }.into_any(),
    )
}
