use domain::{
    bulk::BulkOperation,
    page::{Cursor, Page},
};
use leptos::prelude::*;

use super::words;
use crate::{
    paths,
    query::Query,
    ui::{
        badge::Badge,
        empty::Empty,
        form::LinkButton,
        frame::Frame,
        head::{Crumbs, PageHead},
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

/// Every bulk operation, latest first.
#[component]
pub fn OperationsPage() -> impl IntoView {
    let after = Query::of_page()
        .get("after")
        .map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            crate::backend().bulk.operations(&viewer, after).await
        },
        move |Page { rows, next }| {
            let crumbs = vec![("Integrations".to_owned(), paths::INTEGRATIONS.to_owned())];
            let body = if rows.is_empty() {
                view! {
                    <Empty title="No bulk operations" says="Tick integrations in their list to test, sync, pause, resume or tag many at once.">
                        <LinkButton label="To the integrations" href=paths::INTEGRATIONS/>
                    </Empty>
                }
                .into_any()
            } else {
                view! { <Table operations=rows/> }.into_any()
            };
            view! {
                <Frame title="Bulk operations">
                    <Crumbs items=crumbs/>
                    <PageHead
                        title="Bulk operations"
                        says=|| "What was done to many integrations at once, latest first. They are kept for 90 days; what nobody started, for one."
                    />
                    {body}
                    <Pager next is_first base=paths::BULK/>
                </Frame>
            }
        },
    )
}

#[component]
fn Table(operations: Vec<BulkOperation>) -> impl IntoView {
    let rows = operations
        .into_iter()
        .map(|operation| {
            let (tone, shape, word) = words::look(&operation);
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader"><a href=paths::bulk(operation.id)>{words::title(&operation)}</a></th>
                    <td role="cell"><Ago at=operation.started_at.unwrap_or(operation.planned_at)/></td>
                    <td role="cell">{operation.by_name.clone()}</td>
                    <td role="cell"><Badge tone shape text=word/></td>
                    <td role="cell">{words::result(operation.counts)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Bulk operations">
            <table class="stacked bulk-operations" role="table">
                <caption class="visually-hidden">"Bulk operations, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"What"</th>
                        <th scope="col" role="columnheader">"When"</th>
                        <th scope="col" role="columnheader">"Who"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Result"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}
