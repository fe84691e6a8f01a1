use domain::{
    alerts::{Channel, ChannelHealth, ChannelKind, Incident, PREVIEW_DAYS, Rule, Scope},
    ids::ChannelId,
};
use leptos::prelude::*;

use crate::{
    AlertsReport, RuleRow, paths,
    ui::{
        badge::{Badge, Shape, Tone},
        empty::Empty,
        form::{Button, LinkButton},
        frame::Frame,
        head::PageHead,
        notice::Notice,
        number::count,
        page::{loaded, signed_in},
        table::TableRegion,
        time::{Age, Ago},
    },
};

/// Rules and channels, and what is told of right now.
#[component]
pub fn AlertsPage() -> impl IntoView {
    loaded(
        async move {
            let viewer = signed_in()?;
            let report = crate::backend().alerts.overview(&viewer).await?;
            Ok((report, viewer.is_admin()))
        },
        |(report, is_admin)| {
            let says = says(&report);
            let AlertsReport { rules, channels } = report;
            let open: Vec<(Rule, Incident)> = rules
                .iter()
                .flat_map(|row| row.open.iter().map(|one| (row.rule.clone(), one.clone())))
                .collect();
            let nobody = channels.is_empty();
            view! {
                <Frame title="Alerts">
                    <PageHead title="Alerts" says=move || says>
                        <LinkButton label="What was sent" href=paths::ALERT_LOG/>
                        {is_admin.then(|| view! {
                            <LinkButton label="Add rule" href=paths::NEW_RULE/>
                            <LinkButton label="Add channel" href=paths::NEW_CHANNEL kind=Button::Primary/>
                        })}
                    </PageHead>
                    {nobody.then(|| view! {
                        <Notice kind=Tone::Late title="Nobody is told">
                            <p>"There is no channel yet. The rules below tell of problems as soon as there is one."</p>
                        </Notice>
                    })}
                    <Open open/>
                    <h2>"Rules"</h2>
                    <Rules rules channels=channels.clone()/>
                    <h2 id="channels">"Channels"</h2>
                    <Channels channels is_admin/>
                </Frame>
            }
        },
    )
}

fn says(report: &AlertsReport) -> String {
    let open: usize = report.rules.iter().map(|row| row.open.len()).sum();
    match open {
        0 => "Who is told of problems, and by which channel.".to_owned(),
        open => format!(
            "{} told right now.",
            count(open as u64, "incident is", "incidents are")
        ),
    }
}

