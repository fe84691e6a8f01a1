use chrono::{DateTime, Utc};
use domain::{
    bulk::{BulkAction, BulkItem, BulkOperation, BulkState},
    ids::BulkId,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use server_fn::ServerFn;

use super::{
    api::{RetryBulk, StartBulk, StopBulk},
    live::{Row, bulk_now},
    words,
};
use crate::{
    BulkReport, Failure,
    islands::live_bulk::LiveBulk,
    paths,
    ui::{
        badge::{Badge, Tone},
        empty::Empty,
        form::{Button, ButtonForm, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::number,
        page::{loaded, signed_in},
        panel::{Figure, Figures, Panel},
        table::TableRegion,
        time::{Ago, duration_words},
    },
    visit,
};

/// One operation: what it would do, how far it is, or what came of it.
#[component]
pub fn OperationPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id"));
    loaded(
        async move {
            let viewer = signed_in()?;
            let id = id.and_then(|id| id.parse().ok()).ok_or(Failure::NotFound)?;
            let report = crate::backend().bulk.operation(&viewer, id).await?;
            Ok((viewer.is_admin(), report))
        },
        |(is_admin, report)| {
            let operation = report.operation.clone();
            let title = words::title(&operation);
            let is_running = operation.state == BulkState::Running;
            let (tone, shape, word) = words::look(&operation);
            let by = operation.by_name.clone();
            let says = match operation.started_at {
                Some(at) => {
                    view! { <Badge tone shape text=word/> " · started by " {by} " " <Ago at/> }
                        .into_any()
                }
                None => view! { <Badge tone shape text=word/> " · planned by " {by} " " <Ago at=operation.planned_at/> }
                    .into_any(),
            };
            let crumbs = vec![
                ("Integrations", paths::INTEGRATIONS.to_owned()),
                ("Bulk operations", paths::BULK.to_owned()),
            ];
            let crumbs = crumbs
                .into_iter()
                .map(|(name, href)| (name.to_owned(), href))
                .collect();
            let actions = view! { <Actions operation=operation.clone() is_admin/> };
            view! {
                <Frame title=title.clone() islands=is_running>
                    <Crumbs items=crumbs/>
                    <PageHead title says=move || says>{actions}</PageHead>
                    <About operation=operation.clone()/>
                    {match operation.state {
                        BulkState::Planned => view! { <Plan operation=operation.clone() is_admin/> }.into_any(),
                        BulkState::Running => view! { <UnderWay report=report.clone() now=visit().now/> }.into_any(),
                        BulkState::Finished => view! { <Ending operation=operation.clone()/> }.into_any(),
                    }}
                    <Items operation items=report.items/>
                </Frame>
            }
        },
    )
}

#[component]
fn Actions(operation: BulkOperation, is_admin: bool) -> impl IntoView {
    let id = || vec![("id", operation.id.to_string())];
    let counts = operation.counts;
    match operation.state {
        BulkState::Planned if is_admin => view! {
            {(counts.to_do() > 0).then(|| view! {
                <ButtonForm action=StartBulk::PATH label="Start" kind=Button::Primary hidden=id()/>
            })}
            <LinkButton label="Back to the list" href=paths::INTEGRATIONS/>
        }
        .into_any(),
        BulkState::Running => view! {
            <LinkButton label="Refresh" href=paths::bulk(operation.id)/>
            {(is_admin && !operation.stop_requested).then(|| view! {
                <ButtonForm action=StopBulk::PATH label="Stop after what is under way" kind=Button::Danger hidden=id()/>
            })}
        }
        .into_any(),
        BulkState::Finished if is_admin => words::retry(counts)
            .map(|label| view! { <ButtonForm action=RetryBulk::PATH label kind=Button::Primary hidden=id()/> })
            .into_any(),
        _ => ().into_any(),
    }
}

/// What is worth knowing beside the heading: the note, and what this tries again.
#[component]
fn About(operation: BulkOperation) -> impl IntoView {
    let note = match operation.action {
        BulkAction::Pause { note } if !note.is_empty() => Some(note),
        _ => None,
    };
    let of = |id: BulkId| view! { <a href=paths::bulk(id)>"an earlier operation"</a> };
    let again = operation
        .retry_of
        .map(|id| view! { <p class="quiet">"Tries again what was left of " {of(id)} "."</p> });
    view! {
        {note.map(|note| view! { <p class="quiet">"Note: " {note}</p> })}
        {again}
    }
    .into_any()
}

/// The look before it.
#[component]
fn Plan(operation: BulkOperation, is_admin: bool) -> impl IntoView {
    let (counts, cost) = (operation.counts, operation.cost);
    let requests = words::all_requests(&operation.action, cost);
    if counts.to_do() == 0 {
        return view! {
            <Empty title="There is nothing to do" says="Every chosen integration is as this would make it, or can’t be changed so. The reasons stand below.">
                <LinkButton label="To the integrations" href=paths::INTEGRATIONS/>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Notice title="Nothing has been done yet.">
            <p>{if is_admin { "This is what Start would do." } else { "This is what was planned; an admin can start it." }}</p>
        </Notice>
        <Figures>
            <Figure label="To be done" value=number(counts.to_do().into())/>
            <Figure label="Skipped" value=number(counts.skipped.into())>
                {(counts.skipped > 0).then_some("The reasons stand below.")}
            </Figure>
            <Figure label="Requests to Plane" value=requests>
                {cost.is_at_least.then_some("Some were never synced completely, so nobody has counted theirs.")}
            </Figure>
            <Figure label="Takes" value=words::time(cost)>
                {(cost.requests > 0).then_some("Integrations with the same key share its limit.")}
            </Figure>
        </Figures>
    }
    .into_any()
}

#[component]
fn UnderWay(report: BulkReport, now: DateTime<Utc>) -> impl IntoView {
    let address = paths::live_bulk(report.operation.id);
    view! { <Panel title="Progress"><LiveBulk address initial=bulk_now(&report, now)/></Panel> }
        .into_any()
}

/// What came of it.
#[component]
fn Ending(operation: BulkOperation) -> impl IntoView {
    let counts = operation.counts;
    let (tone, ..) = words::look(&operation);
    let took = operation
        .started_at
        .zip(operation.finished_at)
        .map(|(start, end)| format!("It took {}.", duration_words(end - start)));
    let what_to_do = (tone == Tone::Bad).then_some(
        "What went wrong stands below, with what to do about it. Then retry what failed.",
    );
    view! {
        <Notice kind=tone title=format!("{}.", words::result(counts))>
            <p>{took} " " {what_to_do}</p>
        </Notice>
    }
    .into_any()
}

#[component]
fn Items(operation: BulkOperation, items: Vec<BulkItem>) -> impl IntoView {
    let has_cost = operation.state == BulkState::Planned && operation.cost.requests > 0;
    let action = operation.action;
    let rows = items
        .into_iter()
        .map(|item| {
            let cost = has_cost.then(|| words::requests(&action, item.requests));
            view! { <Item item cost/> }
        })
        .collect_view();
    view! {
        <TableRegion label="Integrations of this operation">
            <table class="stacked bulk-items" role="table">
                <caption class="visually-hidden">"Each integration, and how it stands"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Integration"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Result"</th>
                        {has_cost.then(|| view! { <th scope="col" role="columnheader" class="number">"Requests"</th> })}
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// One row; the island finds it by its id and fills it with what an event tells.
#[component]
fn Item(item: BulkItem, cost: Option<String>) -> impl IntoView {
    let row = Row::of(&item);
    view! {
        <tr role="row" id=format!("item-{}", row.number)>
            <th scope="row" role="rowheader"><a href=paths::integration(item.integration)>{item.name}</a></th>
            <td role="cell"><span class=format!("item-state item-{}", row.look)>{row.word}</span></td>
            <td role="cell">
                <span class="item-says">{row.says}</span> " "
                <a class="item-link" hidden=row.href.is_empty() href=row.href.clone()>{row.link}</a>
            </td>
            {cost.map(|cost| view! { <td role="cell" class="number"><span class="stacked-word">"Requests: "</span>{cost}</td> })}
        </tr>
    }
    .into_any()
}
