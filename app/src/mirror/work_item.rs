use chrono::{DateTime, NaiveDate, Utc};
use domain::mirror::WorkItemDetail;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use server_fn::ServerFn;

use super::{
    api::DiscardKept,
    filter,
    project_frame::{crumbs, project_of_page},
    words,
};
use crate::{
    Failure, paths,
    ui::{
        badge::{LabelChip, PriorityBadge, StateBadge, Tone},
        form::ButtonForm,
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        page::{loaded, signed_in},
        panel::{Fact, Panel},
        time::{Ago, Moment, date},
    },
};

/// One work item, as it was copied.
#[component]
pub fn WorkItemPage() -> impl IntoView {
    let ids = project_of_page();
    let item = use_params_map().with_untracked(|params| params.get("item"));
    loaded(
        async move {
            let viewer = signed_in()?;
            let (integration, project) = ids.ok_or(Failure::NotFound)?;
            let item = item
                .and_then(|id| id.parse().ok())
                .ok_or(Failure::NotFound)?;
            let found = crate::backend()
                .mirror
                .work_item(&viewer, integration, project, item)
                .await?;
            Ok((found, viewer.is_admin()))
        },
        |(item, is_admin)| {
            let project = &item.project;
            let identifier = words::identifier(project, item.row.sequence_id);
            let crumbs = crumbs(project);
            let says = view! { <span class="mono">{identifier.clone()}</span> " · copied " <Ago at=item.copied_at/> };
            let in_plane = web_address(&item.plane_url).map(|url| view! {
                <a class="button" href=url target="_blank" rel="noopener noreferrer">"Open in Plane" <span aria-hidden="true">" ↗"</span></a>
            });
            view! {
                <Frame title=format!("{identifier} {}", item.row.name)>
                    <Crumbs items=crumbs/>
                    <PageHead title=item.row.name.clone() says=move || says>{in_plane}</PageHead>
                    {item.kept_since.map(|since| view! { <Kept item=item.clone() since is_admin/> })}
                    <div class="work-item">
                        <Description html=item.description.0.clone()/>
                        <Facts item/>
                    </div>
                </Frame>
            }
        },
    )
}

/// Says that this is not in Plane, and how to let it go.
#[component]
fn Kept(item: WorkItemDetail, since: DateTime<Utc>, is_admin: bool) -> impl IntoView {
    let out = is_admin.then(|| {
        let mut hidden = words::fields_of(&item.project);
        hidden.push(("item", item.row.id.to_string()));
        view! { <ButtonForm action=DiscardKept::PATH label="Take out again" hidden/> }
    });
    view! {
        <Notice kind=Tone::Late title="Plane does not have this work item.">
            <p>"It was deleted or archived there, and put back here " <Ago at=since/> "."</p>
            {out}
        </Notice>
    }
    .into_any()
}

#[component]
fn Description(html: String) -> impl IntoView {
    let inside = if html.trim().is_empty() {
        view! { <p class="quiet">"This work item has no description."</p> }.into_any()
    } else {
        view! { <div class="prose" inner_html=html></div> }.into_any()
    };
    view! { <Panel title="Description">{inside}</Panel> }.into_any()
}

#[component]
fn Facts(item: WorkItemDetail) -> impl IntoView {
    let WorkItemDetail {
        project,
        row,
        parent,
        ..
    } = item;
    let (integration, id) = (project.integration, project.project.id);
    let group = row.state.as_ref().and_then(words::group_beside);
    let labels = row.labels.into_iter().map(|label| {
        let only = domain::mirror::WorkItemFilter {
            label: Some(label.id),
            ..Default::default()
        };
        view! { <a href=filter::address(integration, id, &only, None)><LabelChip label/></a> }
    });
    let labels = labels.collect_view();
    let assignees = row
        .assignees
        .into_iter()
        .map(|m| m.display_name)
        .collect::<Vec<_>>()
        .join(", ");
    view! {
        <Panel title="Facts">
            <dl class="facts">
                <Fact label="State">
                    <StateBadge state=row.state/>
                    {group.map(|group| view! { " " <span class="quiet small">{group}</span> })}
                </Fact>
                <Fact label="Priority"><PriorityBadge priority=row.priority/></Fact>
                <Fact label="Assignees">{or_dash(assignees)}</Fact>
                <Fact label="Labels">
                    {if labels.is_empty() { "–".into_any() } else { view! { <span class="labels">{labels}</span> }.into_any() }}
                </Fact>
                {item.collections.into_iter().map(|collection| {
                    let only = domain::mirror::WorkItemFilter { collection: Some(collection.id), ..Default::default() };
                    view! {
                        <Fact label=words::collection_kind(collection.kind)>
                            <a href=filter::address(integration, id, &only, None)>{collection.name}</a>
                        </Fact>
                    }
                }).collect_view()}
                <Fact label="Parent">
                    {parent.map_or_else(|| "–".into_any(), |(parent, number, name)| view! {
                        <a href=paths::work_item(integration, id, parent)>
                            <span class="mono">{words::identifier(&project, number)}</span> " " {name}
                        </a>
                    }.into_any())}
                </Fact>
                <Fact label="Start">{day(item.start_date)}</Fact>
                <Fact label="Due">{day(item.target_date)}</Fact>
                <Fact label="Completed">
                    {item.completed_at.map_or_else(|| "–".into_any(), |at| view! { <Moment at/> }.into_any())}
                </Fact>
                <Fact label="Created">
                    <Moment at=item.created_at/>
                    {item.created_by.map(|by| view! { " by " {by.display_name} })}
                </Fact>
                <Fact label="Updated in Plane"><Moment at=row.updated_at/></Fact>
                <Fact label="Copied"><Moment at=item.copied_at/></Fact>
            </dl>
        </Panel>
    }
    .into_any()
}

fn day(day: Option<NaiveDate>) -> String {
    day.map_or_else(|| "–".to_owned(), date)
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

/// An address that a link may lead to: never `javascript:` or the like.
fn web_address(url: &str) -> Option<String> {
    (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        assert!(web_address("https://app.plane.so/acme/browse/WEB-7/").is_some());
        assert!(web_address("http://plane.local/acme").is_some());
        assert_eq!(web_address("javascript:alert(1)"), None);
        assert_eq!(web_address(""), None);
    }
}
