use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode, StaticSegment as Static,
    components::{Route, Router, Routes},
    path,
};

use crate::{
    Failure, Theme, accounts, alerts, backups, bulk, health, integrations, mirror, overview,
    problems, screens, sync, trends,
    ui::failure_view::{FailureView, NotFound},
    visit, webhooks,
};

/// The document of every page.
pub fn shell() -> impl IntoView {
    document(view! { <App/> }.into_any())
}

/// The document of a failure that no page could show, such as a form's.
pub fn failure_document(failure: Failure) -> impl IntoView {
    provide_meta_context();
    document(view! { <SiteTitle/> <FailureView failure/> }.into_any())
}

/// The theme stands in the first tag, so no page flashes.
fn document(body: AnyView) -> impl IntoView {
    // Pages run on the server alone: nothing of them is written into the page for the browser to run again.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    let visit = visit();
    let theme = (visit.theme != Theme::System).then(|| visit.theme.word());
    let css = visit
        .assets
        .css
        .clone()
        .unwrap_or_else(|| "/pkg/main.css".to_owned());
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content="Hangar keeps a trustworthy copy of Plane."/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=css/>
                {visit.assets.dev_reload.then(|| view! { <script src="/__dev/reload.js" nonce=use_nonce()></script> })}
                <MetaTags/>
            </head>
            <body>{body}</body>
        </html>
    }
}

/// The route table. Every page is rendered whole before the first byte is sent (`SsrMode::Async`): right status, works without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let mode = SsrMode::Async;
    view! {
        <SiteTitle/>
        <Router>
            <Routes fallback=|| view! { <NotFound/> }>
                <Route path=path!("setup") view=accounts::set_up::SetUpPage ssr=mode.clone()/>
                <Route path=path!("sign-in") view=accounts::sign_in::SignInPage ssr=mode.clone()/>
                <Route path=path!("settings") view=accounts::settings::SettingsPage ssr=mode.clone()/>
                <Route path=path!("settings/people") view=accounts::people::PeoplePage ssr=mode.clone()/>
                <Route path=path!("settings/profile") view=accounts::profile::ProfilePage ssr=mode.clone()/>
                <Route path=path!("settings/screens") view=screens::settings::ScreensPage ssr=mode.clone()/>
                <Route path=path!("screen") view=screens::wall::WallPage ssr=mode.clone()/>
                <Route path=path!("settings/backups") view=backups::page::BackupsPage ssr=mode.clone()/>
                <Route path=path!("integrations") view=integrations::list::ListPage ssr=mode.clone()/>
                <Route path=path!("integrations/new") view=integrations::edit::NewPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id") view=integrations::detail::DetailPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/edit") view=integrations::edit::EditPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/key") view=integrations::key::KeyPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/delete") view=integrations::delete::DeletePage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/webhook") view=webhooks::webhook::WebhookPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/history") view=integrations::history::HistoryPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/calls") view=health::calls::CallsPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/timeline") view=health::timeline::TimelinePage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/trends") view=trends::page::TrendsPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/objectives") view=trends::integration::IntegrationObjectivesPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/health") view=health::checks::HealthPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/connection") view=health::connection::ConnectionPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/tests/:test") view=integrations::test_result::TestPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/projects/:project") view=mirror::work_items::WorkItemsPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/projects/:project/labels") view=mirror::labels::LabelsPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/projects/:project/collections") view=mirror::collections::CollectionsPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/projects/:project/drift") view=mirror::drift::DriftPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/projects/:project/deleted") view=mirror::deleted::DeletedPage ssr=mode.clone()/>
                <Route path=path!("integrations/:id/projects/:project/work-items/:item") view=mirror::work_item::WorkItemPage ssr=mode.clone()/>
                <Route path=path!("objectives") view=trends::objectives::ObjectivesPage ssr=mode.clone()/>
                <Route path=path!("budget") view=health::budget::BudgetPage ssr=mode.clone()/>
                <Route path=path!("bulk") view=bulk::list::OperationsPage ssr=mode.clone()/>
                <Route path=path!("bulk/:id") view=bulk::operation::OperationPage ssr=mode.clone()/>
                <Route path=path!("projects") view=mirror::projects::ProjectsPage ssr=mode.clone()/>
                <Route path=path!("runs") view=sync::runs::RunsPage ssr=mode.clone()/>
                <Route path=path!("runs/:id/calls") view=sync::calls::CallsPage ssr=mode.clone()/>
                <Route path=path!("runs/:id") view=sync::run::RunPage ssr=mode.clone()/>
                <Route path=path!("alerts") view=alerts::list::AlertsPage ssr=mode.clone()/>
                <Route path=path!("alerts/log") view=alerts::log::LogPage ssr=mode.clone()/>
                <Route path=path!("alerts/rules/new") view=alerts::rule::NewRulePage ssr=mode.clone()/>
                <Route path=path!("alerts/rules/:id") view=alerts::rule::RulePage ssr=mode.clone()/>
                <Route path=path!("alerts/channels/new") view=alerts::channel::NewChannelPage ssr=mode.clone()/>
                <Route path=path!("alerts/channels/:id") view=alerts::channel::ChannelPage ssr=mode.clone()/>
                <Route path=path!("problems") view=problems::list::ProblemsPage ssr=mode.clone()/>
                <Route path=path!("problems/:id") view=problems::problem::ProblemPage ssr=mode.clone()/>
                <Route path=path!("webhooks") view=webhooks::log::LogPage ssr=mode.clone()/>
                <Route path=path!("webhooks/replays") view=webhooks::replay::ReplaysPage ssr=mode.clone()/>
                <Route path=path!("webhooks/replays/:id") view=webhooks::replay::ReplayPage ssr=mode.clone()/>
                <Route path=path!("webhooks/:id/:burst") view=webhooks::burst::BurstPage ssr=mode.clone()/>
                <Route path=Static("") view=overview::OverviewPage ssr=mode/>
            </Routes>
        </Router>
    }
}

#[component]
fn SiteTitle() -> impl IntoView {
    view! { <Title formatter=|title: String| if title.is_empty() { "Hangar".to_owned() } else { format!("{title} · Hangar") }/> }
}
