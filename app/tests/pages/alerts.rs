use app::{AlertsReport, DeliveryRow, RuleRow};
use chrono::TimeDelta;
use domain::{
    alerts::{
        Channel, ChannelHealth, ChannelKind, ChannelSettings, Delivery, DeliveryState, Incident,
        MailSecurity, Message, MessageKind, Rule,
    },
    checks::Level,
    ids::{ChannelId, DeliveryId, ProblemId, RuleId},
    page::{Cursor, Page},
};
use uuid::Uuid;

use crate::{
    canned::{Canned, admin, get, lead, now},
    integrations::{ID, one},
};

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(70));
const MAIL: ChannelId = ChannelId(Uuid::from_u128(71));

fn rules() -> [Rule; 2] {
    let id = |n| RuleId(Uuid::from_u128(n));
    Rule::built_in(id(80), id(81)).unwrap()
}

fn slack() -> Channel {
    Channel {
        id: CHANNEL,
        name: "Ops <slack>".parse().unwrap(),
        kind: ChannelKind::Slack,
        settings: ChannelSettings::Hook {
            host: "hooks.slack.com".to_owned(),
        },
        is_on: true,
        saved_at: now() - TimeDelta::days(1),
        version: 3,
        health: ChannelHealth {
            failed: 4,
            error: Some("It answered 500.".to_owned()),
            failed_at: Some(now() - TimeDelta::minutes(7)),
            sent_at: None,
        },
    }
}

fn mail() -> Channel {
    Channel {
        id: MAIL,
        name: "The team".parse().unwrap(),
        kind: ChannelKind::Email,
        settings: ChannelSettings::Mail {
            host: "smtp.example.com".to_owned(),
            port: 587,
            security: MailSecurity::StartTls,
            user: "ops".to_owned(),
            from: "hangar@example.com".parse().unwrap(),
            recipients: vec!["team@example.com".parse().unwrap()],
        },
        health: ChannelHealth {
            sent_at: Some(now() - TimeDelta::hours(2)),
            ..ChannelHealth::default()
        },
        ..slack()
    }
}

fn delivery() -> DeliveryRow {
    let at = now() - TimeDelta::minutes(9);
    let message = Message {
        kind: MessageKind::Opened,
        rule: RuleId(Uuid::from_u128(80)),
        rule_name: "What is broken".to_owned(),
        incident: "ab12".to_owned(),
        level: Level::Bad,
        title: "Plane can’t be reached".to_owned(),
        says: "<b>Nothing</b> answers.".to_owned(),
        advice: String::new(),
        integrations: vec![(ID, "Acme".to_owned())],
        since: at,
        at,
        owner: None,
        owner_addresses: vec![],
        url: "https://hangar.example/problems/1".to_owned(),
    };
    DeliveryRow {
        delivery: Delivery {
            id: DeliveryId(Uuid::from_u128(90)),
            channel: CHANNEL,
            message,
            state: DeliveryState::Waiting,
            made_at: at,
            due_at: now() + TimeDelta::minutes(4),
            tries: 3,
            error: Some("It answered 500.".to_owned()),
            sent_at: None,
        },
        channel_name: Some("Ops <slack>".to_owned()),
    }
}

fn canned() -> Canned {
    let [broken, look] = rules();
    let incident = Incident {
        rule: broken.id,
        group: "server x".to_owned(),
        number: 1,
        opened_at: now() - TimeDelta::minutes(9),
        members: [ProblemId(Uuid::from_u128(5))].into(),
        title: "Plane can’t be reached".to_owned(),
        level: Level::Bad,
        integrations: [(ID, "Acme".to_owned())].into(),
        told_at: now(),
        messages: 2,
        closed_at: None,
    };
    let row = |rule: Rule, would, open| RuleRow { rule, would, open };
    let broken = Rule {
        channels: [CHANNEL, MAIL].into(),
        quiet_hours: Some("22:00-06:00 Europe/Berlin".parse().unwrap()),
        ..broken
    };
    Canned {
        alerts: AlertsReport {
            rules: vec![row(broken, 2, vec![incident]), row(look, 0, vec![])],
            channels: vec![slack(), mail()],
        },
        deliveries: Page {
            rows: vec![delivery()],
            next: Some(Cursor("n".into())),
        },
        ..one()
    }
}

#[tokio::test]
async fn the_page_says_who_is_told_of_what_and_what_is_told_now() {
    let page = get(canned(), Some(lead()), "/alerts").await;
    assert_eq!(page.text(".page-says"), "1 incident is told right now.");
    assert!(
        page.text("[aria-label='Told right now']")
            .contains("Plane can’t be reached")
    );
    let rules = page.texts("[aria-label=Rules] tbody tr");
    assert_eq!(
        rules[0],
        "What is brokenWhat is broken; again every 24 h.OnOps <slack>, The team, the ownerwould have told twice"
    );
    assert!(rules[1].contains("Nobody") && rules[1].ends_with("would not have told of anything"));
    let channels = page.texts("[aria-label=Channels] tbody tr");
    assert!(
        channels[0].starts_with("Ops <slack>hooks.slack.comFailing 7 min"),
        "{channels:?}"
    );
    assert!(
        channels[1].starts_with("The teamteam@example.comWorks"),
        "{channels:?}"
    );
    assert!(
        !page.has("main form") && !page.has("main a[href$='/new']"),
        "nothing that a lead can't do"
    );
    assert!(!page.text("main").contains("Nobody is told"));

    let page = get(one(), Some(admin()), "/alerts").await;
    assert!(page.text("main").contains("Nobody is told"));
    assert!(page.has("main a[href='/alerts/channels/new']"));
}

