use domain::{
    alerts::DeliveryState,
    ids::{ChannelId, RuleId},
    page::{Cursor, Page},
};
use leptos::prelude::*;

use crate::{
    DeliveryRow, paths,
    query::Query,
    ui::{
        badge::{Badge, Shape, Tone},
        chips::{Chip, Chips},
        empty::Empty,
        frame::Frame,
        head::{Crumbs, PageHead},
        number::count,
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

#[derive(Clone, Copy)]
struct Filter {
    channel: Option<ChannelId>,
    rule: Option<RuleId>,
    state: Option<DeliveryState>,
}

impl Filter {
    fn address(self) -> String {
        Query::default()
            .with("channel", self.channel)
            .with("rule", self.rule)
            .with("state", self.state.map(DeliveryState::slug))
            .on(paths::ALERT_LOG)
    }
}

/// Every message of the last 30 days, and what became of it.
#[component]
pub fn LogPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let filter = Filter {
                channel: query.parsed("channel"),
                rule: query.parsed("rule"),
                state: query.get("state").and_then(DeliveryState::from_slug),
            };
            let after = query.get("after").map(|after| Cursor(after.to_owned()));
            let is_first = after.is_none();
            let Filter {
                channel,
                rule,
                state,
            } = filter;
            let page = crate::backend()
                .alerts
                .deliveries(&viewer, channel, rule, state, after)
                .await?;
            Ok((page, filter, is_first))
        },
        |(page, filter, is_first)| view! { <Log page filter is_first/> },
    )
}

#[component]
fn Log(page: Page<DeliveryRow>, filter: Filter, is_first: bool) -> impl IntoView {
    let chip = |state: Option<DeliveryState>, label: &str| Chip {
        label: label.to_owned(),
        href: Filter { state, ..filter }.address(),
        is_current: filter.state == state,
        count: None,
    };
    let states = DeliveryState::ALL.map(|state| chip(Some(state), state.word()));
    let chips = [chip(None, "All")].into_iter().chain(states).collect();
    let list = match page.rows.is_empty() {
        true => view! { <Empty title="Nothing was sent" says="Messages stand here for 30 days, with what became of each."/> }.into_any(),
        false => view! { <Deliveries rows=page.rows/> }.into_any(),
    };
    view! {
        <Frame title="What was sent">
            <Crumbs items=vec![("Alerts".to_owned(), paths::ALERTS.to_owned())]/>
            <PageHead title="What was sent" says=|| "A message that does not get through is tried again for a day. One that was sent while Hangar died is sent once more, with the same id."/>
            <Chips label="Filter by state" chips/>
            {list}
            <Pager next=page.next is_first base=filter.address()/>
        </Frame>
    }
}

/// Messages, the latest first.
#[component]
pub(super) fn Deliveries(rows: Vec<DeliveryRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let DeliveryRow {
                delivery,
                channel_name,
            } = row;
            let (tone, shape) = match delivery.state {
                DeliveryState::Sent => (Tone::Good, Shape::Dot),
                DeliveryState::Waiting => (Tone::Late, Shape::Half),
                DeliveryState::Failed => (Tone::Bad, Shape::Triangle),
            };
            let tries = (delivery.tries > 1).then(|| {
                let tries = count(delivery.tries.into(), "try", "tries");
                view! { <span class="row-says">{tries}</span> }
            });
            let again = (delivery.state == DeliveryState::Waiting && delivery.tries > 0).then(|| {
                view! { <span class="row-says">"Next try " <Ago at=delivery.due_at/></span> }
            });
            let error = delivery.error.map(|error| view! { <span class="row-says">{error}</span> });
            let channel = match channel_name {
                Some(name) => view! { <a href=paths::channel(delivery.channel)>{name}</a> }.into_any(),
                None => view! { <span class="quiet">"A channel that is gone"</span> }.into_any(),
            };
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">
                        {delivery.message.subject()}
                        <span class="row-says">{delivery.message.says.clone()}</span>
                    </th>
                    <td role="cell"><Badge tone shape text=delivery.state.word()/>{error}{again}</td>
                    <td role="cell">{channel}{tries}</td>
                    <td role="cell"><a href=paths::rule(delivery.message.rule)>{delivery.message.rule_name.clone()}</a></td>
                    <td role="cell" class="number"><Ago at=delivery.made_at/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Messages">
            <table class="stacked deliveries" role="table">
                <caption class="visually-hidden">"Messages, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Message"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Channel"</th>
                        <th scope="col" role="columnheader">"Rule"</th>
                        <th scope="col" role="columnheader" class="number">"When"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}
