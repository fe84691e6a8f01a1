use std::collections::BTreeMap;

use domain::{
    audit::AuditEntry,
    connection_test::ConnectionTest,
    ids::{DraftId, IntegrationId},
    integration::{AuthScheme, Integration},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api, param,
    pieces::{KeyMark, LAST_TEST, LiveFormTest, TestResult, crumbs},
    schedule::QuietFields,
    words,
};
use crate::{
    Draft, paths,
    query::Query,
    ui::{
        badge::Tone,
        form::{Button, Field, FormErrors, Hidden, LinkButton, SelectField, TextArea},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        page::{draft_of, loaded},
        table::TableRegion,
        time::Ago,
    },
};

/// Adds an integration.
#[component]
pub fn NewPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            crate::admin()?;
            Ok(Form::new(&query, draft_of(&query).await?))
        },
        |form| {
            view! {
                <Frame title="Add integration" islands=true>
                    <Crumbs items=crumbs(None)/>
                    <PageHead title="Add integration" says=|| "One Plane workspace, an API key that can read it, and a schedule."/>
                    <FormView form/>
                </Frame>
            }
        },
    )
}

/// Changes an integration's settings.
#[component]
pub fn EditPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = crate::admin()?.viewer();
            let id = id?;
            let backend = crate::backend();
            let draft = draft_of(&query).await?;
            let integration = backend.integrations.get(&viewer, id).await?.integration;
            let mut conflict = None;
            if is_outdated(&draft, integration.version) {
                let history = backend.integrations.history(&viewer, id, None).await?;
                conflict = Some(Conflict::new(&integration, &draft, history.rows));
            }
            Ok((
                Form::edit(&integration, &query, draft),
                integration,
                conflict,
            ))
        },
        |(form, integration, conflict)| {
            view! {
                <Frame title=format!("Edit {}", integration.settings.integration_name) islands=true>
                    <Crumbs items=crumbs(Some(&integration))/>
                    <PageHead title=format!("Edit {}", integration.settings.integration_name)/>
                    {conflict.map(|conflict| view! { <ConflictNotice conflict id=integration.id/> })}
                    <FormView form integration/>
                </Frame>
            }
        },
    )
}

/// Whether the draft was typed over settings that somebody has changed since.
fn is_outdated(draft: &Draft, version: u32) -> bool {
    draft
        .value("version")
        .parse::<u32>()
        .is_ok_and(|typed| typed < version)
}

/// Somebody else was faster.
struct Conflict {
    /// The change that came between, as the history tells it.
    change: Option<AuditEntry>,
    /// Label, saved now, typed.
    differences: Vec<(&'static str, String, String)>,
}

impl Conflict {
    fn new(integration: &Integration, draft: &Draft, history: Vec<AuditEntry>) -> Self {
        let is_change =
            |entry: &AuditEntry| !entry.action.contains("test") && !entry.action.contains("sync");
        Self {
            change: history.into_iter().find(is_change),
            differences: words::differences(
                &words::form_values(&integration.settings),
                &draft.values,
            ),
        }
    }
}

#[component]
fn ConflictNotice(conflict: Conflict, id: IntegrationId) -> impl IntoView {
    let who = conflict
        .change
        .as_ref()
        .map_or("Somebody".to_owned(), |change| change.actor_name.clone());
    let title =
        format!("{who} changed this integration while you were editing; nothing was overwritten.");
    let rows = conflict
        .differences
        .into_iter()
        .map(|(label, saved, typed)| {
            view! {
                <tr><th scope="row">{label}</th><td>{shown(saved)}</td><td>{shown(typed)}</td></tr>
            }
        })
        .collect::<Vec<_>>();
    let differs = !rows.is_empty();
    view! {
        <div role="alert">
            <Notice kind=Tone::Late title>
                {conflict.change.map(|change| view! { <p>{change.says} " (" <Ago at=change.at/> ")"</p> })}
                {differs.then(|| view! {
                    <TableRegion label="What differs">
                        <table>
                            <caption class="visually-hidden">"What is saved now, and what you typed"</caption>
                            <thead>
                                <tr><th scope="col">"Field"</th><th scope="col">"Saved now"</th><th scope="col">"You typed"</th></tr>
                            </thead>
                            <tbody>{rows}</tbody>
                        </table>
                    </TableRegion>
                })}
                <p>
                    "The form below holds what you typed. Save it to put it in place of what is saved now, or "
                    <a href=paths::edit_integration(id)>"start again from what is saved"</a>"."
                </p>
            </Notice>
        </div>
    }
}

fn shown(value: String) -> String {
    if value.is_empty() {
        "empty".to_owned()
    } else {
        value
    }
}

/// What the form shows: what was typed, or what is saved.
struct Form {
    values: BTreeMap<String, String>,
    errors: BTreeMap<String, String>,
    message: Option<String>,
    draft: Option<DraftId>,
    kept_key: Option<String>,
    test: Option<ConnectionTest>,
}

impl Form {
    fn new(query: &Query, draft: Draft) -> Self {
        let values = [
            ("auth_scheme", AuthScheme::default().word()),
            ("interval_minutes", "15"),
            ("quiet_zone", "UTC"),
        ];
        let values = values
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        Self::of(values, query, draft)
    }

