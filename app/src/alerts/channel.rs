use std::collections::BTreeMap;

use domain::{
    alerts::{Channel, ChannelKind, ChannelSettings, MailSecurity},
    ids::ChannelId,
    page::Page,
    text::Email,
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, list::ChannelBadge, log::Deliveries};
use crate::{
    DeliveryRow, Draft,
    integrations::param,
    paths,
    query::Query,
    ui::{
        badge::Tone,
        chips::{Chip, Chips},
        empty::Empty,
        form::{
            Button, ButtonForm, CheckField, Copyable, Field, FormErrors, Hidden, SelectField,
            Submit, TextArea,
        },
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        page::{draft_of, loaded, signed_in},
        panel::{Fact, Panel},
        time::Ago,
    },
};

fn crumbs() -> Vec<(String, String)> {
    vec![("Alerts".to_owned(), paths::ALERTS.to_owned())]
}

/// The form of a new channel, by kind.
#[component]
pub fn NewChannelPage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            crate::admin()?;
            let draft = draft_of(&query).await?;
            let kind = draft.values.get("kind").cloned();
            let kind = kind.or_else(|| query.get("kind").map(str::to_owned));
            let kind = kind.as_deref().and_then(ChannelKind::from_slug);
            Ok((kind.unwrap_or(ChannelKind::Email), draft))
        },
        |(kind, draft)| {
            let chips = ChannelKind::ALL.map(|one| Chip {
                label: one.word().to_owned(),
                href: format!("{}?kind={}", paths::NEW_CHANNEL, one.slug()),
                is_current: one == kind,
                count: None,
            });
            let mut values: BTreeMap<String, String> =
                [("is_on".to_owned(), "true".to_owned())].into();
            values.extend(draft.values.clone());
            view! {
                <Frame title="Add channel">
                    <Crumbs items=crumbs()/>
                    <PageHead title="Add channel" says=|| "Where messages go."/>
                    <Chips label="Kind of channel" chips=chips.to_vec()/>
                    <Form kind values draft channel=None/>
                </Frame>
            }
        },
    )
}

/// A channel, how it goes, and its form for admins.
#[component]
pub fn ChannelPage() -> impl IntoView {
    let id = param::<ChannelId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let draft = draft_of(&query).await?;
            let (id, alerts) = (id?, crate::backend().alerts);
            let channel = alerts.channel(&viewer, id).await?;
            let sent = alerts
                .deliveries(&viewer, Some(id), None, None, None)
                .await?;
            let key = match viewer.user().clone().admin() {
                Some(admin) => alerts.signing_key(&admin, id).await?,
                None => None,
            };
            Ok((channel, sent, key, draft, viewer.is_admin()))
        },
        |(channel, sent, key, draft, is_admin)| {
            view! { <View channel sent key draft is_admin/> }
        },
    )
}

#[component]
fn View(
    channel: Channel,
    sent: Page<DeliveryRow>,
    key: Option<String>,
    draft: Draft,
    is_admin: bool,
) -> impl IntoView {
    let title = channel.name.to_string();
    let (health, is_on) = (channel.health.clone(), channel.is_on);
    let says = format!("{} to {}", channel.kind.word(), channel.leads_to());
    let id = channel.id;
    let hidden = move || vec![("id", id.to_string())];
    let trouble = health.error.clone().filter(|_| health.failed > 0);
    let trouble = trouble.map(|error| {
        let at = health.failed_at.map(|at| view! { " (" <Ago at/> ")" });
        view! { <Notice kind=Tone::Late title="The last message did not get through"><p>{error}{at}</p></Notice> }
    });
    let key = key.map(|key| {
        view! {
            <Notice title="What messages are signed by">
                <p>"Enter this where they arrive, to check that they come from here. It is shown for ten minutes after saving, to admins."</p>
                <Copyable label="Signing secret" text=key rows=1/>
            </Notice>
        }
    });
    let kind = channel.kind;
    let mut values = values(&channel);
    values.extend(draft.values.clone());
    let shown = channel.clone();
    let body = match is_admin {
        true => view! { <Form kind values draft channel=Some(channel)/> }.into_any(),
        false => view! { <Facts channel/> }.into_any(),
    };
    let latest: Vec<DeliveryRow> = sent.rows.into_iter().take(10).collect();
    let log = format!("{}?channel={id}", paths::ALERT_LOG);
    let list = match latest.is_empty() {
        true => view! { <Empty title="Nothing was sent yet" says="Send a test: it arrives as a real message would."/> }.into_any(),
        false => view! { <Deliveries rows=latest/> <p><a href=log>"All that was sent"</a></p> }.into_any(),
    };
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs()/>
            <PageHead title says=move || view! { <ChannelBadge is_on=shown.is_on health=shown.health.clone()/> " " {says} }>
                {is_admin.then(|| view! {
                    <ButtonForm action=api::TestChannel::PATH label="Send a test" hidden=hidden() kind=Button::Primary/>
                    <details class="row-menu">
                        <summary>"Delete…"</summary>
                        <form class="form" method="post" action=api::DeleteChannel::PATH>
                            <Hidden fields=hidden()/>
                            <p>"Its address and secret are lost, and what is on its way to it is not sent. Switched off, it is kept."</p>
                            <Submit label="Delete this channel" kind=Button::Danger/>
                        </form>
                    </details>
                })}
            </PageHead>
            {(!is_on).then(|| view! { <Notice kind=Tone::Idle title="Switched off: nothing is sent here."/> })}
            {trouble}
            {key}
            {body}
            <h2>"Latest messages"</h2>
            {list}
        </Frame>
    }
    .into_any()
}

