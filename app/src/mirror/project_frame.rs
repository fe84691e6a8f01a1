use domain::{
    freshness::{Freshness, Kind},
    ids::{IntegrationId, ProjectId},
    mirror::ProjectRow,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    paths,
    ui::{
        badge::FreshnessBadge,
        frame::Frame,
        head::{Crumbs, PageHead},
        slot::Slot,
        time::Ago,
    },
    visit,
};

/// Around a page below a project's: its heading, what can be done at the heading's right, and the way back to the project.
#[component]
pub fn ProjectFrame(
    project: ProjectRow,
    #[prop(into)] title: String,
    #[prop(into)] says: Slot,
    #[prop(default = None)] actions: Option<AnyView>,
    children: Children,
) -> impl IntoView {
    let crumbs = crumbs(&project);
    let head = match actions {
        Some(actions) => view! { <PageHead title=title.clone() says>{actions}</PageHead> },
        None => view! { <PageHead title=title.clone() says/> },
    };
    view! {
        <Frame title>
            <Crumbs items=crumbs/>
            {head}
            {children()}
        </Frame>
    }
    .into_any()
}

/// As of when a kind of thing is known, and what that means against its schedule.
#[component]
pub fn AsOf(project: ProjectRow, kind: Kind) -> impl IntoView {
    let freshness = project.freshness_of(kind, visit().now);
    // What is fresh needs no mark: the time says it.
    let badge = freshness
        .filter(|freshness| *freshness != Freshness::Fresh)
        .map(|freshness| view! { <FreshnessBadge freshness/> " " });
    match project.copied.at(kind) {
        Some(at) => view! { {badge} "fresh as of " <Ago at/> }.into_any(),
        None if project.copied.is_withheld(kind) => {
            "Plane does not let this key list them".into_any()
        }
        None => "never completely copied".into_any(),
    }
}

/// The way from a page below a project's.
pub fn crumbs(project: &ProjectRow) -> Vec<(String, String)> {
    vec![
        ("Projects".to_owned(), paths::PROJECTS.to_owned()),
        (
            project.project.name.clone(),
            paths::project(project.integration, project.project.id),
        ),
    ]
}

/// Integration and project of an address below `/integrations/:id/projects/:project`.
pub fn project_of_page() -> Option<(IntegrationId, ProjectId)> {
    let params = use_params_map();
    let param = |name| params.with_untracked(|params| params.get(name));
    Some((param("id")?.parse().ok()?, param("project")?.parse().ok()?))
}
