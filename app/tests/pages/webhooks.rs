use app::{
    AddressProblem, BurstReport, BurstRow, EventReport, SilentWebhook, WebhookReport,
    integrations::api::TypedKey,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, ProjectId, ReplayId},
    inbox::{
        Burst, BurstFilter, BurstResult, BurstState, Disbelief, Effect, FailedTry, Retention,
        SecretHint, SelfTest, SelfTestResult, Webhook,
    },
    page::Page,
    replay::{Replay, ReplayLine, ReplayScope, Replayed},
    silence::{Coverage, Silence},
};
use uuid::Uuid;

use crate::{
    canned::{Answer, Canned, admin, get, lead, now},
    integrations::{ID, address, one},
};

fn webhook() -> Webhook {
    Webhook {
        integration: ID,
        path: "0123456789abcdef0123456789abcdef".into(),
        created_at: now() - TimeDelta::days(2),
        secret: Some(SecretHint {
            last_four: "b058".into(),
            set_at: now() - TimeDelta::days(1),
        }),
        previous_until: None,
        rotation_until: None,
        plane_id: None,
        is_second_format: Some(false),
        first_at: Some(now() - TimeDelta::hours(20)),
        last_at: Some(now() - TimeDelta::minutes(3)),
        deliveries: 1204,
        duplicates: 3,
        bytes: 4_200_000,
        missed: 0,
        refused: Default::default(),
        refused_at: None,
        quarantined: 0,
        quarantined_bytes: 0,
        keeps: Retention::default(),
        silence: None,
        self_test: None,
        secret_shown_until: None,
    }
}

fn report(webhook: Option<Webhook>) -> Canned {
    let canned = one();
    let address = webhook.as_ref().map(|webhook| {
        format!(
            "https://hangar.example.com/api/webhooks/plane/{}",
            webhook.path
        )
    });
    Canned {
        webhook: Ok(WebhookReport {
            integration: canned.integration.clone().unwrap(),
            webhook,
            address,
            plane_settings: "https://plane.acme.example/acme/settings/webhooks/".into(),
            day: Coverage {
                told: 996,
                caught: 4,
            },
            week: Coverage {
                told: 5000,
                caught: 4,
            },
            made_secret: None,
            refusals: vec![AddressProblem {
                says: "Plane refuses <it>.".into(),
                advice: "Set WEBHOOK_ALLOWED_HOSTS.".into(),
            }],
        }),
        ..canned
    }
}

fn burst() -> BurstRow {
    BurstRow {
        burst: Burst {
            id: BurstId(Uuid::from_u128(80)),
            integration: ID,
            event: "work_item.updated".into(),
            entity: Some(Uuid::from_u128(81)),
            project: Some(ProjectId(Uuid::from_u128(82))),
            title: Some("Fix <the> login".into()),
            number: Some(7),
            fields: vec!["state_id".into(), "labels".into()],
            first_at: now() - TimeDelta::seconds(90),
            last_at: now() - TimeDelta::seconds(89),
            updated_at: Some(now() - TimeDelta::milliseconds(91_500)),
            events: 2,
            duplicates: 1,
            state: BurstState::Done,
            result: Some(BurstResult {
                effect: Effect::Updated,
                says: None,
                at: now() - TimeDelta::seconds(88),
                took_ms: 12,
            }),
            failures: vec![],
            due_at: now() - TimeDelta::seconds(88),
        },
        integration_name: "Acme <product>".into(),
        identifier: Some("WEB-7".into()),
    }
}

async fn log(rows: Vec<BurstRow>, path: &str) -> Answer {
    let canned = Canned {
        bursts: Ok(Page { rows, next: None }),
        ..one()
    };
    get(canned, Some(lead()), path).await
}

