use domain::{
    NaiveDate,
    inbox::BurstFilter,
    page::{Cursor, Page},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, filter, words};
use crate::{
    BurstRow, Draft,
    islands::live_parts::LiveParts,
    paths,
    query::Query,
    sync::{integration_choices::integration_choices, live::LivePart},
    ui::{
        badge::Badge,
        empty::Empty,
        form::{Button, Field, FormErrors, Hidden, LinkButton, SelectField, Submit, field_id},
        frame::Frame,
        head::PageHead,
        number::{count, number},
        page::{draft_of, loaded, signed_in},
        pager::Pager,
        span::OnlySpan,
        table::TableRegion,
        time::Ago,
    },
};

struct Log {
    is_admin: bool,
    draft: Draft,
    filter: BurstFilter,
    is_first: bool,
    page: Page<BurstRow>,
    choices: Vec<(String, String)>,
}

/// What Plane's webhooks brought, latest first.
#[component]
pub fn LogPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let backend = crate::backend();
            let draft = draft_of(&query).await?;
            let filter = filter::read(&query);
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            Ok(Log {
                is_admin: viewer.is_admin(),
                draft,
                is_first: after.is_none(),
                choices: integration_choices(&viewer, filter.integration).await?,
                page: backend.inbox.bursts(&viewer, &filter, after).await?,
                filter,
            })
        },
        |log| {
            let base = filter::address(&log.filter, None);
            let is_filtered = log.filter != BurstFilter::default();
            let is_empty = log.page.rows.is_empty();
            let next = log.page.next.clone();
            let is_admin = log.is_admin;
            let replay = (is_admin && !is_empty)
                .then(|| view! { <ReplayBar filter=log.filter.clone() draft=log.draft/> });
            view! {
                <Frame title="Webhooks" islands=true>
                    <PageHead
                        title="Webhooks"
                        says=|| "What Plane told of changes as they were made, latest first. Deliveries of one edit are one line."
                    >
                        <LinkButton label="Replays" href=paths::REPLAYS kind=Button::Quiet/>
                    </PageHead>
                    {(is_filtered || !is_empty).then(|| view! { <Filters filter=log.filter.clone() choices=log.choices/> })}
                    // Further pages hold what is past.
                    {log.is_first.then(|| view! { <LiveParts address=paths::LIVE_WEBHOOKS.to_owned() pauses=true/> })}
                    <LivePart>
                        {if is_empty {
                            view! { <Nothing is_filtered is_first=log.is_first/> }.into_any()
                        } else {
                            view! { <Table rows=log.page.rows is_admin/> }.into_any()
                        }}
                    </LivePart>
                    {replay}
                    <Pager next is_first=log.is_first base/>
                </Frame>
            }
        },
    )
}

#[component]
fn Filters(filter: BurstFilter, choices: Vec<(String, String)>) -> impl IntoView {
    let any = |label: &str| (String::new(), label.to_owned());
    let results = filter::RESULTS.map(|(word, label)| (word.to_owned(), label.to_owned()));
    let subjects = filter::SUBJECTS.map(|(subject, label)| {
        (
            subject.word().unwrap_or_default().to_owned(),
            label.to_owned(),
        )
    });
    let any_time = BurstFilter {
        span: None,
        ..filter.clone()
    };
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    view! {
        <form class="filters" method="get" action=paths::WEBHOOKS role="search" aria-label="Filter deliveries">
            <SelectField
                label="Integration" name="integration" options=choices
                value=filter.integration.map(|id| id.to_string()).unwrap_or_default()
            />
            <Field label="Name or number" name="q" kind="search" value=filter.q.clone()/>
            <SelectField
                label="About" name="about" options=std::iter::once(any("Anything")).chain(subjects).collect()
                value=filter.subject.clone().unwrap_or_default()
            />
            <SelectField
                label="Result" name="result" options=std::iter::once(any("Any result")).chain(results).collect()
                value=filter::result(&filter)
            />
            <Field label="From" name="from" kind="date" value=day(filter.from)/>
            <Field label="To" name="to" kind="date" value=day(filter.to)/>
            <Submit label="Filter" kind=Button::Plain/>
        </form>
        <OnlySpan what="what was first received" span=filter.span all=filter::address(&any_time, None)/>
    }
    .into_any()
}

/// The form that ticks in the table belong to.
const REPLAY: &str = "replay";