#[component]
fn Open(open: Vec<(Rule, Incident)>) -> impl IntoView {
    if open.is_empty() {
        return ().into_any();
    }
    let items = open
        .into_iter()
        .map(|(rule, incident)| {
            let mut members = incident.members.iter();
            let href = match (members.next(), members.next()) {
                (Some(only), None) => paths::problem(*only),
                _ => paths::PROBLEMS.to_owned(),
            };
            let names: Vec<String> = incident.integrations.into_values().collect();
            let messages = count(incident.messages.into(), "message", "messages");
            view! {
                <li>
                    <a href=href>{incident.title}</a>
                    <span class="row-says">
                        {names.join(", ")} "; told by “" {rule.name.to_string()} "” since " <Ago at=incident.opened_at/> ", " {messages}
                    </span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-label="Told right now"><ul class="plain-list">{items}</ul></section>
    }
    .into_any()
}

#[component]
fn Rules(rules: Vec<RuleRow>, channels: Vec<Channel>) -> impl IntoView {
    if rules.is_empty() {
        return view! { <Empty title="No rules" says="Without a rule nobody is told of anything."/> }
            .into_any();
    }
    let rows = rules
        .into_iter()
        .map(|row| {
            let (whom, would) = (whom(&row.rule, &channels), would(row.would));
            let (tone, shape, word) = match row.rule.is_on {
                true => (Tone::Good, Shape::Dot, "On"),
                false => (Tone::Idle, Shape::Ring, "Off"),
            };
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">
                        <a href=paths::rule(row.rule.id)>{row.rule.name.to_string()}</a>
                        <span class="row-says">{what(&row.rule)}</span>
                    </th>
                    <td role="cell"><Badge tone shape text=word/></td>
                    <td role="cell">{whom}</td>
                    <td role="cell">{would}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Rules">
            <table class="stacked" role="table">
                <caption class="visually-hidden">"Rules, by name"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Rule"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Whom"</th>
                        <th scope="col" role="columnheader">{format!("In the last {PREVIEW_DAYS} days")}</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// "It would have told twice."
pub(super) fn would(times: u32) -> String {
    match times {
        0 => "would not have told of anything".to_owned(),
        1 => "would have told once".to_owned(),
        2 => "would have told twice".to_owned(),
        n => format!("would have told {n} times"),
    }
}

/// What a rule tells of, in a sentence.
pub(super) fn what(rule: &Rule) -> String {
    let kinds = match rule.classes.len() {
        0 => String::new(),
        1..=3 => {
            let names: Vec<&str> = rule.classes.iter().map(|class| class.name()).collect();
            format!(": {}", names.join("; "))
        }
        n => format!(": {n} kinds"),
    };
    let place = match &rule.scope {
        Scope::All => String::new(),
        Scope::Tag(tag) => format!(", in integrations with the tag {tag}"),
        Scope::Integrations(ids) => format!(
            ", in {}",
            count(
                ids.len() as u64,
                "chosen integration",
                "chosen integrations"
            )
        ),
    };
    let after = match rule.after_minutes {
        0 => String::new(),
        minutes => format!(", after {minutes} min"),
    };
    let remind = match rule.remind_hours {
        0 => String::new(),
        hours => format!("; again every {hours} h"),
    };
    format!("{}{kinds}{place}{after}{remind}.", rule.pressing.word())
}

/// Whom a rule tells.
pub(super) fn whom(rule: &Rule, channels: &[Channel]) -> String {
    let name = |id: &ChannelId| {
        let found = channels.iter().find(|channel| channel.id == *id);
        found.map(|channel| channel.name.to_string())
    };
    let mut names: Vec<String> = rule.channels.iter().filter_map(name).collect();
    if names.is_empty() {
        return "Nobody".to_owned();
    }
    let by_mail = |channel: &Channel| {
        channel.kind == ChannelKind::Email && rule.channels.contains(&channel.id)
    };
    if rule.to_owner && channels.iter().any(by_mail) {
        names.push("the owner".to_owned());
    }
    names.join(", ")
}

#[component]
fn Channels(channels: Vec<Channel>, is_admin: bool) -> impl IntoView {
    if channels.is_empty() {
        let says =
            "E-mail, Slack, Discord, Mattermost and the like, or a signed webhook of your own.";
        return view! {
            <Empty title="No channels" says>
                {is_admin.then(|| view! { <LinkButton label="Add channel" href=paths::NEW_CHANNEL kind=Button::Primary/> })}
            </Empty>
        }
        .into_any();
    }
    let rows = channels
        .into_iter()
        .map(|channel| {
            let sent = channel.health.sent_at.map(|at| view! { <Ago at/> });
            view! {
                <tr role="row">
                    <th scope="row" role="rowheader">
                        <a href=paths::channel(channel.id)>{channel.name.to_string()}</a>
                        <span class="row-says">{channel.leads_to()}</span>
                    </th>
                    <td role="cell"><ChannelBadge is_on=channel.is_on health=channel.health.clone()/></td>
                    <td role="cell">{channel.kind.word()}</td>
                    <td role="cell" class="number"><span class="stacked-word">"Sent "</span>{sent}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Channels">
            <table class="stacked" role="table">
                <caption class="visually-hidden">"Channels, by name"</caption>
                <thead role="rowgroup">
                    <tr role="row">
                        <th scope="col" role="columnheader">"Channel"</th>
                        <th scope="col" role="columnheader">"State"</th>
                        <th scope="col" role="columnheader">"Kind"</th>
                        <th scope="col" role="columnheader" class="number">"Last sent"</th>
                    </tr>
                </thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// How a channel's deliveries go.
#[component]
pub(super) fn ChannelBadge(is_on: bool, health: ChannelHealth) -> impl IntoView {
    let (tone, shape, word) = match (is_on, health.failed, health.sent_at) {
        (false, ..) => (Tone::Idle, Shape::Ring, "Off"),
        (_, failed, _) if failed >= Channel::FAILING_AFTER => {
            (Tone::Bad, Shape::Triangle, "Failing")
        }
        (_, 1.., _) => (Tone::Late, Shape::Half, "Unsteady"),
        (_, 0, Some(_)) => (Tone::Good, Shape::Dot, "Works"),
        (_, 0, None) => (Tone::Idle, Shape::Question, "Nothing was sent yet"),
    };
    let since = health
        .failed_at
        .filter(|_| is_on && health.failed > 0)
        .map(|at| view! { " " <Age at/> });
    view! { <Badge tone shape text=word/> {since} }
}
