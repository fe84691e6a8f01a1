use domain::{
    collection::Collection,
    freshness::Kind,
    mirror::{ProjectRow, WorkItemFilter},
};
use leptos::prelude::*;

use super::{
    filter,
    project_frame::{AsOf, ProjectFrame, project_of_page},
    words,
};
use crate::{
    Failure, paths,
    ui::{
        empty::Empty,
        form::LinkButton,
        number::{count, number},
        page::{loaded, signed_in},
        table::TableRegion,
    },
};

/// The cycles and modules of a project.
#[component]
pub fn CollectionsPage() -> impl IntoView {
    let ids = project_of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (integration, project) = ids.ok_or(Failure::NotFound)?;
            let mirror = crate::backend().mirror;
            let row = mirror.project(&viewer, integration, project).await?;
            let collections = mirror.collections(&viewer, integration, project).await?;
            Ok((row, collections))
        },
        |(project, collections)| {
            let title = format!("Cycles and modules of {}", project.project.name);
            let total = count(collections.len() as u64, "in all", "in all");
            // Of the two lists, the one that was read longer ago.
            let kinds = [Kind::Cycles, Kind::Modules].into_iter();
            let older = kinds.min_by_key(|kind| project.copied.at(*kind));
            let as_of = older.map(|kind| view! { " · " <AsOf project=project.clone() kind/> });
            let says = view! { {total} {as_of} }.into_any();
            view! {
                <ProjectFrame project=project.clone() title says>
                    {if collections.is_empty() {
                        view! { <Nothing project/> }.into_any()
                    } else {
                        view! { <Table project collections/> }.into_any()
                    }}
                </ProjectFrame>
            }
        },
    )
}

#[component]
fn Table(project: ProjectRow, collections: Vec<Collection>) -> impl IntoView {
    let line = move |collection: Collection| {
        let only = WorkItemFilter {
            collection: Some(collection.id),
            ..WorkItemFilter::default()
        };
        let href = filter::address(project.integration, project.project.id, &only, None);
        let days = words::collection_days(&collection);
        let status = match collection.status.replace('-', " ") {
            status if status.is_empty() => "–".to_owned(),
            status => status,
        };
        view! {
            <tr role="row">
                <th scope="row" role="rowheader"><a href=href>{collection.name}</a></th>
                <td role="cell">{words::collection_kind(collection.kind)}</td>
                <td role="cell">{days}</td>
                <td role="cell">{status}</td>
                <td role="cell" class="number"><span class="stacked-word">"Work items: "</span>{number(collection.total_work_items)}</td>
            </tr>
        }
    };
    view! {
        <TableRegion label="Cycles and modules">
            <table class="stacked" role="table">
                <caption class="visually-hidden">"Cycles and modules and how many work items each has"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Name"</th>
                        <th scope="col" role="columnheader">"Kind"</th>
                        <th scope="col" role="columnheader">"Days"</th>
                        <th scope="col" role="columnheader">"Status"</th>
                        <th scope="col" role="columnheader" class="number">"Work items"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{collections.into_iter().map(line).collect_view()}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Nothing(project: ProjectRow) -> impl IntoView {
    let says = words::access_advice(project.access).unwrap_or(match project.copied.cycles {
        None => "They appear here when the project was synced.",
        Some(_) => "This project has none in Plane.",
    });
    view! {
        <Empty title="No cycle and no module was copied" says=says>
            <LinkButton label="To the project" href=paths::project(project.integration, project.project.id)/>
        </Empty>
    }
    .into_any()
}
