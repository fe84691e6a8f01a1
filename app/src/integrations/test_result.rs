use domain::{
    connection_test::ConnectionTest,
    ids::{IntegrationId, TestId},
    integration::Integration,
};
use leptos::prelude::*;

use super::{
    param,
    pieces::{LAST_TEST, LiveTest, Report, TestButton, TestResult, crumbs},
};
use crate::{
    Failure, paths,
    ui::{
        form::{Button, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        number::number,
        page::{loaded, signed_in},
        panel::Fact,
        time::Moment,
    },
};

/// The result of one connection test.
#[component]
pub fn TestPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let test = param::<TestId>("test");
    loaded(
        async move {
            let viewer = signed_in()?;
            let id = id?;
            let integrations = crate::backend().integrations;
            let integration = integrations.get(&viewer, id).await?.integration;
            let test = integrations.connection_test(&viewer, test?).await?;
            if test.integration != Some(id) {
                return Err(Failure::NotFound);
            }
            Ok((integration, test, viewer.is_admin()))
        },
        |(integration, test, is_admin)| view! { <Test integration test is_admin/> },
    )
}

#[component]
fn Test(integration: Integration, test: ConnectionTest, is_admin: bool) -> impl IntoView {
    let id = integration.id;
    let name = integration.settings.integration_name.to_string();
    // Only a new key helps then; anything else is a matter of settings.
    let is_key = matches!(test.status.as_str(), "bad_key" | "no_access");
    let fix = (is_admin && !test.success).then(|| if is_key {
        view! { <LinkButton label="Replace key" href=paths::replace_key(id) kind=Button::Primary/> }
    } else {
        view! { <LinkButton label="Edit settings" href=paths::edit_integration(id) kind=Button::Primary/> }
    });
    let status = test.status.clone();
    view! {
        <Frame title=format!("Connection test of {name}") islands=is_admin>
            <Crumbs items=crumbs(Some(&integration))/>
            <PageHead title=format!("Connection test of {name}")>
                {fix}
                {is_admin.then(|| view! { <TestButton id label="Test again"/> })}
            </PageHead>
            <section class="panel" aria-label="Result">
                {is_admin.then(|| view! { <LiveTest id/> })}
                <div id=LAST_TEST class="stack">
                    <TestResult test=test.clone()/>
                    <dl class="facts">
                        <Fact label="Made"><Moment at=test.started_at/></Fact>
                        {test.plane_version.clone().map(|version| view! { <Fact label="Plane">{version}</Fact> })}
                        {test.certificate_days_left.map(|days| view! { <Fact label="Certificate">{certificate(days)}</Fact> })}
                        {test.projects_count.map(|n| view! { <Fact label="Projects">{number(n.into())}</Fact> })}
                        <Fact label="Status"><code>{status}</code></Fact>
                    </dl>
                    <Report test integration/>
                </div>
            </section>
        </Frame>
    }
}

fn certificate(days: i32) -> String {
    match days {
        ..=0 => "expired".to_owned(),
        1 => "1 day left".to_owned(),
        n => format!("{n} days left"),
    }
}
