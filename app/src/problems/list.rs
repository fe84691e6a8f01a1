use domain::{
    checks::Level,
    ids::{IntegrationId, UserId},
    page::Cursor,
    problems::{Class, ProblemFilter, ProblemState},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{filter, problem::whose};
use crate::{
    ProblemPage, ProblemRow, bulk, paths,
    query::Query,
    sync::integration_choices::integration_choices,
    ui::{
        badge::{Badge, Shape, Tone},
        chips::{Chip, Chips},
        empty::Empty,
        form::{Button, Hidden, LinkButton, SelectField, Submit},
        frame::Frame,
        head::PageHead,
        number::{count, number},
        page::{loaded, signed_in},
        pager::Pager,
        spark::Spark,
        table::TableRegion,
        time::{Age, Ago},
    },
    visit,
};

/// Bars of a problem's trend in a list, each a quarter of a day.
const BARS: usize = 28;

struct Problems {
    me: UserId,
    is_admin: bool,
    filter: ProblemFilter,
    is_first: bool,
    list: ProblemPage,
    choices: Vec<(String, String)>,
    people: Vec<(String, String)>,
}

/// What fails, grouped, the most pressing first.
#[component]
pub fn ProblemsPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let me = viewer.user().id;
            let backend = crate::backend();
            let filter = filter::read(&query, me);
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            let people = backend.accounts.people(&viewer).await?.into_iter();
            Ok(Problems {
                me,
                is_admin: viewer.is_admin(),
                is_first: after.is_none(),
                list: backend.problems.list(&viewer, &filter, after).await?,
                choices: integration_choices(&viewer, filter.integration).await?,
                people: people
                    .filter(|person| person.id != me)
                    .map(|person| (person.id.to_string(), person.name.to_string()))
                    .collect(),
                filter,
            })
        },
        |page| {
            let (me, filter) = (page.me, page.filter);
            let base = filter::address(&filter, me, "");
            let says = says(&page.list);
            let ProblemPage {
                page: rows,
                counts,
                integrations,
            } = page.list;
            let exports = (!rows.rows.is_empty()).then(|| {
                view! {
                    <LinkButton label="Export as CSV" href=filter::address(&filter, me, ".csv")/>
                    <LinkButton label="Export as JSON" href=filter::address(&filter, me, ".json")/>
                }
            });
            let retry = (page.is_admin && !integrations.is_empty())
                .then(|| view! { <Retry integrations/> });
            view! {
                <Frame title="Problems">
                    <PageHead title="Problems" says=move || says>{exports}</PageHead>
                    <Filters filter=filter.clone() me choices=page.choices people=page.people/>
                    <States filter=filter.clone() me counts/>
                    {retry}
                    {if rows.rows.is_empty() {
                        view! { <NoProblems filter=filter.clone() is_first=page.is_first/> }.into_any()
                    } else {
                        view! { <Table rows=rows.rows/> }.into_any()
                    }}
                    <Pager next=rows.next is_first=page.is_first base/>
                </Frame>
            }
        },
    )
}

fn says(list: &ProblemPage) -> String {
    let of = |wanted: ProblemState| {
        let mut counts = list.counts.iter();
        let found = counts.find(|(state, _)| *state == wanted);
        found.map_or(0, |(_, n)| u64::from(*n))
    };
    let open = of(ProblemState::Open);
    let known = of(ProblemState::Acknowledged) + of(ProblemState::Snoozed);
    match (open, known) {
        (0, 0) => "Nothing fails right now.".to_owned(),
        (0, known) => format!(
            "Nobody waits for somebody: {} known.",
            count(known, "problem is", "problems are")
        ),
        (open, 0) => format!(
            "{} that nobody has taken note of.",
            count(open, "problem", "problems")
        ),
        (open, known) => format!(
            "{} that nobody has taken note of, {} known.",
            count(open, "problem", "problems"),
            number(known)
        ),
    }
}

