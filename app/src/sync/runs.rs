use std::collections::HashMap;

use domain::{
    ids::UserId,
    page::{Cursor, Page},
    run::{RunFilter, RunState, RunTime, SyncRun},
};
use leptos::prelude::*;

use super::{filter, integration_choices::integration_choices, words};
use crate::{
    paths,
    query::Query,
    ui::{
        badge::OutcomeBadge,
        chips::{Chip, Chips},
        empty::Empty,
        form::{Button, Field, Hidden, LinkButton, SelectField, Submit},
        frame::Frame,
        head::PageHead,
        number::number,
        page::{loaded, signed_in},
        pager::Pager,
        span::OnlySpan,
        table::TableRegion,
        time::{Ago, duration_words},
    },
};

struct Runs {
    filter: RunFilter,
    is_first: bool,
    runs: Page<SyncRun>,
    people: HashMap<UserId, String>,
    choices: Vec<(String, String)>,
}

/// Every sync run, latest first.
#[component]
pub fn RunsPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let backend = crate::backend();
            let filter = filter::read(&query);
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            Ok(Runs {
                is_first: after.is_none(),
                runs: backend.runs.runs(&viewer, &filter, after).await?,
                people: words::names(backend.accounts.people(&viewer).await?),
                choices: integration_choices(&viewer, filter.integration).await?,
                filter,
            })
        },
        |page| {
            let base = filter::address(&page.filter, None);
            // The first choice is every integration.
            let has_integrations = page.choices.len() > 1;
            let next = page.runs.next.clone();
            view! {
                <Frame title="Sync runs">
                    <PageHead title="Sync runs" says=|| "Each attempt to bring an integration up to date, latest first."/>
                    {(has_integrations || page.filter != RunFilter::default()).then(|| {
                        view! { <Filters filter=page.filter.clone() choices=page.choices/> }
                    })}
                    {if page.runs.rows.is_empty() {
                        view! { <NoRuns filter=page.filter is_first=page.is_first/> }.into_any()
                    } else {
                        view! { <Table runs=page.runs.rows people=page.people/> }.into_any()
                    }}
                    <Pager next is_first=page.is_first base/>
                </Frame>
            }
        },
    )
}

#[component]
fn Filters(filter: RunFilter, choices: Vec<(String, String)>) -> impl IntoView {
    let chip = |state: Option<RunState>, label: &str| Chip {
        label: label.to_owned(),
        href: filter::address(&filter::with_state(&filter, state), None),
        is_current: filter.state == state,
        count: None,
    };
    let chips = std::iter::once(chip(None, "All"))
        .chain(filter::states().map(|state| {
            let word = match state {
                RunState::Running => "Running",
                RunState::Ended(outcome) => outcome.word(),
            };
            chip(Some(state), word)
        }))
        .collect::<Vec<_>>();
    let outcome = filter
        .state
        .map(|state| ("outcome", filter::state_code(state).to_owned()));
    let any = |label: &str| (String::new(), label.to_owned());
    let triggers = std::iter::once(any("Anything"))
        .chain(filter::TRIGGERS.map(|(kind, label)| (kind.word().to_owned(), label.to_owned())))
        .collect();
    let times = filter::TIMES.map(|(_, word, label)| (word.to_owned(), label.to_owned()));
    let any_time = RunFilter {
        time: RunTime::Any,
        ..filter.clone()
    };
    let (from, to) = filter::days(filter.time);
    let day = |day: Option<domain::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    view! {
        <form class="filters filters-runs" method="get" action=paths::RUNS role="search" aria-label="Filter sync runs">
            <Hidden fields=outcome.into_iter().collect()/>
            <SelectField
                label="Integration"
                name="integration"
                options=choices
                value=filter.integration.map(|id| id.to_string()).unwrap_or_default()
            />
            <SelectField
                label="Started by" name="trigger" options=triggers
                value=filter.trigger.map(|kind| kind.word()).unwrap_or_default()
            />
            <SelectField label="Time" name="time" options=times.to_vec() value=filter::time_word(filter.time)/>
            <Field label="Or from" name="from" kind="date" value=day(from)/>
            <Field label="To" name="to" kind="date" value=day(to)/>
            <Submit label="Filter" kind=Button::Plain/>
        </form>
        <Chips label="Outcome" chips/>
        <OnlySpan what="runs that started" span=filter::span(&filter) all=filter::address(&any_time, None)/>
    }
    .into_any()
}

#[component]
fn Table(runs: Vec<SyncRun>, people: HashMap<UserId, String>) -> impl IntoView {
    let lines = runs
        .into_iter()
        .map(|run| view! { <Line trigger=words::trigger(run.trigger, &people) run/> })
        .collect_view();
    view! {
        <TableRegion label="Sync runs">
            <table class="runs">
                <caption class="visually-hidden">"Sync runs, latest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Started"</th>
                        <th scope="col">"Integration"</th>
                        <th scope="col">"Outcome"</th>
                        <th scope="col" class="number">"Took"</th>
                        <th scope="col" class="number">"Read"</th>
                        <th scope="col" class="number">"Created"</th>
                        <th scope="col" class="number">"Updated"</th>
                        <th scope="col" class="number">"Unchanged"</th>
                        <th scope="col" class="number">"Requests"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(run: SyncRun, trigger: String) -> impl IntoView {
    let took = words::took(&run).map_or_else(|| "–".to_owned(), duration_words);
    let reason = run
        .reason
        .map(|reason| view! { <span class="run-reason quiet small">{reason}</span> });
    let counts = run.counts;
    view! {
        <tr>
            <th scope="row">
                <a href=paths::run(run.id)><Ago at=run.started_at/></a>
                " " <span class="row-says">"by " {trigger}</span>
            </th>
            <td><a href=paths::integration(run.integration)>{run.integration_name}</a></td>
            <td><OutcomeBadge outcome=run.outcome/>{reason}</td>
            <td class="number">{took}</td>
            <td class="number">{number(counts.items)}</td>
            <td class="number">{number(counts.created)}</td>
            <td class="number">{number(counts.updated)}</td>
            <td class="number">{number(counts.unchanged)}</td>
            <td class="number">{number(u64::from(counts.requests))}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn NoRuns(filter: RunFilter, is_first: bool) -> impl IntoView {
    if !is_first {
        view! {
            <Empty title="Nothing further" says="The list ends before this page.">
                <LinkButton label="To the first page" href=filter::address(&filter, None)/>
            </Empty>
        }
        .into_any()
    } else if filter != RunFilter::default() {
        view! {
            <Empty title="No run matches" says="No sync run passes these filters.">
                <LinkButton label="Show every run" href=paths::RUNS/>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="Nothing was synced yet" says="A run starts with “Sync now” on an integration’s page.">
                <LinkButton label="To the integrations" href=paths::INTEGRATIONS/>
            </Empty>
        }
        .into_any()
    }
}