#[tokio::test]
async fn without_a_webhook_the_page_says_what_it_is_good_for() {
    let page = get(report(None), Some(admin()), &address("/webhook")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text("h1"), "Webhook of Acme <product>");
    assert!(
        page.text(".page-says").contains("Not set up"),
        "{}",
        page.html
    );
    assert!(page.has(r#"form[action="/api/ui/create_webhook"] button"#));
    assert!(page.text(".notice-title").contains("Plane refuses <it>."));

    let page = get(report(None), Some(lead()), &address("/webhook")).await;
    assert!(!page.has("main form"), "a lead changes nothing");
    assert!(page.text("main").contains("An admin can set it up."));
}

#[tokio::test]
async fn the_address_is_there_to_be_copied_and_the_secret_is_never_shown() {
    let page = get(report(Some(webhook())), Some(admin()), &address("/webhook")).await;
    assert!(
        page.text(".page-says")
            .contains("Receiving Last delivery 3 min ago.")
    );
    assert_eq!(
        page.text(r#"textarea[aria-label="Address of the webhook"]"#),
        "https://hangar.example.com/api/webhooks/plane/0123456789abcdef0123456789abcdef"
    );
    assert!(
        page.text(".saved-key").contains("…b058"),
        "{}",
        page.text(".saved-key")
    );
    assert!(page.has(r#"form[action="/api/ui/rotate_webhook_secret"]"#));
    assert!(page.text("main").contains("looked for every 15 minutes"));

    let page = get(report(Some(webhook())), Some(lead()), &address("/webhook")).await;
    assert!(!page.has("main form"), "a lead changes nothing");
}

#[tokio::test]
async fn a_silent_webhook_is_told_with_where_to_switch_it_on() {
    let mut canned = report(Some(webhook()));
    let page = get(canned.clone(), Some(lead()), &address("/webhook")).await;
    assert!(
        page.texts(".figure").contains(
            &"Changes it told first, 24 h99.6 %4 caught by the schedule; 99.9 % in 7 days"
                .to_owned()
        ),
        "{:?}",
        page.texts(".figure")
    );
    let since = now() - TimeDelta::minutes(50);
    let mut silent = canned.webhook.unwrap();
    silent.webhook = silent.webhook.map(|webhook| Webhook {
        silence: Some((Silence::Missed(4), since)),
        ..webhook
    });
    canned.webhook = Ok(silent);
    canned.silent = vec![SilentWebhook {
        integration: ID,
        integration_name: "Acme <product>".into(),
        silence: Silence::Missed(4),
        since,
    }];
    let overview = get(canned.clone(), Some(lead()), "/").await;
    let says = overview.texts(".notice-bad").join(" ");
    for part in [
        "A webhook has gone silent",
        "Acme <product>, since 50 min ago.",
        "found 4 changes",
    ] {
        assert!(says.contains(part), "{part}: {says}");
    }
    let page = get(canned, Some(lead()), &address("/webhook")).await;
    assert!(page.text(".page-says").contains("Silent"));
    let says = page.text(".notice-bad");
    assert!(
        says.contains("Plane has probably switched the webhook off"),
        "{says}"
    );
    assert!(
        says.contains("found 4 changes that it should have told of"),
        "{says}"
    );
    assert!(
        page.has(r#".notice-bad a[href="https://plane.acme.example/acme/settings/webhooks/"]"#)
    );
}

#[tokio::test]
async fn what_was_not_believed_is_told_with_what_to_do() {
    let webhook = Webhook {
        refused: [(Disbelief::Unknown, 37), (Disbelief::NoSignature, 1)].into(),
        refused_at: Some(now() - TimeDelta::minutes(1)),
        quarantined: 38,
        ..webhook()
    };
    let page = get(report(Some(webhook)), Some(admin()), &address("/webhook")).await;
    assert!(page.text(".page-says").contains("Not believed"));
    let says = page.text(".notice-bad");
    for part in [
        "38 deliveries were not believed",
        "37 deliveries:",
        "1 delivery:",
        "If somebody made a new secret in Plane, paste it",
    ] {
        assert!(says.contains(part), "{part}: {says}");
    }
}

#[tokio::test]
async fn a_replacement_under_way_says_how_it_ends() {
    let webhook = Webhook {
        rotation_until: Some(now() + TimeDelta::hours(23)),
        quarantined: 2,
        ..webhook()
    };
    let page = get(report(Some(webhook)), Some(admin()), &address("/webhook")).await;
    assert!(
        page.text(".page-says")
            .contains("2 deliveries wait for the new secret.")
    );
    assert!(page.has(
        r#"form[action="/api/ui/rotate_webhook_secret"] input[name="is_open"][value="false"]"#
    ));
    assert!(page.has(r#"form[action="/api/ui/save_webhook_secret"] input[type="password"]"#));

    let path = address("/webhook?verified=37&rejected=0");
    let page = get(report(Some(self::webhook())), Some(admin()), &path).await;
    assert!(
        page.text(r#"[role="status"]"#)
            .contains("37 verified, 0 rejected")
    );
}

#[tokio::test]
async fn the_log_says_what_each_edit_brought() {
    let page = log(vec![burst()], "/webhooks").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.texts("table.webhook-log tbody tr > *"),
        [
            "WEB-7 Fix <the> login",
            "work_item.updated state, labels",
            "Updated",
            "Acme <product>",
            "Deliveries: 3 (1 duplicate)",
            "Lag: 1 s",
            "1 min ago",
        ]
    );
    assert_eq!(page.text(r#"nav [aria-current="page"]"#), "Webhooks");

    let page = log(vec![], "/webhooks").await;
    assert!(page.text(".empty").contains("Nothing was received yet"));
    let page = log(vec![], "/webhooks?result=dead").await;
    assert!(page.text(".empty").contains("Nothing matches"));
    assert_eq!(
        page.attribute("option[selected][value=dead]", "value")
            .as_deref(),
        Some("dead")
    );
}

fn burst_report(row: BurstRow) -> Canned {
    let event = EventReport {
        received_at: row.burst.first_at,
        name: row.burst.event.clone(),
        field: Some("labels".into()),
        before: Some("bug".into()),
        after: Some("<b>fix</b>".into()),
        updated_at: None,
        duplicates: 1,
        headers: vec![("x-plane-event".into(), "issue".into())],
        body: "{\n  \"event\": \"<issue>\"\n}".into(),
        curl: Some("curl 'https://hangar.example.com' --data '<&>'".into()),
    };
    Canned {
        burst: Ok(BurstReport {
            row,
            events: vec![event],
            is_copied: true,
            plane_url: Some("https://plane.acme.example/acme/browse/WEB-7/".into()),
        }),
        ..one()
    }
}

#[tokio::test]
async fn a_burst_shows_its_events_as_they_came() {
    let path = format!("/webhooks/{}/{}", ID.0, Uuid::from_u128(80));
    let page = get(burst_report(burst()), Some(admin()), &path).await;
    assert_eq!(page.status, 200, "{}", page.html);
    assert_eq!(page.text("h1"), "WEB-7 Fix <the> login");
    assert!(
        page.text(".page-says")
            .contains("The copy was brought up to date.")
    );
    assert!(
        page.text(".webhook-event")
            .contains("labels from bug to <b>fix</b>"),
        "{}",
        page.text(".webhook-event")
    );
    assert!(page.text("pre").contains("\"event\": \"<issue>\""));
    assert!(page.has(r#"form[action="/api/ui/replay_burst"]"#));
    assert!(page.has(r#"a[href="https://plane.acme.example/acme/browse/WEB-7/"]"#));

    assert!(
        page.text("main")
            .contains("E-mail addresses and secrets are masked.")
    );
    let unmasked = format!("{path}?unmasked=true");
    assert!(page.has(&format!(r#"a[href="{unmasked}"]"#)));

    let page = get(burst_report(burst()), Some(admin()), &unmasked).await;
    assert!(page.text(".notice").contains("Without masks"));
    assert_eq!(
        page.text(r#"textarea[aria-label="As a curl command"]"#)
            .trim(),
        "curl 'https://hangar.example.com' --data '<&>'"
    );

    let page = get(burst_report(burst()), Some(lead()), &path).await;
    assert!(!page.has("main form"), "a lead changes nothing");
    assert!(
        !page.has(r#"a[href*="unmasked"]"#),
        "nor sees what is masked"
    );
    let page = get(burst_report(burst()), Some(lead()), &unmasked).await;
    assert_eq!(page.status, 403);
}

fn replay(is_dry: bool, ended_at: Option<DateTime<Utc>>) -> Canned {
    let line = |replayed: Replayed, says: Option<&str>| ReplayLine {
        integration: ID,
        burst: BurstId(Uuid::from_u128(80)),
        title: "#7 Fix <the> login".into(),
        event: "work_item.updated".into(),
        replayed,
        says: says.map(str::to_owned),
    };
    let mut replay = Replay {
        id: ReplayId(Uuid::from_u128(90)),
        by: "Maya <Keller>".into(),
        scope: ReplayScope::Matching(BurstFilter {
            state: Some(BurstState::Dead),
            ..BurstFilter::default()
        }),
        is_dry,
        started_at: now() - TimeDelta::seconds(5),
        ended_at,
        is_cancelled: false,
        all: 1200,
        looked_at: 1200,
        counts: Default::default(),
        lines: vec![],
    };
    replay.add(line(Replayed::Updated, None));
    replay.add(line(Replayed::Ignored, Some("Its project is not synced.")));
    for _ in 0..3 {
        replay.add(line(Replayed::Settled, None));
    }
    Canned {
        replay: Ok(replay),
        ..one()
    }
}

#[tokio::test]
async fn a_look_says_what_a_replay_would_change_and_offers_it() {
    let path = format!("/webhooks/replays/{}", Uuid::from_u128(90));
    let page = get(replay(true, Some(now())), Some(admin()), &path).await;
    assert_eq!(page.status, 200, "{}", page.html);
    assert_eq!(page.text("h1"), "What a replay would change");
    let says = page.text(".page-says");
    assert!(
        says.contains("5 lines. Nothing was changed yet. Started by Maya <Keller>"),
        "{says}"
    );
    let figures = page.texts(".figure");
    for figure in [
        "Would be updated1",
        "Would be ignored1",
        "Applied before3Skipped",
    ] {
        assert!(
            figures.iter().any(|text| text.starts_with(figure)),
            "{figure}: {figures:?}"
        );
    }
    assert_eq!(
        page.texts("tbody tr").len(),
        2,
        "what was applied before is only counted"
    );
    assert!(page.text("tbody").contains("Its project is not synced."));
    assert!(page.has(r#"main a[href="/webhooks?result=dead"]"#));
    assert_eq!(
        page.text(r#"form[action="/api/ui/start_replay"] button"#),
        "Apply 2 lines"
    );
    assert_eq!(page.text(r#"nav [aria-current="true"]"#), "Webhooks");
    assert!(!page.has("progress"));

    let page = get(replay(true, Some(now())), Some(lead()), &path).await;
    assert!(!page.has("main form"), "a lead changes nothing");

    let page = get(replay(false, None), Some(admin()), &path).await;
    assert!(page.text(".page-says").contains("1,200 of 1,200 looked at"));
    assert!(page.has("progress"));
    assert!(page.has(r#"form[action="/api/ui/cancel_replay"] button"#));
    assert_eq!(
        page.text("main .actions a"),
        "Refresh",
        "for whoever has no JavaScript"
    );
    assert!(!page.has(r#"form[action="/api/ui/start_replay"]"#));

    let page = get(
        replay(false, Some(now())),
        Some(lead()),
        "/webhooks/replays",
    )
    .await;
    assert_eq!(page.texts("tbody tr").len(), 1);
    let page = get(one(), Some(lead()), "/webhooks/replays").await;
    assert!(page.text(".empty").contains("Nothing was replayed yet"));
}

#[tokio::test]
async fn admins_choose_lines_of_the_log_to_apply_once_more() {
    let canned = Canned {
        bursts: Ok(Page {
            rows: vec![burst()],
            next: None,
        }),
        ..one()
    };
    let page = get(
        canned,
        Some(admin()),
        "/webhooks?result=dead&from=2026-11-01",
    )
    .await;
    let value = format!("{}/{}", ID.0, Uuid::from_u128(80));
    assert_eq!(
        page.attribute(r#"input[name="chosen[]"][form=replay]"#, "value"),
        Some(value)
    );
    assert_eq!(
        page.attribute(r#"#replay input[name=filter]"#, "value")
            .as_deref(),
        Some("?result=dead&from=2026-11-01")
    );
    assert_eq!(
        page.text(r#"#replay button[name=all]"#),
        "Look at all that match"
    );
    let page = log(vec![burst()], "/webhooks").await;
    assert!(!page.has("#replay"), "a lead changes nothing");
}

#[tokio::test]
async fn the_log_says_when_it_shows_only_the_time_of_a_bar() {
    let bar = "/webhooks?about=project&since=2026-11-18T06:00:00Z&until=2026-11-18T07:00:00Z";
    let page = log(vec![burst()], bar).await;
    let says = "Only what was first received from 18 Nov 2026, 06:00 until 18 Nov 2026, 07:00 UTC. Show any time";
    assert!(page.text("main").contains(says), "{}", page.text("main"));
    let links = page.attributes("main p a", "href");
    assert!(
        links.contains(&"/webhooks?about=project".to_owned()),
        "{links:?}"
    );
}

#[tokio::test]
async fn whoever_waits_for_the_first_delivery_is_told_where_to_look() {
    let waiting = Webhook {
        first_at: None,
        last_at: None,
        refused: [(Disbelief::Unknown, 2)].into(),
        self_test: Some(SelfTest {
            at: now() - TimeDelta::minutes(1),
            took_ms: 34,
            result: SelfTestResult::Redirected("https://hangar.example.com/".into()),
        }),
        ..webhook()
    };
    let mut canned = report(Some(waiting));
    if let Ok(report) = &mut canned.webhook {
        report.made_secret = Some(TypedKey("plane_wh_made_here".into()));
    }
    let page = get(canned, Some(admin()), &address("/webhook")).await;
    let hints = page.texts(".webhook-hints li");
    assert_eq!(hints.len(), 6, "{hints:?}");
    assert!(hints[0].contains("the secret does not fit"));
    let tested = page.text(r#"[role="status"]"#);
    assert!(
        tested.contains("The address redirects to https://hangar.example.com/."),
        "{tested}"
    );
    assert!(page.has(r#"form[action="/api/ui/test_webhook"] button"#));
    assert_eq!(
        page.text(r#"textarea[aria-label="Secret of the webhook"]"#),
        "plane_wh_made_here"
    );
    assert!(page.has(r#"form[action="/api/ui/hide_webhook_secret"]"#));
    assert!(!page.has(r#"form[action="/api/ui/make_webhook_secret"]"#));
    assert_eq!(
        page.attribute("input[name=days]", "value").as_deref(),
        Some("30")
    );
    assert_eq!(
        page.attribute("input[name=megabytes]", "value").as_deref(),
        Some("500")
    );
}

#[tokio::test]
async fn a_burst_that_was_given_up_says_why() {
    let mut row = burst();
    row.burst.state = BurstState::Dead;
    row.burst.result = None;
    row.burst.failures = vec![FailedTry {
        at: now() - TimeDelta::minutes(5),
        code: "unreachable".into(),
        says: "Plane can’t be reached.".into(),
    }];
    let path = format!("/webhooks/{}/{}", ID.0, Uuid::from_u128(80));
    let page = get(burst_report(row), Some(admin()), &path).await;
    assert!(
        page.text(".page-says")
            .contains("Given up after 1 try. Plane can’t be reached.")
    );
    assert_eq!(page.texts("td .mono"), ["unreachable"]);
}