#[component]
fn Filters(
    filter: ProblemFilter,
    me: UserId,
    choices: Vec<(String, String)>,
    people: Vec<(String, String)>,
) -> impl IntoView {
    let any = |label: &str| (String::new(), label.to_owned());
    let mut classes: Vec<(String, String)> = Class::ALL
        .map(|class| (class.word().to_owned(), class.name().to_owned()))
        .into();
    classes.sort_by(|(_, a), (_, b)| a.cmp(b));
    classes.insert(0, any("Any kind"));
    let owners = [any("Any owner"), ("me".to_owned(), "Me".to_owned())];
    let owners = owners.into_iter().chain(people).collect();
    let state = filter.state.map(|state| ("state", state.slug().to_owned()));
    view! {
        <form class="filters" method="get" action=paths::PROBLEMS role="search" aria-label="Filter problems">
            <Hidden fields=state.into_iter().collect()/>
            <SelectField
                label="Integration"
                name="integration"
                options=choices
                value=filter.integration.map(|id| id.to_string()).unwrap_or_default()
            />
            <SelectField label="Kind" name="class" options=classes value=filter.class.map(Class::word).unwrap_or_default()/>
            <SelectField label="Owner" name="owner" options=owners value=filter::owner_word(&filter, me).unwrap_or_default()/>
            <Submit label="Filter" kind=Button::Plain/>
        </form>
    }
    .into_any()
}

#[component]
fn States(filter: ProblemFilter, me: UserId, counts: Vec<(ProblemState, u32)>) -> impl IntoView {
    let of = |wanted: ProblemState| {
        let found = counts.iter().find(|(state, _)| *state == wanted);
        found.map_or(0, |(_, n)| u64::from(*n))
    };
    let chip = |state: Option<ProblemState>, label: &str, count: u64| Chip {
        label: label.to_owned(),
        href: filter::address(
            &ProblemFilter {
                state,
                ..filter.clone()
            },
            me,
            "",
        ),
        is_current: filter.state == state,
        count: Some(count),
    };
    let unresolved = ProblemState::ALL
        .into_iter()
        .filter(|state| *state != ProblemState::Resolved);
    let first = chip(None, "Unresolved", unresolved.map(of).sum());
    let states = ProblemState::ALL
        .into_iter()
        .map(|state| chip(Some(state), state.word(), of(state)));
    let chips: Vec<Chip> = [first].into_iter().chain(states).collect();
    view! { <Chips label="Filter by state" chips/> }
}

/// Everything that is affected, once more; what that costs is told before it begins.
#[component]
fn Retry(integrations: Vec<IntegrationId>) -> impl IntoView {
    let label = |verb: &str| match integrations.len() {
        1 => format!("{verb} the integration affected"),
        n => format!("{verb} all {} integrations affected", number(n as u64)),
    };
    let (sync, test) = (label("Sync"), label("Test"));
    let ids = integrations
        .iter()
        .map(|id| ("ids[]", id.to_string()))
        .collect();
    view! {
        <form class="problem-retry" method="post" action=bulk::api::PlanBulk::PATH aria-label="Retry all">
            <Hidden fields=ids/>
            <button type="submit" name="action" value="sync" class=Button::Plain.class()>{sync}</button>
            <button type="submit" name="action" value="test" class=Button::Plain.class()>{test}</button>
            <span class="quiet small">"You see what it costs before it begins."</span>
        </form>
    }
    .into_any()
}

