use domain::ids::IntegrationId;
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, param, pieces::crumbs, words};
use crate::{
    paths,
    query::Query,
    ui::{
        badge::Tone,
        form::{Button, Field, FormErrors, Hidden, LinkButton, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        page::{draft_of, loaded},
    },
};

/// Deletes an integration: what is lost is said first, and its name has to be typed.
#[component]
pub fn DeletePage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = crate::admin()?.viewer();
            let id = id?;
            let backend = crate::backend();
            let draft = draft_of(&query).await?;
            let integration = backend.integrations.get(&viewer, id).await?.integration;
            let cost = backend.integrations.deletion_cost(&viewer, id).await?;
            Ok((integration, words::losses(&cost), draft))
        },
        |(integration, losses, draft)| {
            let id = integration.id;
            let name = integration.settings.integration_name.to_string();
            let nothing_copied = losses.is_empty();
            let losses = losses
                .into_iter()
                .map(|line| view! { <li>{line}</li> })
                .collect_view();
            view! {
                <Frame title=format!("Delete {name}")>
                    <Crumbs items=crumbs(Some(&integration))/>
                    <PageHead title=format!("Delete {name}")/>
                    <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
                    <Notice kind=Tone::Bad title="This can’t be undone">
                        {if nothing_copied {
                            view! { <p>"Nothing was copied yet. Its settings and its key are lost."</p> }.into_any()
                        } else {
                            view! {
                                <p>"Lost with its settings and its key, here in Hangar:"</p>
                                <ul class="losses">{losses}</ul>
                            }
                            .into_any()
                        }}
                        <p>"Plane itself is not touched."</p>
                    </Notice>
                    <form class="panel form form-narrow" method="post" action=api::DeleteIntegration::PATH novalidate autocomplete="off">
                        <Hidden fields=vec![("id", id.to_string())]/>
                        <Field
                            label=format!("Type “{name}” to confirm") name="typed_name" required=true
                            value=draft.value("typed_name") error=draft.error("typed_name")
                        />
                        <div class="actions">
                            <Submit label="Delete integration" kind=Button::Danger/>
                            <LinkButton label="Cancel" href=paths::integration(id) kind=Button::Quiet/>
                        </div>
                    </form>
                    {integration.is_active.then(|| view! {
                        <form class="quiet lesser" method="post" action=api::SetIntegrationActive::PATH>
                            <Hidden fields=vec![("id", id.to_string()), ("is_active", "false".to_owned())]/>
                            "To stop syncing but keep the copy, "
                            <button type="submit" class=Button::Plain.class()>"Deactivate instead"</button>
                        </form>
                    })}
                </Frame>
            }
        },
    )
}
