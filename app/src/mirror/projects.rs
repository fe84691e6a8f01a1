use domain::{
    ids::IntegrationId,
    mirror::ProjectRow,
    page::{Cursor, Page},
};
use leptos::prelude::*;

use super::words;
use crate::{
    paths,
    query::Query,
    sync::integration_choices::integration_choices,
    ui::{
        badge::{AccessBadge, Badge, Shape, Tone},
        empty::Empty,
        form::{Button, Field, LinkButton, SelectField, Submit},
        frame::Frame,
        head::PageHead,
        number::number,
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

/// What the list shows, as it stands in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    pub integration: Option<IntegrationId>,
    /// Part of the name or identifier.
    pub q: String,
}

impl ProjectFilter {
    /// The filter in an address. What this version does not know counts as not set.
    pub fn read(query: &Query) -> Self {
        Self {
            integration: query.parsed("integration"),
            q: query.get("q").unwrap_or_default().to_owned(),
        }
    }

    /// The list with this filter.
    pub fn address(&self) -> String {
        Query::default()
            .with("integration", self.integration)
            .with("q", Some(&self.q))
            .on(paths::PROJECTS)
    }

    fn is_narrow(&self) -> bool {
        *self != Self::default()
    }
}

struct Projects {
    is_admin: bool,
    filter: ProjectFilter,
    is_first: bool,
    projects: Page<ProjectRow>,
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
            let filter = ProjectFilter::read(&query);
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            let is_first = after.is_none();
            Ok(Projects {
                is_admin: viewer.is_admin(),
                is_first,
                projects: backend
                    .mirror
                    .projects(&viewer, filter.integration, &filter.q, after)
                    .await?,
                choices: integration_choices(&viewer, filter.integration).await?,
                filter,
            })
        },
        |page| {
            let base = page.filter.address();
            let has_integrations = page.choices.len() > 1;
            let next = page.projects.next.clone();
            view! {
                <Frame title="Projects">
                    <PageHead title="Projects" says=|| "What Plane lets each integration see, copied here."/>
                    {(has_integrations || page.filter.is_narrow()).then(|| {
                        view! { <Filters filter=page.filter.clone() choices=page.choices/> }
                    })}
                    {if page.projects.rows.is_empty() {
                        view! { <NoProjects is_admin=page.is_admin filter=page.filter has_integrations/> }.into_any()
                    } else {
                        view! { <Table rows=page.projects.rows/> }.into_any()
                    }}
                    <Pager next is_first=page.is_first base/>
                </Frame>
            }
        },
    )
}

#[component]
fn Filters(filter: ProjectFilter, choices: Vec<(String, String)>) -> impl IntoView {
    view! {
        <form class="filters filters-short" method="get" action=paths::PROJECTS role="search" aria-label="Filter projects">
            <Field label="Name or identifier" name="q" kind="search" value=filter.q.clone()/>
            <SelectField
                label="Integration"
                name="integration"
                options=choices
                value=filter.integration.map(|id| id.to_string()).unwrap_or_default()
            />
            <Submit label="Filter" kind=Button::Plain/>
            {filter.is_narrow().then(|| view! { <LinkButton label="Clear" href=paths::PROJECTS kind=Button::Quiet/> })}
        </form>
    }
    .into_any()
}

#[component]
fn Table(rows: Vec<ProjectRow>) -> impl IntoView {
    view! {
        <TableRegion label="Projects">
            <table class="projects">
                <caption class="visually-hidden">"Projects"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Project"</th>
                        <th scope="col">"Integration"</th>
                        <th scope="col">"Access"</th>
                        <th scope="col" class="number">"Work items"</th>
                        <th scope="col" class="number">"Labels"</th>
                        <th scope="col" class="number">"Fresh as of"</th>
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(|row| view! { <Line row/> }).collect_view()}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(row: ProjectRow) -> impl IntoView {
    let (integration, project) = (row.integration, row.project.id);
    let why = words::access_means(row.access)
        .map(|means| view! { " " <span class="row-says">{means}</span> });
    let held = row
        .held
        .map(|_| view! { " " <Badge tone=Tone::Late shape=Shape::Half text="Held"/> });
    view! {
        <tr>
            <th scope="row">
                <a href=paths::project(integration, project)>{row.project.name}</a>
                " " <span class="row-says">{row.project.identifier}</span>
            </th>
            <td><a href=paths::integration(integration)>{row.integration_name}</a></td>
            <td><AccessBadge access=row.access/>{why}{held}</td>
            <td class="number">{number(row.total_work_items)}</td>
            <td class="number">
                {if row.total_labels == 0 {
                    "0".into_any()
                } else {
                    view! { <a href=paths::labels(integration, project)>{number(u64::from(row.total_labels))}</a> }.into_any()
                }}
            </td>
            <td class="number">{row.complete_at.map_or_else(|| "never".into_any(), |at| view! { <Ago at/> }.into_any())}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn NoProjects(is_admin: bool, filter: ProjectFilter, has_integrations: bool) -> impl IntoView {
    if !filter.q.is_empty() {
        view! {
            <Empty title="No project matches" says="No copied project has this in its name or identifier.">
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
    use proptest::{option, prelude::*};
    use uuid::Uuid;

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(integration in option::of(any::<u128>()), q in "\\PC{0,30}") {
            let integration = integration.map(|n| IntegrationId(Uuid::from_u128(n)));
            let filter = ProjectFilter { integration, q: q.trim().to_owned() };
            let address = filter.address();
            prop_assert_eq!(ProjectFilter::read(&Query::parse(address.trim_start_matches(paths::PROJECTS))), filter);
        }
    }
}