#[tokio::test]
async fn a_rule_shows_what_it_does_and_its_form_to_admins_alone() {
    let path = format!("/alerts/rules/{}", rules()[0].id);
    let page = get(canned(), Some(lead()), &path).await;
    assert_eq!(
        page.text(".page-says"),
        "On In the last 7 days it would have told twice."
    );
    assert!(
        page.text(".facts")
            .contains("22:00 to 06:00, Europe/Berlin")
    );
    assert!(!page.has("main form"));

    let page = get(canned(), Some(admin()), &path).await;
    assert!(
        page.has("form[action='/api/ui/test_rule']")
            && page.has("form[action='/api/ui/delete_rule']")
    );
    assert_eq!(page.count("input[name='channels[]'][checked]"), 2);
    assert_eq!(
        page.count("input[name='classes[]']"),
        domain::problems::Class::ALL.len()
    );
    assert_eq!(
        page.attribute("input[name=remind_hours]", "value")
            .as_deref(),
        Some("24")
    );
    assert_eq!(
        page.attribute("input[name=quiet_zone]", "value").as_deref(),
        Some("Europe/Berlin")
    );
    let nobody = format!("/alerts/rules/{}", rules()[1].id);
    let page = get(canned(), Some(admin()), &nobody).await;
    assert!(
        !page.has("form[action='/api/ui/test_rule']"),
        "there is nobody to send it to"
    );
    assert_eq!(get(one(), Some(admin()), &path).await.status, 404);
}

#[tokio::test]
async fn a_channel_shows_how_it_goes_and_never_a_secret() {
    let path = format!("/alerts/channels/{CHANNEL}");
    let page = get(canned(), Some(lead()), &path).await;
    assert_eq!(page.text("h1"), "Ops <slack>");
    assert!(page.text(".notice").contains("It answered 500."));
    assert!(!page.has("main form"));
    let rows = page.texts("[aria-label=Messages] tbody tr");
    assert!(
        rows[0].contains("<b>Nothing</b> answers.") && rows[0].contains("3 tries"),
        "{rows:?}"
    );
    assert!(rows[0].contains("Next try in 4 min"), "{rows:?}");

    let page = get(canned(), Some(admin()), &path).await;
    assert_eq!(
        page.attribute("input[name=url]", "value").as_deref(),
        Some("")
    );
    assert_eq!(
        page.attribute("input[name=version]", "value").as_deref(),
        Some("3")
    );
    let path = format!("/alerts/channels/{MAIL}");
    let page = get(canned(), Some(admin()), &path).await;
    assert_eq!(
        page.attribute("input[name=host]", "value").as_deref(),
        Some("smtp.example.com")
    );
    assert_eq!(
        page.attribute("input[name=password]", "value").as_deref(),
        Some("")
    );
    let key = Canned {
        signing_key: Some("whsec_abc".to_owned()),
        ..canned()
    };
    let page = get(key.clone(), Some(admin()), &path).await;
    assert_eq!(page.text("textarea.copyable").trim(), "whsec_abc");
    assert!(
        !get(key, Some(lead()), &path)
            .await
            .text("main")
            .contains("whsec_abc")
    );
}

#[tokio::test]
async fn a_new_channel_asks_for_what_its_kind_needs() {
    for (kind, field, not) in [
        ("", "recipients", "url"),
        ("?kind=slack", "url", "recipients"),
        ("?kind=webhook", "key", "host"),
        ("?kind=nonsense", "recipients", "url"),
    ] {
        let page = get(
            canned(),
            Some(admin()),
            &format!("/alerts/channels/new{kind}"),
        )
        .await;
        assert!(page.has(&format!("[name={field}]")), "{kind}");
        assert!(!page.has(&format!("[name={not}]")), "{kind}");
    }
    for path in ["/alerts/channels/new", "/alerts/rules/new"] {
        assert_eq!(get(canned(), Some(lead()), path).await.status, 403);
        assert_eq!(get(canned(), Some(admin()), path).await.status, 200);
    }
}

#[tokio::test]
async fn the_log_is_filtered_in_the_address() {
    let page = get(canned(), Some(lead()), "/alerts/log?state=waiting").await;
    assert_eq!(page.texts(".chip[aria-current]"), ["On its way"]);
    assert!(
        page.attribute("a[rel=next]", "href")
            .unwrap()
            .contains("state=waiting")
    );
    let gone = Canned {
        deliveries: Page {
            rows: vec![DeliveryRow {
                channel_name: None,
                ..delivery()
            }],
            next: None,
        },
        ..canned()
    };
    let page = get(gone, Some(lead()), "/alerts/log").await;
    assert!(
        page.text("[aria-label=Messages]")
            .contains("A channel that is gone")
    );
    let page = get(one(), Some(lead()), "/alerts/log").await;
    assert_eq!(page.text(".empty h2"), "Nothing was sent");
}
