use domain::{
    freshness::Kind,
    mirror::{Access, Facets, Priority, ProjectRow, StateGroup, WorkItemFilter, WorkItemRow},
    page::{Cursor, Page},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    drift::DriftNote,
    filter::{self, Part},
    held::HeldNotice,
    project_frame::{AsOf, project_of_page},
    words::{self, Emptiness},
};
use crate::{
    Failure, paths,
    query::Query,
    sync::api::StartSync,
    ui::{
        badge::{LabelChip, PriorityBadge, StateBadge, Tone},
        empty::Empty,
        form::{Button, ButtonForm, Field, LinkButton, SelectField, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::count,
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

#[derive(Clone)]
struct WorkItems {
    is_admin: bool,
    filter: WorkItemFilter,
    is_first: bool,
    project: ProjectRow,
    facets: Facets,
    items: Page<WorkItemRow>,
}

/// The work items of a project.
#[component]
pub fn WorkItemsPage() -> impl IntoView {
    let ids = project_of_page();
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (integration, project) = ids.ok_or(Failure::NotFound)?;
            let mirror = crate::backend().mirror;
            let filter = filter::read(&query);
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            Ok(WorkItems {
                is_admin: viewer.is_admin(),
                is_first: after.is_none(),
                project: mirror.project(&viewer, integration, project).await?,
                facets: mirror.facets(&viewer, integration, project).await?,
                items: mirror
                    .work_items(&viewer, integration, project, &filter, after)
                    .await?,
                filter,
            })
        },
        |page| {
            let project = page.project.clone();
            let name = project.project.name.clone();
            let base = filter::address(project.integration, project.project.id, &page.filter, None);
            let (next, is_first) = (page.items.next.clone(), page.is_first);
            view! {
                <Frame title=name.clone()>
                    <Crumbs items=vec![
                        ("Projects".to_owned(), paths::PROJECTS.to_owned()),
                        (project.integration_name.clone(), paths::integration(project.integration)),
                    ]/>
                    <ProjectHead project=project.clone() collections=page.facets.collections.len()/>
                    {words::access_advice(project.access).map(|advice| view! {
                        <Notice kind=Tone::Late title=format!("{}.", words::access(project.access))><p>{advice}</p></Notice>
                    })}
                    <HeldNotice project=project.clone() is_admin=page.is_admin/>
                    <Filters project=project.clone() filter=page.filter.clone() facets=page.facets.clone()/>
                    <ActiveFilters project=project filter=page.filter.clone() facets=page.facets.clone()/>
                    {if page.items.rows.is_empty() {
                        view! { <Nothing page/> }.into_any()
                    } else {
                        view! { <Table project=page.project rows=page.items.rows/> }.into_any()
                    }}
                    <Pager next is_first base/>
                </Frame>
            }
        },
    )
}

#[component]
fn ProjectHead(project: ProjectRow, collections: usize) -> impl IntoView {
    let (integration, id) = (project.integration, project.project.id);
    let says = view! {
        {project.project.identifier.clone()} " in " {project.workspace.clone()} " · "
        {count(project.total_work_items, "work item", "work items")} " · "
        <AsOf project=project.clone() kind=Kind::WorkItems/>
        " · " <DriftNote project=project.clone()/>
    };
    let labels = count(u64::from(project.total_labels), "label", "labels");
    view! {
        <PageHead title=project.project.name says=move || says>
            <LinkButton label=labels href=paths::labels(integration, id)/>
            {(collections > 0).then(|| view! {
                <LinkButton label="Cycles and modules" href=paths::collections(integration, id)/>
            })}
            <LinkButton label="Deleted" href=paths::deleted_items(integration, id)/>
        </PageHead>
    }
    .into_any()
}

#[component]
fn Filters(project: ProjectRow, filter: WorkItemFilter, facets: Facets) -> impl IntoView {
    let any = |label: &str| (String::new(), label.to_owned());
    let chosen = |id: Option<String>| id.unwrap_or_default();
    let groups =
        StateGroup::LISTED.map(|group| (group.word().to_owned(), words::group(group).to_owned()));
    let priorities = Priority::ALL.map(|p| (p.word().to_owned(), words::priority(p).to_owned()));
    let labels = facets.labels.into_iter().map(|l| {
        (
            l.label.id.to_string(),
            format!("{} ({})", l.label.name, l.work_items),
        )
    });
    let members = facets
        .members
        .into_iter()
        .map(|m| (m.id.to_string(), m.display_name));
    let collections: Vec<_> = facets
        .collections
        .iter()
        .map(|c| (c.id.to_string(), words::collection(c)))
        .collect();
    let collections = (!collections.is_empty()).then(|| {
        view! {
            <SelectField label="Cycle or module" name="in" options=with(any("Any or none"), collections)
                value=chosen(filter.collection.map(|id| id.to_string()))/>
        }
    });
    let sorts = filter::SORTS.map(|(_, word, label)| (word.to_owned(), label.to_owned()));
    view! {
        <form
            class="filters filters-long"
            method="get"
            action=paths::project(project.integration, project.project.id)
            role="search"
            aria-label="Filter work items"
        >
            <Field label="Words or number" name="q" kind="search" value=filter.q
                placeholder=format!("{}-7", project.project.identifier)/>
            <SelectField label="State" name="state" options=with(any("Any state"), groups)
                value=filter.state_group.map(StateGroup::word).unwrap_or_default()/>
            <SelectField label="Label" name="label" options=with(any("Any label"), labels)
                value=chosen(filter.label.map(|id| id.to_string()))/>
            <SelectField label="Assignee" name="assignee" options=with(any("Anybody"), members)
                value=chosen(filter.assignee.map(|id| id.to_string()))/>
            {collections}
            <SelectField label="Priority" name="priority" options=with(any("Any priority"), priorities)
                value=filter.priority.map(Priority::word).unwrap_or_default()/>
            <SelectField label="Order" name="sort" options=sorts.to_vec() value=filter::sort_word(filter.sort)/>
            <Submit label="Filter" kind=Button::Plain/>
        </form>
    }
    .into_any()
}

fn with(
    first: (String, String),
    rest: impl IntoIterator<Item = (String, String)>,
) -> Vec<(String, String)> {
    std::iter::once(first).chain(rest).collect()
}

/// What is filtered, each part with the way to take it away.
#[component]
fn ActiveFilters(project: ProjectRow, filter: WorkItemFilter, facets: Facets) -> impl IntoView {
    let parts = active_parts(&filter, &facets);
    if parts.is_empty() {
        return ().into_any();
    }
    let at = |filter: &WorkItemFilter| {
        filter::address(project.integration, project.project.id, filter, None)
    };
    let chips = parts
        .into_iter()
        .map(|(part, says)| {
            let href = at(&filter::without(&filter, part));
            let about = format!("Take away: {says}");
            view! { <li><a class="chip chip-active" href=href aria-label=about>{says} <span aria-hidden="true">" ×"</span></a></li> }
        })
        .collect_view();
    let clear = at(&WorkItemFilter {
        sort: filter.sort,
        ..WorkItemFilter::default()
    });
    view! {
        <nav class="chips" aria-label="Active filters">
            <ul>{chips}<li><a class="chip-clear" href=clear>"Clear all"</a></li></ul>
        </nav>
    }
    .into_any()
}

/// The parts of a filter that are set, in words.
fn active_parts(filter: &WorkItemFilter, facets: &Facets) -> Vec<(Part, String)> {
    let gone = || "not there any more".to_owned();
    let label = |id| {
        facets
            .labels
            .iter()
            .find(|l| l.label.id == id)
            .map_or_else(gone, |l| l.label.name.clone())
    };
    let member = |id| {
        facets
            .members
            .iter()
            .find(|m| m.id == id)
            .map_or_else(gone, |m| m.display_name.clone())
    };
    let collection = |id| {
        let collections = facets.collections.iter();
        let found = collections.into_iter().find(|c| c.id == id);
        found.map_or_else(gone, words::collection)
    };
    let parts = [
        (
            Part::Q,
            (!filter.q.is_empty()).then(|| format!("“{}”", filter.q)),
        ),
        (
            Part::StateGroup,
            filter
                .state_group
                .map(|group| format!("State: {}", words::group(group))),
        ),
        (
            Part::Label,
            filter.label.map(|id| format!("Label: {}", label(id))),
        ),
        (
            Part::Assignee,
            filter
                .assignee
                .map(|id| format!("Assignee: {}", member(id))),
        ),
        (Part::Collection, filter.collection.map(collection)),
        (
            Part::Priority,
            filter
                .priority
                .map(|priority| format!("Priority: {}", words::priority(priority))),
        ),
    ];
    parts
        .into_iter()
        .filter_map(|(part, says)| Some((part, says?)))
        .collect()
}

#[component]
fn Table(project: ProjectRow, rows: Vec<WorkItemRow>) -> impl IntoView {
    let lines = rows
        .into_iter()
        .map(|row| view! { <Line project=project.clone() row/> })
        .collect_view();
    view! {
        <TableRegion label="Work items">
            // On a narrow screen its rows are no table boxes any more; browsers that then forget what they are need the roles.
            <table class="work-items stacked" role="table">
                <caption class="visually-hidden">"Work items"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Number"</th>
                        <th scope="col" role="columnheader">"Name"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Priority"</th>
                        <th scope="col" role="columnheader">"Labels"</th>
                        <th scope="col" role="columnheader">"Assignees"</th>
                        <th scope="col" role="columnheader" class="number">"Updated"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Line(project: ProjectRow, row: WorkItemRow) -> impl IntoView {
    let href = paths::work_item(project.integration, project.project.id, row.id);
    let group = row.state.as_ref().and_then(words::group_beside);
    let assignees = row
        .assignees
        .into_iter()
        .map(|m| m.display_name)
        .collect::<Vec<_>>()
        .join(", ");
    view! {
        <tr role="row">
            <td role="cell" class="mono">{words::identifier(&project, row.sequence_id)}</td>
            <th scope="row" role="rowheader"><a href=href>{row.name}</a></th>
            <td role="cell" class="state-cell">
                <StateBadge state=row.state/>
                {group.map(|group| view! { " " <span class="quiet small">{group}</span> })}
            </td>
            <td role="cell"><PriorityBadge priority=row.priority/></td>
            <td role="cell" class="labels-cell"><span class="labels">{row.labels.into_iter().map(|label| view! { <LabelChip label/> }).collect_view()}</span></td>
            <td role="cell" class="assignees-cell">{if assignees.is_empty() { "–".to_owned() } else { assignees }}</td>
            <td role="cell" class="updated-cell number"><Ago at=row.updated_at/></td>
        </tr>
    }
    .into_any()
}

/// A table without rows: why, and what to do.
#[component]
fn Nothing(page: WorkItems) -> impl IntoView {
    let WorkItems {
        is_admin,
        filter,
        is_first,
        project,
        ..
    } = page;
    let (integration, id) = (project.integration, project.project.id);
    match words::emptiness(&project, filter::is_narrow(&filter), !is_first) {
        Emptiness::NoMatch => {
            let clear = WorkItemFilter { sort: filter.sort, ..WorkItemFilter::default() };
            let says = format!("None of the {} fits these filters.", count(project.total_work_items, "work item", "work items"));
            view! {
                <Empty title="No work item matches" says=says>
                    <LinkButton label="Clear all filters" href=filter::address(integration, id, &clear, None)/>
                </Empty>
            }
            .into_any()
        }
        Emptiness::NotMember => view! {
            <Empty
                title="These work items can’t be read"
                says="Plane lists the project, but the owner of the API key is not a member of it."
            >
                <LinkButton label="To the integration" href=paths::integration(integration)/>
            </Empty>
        }
        .into_any(),
        Emptiness::NothingCopied => view! {
            <Empty title="Nothing was copied yet" says="Work items appear here while the first sync goes on.">
                {(is_admin && project.access == Access::Readable).then(|| view! {
                    <ButtonForm action=StartSync::PATH label="Sync now" kind=Button::Primary hidden=vec![("id", integration.to_string())]/>
                })}
                <LinkButton label="To the integration" href=paths::integration(integration)/>
            </Empty>
        }
        .into_any(),
        Emptiness::None => view! {
            <Empty title="No work items" says="This project has none in Plane either."/>
        }
        .into_any(),
        Emptiness::PastTheEnd => view! {
            <Empty title="Nothing further" says="The list ends before this page; it may have changed meanwhile.">
                <LinkButton label="To the first page" href=filter::address(integration, id, &filter, None)/>
            </Empty>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        ids::{LabelId, MemberId},
        mirror::{Label, LabelCount},
    };
    use uuid::Uuid;

    #[test]
    fn each_active_part_is_named() {
        let bug = LabelId(Uuid::from_u128(1));
        let label = Label {
            id: bug,
            name: "Bug".into(),
            color: String::new(),
            description: String::new(),
            parent: None,
        };
        let facets = Facets {
            labels: vec![LabelCount {
                label,
                work_items: 3,
            }],
            ..Facets::default()
        };
        let filter = WorkItemFilter {
            q: "login".into(),
            state_group: Some(StateGroup::Started),
            label: Some(bug),
            assignee: Some(MemberId(Uuid::from_u128(9))),
            priority: Some(Priority::High),
            ..WorkItemFilter::default()
        };
        let says: Vec<_> = active_parts(&filter, &facets)
            .into_iter()
            .map(|(_, says)| says)
            .collect();
        assert_eq!(
            says,
            [
                "“login”",
                "State: Started",
                "Label: Bug",
                "Assignee: not there any more",
                "Priority: High"
            ]
        );
        assert!(active_parts(&WorkItemFilter::default(), &facets).is_empty());
    }
}