    fn edit(integration: &Integration, query: &Query, draft: Draft) -> Self {
        Self::of(words::form_values(&integration.settings), query, draft)
    }

    fn of(mut values: BTreeMap<String, String>, query: &Query, draft: Draft) -> Self {
        values.extend(draft.values);
        Self {
            values,
            message: draft.message.filter(|_| !draft.errors.is_empty()),
            errors: draft.errors,
            draft: query.parsed("draft"),
            kept_key: draft.key_last_four,
            test: draft.test,
        }
    }

    fn value(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    fn error(&self, name: &str) -> Option<String> {
        self.errors.get(name).cloned()
    }
}

const FORM: &str = "integration-form";

#[component]
fn FormView(form: Form, #[prop(optional, into)] integration: Option<Integration>) -> impl IntoView {
    let (action, cancel) = match &integration {
        Some(integration) => (
            api::UpdateIntegration::PATH,
            paths::integration(integration.id),
        ),
        None => (api::CreateIntegration::PATH, paths::INTEGRATIONS.to_owned()),
    };
    let mut hidden = Vec::new();
    if let Some(integration) = &integration {
        // A test names the integration whose key it may use; only "Save" says which one to change.
        hidden.push(("integration", integration.id.to_string()));
        hidden.push(("version", integration.version.to_string()));
    }
    hidden.extend(form.draft.map(|draft| ("draft", draft.to_string())));

    let schemes = [AuthScheme::ApiKey, AuthScheme::Bearer]
        .map(|s| (s.word().to_owned(), words::scheme(s).to_owned()))
        .into();
    let advanced_open = !form.value("project_id").is_empty()
        || ["project_id", "auth_scheme"]
            .iter()
            .any(|name| form.errors.contains_key(*name))
        || AuthScheme::from_word(&form.value("auth_scheme")) != AuthScheme::default();
    let saved_id = integration
        .as_ref()
        .map(|integration| integration.id.to_string());
    // A stored key never goes to another address than it was entered for: a new address asks for its own.
    let asks_key = form.kept_key.is_some() || form.errors.contains_key("api_key");
    let key = match integration {
        Some(integration) if !asks_key => view! { <SavedKey integration/> }.into_any(),
        _ => {
            view! { <KeyField kept=form.kept_key.clone() error=form.error("api_key")/> }.into_any()
        }
    };
    view! {
        <div class="form-page">
            <FormErrors errors=form.errors.clone() message=form.message.clone()/>
            <form id=FORM class="panel form" method="post" action=action novalidate autocomplete="off">
                <Hidden fields=hidden/>
                <Field
                    label="Name" name="integration_name" required=true max_length=Some(120)
                    value=form.value("integration_name") error=form.error("integration_name")
                    hint="What people here call it, such as Acme product."
                />
                <Field
                    label="Plane’s address" name="base_url" kind="url" required=true
                    value=form.value("base_url") error=form.error("base_url") placeholder="https://api.plane.so"
                    hint="Plane’s cloud: https://api.plane.so. Your own server: its address. An address copied from Plane in the browser works too."
                />
                <Field
                    label="Workspace slug" name="workspace" required=true max_length=Some(80)
                    value=form.value("workspace") error=form.error("workspace")
                    hint="The part after the host in Plane’s address: acme in app.plane.so/acme/projects."
                />
                {key}
                <Field
                    label="Last day of the key" name="key_expires_on" kind="date"
                    value=form.value("key_expires_on") error=form.error("key_expires_on")
                    hint="If Plane shows one. From two weeks before it, Hangar says so."
                />
                <Field
                    label="Sync every" name="interval_minutes" kind="number" unit="minutes" required=true
                    min=Some(5) max=Some(1440)
                    value=form.value("interval_minutes") error=form.error("interval_minutes")
                    hint="5 to 1440. A copy older than this is late, older than twice this is stale."
                />
                <QuietFields
                    from=(form.value("quiet_from"), form.error("quiet_from"))
                    to=(form.value("quiet_to"), form.error("quiet_to"))
                    zone=(form.value("quiet_zone"), form.error("quiet_zone"))
                />
                <Field
                    label="Test every" name="test_minutes" kind="number" unit="minutes" min=Some(5) max=Some(1440)
                    value=form.value("test_minutes") error=form.error("test_minutes")
                    hint="How often the connection is tested by itself, 5 to 1440. A test makes at most 3 API calls."
                />
                <Field
                    label="Tags" name="tags" value=form.value("tags") error=form.error("tags")
                    hint="Words to find it by, such as production, emea: at most ten."
                />
                <TextArea
                    label="Description" name="description" max_length=Some(2000)
                    value=form.value("description") error=form.error("description")
                />
                <details class="advanced" open=advanced_open>
                    <summary>"Advanced"</summary>
                    <SelectField
                        label="How the key is sent" name="auth_scheme" options=schemes
                        value=form.value("auth_scheme") error=form.error("auth_scheme")
                        hint="Bearer is for OAuth tokens of Plane’s cloud and commercial editions; everything else uses X-API-Key."
                    />
                    <Field
                        label="Only this project" name="project_id"
                        value=form.value("project_id") error=form.error("project_id")
                        hint="A project’s id, to copy that one alone. Empty: every project that the key can read."
                    />
                </details>
                <div class="actions">
                    <button type="submit" class=Button::Primary.class() name=saved_id.as_ref().map(|_| "id") value=saved_id.clone()>
                        "Save"
                    </button>
                    <button
                        type="submit" class=Button::Plain.class() formaction=api::TestIntegrationForm::PATH data-live-test=""
                    >
                        "Test connection"
                    </button>
                    <LinkButton label="Cancel" href=cancel kind=Button::Quiet/>
                </div>
            </form>
            <section id="test" class="panel" aria-labelledby="test-head">
                <h2 id="test-head">"Connection test"</h2>
                <LiveFormTest form=FORM/>
                <div id=LAST_TEST>
                    {match form.test {
                        Some(test) => view! { <TestResult test/> }.into_any(),
                        None => view! {
                            <p class="quiet">
                                "Test before you save: nine steps from the address to Plane’s rate limit, each with what to do if it fails. A test makes at most 3 API calls and changes nothing."
                            </p>
                        }.into_any(),
                    }}
                </div>
            </section>
        </div>
    }
}

/// The key of a new integration: never sent back to the browser, not even after a mistake elsewhere in the form.
#[component]
fn KeyField(kept: Option<String>, error: Option<String>) -> impl IntoView {
    let is_required = kept.is_none();
    let hint = match kept {
        Some(last_four) => format!("Key …{last_four} is kept; leave empty to use it."),
        None => "Make one in Plane under Profile settings, Personal access tokens. It is stored encrypted and never shown again.".to_owned(),
    };
    view! {
        <Field
            label="API key" name="api_key" kind="password" autocomplete="off" required=is_required error hint
        />
    }
}

#[component]
fn SavedKey(integration: Integration) -> impl IntoView {
    view! {
        <p class="saved-key">
            <span class="quiet">"API key "</span>
            <KeyMark last_four=integration.key.last_four fingerprint=integration.key.fingerprint/>
            " "
            <a href=paths::replace_key(integration.id)>"Replace key"</a>
        </p>
    }
}
