use std::collections::BTreeMap;

use domain::{
    alerts::{Channel, PREVIEW_DAYS, Pressing, Rule, Scope},
    ids::RuleId,
    page::Page,
    problems::Class,
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api,
    list::{what, whom, would},
    log::Deliveries,
};
use crate::{
    DeliveryRow, Draft, Failure, RuleRow,
    integrations::param,
    paths,
    query::Query,
    sync::integration_choices::integration_choices,
    ui::{
        badge::{Badge, Shape, Tone},
        form::{Button, ButtonForm, CheckField, Field, FormErrors, Hidden, SelectField, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        page::{draft_of, loaded, signed_in},
        panel::{Fact, Panel},
    },
};

fn crumbs() -> Vec<(String, String)> {
    vec![("Alerts".to_owned(), paths::ALERTS.to_owned())]
}

struct Choices {
    channels: Vec<Channel>,
    /// Value and label.
    integrations: Vec<(String, String)>,
}

/// The form of a new rule.
#[component]
pub fn NewRulePage() -> impl IntoView {
    let query = Query::of_page();
    loaded(
        async move {
            let admin = crate::admin()?;
            let viewer = admin.viewer();
            let draft = draft_of(&query).await?;
            let report = crate::backend().alerts.overview(&viewer).await?;
            let choices = Choices {
                channels: report.channels,
                integrations: integration_choices(&viewer, None).await?,
            };
            Ok((draft, choices))
        },
        |(draft, choices)| {
            let usual = [
                ("is_on", "true"),
                ("pressing", "broken"),
                ("scope", "all"),
                ("after_minutes", "0"),
                ("remind_hours", "24"),
                ("tells_end", "true"),
                ("to_owner", "true"),
                ("quiet_zone", "UTC"),
            ];
            let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let values = match draft.values.is_empty() {
                true => usual.into(),
                false => draft.values.clone(),
            };
            view! {
                <Frame title="Add rule">
                    <Crumbs items=crumbs()/>
                    <PageHead title="Add rule" says=|| "Who is told of which problems, and how often."/>
                    <Form rule=None values draft choices/>
                </Frame>
            }
        },
    )
}

/// A rule, what it would have told, and its form for admins.
#[component]
pub fn RulePage() -> impl IntoView {
    let id = param::<RuleId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let draft = draft_of(&query).await?;
            let (id, alerts) = (id?, crate::backend().alerts);
            let report = alerts.overview(&viewer).await?;
            let mut rules = report.rules.into_iter();
            let row = rules.find(|row| row.rule.id == id);
            let row = row.ok_or(Failure::NotFound)?;
            let sent = alerts
                .deliveries(&viewer, None, Some(id), None, None)
                .await?;
            let choices = Choices {
                channels: report.channels,
                integrations: integration_choices(&viewer, None).await?,
            };
            Ok((row, sent, draft, choices, viewer.is_admin()))
        },
        |(row, sent, draft, choices, is_admin)| view! { <View row sent draft choices is_admin/> },
    )
}

