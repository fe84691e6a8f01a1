use chrono::{DateTime, Utc};
use domain::{
    freshness::{Freshness, Kind},
    mirror::{CopyState, ProjectFilter, ProjectList, ProjectRow, ProjectSort},
    page::Cursor,
};
use leptos::prelude::*;

use super::words;
use crate::{
    paths,
    query::Query,
    sync::integration_choices::integration_choices,
    ui::{
        badge::{Badge, CopyBadge, Shape, ShapeMark, Tone, freshness_look},
        chips::{Chip, Chips},
        empty::Empty,
        form::{Button, Field, Hidden, LinkButton, SelectField, Submit},
        frame::Frame,
        head::PageHead,
        number::number,
        page::{loaded, signed_in},
        pager::Pager,
        table::{SortHeader, Sorted, TableRegion},
        time::Age,
    },
    visit,
};

/// The filter in an address. What this version does not know counts as not set.
pub fn read(query: &Query) -> ProjectFilter {
    let sort = query.get("sort").unwrap_or_default();
    let mut sorts = ProjectSort::ALL.into_iter();
    ProjectFilter {
        integration: query.parsed("integration"),
        q: query.get("q").unwrap_or_default().to_owned(),
        state: query.get("state").and_then(CopyState::from_slug),
        sort: sorts.find(|known| known.slug() == sort).unwrap_or_default(),
    }
}

/// The list with this filter, or what ends like its address: `.csv`, `.json`.
pub fn address(filter: &ProjectFilter, ending: &str) -> String {
    let sort = (filter.sort != ProjectSort::default()).then(|| filter.sort.slug());
    Query::default()
        .with("integration", filter.integration)
        .with("q", Some(&filter.q))
        .with("state", filter.state.map(CopyState::slug))
        .with("sort", sort)
        .on(&format!("{}{ending}", paths::PROJECTS))
}

fn is_narrow(filter: &ProjectFilter) -> bool {
    filter.integration.is_some() || !filter.q.is_empty() || filter.state.is_some()
}

struct Projects {
    is_admin: bool,
    filter: ProjectFilter,
    is_first: bool,
    projects: ProjectList,
    choices: Vec<(String, String)>,
}

/// Every project of every integration.
#[component]
pub fn ProjectsPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let backend = crate::backend();
            let filter = read(&query);
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            let is_first = after.is_none();
            Ok(Projects {
                is_admin: viewer.is_admin(),
                is_first,
                projects: backend.mirror.projects(&viewer, &filter, after).await?,
                choices: integration_choices(&viewer, filter.integration).await?,
                filter,
            })
        },
        |page| {
            let base = address(&page.filter, "");
            let has_integrations = page.choices.len() > 1;
            let ProjectList { rows, next, counts } = page.projects;
            let filter = page.filter.clone();
            let exports = (!rows.is_empty()).then(|| {
                view! {
                    <LinkButton label="Export as CSV" href=address(&filter, ".csv")/>
                    <LinkButton label="Export as JSON" href=address(&filter, ".json")/>
                }
            });
            view! {
                <Frame title="Projects">
                    <PageHead title="Projects" says=|| "How old the copy of each kind of thing is, against its schedule.">
                        {exports}
                    </PageHead>
                    {(has_integrations || is_narrow(&filter)).then(|| {
                        view! { <Filters filter=filter.clone() choices=page.choices/> <States filter=filter.clone() counts/> }
                    })}
                    {if rows.is_empty() {
                        view! { <NoProjects is_admin=page.is_admin filter has_integrations/> }.into_any()
                    } else {
                        view! { <Table rows filter now=visit().now/> }.into_any()
                    }}
                    <Pager next is_first=page.is_first base/>
                </Frame>
            }
        },
    )
}

/// The states as filters, worst first, each with how many there are.
#[component]
fn States(filter: ProjectFilter, counts: Vec<(CopyState, u32)>) -> impl IntoView {
    let all = counts.iter().map(|(_, n)| u64::from(*n)).sum();
    let chip = |state: Option<CopyState>, label: &str, count: u64| Chip {
        label: label.to_owned(),
        href: address(
            &ProjectFilter {
                state,
                ..filter.clone()
            },
            "",
        ),
        is_current: filter.state == state,
        count: Some(count),
    };
    let counted = |state| {
        let mut counts = counts.iter();
        counts.find(|(other, _)| *other == state).map(|(_, n)| *n)
    };
    let states = CopyState::all().filter_map(|state| {
        let count = counted(state).or((filter.state == Some(state)).then_some(0))?;
        Some(chip(Some(state), state.word(), u64::from(count)))
    });
    let chips: Vec<Chip> = [chip(None, "All", all)].into_iter().chain(states).collect();
    view! { <Chips label="Filter by state" chips/> }
}

#[component]
fn Filters(filter: ProjectFilter, choices: Vec<(String, String)>) -> impl IntoView {
    let kept = [
        ("state", filter.state.map(CopyState::slug)),
        (
            "sort",
            (filter.sort != ProjectSort::default()).then(|| filter.sort.slug()),
        ),
    ];
    let kept = kept
        .into_iter()
        .filter_map(|(name, word)| Some((name, word?.to_owned())));
    let kept: Vec<_> = kept.collect();
    view! {
        <form class="filters filters-short" method="get" action=paths::PROJECTS role="search" aria-label="Filter projects">
            <Field label="Name or identifier" name="q" kind="search" value=filter.q.clone()/>
            <SelectField
                label="Integration"
                name="integration"
                options=choices
                value=filter.integration.map(|id| id.to_string()).unwrap_or_default()
            />
            <Hidden fields=kept/>
            <Submit label="Filter" kind=Button::Plain/>
            {is_narrow(&filter).then(|| view! { <LinkButton label="Clear" href=paths::PROJECTS kind=Button::Quiet/> })}
        </form>
    }
    .into_any()
}

