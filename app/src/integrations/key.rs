use domain::ids::IntegrationId;
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api, param,
    pieces::{KeyMark, TestResult, crumbs},
};
use crate::{
    paths,
    query::Query,
    ui::{
        form::{Button, Field, FormErrors, Hidden, LinkButton, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        page::{draft_of, loaded},
        time::Ago,
    },
};

/// Puts a new key in the old one's place.
#[component]
pub fn KeyPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = crate::admin()?.viewer();
            let backend = crate::backend();
            let draft = draft_of(&query).await?;
            let integration = backend.integrations.get(&viewer, id?).await?.integration;
            Ok((integration, draft))
        },
        |(integration, draft)| {
            let id = integration.id;
            let name = integration.settings.integration_name.to_string();
            let key = integration.key.clone();
            view! {
                <Frame title=format!("Replace the key of {name}")>
                    <Crumbs items=crumbs(Some(&integration))/>
                    <PageHead
                        title=format!("Replace the key of {name}")
                        says=|| "The new key is tested first. It takes the old one’s place only when Plane accepts it; until then the old one stays in use."
                    />
                    <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
                    <form class="panel form form-narrow" method="post" action=api::ReplaceKey::PATH novalidate autocomplete="off">
                        <Hidden fields=vec![("id", id.to_string())]/>
                        <p class="saved-key">
                            <span class="quiet">"In use now: "</span>
                            <KeyMark last_four=key.last_four fingerprint=key.fingerprint/>
                            <span class="quiet">", since " <Ago at=key.replaced_at/></span>
                        </p>
                        <Field
                            label="New API key" name="api_key" kind="password" autocomplete="off" required=true
                            error=draft.error("api_key")
                            hint="Make one in Plane under Profile settings, Personal access tokens. It is stored encrypted and never shown again."
                        />
                        <Field
                            label="Last day of the new key" name="key_expires_on" kind="date"
                            value=draft.value("key_expires_on") error=draft.error("key_expires_on")
                            hint="If Plane shows one. From two weeks before it, Hangar says so."
                        />
                        <div class="actions">
                            <Submit label="Test and replace"/>
                            <LinkButton label="Cancel" href=paths::integration(id) kind=Button::Quiet/>
                        </div>
                    </form>
                    {draft.test.map(|test| view! {
                        <section class="panel" aria-label="Test of the new key"><TestResult test/></section>
                    })}
                    <p class="quiet small">"The change stands in the history of this integration, by fingerprint. Delete the old key in Plane afterwards."</p>
                </Frame>
            }
        },
    )
}
