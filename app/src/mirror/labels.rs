use domain::freshness::Kind;
use domain::mirror::{LabelCount, ProjectRow, WorkItemFilter};
use leptos::prelude::*;

use super::{
    filter,
    project_frame::{AsOf, ProjectFrame, project_of_page},
    words,
};
use crate::{
    Failure, paths,
    ui::{
        badge::LabelChip,
        empty::Empty,
        form::LinkButton,
        number::{count, number},
        page::{loaded, signed_in},
        table::TableRegion,
    },
};

/// The labels of a project, and how often each is used.
#[component]
pub fn LabelsPage() -> impl IntoView {
    let ids = project_of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (integration, project) = ids.ok_or(Failure::NotFound)?;
            let mirror = crate::backend().mirror;
            let row = mirror.project(&viewer, integration, project).await?;
            Ok((row, mirror.labels(&viewer, integration, project).await?))
        },
        |(project, labels)| {
            let title = format!("Labels of {}", project.project.name);
            let total = count(labels.len() as u64, "label", "labels");
            let says = view! { {total} " · " <AsOf project=project.clone() kind=Kind::Labels/> }
                .into_any();
            view! {
                <ProjectFrame project=project.clone() title says>
                    {if labels.is_empty() {
                        view! { <NoLabels project/> }.into_any()
                    } else {
                        view! { <Table project labels/> }.into_any()
                    }}
                </ProjectFrame>
            }
        },
    )
}

#[component]
fn Table(project: ProjectRow, labels: Vec<LabelCount>) -> impl IntoView {
    let line = move |LabelCount { label, work_items }: LabelCount| {
        let only = WorkItemFilter {
            label: Some(label.id),
            ..WorkItemFilter::default()
        };
        let href = filter::address(project.integration, project.project.id, &only, None);
        view! {
            <tr>
                <th scope="row"><a href=href><LabelChip label=label.clone()/></a></th>
                <td>{if label.description.is_empty() { "–".to_owned() } else { label.description }}</td>
                <td class="number">{number(work_items)}</td>
            </tr>
        }
    };
    view! {
        <TableRegion label="Labels">
            <table>
                <caption class="visually-hidden">"Labels and how many work items carry them"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Label"</th>
                        <th scope="col">"Description"</th>
                        <th scope="col" class="number">"Work items"</th>
                    </tr>
                </thead>
                <tbody>{labels.into_iter().map(line).collect_view()}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn NoLabels(project: ProjectRow) -> impl IntoView {
    let says = words::access_advice(project.access).unwrap_or(match project.copied.labels {
        None => "Labels appear here when the project was synced.",
        Some(_) => "This project has no labels in Plane.",
    });
    view! {
        <Empty title="No labels were copied" says=says>
            <LinkButton label="To the project" href=paths::project(project.integration, project.project.id)/>
        </Empty>
    }
    .into_any()
}
