use domain::{
    ids::IntegrationId,
    integration::IntegrationRow,
    page::{Cursor, Page},
    usage::CallRecord,
};
use leptos::prelude::*;

use crate::{
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
        number::{bytes, number},
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

/// Whether only those that failed are shown.
pub fn only_failed(query: &Query) -> bool {
    query.get("show") == Some("failed")
}

/// Every call to Plane for an integration, whatever it was for.
#[component]
pub fn CallsPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    let only_failed = only_failed(&query);
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (id, backend) = (id?, crate::backend());
            let row = backend.integrations.get(&viewer, id).await?;
            let calls = backend
                .health
                .calls(&viewer, id, only_failed, after)
                .await?;
            Ok((row, calls))
        },
        move |(row, calls)| view! { <View row calls only_failed is_first/> },
    )
}

#[component]
fn View(
    row: IntegrationRow,
    calls: Page<CallRecord>,
    only_failed: bool,
    is_first: bool,
) -> impl IntoView {
    let integration = row.integration;
    let id = integration.id;
    let title = format!(
        "Calls to Plane of {}",
        integration.settings.integration_name
    );
    let address = move |only_failed: bool, ending: &str| {
        Query::default()
            .with("show", only_failed.then_some("failed"))
            .on(&format!("{}{ending}", paths::calls(id)))
    };
    let chip = move |label: &str, failed: bool| Chip {
        label: label.to_owned(),
        href: address(failed, ""),
        is_current: only_failed == failed,
        count: None,
    };
    let list = match (calls.rows.is_empty(), only_failed) {
        (true, true) => {
            view! { <Empty title="No call failed" says="None of those that are kept did."/> }
                .into_any()
        }
        (true, false) => {
            view! { <Empty title="No calls" says="Calls stand here a second after they ended."/> }
                .into_any()
        }
        _ => view! { <Calls calls=calls.rows/> }.into_any(),
    };
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs(Some(&integration))/>
            <PageHead title says=|| "Without keys and bodies, the latest first. Kept for 14 days, as long as those of all integrations are smaller than 100 MB.">
                <LinkButton label="Export as CSV" href=address(only_failed, ".csv")/>
                <LinkButton label="Export as JSON" href=address(only_failed, ".json")/>
            </PageHead>
            <Chips label="Filter calls" chips=vec![chip("All", false), chip("Failed", true)]/>
            {list}
            <Pager next=calls.next is_first base=address(only_failed, "")/>
        </Frame>
    }
    .into_any()
}

#[component]
fn Calls(calls: Vec<CallRecord>) -> impl IntoView {
    let rows = calls
        .into_iter()
        .map(|call| {
            let (tone, shape, text) = match (&call.error, call.status) {
                (None, Some(status)) if status < 400 => {
                    (Tone::Good, Shape::Dot, status.to_string())
                }
                (error, status) => {
                    let status = status.map(|status| status.to_string());
                    let error = error.clone().map(|error| error.replace('_', " "));
                    let words: Vec<String> = status.into_iter().chain(error).collect();
                    (Tone::Bad, Shape::Triangle, words.join(" "))
                }
            };
            let waited = match call.waited_ms {
                0 => "–".to_owned(),
                ms => format!("{} ms", number(ms)),
            };
            let left = call
                .remaining
                .map_or_else(|| "–".to_owned(), |left| number(left.into()));
            view! {
                <tr>
                    <th scope="row" class="mono">{call.endpoint.replace('/', "/\u{200b}")}</th>
                    <td>{call.purpose.word()}</td>
                    <td><Badge tone shape text/></td>
                    <td class="number">{number(call.took_ms)} " ms"</td>
                    <td class="number">{waited}</td>
                    <td class="number">{bytes(call.bytes)}</td>
                    <td class="number">{left}</td>
                    <td class="number"><Ago at=call.ended_at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Calls to Plane">
            <table class="calls dense">
                <caption class="visually-hidden">"Calls to Plane, latest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Call"</th>
                        <th scope="col">"For"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col" class="number">"Took"</th>
                        <th scope="col" class="number">"Waited before"</th>
                        <th scope="col" class="number">"Size"</th>
                        <th scope="col" class="number">"Left"</th>
                        <th scope="col" class="number">"When"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}