#[component]
fn Facts(channel: Channel) -> impl IntoView {
    view! {
        <Panel title="Channel">
            <dl class="facts">
                <Fact label="Kind">{channel.kind.word()}</Fact>
                <Fact label="Leads to">{channel.leads_to()}</Fact>
            </dl>
        </Panel>
    }
    .into_any()
}

/// What the form shows of a channel; never a secret.
fn values(channel: &Channel) -> BTreeMap<String, String> {
    let mut values = BTreeMap::from([
        ("name".to_owned(), channel.name.to_string()),
        (
            "is_on".to_owned(),
            if channel.is_on {
                "true".to_owned()
            } else {
                String::new()
            },
        ),
    ]);
    if let ChannelSettings::Mail {
        host,
        port,
        security,
        user,
        from,
        recipients,
    } = &channel.settings
    {
        let recipients: Vec<&str> = recipients.iter().map(Email::as_str).collect();
        let more = [
            ("host", host.clone()),
            ("port", port.to_string()),
            ("security", security.slug().to_owned()),
            ("user", user.clone()),
            ("from", from.to_string()),
            ("recipients", recipients.join(", ")),
        ];
        values.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    values
}

#[component]
fn Form(
    kind: ChannelKind,
    values: BTreeMap<String, String>,
    draft: Draft,
    channel: Option<Channel>,
) -> impl IntoView {
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    let hidden = match &channel {
        Some(channel) => vec![
            ("id", channel.id.to_string()),
            ("version", channel.version.to_string()),
        ],
        None => vec![("kind", kind.slug().to_owned())],
    };
    let is_new = channel.is_none();
    let fields = match kind {
        ChannelKind::Email => {
            let options =
                MailSecurity::ALL.map(|one| (one.slug().to_owned(), one.word().to_owned()));
            let keeps = match is_new {
                true => "",
                false => "Leave it empty to keep the one that is there.",
            };
            view! {
                <TextArea label="Recipients" name="recipients" required=true value=value("recipients") error=draft.error("recipients") rows=2
                    hint="E-mail addresses, with commas between them."/>
                <Field label="Sender" name="from" kind="email" required=true value=value("from") error=draft.error("from")
                    hint="The address that messages come from; the mail server has to let Hangar send for it."/>
                <div class="form-two">
                    <Field label="Mail server" name="host" required=true value=value("host") error=draft.error("host") placeholder="smtp.example.com"/>
                    <Field label="Port" name="port" kind="number" min=Some(1) max=Some(65535) value=value("port") error=draft.error("port")
                        hint="Empty: 587 for STARTTLS, 465 for TLS, 25 without."/>
                    <SelectField label="Encryption" name="security" options=options.to_vec() value=value("security") error=draft.error("security")/>
                    <Field label="User" name="user" value=value("user") error=draft.error("user") hint="Empty: nobody has to sign in there."/>
                    <Field label="Password" name="password" kind="password" autocomplete="new-password" error=draft.error("password") hint=keeps/>
                </div>
            }
            .into_any()
        }
        _ => {
            let (label, hint) = match kind {
                ChannelKind::Slack => (
                    "Webhook URL",
                    "In Slack: Apps, Incoming WebHooks, Add to Slack. It begins with https://hooks.slack.com/.",
                ),
                ChannelKind::Discord => (
                    "Webhook URL",
                    "In Discord: the channel’s settings, Integrations, Webhooks, Copy webhook URL.",
                ),
                ChannelKind::Text => (
                    "Webhook URL",
                    "The address of an incoming webhook that takes {\"text\": …}.",
                ),
                _ => (
                    "URL",
                    "It gets a POST with JSON, signed as standardwebhooks.com says.",
                ),
            };
            let hint = match is_new {
                true => hint.to_owned(),
                false => format!("Leave it empty to keep the one that is there. {hint}"),
            };
            let key = (kind == ChannelKind::Webhook).then(|| {
                let hint = match is_new {
                    true => "whsec_ and base64. Leave it empty to have one made.",
                    false => "Leave it empty to keep the one that is there.",
                };
                view! { <Field label="Signing secret" name="key" kind="password" autocomplete="new-password" error=draft.error("key") hint/> }
            });
            view! {
                <Field label name="url" kind="url" required=is_new error=draft.error("url") hint/>
                {key}
            }
            .into_any()
        }
    };
    let is_on = !value("is_on").is_empty();
    view! {
        <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
        <form class="panel form form-narrow" method="post" action=api::SaveChannel::PATH novalidate autocomplete="off" aria-label="Channel">
            <Hidden fields=hidden/>
            <Field label="Name" name="name" required=true value=value("name") error=draft.error("name") max_length=Some(120)/>
            {fields}
            <CheckField label="Switched on" name="is_on" value="true" checked=is_on/>
            <div class="actions"><Submit label=if is_new { "Add channel" } else { "Save channel" }/></div>
        </form>
    }
    .into_any()
}
