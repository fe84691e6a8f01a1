use chrono::{DateTime, Utc};
use domain::{
    ids::IntegrationId,
    inbox::{BurstFilter, Disbelief, Retention, SelfTestResult, Webhook},
    silence::{Coverage, Silence},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{api, filter, words};
use crate::{
    AddressProblem, Draft, Rechecked, WebhookReport,
    integrations::{api::TypedKey, param, pieces::crumbs},
    islands::live_parts::LiveParts,
    paths,
    query::Query,
    sync::live::LivePart,
    ui::{
        badge::{Badge, Tone},
        form::{Button, ButtonForm, Copyable, Field, FormErrors, Hidden, Submit},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::{bytes, count, number},
        page::{draft_of, loaded, signed_in},
        panel::{Figure, Figures, Panel},
        time::{Ago, duration_words},
    },
    visit,
};

/// An integration's webhook: set up step by step, then how it does.
#[component]
pub fn WebhookPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    let query = Query::of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let (backend, now) = (crate::backend(), visit().now);
            let draft = draft_of(&query).await?;
            Ok(Page {
                report: backend.inbox.webhook(&viewer, id?).await?,
                draft,
                checked: checked(&query),
                is_admin: viewer.is_admin(),
                now,
            })
        },
        |page| view! { <View page/> },
    )
}

struct Page {
    report: WebhookReport,
    draft: Draft,
    checked: Option<Rechecked>,
    is_admin: bool,
    now: DateTime<Utc>,
}

/// What became of deliveries that had not been believed, when a secret was just pasted.
fn checked(query: &Query) -> Option<Rechecked> {
    Some(Rechecked {
        verified: query.parsed("verified")?,
        rejected: query.parsed("rejected")?,
    })
}

#[component]
fn View(page: Page) -> impl IntoView {
    let Page {
        report,
        draft,
        checked,
        is_admin,
        now,
    } = page;
    let integration = report.integration.integration.clone();
    let id = integration.id;
    let name = integration.settings.integration_name.to_string();
    let (tone, shape, word, says) = words::state(report.webhook.as_ref(), now);
    let interval = integration.settings.interval_minutes;
    let of_this = BurstFilter {
        integration: Some(id),
        ..BurstFilter::default()
    };
    let log = filter::address(&of_this, None);
    let is_set_up = report.webhook.is_some();
    let refusals = report.refusals.len();
    let body = match (report.webhook, report.address) {
        (Some(webhook), Some(address)) => view! {
            {webhook.silence.map(|(silence, _)| view! { <Silent silence plane_settings=report.plane_settings.clone()/> })}
            {hints(&webhook, refusals, now)}
            <Told webhook=webhook.clone() day=report.day week=report.week log now/>
            <div class="panels">
                <Address address plane_settings=report.plane_settings problems=report.refusals/>
                <Secret webhook=webhook.clone() made=report.made_secret draft=draft.clone() is_admin now/>
                <TestItself webhook=webhook.clone() is_admin/>
                <Keeps webhook draft is_admin/>
            </div>
        }
        .into_any(),
        _ => view! { <Start id problems=report.refusals is_admin/> }.into_any(),
    };
    view! {
        <Frame title=format!("Webhook of {name}") islands=is_set_up>
            <Crumbs items=crumbs(Some(&integration))/>
            <LivePart>
                <PageHead title=format!("Webhook of {name}") says=move || view! { <Badge tone shape text=word/> " " {says} }/>
            </LivePart>
            {is_set_up.then(|| view! { <LiveParts address=paths::LIVE_WEBHOOKS.to_owned() pauses=false/> })}
            {checked.map(|checked| view! { <Checked checked/> })}
            {body}
            <Polled minutes=interval/>
        </Frame>
    }
}

#[component]
fn Start(id: IntegrationId, problems: Vec<AddressProblem>, is_admin: bool) -> impl IntoView {
    let button = is_admin.then(|| {
        let hidden = vec![("id", id.to_string())];
        view! { <ButtonForm action=api::CreateWebhook::PATH label="Make the address" hidden kind=Button::Primary/> }
    });
    view! {
        <Panel title="Changes within seconds">
            <div class="stack">
                <p>
                    "With a webhook, Plane tells of a change as it is made, and the copy has it a second later. It takes two minutes: \
                     this page makes an address, a workspace admin enters it in Plane, and the secret that Plane shows comes back here."
                </p>
                <Problems problems/>
                {button}
                {(!is_admin).then(|| view! { <p class="quiet">"An admin can set it up."</p> })}
            </div>
        </Panel>
    }
    .into_any()
}

