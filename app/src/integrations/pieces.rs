use domain::{
    connection_test::{ConnectionTest, Stage, StageState},
    ids::IntegrationId,
    integration::Integration,
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, words};
use crate::{
    islands::{
        connection_test::LiveConnectionTest,
        stages::{StageLine, StageLook, cost, stage_item, verdict},
    },
    paths,
    ui::{
        badge::TestBadge,
        form::{Button, Hidden},
        time::Ago,
    },
};

/// Id of what a live test takes the place of.
pub const LAST_TEST: &str = "last-test";

/// The result of a test: one sentence, then its stages.
#[component]
pub fn TestResult(test: ConnectionTest) -> impl IntoView {
    let says = verdict(test.success, test.projects_count, test.error.clone());
    let stages = test
        .stages
        .into_iter()
        .map(|stage| stage_item(stage_line(stage)))
        .collect_view();
    view! {
        <div class="test-result">
            <p class="test-verdict"><TestBadge success=test.success/> " " <span>{says}</span></p>
            <p class="quiet small"><Ago at=test.started_at/> ", " {cost(test.took_ms, test.api_calls)}</p>
            <ol class="stages" aria-label="Stages of the connection test">{stages}</ol>
        </div>
    }
    .into_any()
}

fn stage_line(stage: Stage) -> StageLine {
    let look = match stage.state {
        StageState::Passed => StageLook::Passed,
        StageState::Warned => StageLook::Warned,
        StageState::Failed => StageLook::Failed,
        StageState::NotTried => StageLook::NotTried,
    };
    StageLine {
        name: stage.name.word(),
        look,
        says: stage.says,
        advice: stage.advice,
        took_ms: (look != StageLook::NotTried).then_some(stage.took_ms),
    }
}

/// The button that tests a saved integration; with [`LiveTest`] on the page, its stages are shown as they happen.
#[component]
pub fn TestButton(id: IntegrationId, label: &'static str) -> impl IntoView {
    view! {
        <form id="test-form" class="button-form" method="post" action=api::TestIntegration::PATH>
            <Hidden fields=vec![("id", id.to_string())]/>
            <button type="submit" class=Button::Plain.class() data-live-test="">{label}</button>
        </form>
    }
    .into_any()
}

/// Where the stages of a test by [`TestButton`] appear. The page's frame says `islands=true`.
#[component]
pub fn LiveTest(id: IntegrationId) -> impl IntoView {
    view! {
        <LiveConnectionTest
            form="test-form".to_owned()
            endpoint=paths::LIVE_TEST.to_owned()
            replaces=LAST_TEST.to_owned()
            results=format!("{}/tests/", paths::integration(id))
        />
    }
}

/// Where the stages of a test by a form's own button appear.
#[component]
pub fn LiveFormTest(form: &'static str) -> impl IntoView {
    view! {
        <LiveConnectionTest
            form=form.to_owned()
            endpoint=paths::LIVE_TEST.to_owned()
            replaces=LAST_TEST.to_owned()
            results=String::new()
        />
    }
}

/// A test as text for a ticket.
#[component]
pub fn Report(test: ConnectionTest, integration: Integration) -> impl IntoView {
    let settings = &integration.settings;
    let about = format!(
        "{}, workspace {} at {}",
        settings.integration_name, settings.workspace, settings.base_url
    );
    view! {
        <details class="report">
            <summary>"Report as text"</summary>
            <pre tabindex="0" aria-label="Report as text">{words::report(&test, &about)}</pre>
        </details>
    }
    .into_any()
}

/// What may be shown of the key.
#[component]
pub fn KeyMark(last_four: String, fingerprint: String) -> impl IntoView {
    view! { <span class="mono" title=format!("Fingerprint {fingerprint}")>"…" {last_four}</span> }
        .into_any()
}

/// The pages above a page of an integration.
pub fn crumbs(integration: Option<&Integration>) -> Vec<(String, String)> {
    let mut crumbs = vec![("Integrations".to_owned(), paths::INTEGRATIONS.to_owned())];
    crumbs.extend(integration.map(|i| {
        (
            i.settings.integration_name.to_string(),
            paths::integration(i.id),
        )
    }));
    crumbs
}
