use app::{AddressProblem, BurstReport, BurstRow, EventReport, WebhookReport};
use chrono::TimeDelta;
use domain::{
    ids::{BurstId, ProjectId},
    inbox::{Burst, BurstResult, BurstState, Disbelief, Effect, FailedTry, SecretHint, Webhook},
    page::Page,
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
            silence: None,
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
    let mut silent = canned.webhook.unwrap();
    silent.silence = Some(Silence::Missed(4));
    canned.webhook = Ok(silent);
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

    let page = get(burst_report(burst()), Some(lead()), &path).await;
    assert!(!page.has("main form"), "a lead changes nothing");
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