#[component]
fn View(
    row: RuleRow,
    sent: Page<DeliveryRow>,
    draft: Draft,
    choices: Choices,
    is_admin: bool,
) -> impl IntoView {
    let rule = row.rule;
    let title = rule.name.to_string();
    let (tone, shape, word) = match rule.is_on {
        true => (Tone::Good, Shape::Dot, "On"),
        false => (Tone::Idle, Shape::Ring, "Off"),
    };
    let says = format!("In the last {PREVIEW_DAYS} days it {}.", would(row.would));
    let id = rule.id;
    let hidden = move || vec![("id", id.to_string())];
    let has_channel = choices
        .channels
        .iter()
        .any(|one| rule.channels.contains(&one.id));
    let whom = whom(&rule, &choices.channels);
    let quiet = rule.quiet_hours.map_or_else(
        || "None".to_owned(),
        |hours| format!("{} to {}, {}", hours.from(), hours.to(), hours.zone()),
    );
    let tells = what(&rule);
    let facts = view! {
        <Panel title="What it does">
            <dl class="facts">
                <Fact label="Tells of">{tells}</Fact>
                <Fact label="Whom">{whom}</Fact>
                <Fact label="Quiet hours">{quiet}</Fact>
            </dl>
        </Panel>
    };
    let form = is_admin.then(|| {
        let values = match draft.values.is_empty() {
            true => values(&rule),
            false => draft.values.clone(),
        };
        view! { <Form rule=Some(rule.clone()) values draft choices/> }
    });
    let latest: Vec<DeliveryRow> = sent.rows.into_iter().take(10).collect();
    let log = format!("{}?rule={id}", paths::ALERT_LOG);
    let list = (!latest.is_empty()).then(|| {
        view! {
            <h2>"Latest messages"</h2>
            <Deliveries rows=latest/>
            <p><a href=log>"All that was sent"</a></p>
        }
    });
    view! {
        <Frame title=title.clone()>
            <Crumbs items=crumbs()/>
            <PageHead title says=move || view! { <Badge tone shape text=word/> " " {says} }>
                {is_admin.then(|| view! {
                    {has_channel.then(|| view! {
                        <ButtonForm action=api::TestRule::PATH label="Send a sample" hidden=hidden() kind=Button::Primary/>
                    })}
                    <details class="row-menu">
                        <summary>"Delete…"</summary>
                        <form class="form" method="post" action=api::DeleteRule::PATH>
                            <Hidden fields=hidden()/>
                            <p>"Nobody is told by it any more. Switched off, it is kept."</p>
                            <Submit label="Delete this rule" kind=Button::Danger/>
                        </form>
                    </details>
                })}
            </PageHead>
            {facts}
            {form}
            {list}
        </Frame>
    }
    .into_any()
}