#[component]
fn Problems(problems: Vec<AddressProblem>) -> impl IntoView {
    problems
        .into_iter()
        .map(|problem| {
            view! {
                <Notice kind=Tone::Late title=problem.says><p>{problem.advice}</p></Notice>
            }
        })
        .collect_view()
        .into_any()
}

/// What it did so far, as it does it.
#[component]
fn Told(
    webhook: Webhook,
    day: Coverage,
    week: Coverage,
    log: String,
    now: DateTime<Utc>,
) -> impl IntoView {
    view! {
        <LivePart>
            <Totals webhook=webhook.clone() day week log/>
            <Refused webhook now/>
        </LivePart>
    }
    .into_any()
}

#[component]
fn Totals(webhook: Webhook, day: Coverage, week: Coverage, log: String) -> impl IntoView {
    let refused: u64 = webhook.refused.values().sum();
    let last = webhook.last_at.map(|at| view! { "Last one " <Ago at/> });
    let tone = match webhook.quarantined {
        0 => Tone::Idle,
        _ => Tone::Bad,
    };
    let coverage = match day.caught {
        0 => Tone::Idle,
        _ => Tone::Late,
    };
    let caught = match (day.caught, week.per_mille()) {
        (0, None) => "No change yet".to_owned(),
        (0, Some(_)) => format!("{} in 7 days", words::share(week)),
        (n, _) => format!(
            "{} caught by the schedule; {} in 7 days",
            number(n),
            words::share(week)
        ),
    };
    let format = match webhook.is_second_format {
        Some(true) => "Plane’s second format",
        Some(false) => "Plane’s first format",
        None => "",
    };
    view! {
        <Figures>
            <Figure label="Deliveries" value=number(webhook.deliveries)>{last}</Figure>
            <Figure label="Changes it told first, 24 h" value=words::share(day) tone=coverage>{caught}</Figure>
            <Figure label="Sent again" value=number(webhook.duplicates)>"Counted, applied once"</Figure>
            <Figure
                label="Not believed" value=number(refused) tone
            >
                {(webhook.quarantined > 0).then(|| format!("{} kept for a new secret", number(webhook.quarantined.into())))}
            </Figure>
            <Figure label="Kept" value=bytes(webhook.bytes)>{format}</Figure>
        </Figures>
        <p class="actions"><a href=log>"What they brought"</a></p>
    }
    .into_any()
}

/// It has stopped, most likely in Plane.
#[component]
fn Silent(silence: Silence, plane_settings: String) -> impl IntoView {
    view! {
        <Notice kind=Tone::Bad title="Plane has probably switched the webhook off">
            <p>
                {words::silence(silence)} " Plane does so by itself when it could not deliver for about half an hour, and tells only the webhook’s maker by e-mail. "
                "Look at " <a href=plane_settings>"the workspace’s webhooks"</a> " and switch it on again. Until then the schedule finds what changed."
            </p>
        </Notice>
    }
    .into_any()
}

/// Why deliveries were not believed, and what to do.
#[component]
fn Refused(webhook: Webhook, now: DateTime<Utc>) -> impl IntoView {
    let reasons = Disbelief::ALL
        .into_iter()
        .filter_map(|why| Some((why, *webhook.refused.get(&why)?)))
        .filter(|(_, times)| *times > 0)
        .map(|(why, times)| {
            view! { <li><b>{count(times, "delivery", "deliveries")} ": "</b> {why.sentence()}</li> }
        })
        .collect::<Vec<_>>();
    // While the secret is being replaced that is what is waited for.
    if reasons.is_empty() || webhook.quarantined == 0 || webhook.is_rotating(now) {
        return ().into_any();
    }
    let kept = count(
        webhook.quarantined.into(),
        "delivery was",
        "deliveries were",
    );
    let title = format!("{kept} not believed");
    view! {
        <Notice kind=Tone::Bad title=title>
            <ul>{reasons}</ul>
            <p class="small">"What is not believed is kept, encrypted, for a day. A secret that fits lets it in."</p>
        </Notice>
    }
    .into_any()
}

