use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    audit::AuditEntry,
    bulk::BULK_KEPT_DAYS,
    ids::{BulkId, IntegrationId},
    page::Cursor,
};
use leptos::prelude::*;

use super::{param, pieces::crumbs};
use crate::{
    paths,
    query::Query,
    ui::{
        empty::Empty,
        frame::Frame,
        head::{Crumbs, PageHead},
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
    visit,
};

/// Who changed what, latest first.
#[component]
pub fn HistoryPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let after = Query::of_page()
        .get("after")
        .map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let id = id?;
            let integrations = crate::backend().integrations;
            let integration = integrations.get(&viewer, id).await?.integration;
            Ok((integration, integrations.history(&viewer, id, after).await?))
        },
        move |(integration, page)| {
            let name = integration.settings.integration_name.to_string();
            let lines = if page.rows.is_empty() {
                view! { <Empty title="Nothing has changed" says="Changes of settings, key and state will stand here."/> }.into_any()
            } else {
                view! { <HistoryTable entries=page.rows/> }.into_any()
            };
            view! {
                <Frame title=format!("History of {name}")>
                    <Crumbs items=crumbs(Some(&integration))/>
                    <PageHead title=format!("History of {name}") says=|| "Who changed what. Keys are named by their fingerprint."/>
                    {lines}
                    <Pager next=page.next is_first base=paths::history(integration.id)/>
                </Frame>
            }
        },
    )
}

/// Lines of history.
#[component]
pub fn HistoryTable(entries: Vec<AuditEntry>) -> impl IntoView {
    let rows = entries
        .into_iter()
        .map(|entry| {
            let bulk = entry.bulk.map(|id| view! { <PartOf id at=entry.at/> });
            view! {
                <tr><td><Ago at=entry.at/></td><td>{entry.actor_name}</td><td>{entry.says}{bulk}</td></tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="History">
            <table class="history">
                <caption class="visually-hidden">"Changes, latest first"</caption>
                <thead><tr><th scope="col">"When"</th><th scope="col">"Who"</th><th scope="col">"What"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// The bulk operation that a change was part of; a link while it is kept.
#[component]
fn PartOf(id: BulkId, at: DateTime<Utc>) -> impl IntoView {
    let words = "bulk operation";
    let operation = if visit().now - at < TimeDelta::days(BULK_KEPT_DAYS) {
        view! { <a href=paths::bulk(id)>{words}</a> }.into_any()
    } else {
        words.into_any()
    };
    view! { <span class="quiet">" Part of a " {operation} "."</span> }
}