/// What the form shows of a rule.
fn values(rule: &Rule) -> BTreeMap<String, String> {
    let on = |is_on: bool| {
        if is_on {
            "true".to_owned()
        } else {
            String::new()
        }
    };
    let join = |all: Vec<String>| all.join(",");
    let (scope, tag, integrations) = match &rule.scope {
        Scope::All => ("all", String::new(), vec![]),
        Scope::Tag(tag) => ("tag", tag.to_string(), vec![]),
        Scope::Integrations(ids) => (
            "integrations",
            String::new(),
            ids.iter().map(ToString::to_string).collect(),
        ),
    };
    let quiet = |part: fn(&domain::quiet::QuietHours) -> String| {
        rule.quiet_hours.as_ref().map(part).unwrap_or_default()
    };
    [
        ("name", rule.name.to_string()),
        ("is_on", on(rule.is_on)),
        (
            "classes",
            join(
                rule.classes
                    .iter()
                    .map(|one| one.word().to_owned())
                    .collect(),
            ),
        ),
        ("pressing", rule.pressing.slug().to_owned()),
        ("scope", scope.to_owned()),
        ("tag", tag),
        ("integrations", join(integrations)),
        (
            "channels",
            join(rule.channels.iter().map(ToString::to_string).collect()),
        ),
        ("to_owner", on(rule.to_owner)),
        ("after_minutes", rule.after_minutes.to_string()),
        ("remind_hours", rule.remind_hours.to_string()),
        ("tells_end", on(rule.tells_end)),
        ("quiet_from", quiet(|hours| hours.from())),
        ("quiet_to", quiet(|hours| hours.to())),
        ("quiet_zone", quiet(|hours| hours.zone().to_owned())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[component]
fn Form(
    rule: Option<Rule>,
    values: BTreeMap<String, String>,
    draft: Draft,
    choices: Choices,
) -> impl IntoView {
    let value = |name: &str| values.get(name).cloned().unwrap_or_default();
    let has = |name: &str, one: &str| value(name).split(',').any(|part| part == one);
    let hidden = rule.as_ref().map_or(vec![], |rule| {
        vec![
            ("id", rule.id.to_string()),
            ("version", rule.version.to_string()),
        ]
    });
    let is_new = rule.is_none();
    let pressing = Pressing::ALL.map(|one| (one.slug().to_owned(), one.word().to_owned()));
    let scopes = [
        ("all", "Every integration"),
        ("tag", "Those with a tag"),
        ("integrations", "Chosen ones"),
    ];
    let scopes = scopes.map(|(value, label)| (value.to_owned(), label.to_owned()));
    let channels = choices
        .channels
        .into_iter()
        .map(|channel| {
            let id = channel.id.to_string();
            let checked = has("channels", &id);
            let label = format!("{} ({})", channel.name, channel.kind.word());
            view! { <CheckField label name="channels[]" value=id checked/> }
        })
        .collect_view();
    let no_channel = channels.is_empty();
    let integrations = choices
        .integrations
        .into_iter()
        .filter(|(id, _)| !id.is_empty())
        .map(|(id, label)| {
            let checked = has("integrations", &id);
            view! { <CheckField label name="integrations[]" value=id checked/> }
        })
        .collect_view();
    let mut classes = Class::ALL;
    classes.sort_by_key(|class| class.name());
    let classes = classes
        .map(|class| {
            let checked = has("classes", class.word());
            view! { <CheckField label=class.name() name="classes[]" value=class.word() checked/> }
        })
        .into_iter()
        .collect_view();
    let flag = |name: &str| !value(name).is_empty();
    view! {
        <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
        <form class="panel form" method="post" action=api::SaveRule::PATH novalidate autocomplete="off" aria-label="Rule">
            <Hidden fields=hidden/>
            <div class="form-two">
                <Field label="Name" name="name" required=true value=value("name") error=draft.error("name") max_length=Some(120)/>
                <SelectField label="Tells of" name="pressing" options=pressing.to_vec() value=value("pressing")/>
                <Field label="After it has lasted for" name="after_minutes" kind="number" min=Some(0) max=Some(1440) unit="minutes"
                    value=value("after_minutes") error=draft.error("after_minutes")/>
                <Field label="Again every" name="remind_hours" kind="number" min=Some(0) max=Some(168) unit="hours"
                    value=value("remind_hours") error=draft.error("remind_hours") hint="0: never. While somebody has acknowledged it, nobody is reminded."/>
            </div>
            <fieldset class="checks" id="field-channels">
                <legend>"Channels"</legend>
                {channels}
                {no_channel.then(|| view! { <p class="quiet">"There is none yet. " <a href=paths::NEW_CHANNEL>"Add one"</a> "."</p> })}
            </fieldset>
            <div class="checks">
                <CheckField label="Whoever owns the problem is told as well, by e-mail" name="to_owner" value="true" checked=flag("to_owner")/>
                <CheckField label="Its end is told" name="tells_end" value="true" checked=flag("tells_end")/>
                <CheckField label="Switched on" name="is_on" value="true" checked=flag("is_on")/>
            </div>
            <details class="rule-more" open=!value("classes").is_empty()>
                <summary>"Only some kinds of problems"</summary>
                <fieldset class="checks checks-many"><legend class="visually-hidden">"Kinds; none chosen: all"</legend>{classes}</fieldset>
            </details>
            <details class="rule-more" open=value("scope") != "all">
                <summary>"Only some integrations"</summary>
                <div class="form-two">
                    <SelectField label="Of which integrations" name="scope" options=scopes.to_vec() value=value("scope")/>
                    <Field label="Tag" name="tag" max_length=Some(24) value=value("tag") error=draft.error("tag")/>
                </div>
                <fieldset class="checks checks-many" id="field-integrations"><legend>"Chosen ones"</legend>{integrations}</fieldset>
            </details>
            <details class="rule-more" open=!value("quiet_from").is_empty() || draft.errors.keys().any(|name| name.starts_with("quiet"))>
                <summary>"Quiet hours"</summary>
                <p class="quiet small">"What begins then is told when they are over, if it still lasts."</p>
                <div class="form-two">
                    <Field label="From" name="quiet_from" kind="time" value=value("quiet_from") error=draft.error("quiet_from")/>
                    <Field label="To" name="quiet_to" kind="time" value=value("quiet_to") error=draft.error("quiet_to")/>
                    <Field label="Time zone" name="quiet_zone" value=value("quiet_zone") error=draft.error("quiet_zone") placeholder="Europe/Berlin"/>
                </div>
            </details>
            <div class="actions"><Submit label=if is_new { "Add rule" } else { "Save rule" }/></div>
        </form>
    }
    .into_any()
}