#[component]
fn Address(
    address: String,
    plane_settings: String,
    problems: Vec<AddressProblem>,
) -> impl IntoView {
    view! {
        <Panel title="In Plane">
            <div class="stack">
                <ol class="webhook-steps">
                    <li>
                        "Open " <a href=plane_settings>"the workspace’s webhooks"</a> " as an admin of the workspace, and add one."
                    </li>
                    <li>
                        "Enter this address, exactly:"
                        <Copyable label="Address of the webhook" text=address/>
                    </li>
                    <li>"Tick all events, and save. Plane shows the secret once: paste it here."</li>
                </ol>
                <p class="quiet small">
                    "If Plane says that the address is taken, it is in the list of webhooks already: edit that one, and make a new secret there."
                </p>
                <Problems problems/>
            </div>
        </Panel>
    }
    .into_any()
}

/// While nothing has come yet: where to look.
fn hints(webhook: &Webhook, refusals: usize, now: DateTime<Utc>) -> impl IntoView + use<> {
    let waits_since = webhook.secret.as_ref().map(|secret| secret.set_at);
    let waits_since = waits_since.filter(|_| webhook.first_at.is_none());
    let refused: u64 = webhook.refused.values().sum();
    let hints = waits_since.map(|since| {
        let hints = words::hints(refused, refusals, now - since).into_iter();
        let lines = hints.map(|hint| view! { <li>{hint}</li> }).collect_view();
        view! { <Panel title="While you wait"><ul class="webhook-hints">{lines}</ul></Panel> }
    });
    view! { <LivePart>{hints}</LivePart> }.into_any()
}

/// Whether a delivery over the public address arrives here.
#[component]
fn TestItself(webhook: Webhook, is_admin: bool) -> impl IntoView {
    let last = webhook.self_test.map(|test| {
        let (kind, title) = match test.result {
            SelfTestResult::Passed => (Tone::Good, "It arrived"),
            _ => (Tone::Bad, "It did not arrive"),
        };
        let took = duration_words(chrono::TimeDelta::milliseconds(
            i64::try_from(test.took_ms).unwrap_or(i64::MAX),
        ));
        view! {
            <div role="status">
                <Notice kind title=title>
                    <p>{test.result.sentence()} " " <span class="quiet"><Ago at=test.at/> ", in " {took} "."</span></p>
                </Notice>
            </div>
        }
    });
    let button = (is_admin && webhook.secret.is_some()).then(|| {
        let hidden = vec![("id", webhook.integration.to_string())];
        view! { <ButtonForm action=api::TestWebhook::PATH label="Send a test delivery" hidden/> }
    });
    view! {
        <Panel title="Test of the address">
            <div class="stack">
                <p class="small quiet">
                    "Hangar sends a signed delivery to its own public address, over the way that Plane’s would take from here: name, certificate, proxy, signature. Nothing is kept of it."
                </p>
                {last}
                {button}
            </div>
        </Panel>
    }
    .into_any()
}

/// How long what came is kept.
#[component]
fn Keeps(webhook: Webhook, draft: Draft, is_admin: bool) -> impl IntoView {
    let keeps = webhook.keeps;
    if !is_admin {
        let says = format!(
            "For {}, and at most {} MB of bodies.",
            count(keeps.days.into(), "day", "days"),
            number(keeps.megabytes.into())
        );
        return view! { <Panel title="What came is kept"><p>{says}</p></Panel> }.into_any();
    }
    let (days, megabytes) = (Retention::DAYS, Retention::MEGABYTES);
    view! {
        <Panel title="What came is kept">
            <form class="form" method="post" action=api::KeepWebhookEvents::PATH novalidate>
                <Hidden fields=vec![("id", webhook.integration.to_string())]/>
                <Field
                    label="For" name="days" kind="number" unit="days" required=true value=keeps.days.to_string() error=draft.error("days")
                    min=Some(i64::from(*days.start())) max=Some(i64::from(*days.end()))
                />
                <Field
                    label="At most" name="megabytes" kind="number" unit="MB of bodies" required=true
                    value=keeps.megabytes.to_string() error=draft.error("megabytes")
                    min=Some(i64::from(*megabytes.start())) max=Some(i64::from(*megabytes.end()))
                    hint="The oldest go first. What was not applied yet always stays."
                />
                <Submit label="Save" kind=Button::Plain/>
            </form>
        </Panel>
    }
    .into_any()
}

