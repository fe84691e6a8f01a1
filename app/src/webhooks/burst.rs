use domain::{
    ids::{BurstId, IntegrationId, WorkItemId},
    inbox::{BurstState, FailedTry},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, words};
use crate::{
    BurstReport, EventReport,
    integrations::param,
    paths,
    query::Query,
    ui::{
        badge::{Badge, Tone},
        form::{ButtonForm, Copyable, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::{count, number},
        page::{loaded, signed_in},
        panel::{Fact, Panel},
        table::TableRegion,
        time::{Ago, Moment, duration_words},
    },
};

/// What one edit in Plane brought: what became of it, and every event as it came.
#[component]
pub fn BurstPage() -> impl IntoView {
    let (integration, id) = (param::<IntegrationId>("id"), param::<BurstId>("burst"));
    let wants_all: Option<bool> = Query::of_page().parsed("unmasked");
    loaded(
        async move {
            let viewer = signed_in()?;
            let unmasked = match wants_all {
                Some(true) => Some(crate::admin()?),
                _ => None,
            };
            let inbox = crate::backend().inbox;
            let report = inbox
                .burst(&viewer, integration?, id?, unmasked.as_ref())
                .await?;
            Ok((report, viewer.is_admin(), unmasked.is_some()))
        },
        |(report, is_admin, is_unmasked)| view! { <Report report is_admin is_unmasked/> },
    )
}

#[component]
fn Report(report: BurstReport, is_admin: bool, is_unmasked: bool) -> impl IntoView {
    let burst = report.row.burst.clone();
    let title = burst.called(report.row.identifier.as_deref());
    let (tone, shape, word) = words::look(&burst);
    let says = words::sentence(&burst, crate::visit().now);
    let copy = report
        .is_copied
        .then_some(())
        .and(burst.project.zip(burst.entity));
    let copy =
        copy.map(|(project, item)| paths::work_item(burst.integration, project, WorkItemId(item)));
    let is_over = burst.state != BurstState::Waiting;
    let hidden = vec![
        ("id", burst.integration.to_string()),
        ("burst", burst.id.to_string()),
    ];
    let crumbs = vec![("Webhooks".to_owned(), paths::WEBHOOKS.to_owned())];
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs/>
            <PageHead title=title says=move || view! { <Badge tone shape text=word/> " " {says} }>
                {(is_admin && is_over).then(|| view! {
                    <ButtonForm action=api::ReplayBurst::PATH label="Apply once more" hidden/>
                })}
                {copy.map(|href| view! { <LinkButton label="Open the copy" href/> })}
                {report.plane_url.map(|href| view! { <LinkButton label="Open in Plane" href/> })}
            </PageHead>
            <Facts report=report.row.clone()/>
            {(!burst.failures.is_empty()).then(|| view! { <Failures failures=burst.failures.clone()/> })}
            {is_unmasked.then(|| view! {
                <Notice kind=Tone::Late title="Without masks">
                    <p>"This page shows e-mail addresses, secrets and signatures as they came. That you looked is in the integration’s history."</p>
                </Notice>
            })}
            <Events events=report.events/>
            {(is_admin && !is_unmasked).then(|| view! {
                <p class="quiet small">
                    "E-mail addresses and secrets are masked. "
                    <a href=paths::burst_unmasked(burst.integration, burst.id) rel="nofollow">"Show them, with a command that sends it again"</a>
                    ": that goes into the history."
                </p>
            })}
        </Frame>
    }
}

#[component]
fn Facts(report: crate::BurstRow) -> impl IntoView {
    let burst = report.burst;
    let deliveries = u64::from(burst.events) + u64::from(burst.duplicates);
    let again = match burst.duplicates {
        0 => String::new(),
        n => format!(", {} of them", count(n.into(), "duplicate", "duplicates")),
    };
    let lag = words::lag(&burst).unwrap_or_else(|| "not told".to_owned());
    let took = burst.result.as_ref().map(|result| {
        duration_words(chrono::TimeDelta::milliseconds(
            i64::try_from(result.took_ms).unwrap_or(i64::MAX),
        ))
    });
    let fields = words::fields(&burst);
    view! {
        <Panel title="At a glance">
            <dl class="facts">
                <Fact label="Event"><span class="mono">{burst.event.clone()}</span></Fact>
                <Fact label="Integration"><a href=paths::webhook(burst.integration)>{report.integration_name}</a></Fact>
                {fields.map(|fields| view! { <Fact label="Changed">{fields}</Fact> })}
                <Fact label="Received"><Moment at=burst.first_at/></Fact>
                <Fact label="Lag">{lag}</Fact>
                <Fact label="Deliveries">{number(deliveries)} {again}</Fact>
                {took.map(|took| view! { <Fact label="Applied in">{took}</Fact> })}
            </dl>
        </Panel>
    }
    .into_any()
}

#[component]
fn Failures(failures: Vec<FailedTry>) -> impl IntoView {
    let rows = failures
        .into_iter()
        .map(|failure| {
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader"><Ago at=failure.at/></th>
                    <td role="cell"><span class="mono">{failure.code}</span></td>
                    <td role="cell">{failure.says}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Tries that failed">
            <TableRegion label="Tries that failed">
                <table class="stacked" role="table">
                    <caption class="visually-hidden">"Each try that failed, and why"</caption>
                    <thead role="rowgroup">
                        <tr role="row">
                            <th scope="col" role="columnheader">"When"</th>
                            <th scope="col" role="columnheader">"Code"</th>
                            <th scope="col" role="columnheader">"Why"</th>
                        </tr>
                    </thead>
                    <tbody role="rowgroup">{rows}</tbody>
                </table>
            </TableRegion>
        </Panel>
    }
    .into_any()
}

#[component]
fn Events(events: Vec<EventReport>) -> impl IntoView {
    if events.is_empty() {
        return view! { <p class="quiet">"What came was forgotten meanwhile."</p> }.into_any();
    }
    let title = match events.len() {
        1 => "The event".to_owned(),
        n => format!("{n} events, the first one first"),
    };
    let items = events
        .into_iter()
        .map(|event| view! { <Event event/> })
        .collect_view();
    view! { <Panel title=title><ol class="webhook-events">{items}</ol></Panel> }.into_any()
}

#[component]
fn Event(event: EventReport) -> impl IntoView {
    let change = event.field.as_deref().map(|field| {
        let from = event
            .before
            .clone()
            .map(|before| view! { " from " <q>{before}</q> });
        let to = event
            .after
            .clone()
            .map(|after| view! { " to " <q>{after}</q> });
        view! { ": " <b>{words::field(field).to_owned()}</b> {from} {to} }
    });
    let again = (event.duplicates > 0).then(|| {
        format!(
            " Received {} more.",
            count(event.duplicates.into(), "time", "times")
        )
    });
    let curl = event
        .curl
        .map(|text| view! { <Copyable label="As a curl command" text rows=3/> });
    let headers = event
        .headers
        .into_iter()
        .map(|(name, value)| view! { <div><dt class="mono">{name}</dt><dd class="mono">{value}</dd></div> })
        .collect_view();
    view! {
        <li>
            <p class="webhook-event">
                <span class="mono">{event.name}</span> {change} " "
                <span class="quiet small"><Moment at=event.received_at/> "." {again}</span>
            </p>
            <details>
                <summary>"As it came"</summary>
                <dl class="facts webhook-headers">{headers}</dl>
                <pre tabindex="0" aria-label="Body">{event.body}</pre>
                {curl}
            </details>
        </li>
    }
    .into_any()
}