#[component]
fn Table(rows: Vec<ProjectRow>, filter: ProjectFilter, now: DateTime<Utc>) -> impl IntoView {
    let sorted = filter.sort;
    let sort = move |sort| {
        address(
            &ProjectFilter {
                sort,
                ..filter.clone()
            },
            "",
        )
    };
    let way = move |sort, way| if sorted == sort { way } else { Sorted::No };
    let kinds = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::WorkItems)
        .map(|kind| view! { <th scope="col" role="columnheader" class="number">{kind.name()}</th> })
        .collect_view();
    view! {
        <TableRegion label="Projects">
            <table class="projects stacked" role="table">
                <caption class="visually-hidden">"Projects, and how long ago each kind of thing was copied whole"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <SortHeader label="Project" href=sort(ProjectSort::Name) sorted=way(ProjectSort::Name, Sorted::Up)/>
                        <SortHeader label="State" href=sort(ProjectSort::State) sorted=way(ProjectSort::State, Sorted::Down)/>
                        <SortHeader label="Work items" href=sort(ProjectSort::Items) sorted=way(ProjectSort::Items, Sorted::Down) is_number=true/>
                        {kinds}
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows.into_iter().map(|row| view! { <Line row now/> }).collect_view()}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(row: ProjectRow, now: DateTime<Utc>) -> impl IntoView {
    let (integration, project) = (row.integration, row.project.id);
    let why = words::access_means(row.access)
        .map(|means| view! { " " <span class="row-says">{means}</span> });
    let state = row.state(now);
    let held = row
        .held
        .map(|_| view! { " " <Badge tone=Tone::Late shape=Shape::Half text="Held"/> });
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| view! { <KindCell row=row.clone() kind now/> })
        .collect_view();
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">
                <a href=paths::project(integration, project)>{row.project.name}</a>
                " " <span class="row-says">{row.project.identifier} " in " <a href=paths::integration(integration)>{row.integration_name}</a></span>
            </th>
            <td role="cell"><CopyBadge state access=row.access/>{why}{held}</td>
            {kinds}
        </tr>
    }
    .into_any()
}

/// How long ago a kind was copied whole, and how many there are of it where that is known.
#[component]
fn KindCell(row: ProjectRow, kind: Kind, now: DateTime<Utc>) -> impl IntoView {
    let (integration, project) = (row.integration, row.project.id);
    let total = match kind {
        Kind::WorkItems => Some((row.total_work_items, paths::project(integration, project))),
        Kind::Labels => Some((
            u64::from(row.total_labels),
            paths::labels(integration, project),
        )),
        _ => None,
    };
    let total = total.map(|(total, href)| match total {
        0 => view! { "0 " }.into_any(),
        _ => view! { <a href=href>{number(total)}</a> " " }.into_any(),
    });
    view! {
        <td role="cell" class="number"><span class="stacked-word">{kind.name()} ": "</span>{total}<KindAge freshness=row.freshness_of(kind, now) at=row.copied.at(kind) is_withheld=row.copied.is_withheld(kind)/></td>
    }
    .into_any()
}

/// How long ago something was copied whole, and whether that is too long.
#[component]
pub fn KindAge(
    freshness: Option<Freshness>,
    at: Option<DateTime<Utc>>,
    is_withheld: bool,
) -> impl IntoView {
    let age = at.map(|at| view! { <Age at/> });
    match freshness {
        Some(freshness) => {
            let (tone, shape) = freshness_look(freshness);
            // Never has no time that says so.
            let word = match age {
                Some(_) => view! { <span class="visually-hidden">{freshness.word()} ", "</span> }.into_any(),
                None => freshness.word().into_any(),
            };
            view! { <span class=format!("age tone-{}", tone.word())><ShapeMark shape/>{word}{age}</span> }.into_any()
        }
        None if is_withheld => {
            view! { <span class="age quiet" title="Plane does not let this key list them.">"withheld"</span> }.into_any()
        }
        None => view! { <span class="age quiet">{age.map_or_else(|| "–".into_any(), IntoAny::into_any)}</span> }.into_any(),
    }
}

#[component]
fn NoProjects(is_admin: bool, filter: ProjectFilter, has_integrations: bool) -> impl IntoView {
    if is_narrow(&filter) && has_integrations {
        view! {
            <Empty title="No project matches" says="No copied project is like that.">
                <LinkButton label="Show every project" href=paths::PROJECTS/>
            </Empty>
        }
        .into_any()
    } else if has_integrations {
        view! {
            <Empty title="Nothing was copied yet" says="Projects appear here with the first sync of an integration.">
                <LinkButton label="To the integrations" href=paths::INTEGRATIONS/>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="Nothing is connected yet" says="Projects come from an integration with a Plane workspace.">
                {is_admin.then(|| view! { <LinkButton label="Add an integration" href=paths::NEW_INTEGRATION kind=Button::Primary/> })}
            </Empty>
        }
        .into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::IntegrationId;
    use proptest::{option, prelude::*};
    use uuid::Uuid;

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(
            integration in option::of(any::<u128>()),
            q in "\\PC{0,30}",
            state in option::of(0usize..8),
            sort in 0usize..3,
        ) {
            let integration = integration.map(|n| IntegrationId(Uuid::from_u128(n)));
            let state = state.and_then(|n| CopyState::all().nth(n));
            let filter = ProjectFilter { integration, q: q.trim().to_owned(), state, sort: ProjectSort::ALL[sort] };
            let address = address(&filter, "");
            prop_assert_eq!(read(&Query::parse(address.trim_start_matches(paths::PROJECTS))), filter);
        }
    }
}