#[component]
fn Secret(
    webhook: Webhook,
    made: Option<TypedKey>,
    draft: Draft,
    is_admin: bool,
    now: DateTime<Utc>,
) -> impl IntoView {
    let id = webhook.integration;
    let is_rotating = webhook.is_rotating(now);
    let in_use = webhook.secret.clone().map(|secret| {
        view! {
            <p class="saved-key">
                <span class="quiet">"In use: "</span> <span class="mono">"…" {secret.last_four}</span>
                <span class="quiet">", since " <Ago at=secret.set_at/></span>
            </p>
        }
    });
    let has_secret = webhook.secret.is_some();
    let overlap = webhook.previous_until.filter(|until| *until > now).map(|at| {
        view! { <p class="quiet small">"The secret before it still counts, for what Plane tries again: until " <Ago at/> "."</p> }
    });
    if !is_admin {
        return view! { <Panel title="Secret"><div class="stack">{in_use} {overlap}</div></Panel> }
            .into_any();
    }
    let made = made.map(|secret| {
        let hidden = vec![("id", id.to_string())];
        view! {
            <Notice kind=Tone::Late title="The secret that was made here">
                <Copyable label="Secret of the webhook" text=secret.0/>
                <p>"Enter it where the deliveries come from. It is shown for ten minutes, to admins."</p>
                <ButtonForm action=api::HideWebhookSecret::PATH label="I have it: hide it" hidden/>
            </Notice>
        }
    });
    let make = (!is_rotating && made.is_none()).then(|| {
        let hidden = vec![("id", id.to_string())];
        let label = if has_secret { "Make another secret here" } else { "Make a secret here" };
        view! {
            <details>
                <summary>"For senders that take a secret"</summary>
                <div class="stack">
                    <p class="small quiet">
                        "Plane makes its secrets itself. A script or a gateway that signs as Plane does can take one that is made here; the one in use counts for a day more."
                    </p>
                    <ButtonForm action=api::MakeWebhookSecret::PATH label hidden/>
                </div>
            </details>
        }
    });
    let form = view! {
        <FormErrors errors=draft.errors.clone() message=draft.message.clone()/>
        <form class="form" method="post" action=api::SaveWebhookSecret::PATH novalidate autocomplete="off">
            <Hidden fields=vec![("id", id.to_string())]/>
            <Field
                label=if has_secret { "New secret" } else { "Secret" }
                name="secret" kind="password" autocomplete="off" required=true error=draft.error("secret")
                hint="It begins with plane_wh_. It is stored encrypted and never shown again."
            />
            <Submit label="Save the secret"/>
        </form>
    };
    let rotation = (has_secret && !is_rotating).then(|| {
        let hidden = vec![("id", id.to_string()), ("is_open", "true".to_owned())];
        view! {
            <div class="stack">
                <p class="small quiet">
                    "Before a new secret is made in Plane: the old one ends there at once. Begin here, and nothing is lost until the new one is pasted."
                </p>
                <ButtonForm action=api::RotateWebhookSecret::PATH label="Begin to replace the secret" hidden/>
            </div>
        }
    });
    let under_way = is_rotating.then(|| {
        let hidden = vec![("id", id.to_string()), ("is_open", "false".to_owned())];
        let until = webhook.rotation_until.map(|at| view! { <Ago at/> });
        view! {
            <Notice kind=Tone::Late title="The secret is being replaced">
                <p>
                    "Make a new secret in Plane now, and paste it below. Until then deliveries that don’t fit the old one are kept and answered as received; this ends "
                    {until} "."
                </p>
                <ButtonForm action=api::RotateWebhookSecret::PATH label="Keep the old secret" hidden kind=Button::Quiet/>
            </Notice>
        }
    });
    view! {
        <Panel title="Secret">
            <div class="stack">{in_use} {overlap} {made} {under_way} {form} {rotation} {make}</div>
        </Panel>
    }
    .into_any()
}

#[component]
fn Checked(checked: Rechecked) -> impl IntoView {
    let title = match checked.verified + checked.rejected {
        0 => "The secret is saved.".to_owned(),
        _ => format!(
            "The secret is saved. Of what was kept: {} verified, {} rejected.",
            number(checked.verified.into()),
            number(checked.rejected.into())
        ),
    };
    let kind = if checked.rejected > 0 {
        Tone::Late
    } else {
        Tone::Good
    };
    view! { <div role="status"><Notice kind title=title/></div> }.into_any()
}

/// What no webhook tells.
#[component]
fn Polled(minutes: u32) -> impl IntoView {
    let every = count(minutes.into(), "minute", "minutes");
    view! {
        <p class="quiet small">
            "Plane sends no events for labels and states, nor when a work item is deleted or archived. Those are looked for every "
            {every} "."
        </p>
    }
    .into_any()
}