#[component]
fn Table(rows: Vec<ProblemRow>) -> impl IntoView {
    let lines = rows
        .into_iter()
        .map(|row| view! { <Line row/> })
        .collect_view();
    view! {
        <TableRegion label="Problems">
            <table class="problems stacked" role="table">
                <caption class="visually-hidden">"Problems, the most pressing first"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Problem"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Integration"</th>
                        <th scope="col" role="columnheader" class="number">"Since"</th>
                        <th scope="col" role="columnheader" class="number">"Times"</th>
                        <th scope="col" role="columnheader">"Last 7 days"</th>
                        <th scope="col" role="columnheader">"Owner"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(row: ProblemRow) -> impl IntoView {
    let now = visit().now;
    let problem = row.problem;
    let state = problem.state(now).unwrap_or(ProblemState::Resolved);
    let cause = row.cause.map(|(id, class)| {
        view! { <span class="row-says">"Comes of: " <a href=paths::problem(id)>{class.name()}</a></span> }
    });
    let says = (problem.says.trim_end_matches('.') != problem.class.name())
        .then(|| view! { <span class="row-says">{problem.says.clone()}</span> });
    let since = match problem.resolved_at {
        Some(at) => view! { <Ago at/> }.into_any(),
        None => view! { <Age at=problem.opened_at.unwrap_or(problem.first_at)/> }.into_any(),
    };
    let owner = problem.owner.as_ref().map(|owner| owner.name.clone());
    let owner = match owner {
        Some(name) => view! { {name} }.into_any(),
        None => view! { <span class="quiet">"Nobody"</span> }.into_any(),
    };
    let trend = problem.trend(BARS, now);
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">
                <a href=paths::problem(problem.id)>{problem.class.name()}</a>
                {says}
                {cause}
            </th>
            <td role="cell"><StateBadge state level=problem.level/></td>
            <td role="cell">{whose(problem.integration, row.integration_name)}</td>
            <td role="cell" class="number"><span class="stacked-word">"Since "</span>{since}</td>
            <td role="cell" class="number"><span class="stacked-word">"Seen "</span>{number(problem.count)}<span class="stacked-word">" ×"</span></td>
            <td role="cell"><Spark says="How often in each six hours" bars=trend/></td>
            <td role="cell">{owner}</td>
        </tr>
    }
    .into_any()
}

/// Where a problem stands, as a word, a shape and a colour; one that nobody has taken note of by how bad it is.
#[component]
pub fn StateBadge(state: ProblemState, level: Level) -> impl IntoView {
    let (tone, shape) = match (state, level) {
        (ProblemState::Open, Level::Bad) => (Tone::Bad, Shape::Triangle),
        (ProblemState::Open, _) => (Tone::Late, Shape::Half),
        (ProblemState::Acknowledged, _) => (Tone::Accent, Shape::Ring),
        (ProblemState::Snoozed, _) => (Tone::Idle, Shape::Pause),
        (ProblemState::Resolved, _) => (Tone::Good, Shape::Dot),
    };
    view! { <Badge tone shape text=state.word()/> }
}

#[component]
fn NoProblems(filter: ProblemFilter, is_first: bool) -> impl IntoView {
    let is_narrow = ProblemFilter {
        state: None,
        ..filter.clone()
    } != ProblemFilter::default();
    match (is_first, is_narrow, filter.state) {
        (false, ..) => view! {
            <Empty title="Nothing further" says="The list ends before this page.">
                <LinkButton label="To the first page" href=paths::PROBLEMS/>
            </Empty>
        }
        .into_any(),
        (_, true, _) => view! {
            <Empty title="No problem matches" says="None passes these filters.">
                <LinkButton label="Show every problem" href=paths::PROBLEMS/>
            </Empty>
        }
        .into_any(),
        (_, _, Some(ProblemState::Resolved)) => view! {
            <Empty title="Nothing was resolved yet" says="What does not happen any more for two rounds is resolved by itself, and stands here for 90 days."/>
        }
        .into_any(),
        (_, _, Some(_)) => view! {
            <Empty title="Nothing in this state" says="No problem stands like this right now."/>
        }
        .into_any(),
        _ => view! {
            <Empty title="No problems" says="What fails is grouped here within ten seconds: by kind, integration and place, with what to do."/>
        }
        .into_any(),
    }
}