/// Applies lines once more, after a look at what that would change.
#[component]
fn ReplayBar(filter: BurstFilter, draft: Draft) -> impl IntoView {
    let all = match filter == BurstFilter::default() {
        true => "Look at all",
        false => "Look at all that match",
    };
    let filter = filter::address(&filter, None);
    let query = filter.trim_start_matches(paths::WEBHOOKS).to_owned();
    view! {
        <FormErrors errors=draft.errors message=draft.message/>
        <form id=REPLAY class="webhook-replay" method="post" action=api::PlanReplay::PATH aria-label="Apply once more">
            <Hidden fields=vec![("filter", query)]/>
            <p class="quiet small">"Apply what was received once more: first you see what that would change."</p>
            <div class="actions">
                <button id=field_id("chosen") type="submit" class=Button::Plain.class()>"Look at the chosen lines"</button>
                <button type="submit" class=Button::Plain.class() name="all" value="true">{all}</button>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn Table(rows: Vec<BurstRow>, is_admin: bool) -> impl IntoView {
    let lines = rows
        .into_iter()
        .map(|row| view! { <Line row is_admin/> })
        .collect_view();
    let choice = is_admin.then(|| {
        view! { <th scope="col" role="columnheader"><span class="visually-hidden">"Choose"</span></th> }
    });
    view! {
        <TableRegion label="Deliveries">
            <table class="stacked webhook-log" role="table">
                <caption class="visually-hidden">"What webhooks brought, latest first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        {choice}
                        <th scope="col" role="columnheader">"What"</th>
                        <th scope="col" role="columnheader">"Event"</th>
                        <th scope="col" role="columnheader">"Result"</th>
                        <th scope="col" role="columnheader">"Integration"</th>
                        <th scope="col" role="columnheader" class="number">"Deliveries"</th>
                        <th scope="col" role="columnheader" class="number">"Lag"</th>
                        <th scope="col" role="columnheader" class="number">"Received"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(row: BurstRow, is_admin: bool) -> impl IntoView {
    let burst = row.burst;
    let (tone, shape, word) = words::look(&burst);
    let fields: Vec<&str> = burst.fields.iter().map(|name| words::field(name)).collect();
    let says = (!fields.is_empty())
        .then(|| view! { " " <span class="row-says">{fields.join(", ")}</span> });
    let deliveries = u64::from(burst.events) + u64::from(burst.duplicates);
    let again = (burst.duplicates > 0).then(|| {
        let says = count(burst.duplicates.into(), "duplicate", "duplicates");
        view! { " " <span class="quiet small">"(" {says} ")"</span> }
    });
    let title = burst.called(row.identifier.as_deref());
    let choice = is_admin.then(|| {
        view! {
            <td role="cell" class="choice">
                <input
                    type="checkbox" name="chosen[]" form=REPLAY autocomplete="off"
                    value=format!("{}/{}", burst.integration, burst.id) aria-label=format!("Choose {title}")
                />
            </td>
        }
    });
    view! {
        <tr role="row">
            {choice}
            <th scope="row" role="rowheader">
                <a class="row-title" href=paths::burst(burst.integration, burst.id)>
                    {title.clone()}
                </a>
            </th>
            <td role="cell"><span class="mono">{burst.event.clone()}</span>{says}</td>
            <td role="cell"><Badge tone shape text=word/></td>
            <td role="cell"><a href=paths::webhook(burst.integration)>{row.integration_name}</a></td>
            <td role="cell" class="number">
                <span class="stacked-word">"Deliveries: "</span>{number(deliveries)}{again}
            </td>
            <td role="cell" class="number">
                <span class="stacked-word">"Lag: "</span>{words::lag(&burst).unwrap_or_else(|| "–".to_owned())}
            </td>
            <td role="cell" class="number"><Ago at=burst.first_at/></td>
        </tr>
    }
    .into_any()
}

#[component]
fn Nothing(is_filtered: bool, is_first: bool) -> impl IntoView {
    if !is_first {
        view! {
            <Empty title="Nothing further" says="The list ends before this page.">
                <LinkButton label="To the first page" href=paths::WEBHOOKS/>
            </Empty>
        }
        .into_any()
    } else if is_filtered {
        view! {
            <Empty title="Nothing matches" says="No delivery passes these filters.">
                <LinkButton label="Show everything" href=paths::WEBHOOKS/>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="Nothing was received yet" says="A webhook is set up on an integration’s page, under “Webhook”. Until then the schedule finds what changed.">
                <LinkButton label="To the integrations" href=paths::INTEGRATIONS/>
            </Empty>
        }
        .into_any()
    }
}
