use domain::{
    mirror::{DeletedItem, ProjectRow},
    page::{Cursor, Page},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api::{RestoreAllDeleted, RestoreDeleted},
    project_frame::{ProjectFrame, project_of_page},
    words,
};
use crate::{
    Failure, paths,
    query::Query,
    ui::{
        empty::Empty,
        form::{ButtonForm, LinkButton},
        page::{loaded, signed_in},
        pager::Pager,
        table::TableRegion,
        time::Ago,
    },
};

struct Deleted {
    is_admin: bool,
    is_first: bool,
    project: ProjectRow,
    items: Page<DeletedItem>,
}

/// What Plane does not have any more, and the way back.
#[component]
pub fn DeletedPage() -> impl IntoView {
    let ids = project_of_page();
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (integration, project) = ids.ok_or(Failure::NotFound)?;
            let mirror = crate::backend().mirror;
            let after = query.get("after").map(|cursor| Cursor(cursor.to_owned()));
            Ok(Deleted {
                is_admin: viewer.is_admin(),
                is_first: after.is_none(),
                project: mirror.project(&viewer, integration, project).await?,
                items: mirror.deleted(&viewer, integration, project, after).await?,
            })
        },
        |Deleted {
             is_admin,
             is_first,
             project,
             items,
         }| {
            let (integration, id) = (project.integration, project.project.id);
            let title = format!("Deleted from {}", project.project.name);
            let is_empty = items.rows.is_empty();
            let actions = (is_admin && !is_empty).then(|| view! {
                <ButtonForm action=RestoreAllDeleted::PATH label="Put all back" hidden=words::fields_of(&project)/>
            }.into_any());
            view! {
                <ProjectFrame
                    project=project.clone()
                    title
                    says="Deleted or archived in Plane: which of the two, Plane does not say. Kept here for 30 days."
                    actions
                >
                    {if is_empty {
                        view! { <Nothing is_first href=paths::project(integration, id)/> }.into_any()
                    } else {
                        view! { <Table is_admin project rows=items.rows/> }.into_any()
                    }}
                    <Pager next=items.next is_first base=paths::deleted_items(integration, id)/>
                </ProjectFrame>
            }
        },
    )
}

#[component]
fn Table(is_admin: bool, project: ProjectRow, rows: Vec<DeletedItem>) -> impl IntoView {
    let line = |item: DeletedItem| {
        let number = words::identifier(&project, item.sequence_id);
        let back = is_admin.then(|| {
            let mut hidden = words::fields_of(&project);
            hidden.push(("item", item.id.to_string()));
            let about = format!("Put {number} back");
            view! { <td role="cell" class="number"><ButtonForm action=RestoreDeleted::PATH label="Put back" hidden about/></td> }
        });
        view! {
            <tr role="row">
                <td role="cell" class="mono">{number}</td>
                <th scope="row" role="rowheader">{item.name}</th>
                <td role="cell" class="number"><Ago at=item.deleted_at/></td>
                {back}
            </tr>
        }
    };
    let lines = rows.into_iter().map(line).collect_view();
    view! {
        <TableRegion label="Deleted work items">
            // As the table of work items: on a narrow screen its rows are no table boxes any more.
            <table class="stacked" role="table">
                <caption class="visually-hidden">"Deleted work items"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Number"</th>
                        <th scope="col" role="columnheader">"Name"</th>
                        <th scope="col" role="columnheader" class="number">"Taken out"</th>
                        {is_admin.then(|| view! { <th scope="col" role="columnheader"><span class="visually-hidden">"Put back"</span></th> })}
                    </tr>
                </thead>
                <tbody role="rowgroup">{lines}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn Nothing(is_first: bool, href: String) -> impl IntoView {
    let (title, says) = if is_first {
        (
            "Nothing was deleted",
            "Work items that are deleted or archived in Plane are listed here once Plane has confirmed it.",
        )
    } else {
        (
            "Nothing further",
            "The list ends before this page; it may have changed meanwhile.",
        )
    };
    view! {
        <Empty title says>
            <LinkButton label="To the project" href/>
        </Empty>
    }
    .into_any()
}
