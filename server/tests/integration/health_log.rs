//! What is looked at of every integration, and what is written down when it says something else.

use app::Integrations as _;
use chrono::TimeDelta;
use domain::{
    checks::{Check, Level},
    range::Range,
    usage::{CallRecord, PlaneKey, Purpose},
};
use fake_plane::{Fault, What, seed};
use serde_json::Value;

use crate::support::{Person, Watched};

#[tokio::test]
async fn a_key_that_plane_refuses_is_told_once_and_so_is_its_end() {
    let mut world = Watched::new().await;
    world.later(16).await;
    assert_eq!(world.later(16).await, 0, "all is well");
    assert_eq!(world.level(Check::Key).await, Level::Good);
    assert_eq!(world.level(Check::Freshness).await, Level::Good);
    assert_eq!(world.level(Check::Webhook).await, Level::Unknown);

    let refused = r#"{"error": "Given API token is not valid", "error_code": ""}"#;
    let fault = Fault::new(What::Status(403, refused.to_owned(), vec![]));
    world.portal.plane.fail(fault);
    let told = world.later(16).await;
    assert!(told >= 1, "the key at once");
    assert_eq!(world.level(Check::Key).await, Level::Bad);
    for _ in 0..3 {
        world.later(16).await;
    }
    assert_eq!(world.level(Check::Connection).await, Level::Bad);
    assert_eq!(world.level(Check::Freshness).await, Level::Bad);
    assert_eq!(world.later(1).await, 0, "nothing new");

    let page = world.admin.get(&format!("{}/health", world.page)).await;
    let rows = page.all("[aria-label=Checks] tbody tr");
    assert!(rows[0].contains("Bad"), "worst first: {rows:?}");
    assert!(rows.iter().any(|row| row.contains("Plane refuses the key")));
    let log = page.all("[aria-label='Health log'] tbody tr");
    assert_eq!(log.len(), 4, "unsteady, failing, key, freshness: {log:?}");

    world.portal.plane.heal();
    // What a refused sync waits six hours for, a test that passes tells earlier.
    for minutes in [16, 1, 1] {
        world.later(minutes).await;
    }
    for check in [Check::Key, Check::Connection, Check::Freshness] {
        assert_eq!(world.level(check).await, Level::Good, "{check:?}");
    }
    let key = format!("{}/health.json?check=key", world.page);
    let key: Value = serde_json::from_str(&world.admin.get(&key).await.text).unwrap();
    let levels: Vec<&str> = key
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["good", "bad"]);
    let csv = world.admin.get(&format!("{}/health.csv", world.page)).await;
    assert!(
        csv.text.starts_with("at,check,was,level,says\n"),
        "{}",
        csv.text
    );
    assert!(csv.text.lines().any(|line| line.contains(",key,good,bad,")));
    let answer = world
        .portal
        .visitor()
        .get(&format!("{}/health.csv", world.page))
        .await;
    assert_ne!(answer.status, 200);
    assert!(!answer.text.contains("refuses"), "{}", answer.text);
}

#[tokio::test]
async fn a_key_that_is_close_to_its_limit_for_a_quarter_of_an_hour_is_told() {
    let world = Watched::new().await;
    world.later(2).await;
    let portal = &world.portal.portal;
    let viewer = world.portal.viewer().await;
    let row = portal.integrations.get(&viewer, world.id).await.unwrap();
    let key = PlaneKey {
        origin: world.portal.plane.url(),
        fingerprint: row.integration.key.fingerprint.clone(),
    };
    let busy = async |calls: u32, minutes: i64| {
        for _ in 0..minutes {
            for _ in 0..calls {
                portal.integrations.usage.record(CallRecord {
                    integration: Some(world.id),
                    key: key.clone(),
                    purpose: Purpose::Sync,
                    endpoint: "projects".to_owned(),
                    status: Some(200),
                    error: None,
                    ended_at: world.portal.clock.now(),
                    took_ms: 3,
                    waited_ms: 0,
                    bytes: 10,
                    remaining: None,
                    project: None,
                });
            }
            portal.integrations.usage.flush().await.unwrap();
            world.portal.clock.advance(TimeDelta::minutes(1));
        }
        portal.health.watch().await.unwrap();
    };
    let limit = portal
        .backend
        .health
        .budgets(&viewer, Range::default())
        .await
        .unwrap()[0]
        .limit;
    let high = limit.div_ceil(5) * 4;
    busy(high, 14).await;
    assert_eq!(world.level(Check::Budget).await, Level::Good);
    busy(high, 2).await;
    assert_eq!(world.level(Check::Budget).await, Level::Warning);
    busy(1, 1).await;
    assert_eq!(world.level(Check::Budget).await, Level::Good);
}

#[tokio::test]
async fn a_pause_is_no_all_clear_and_no_alarm() {
    let mut world = Watched::new().await;
    world.later(2).await;
    let down = Fault::new(What::Status(500, String::new(), vec![]));
    world.portal.plane.fail(down);
    for _ in 0..3 {
        world.later(16).await;
    }
    assert_eq!(world.level(Check::Freshness).await, Level::Bad);
    let id = world.id.to_string();
    let paused = world
        .admin
        .post("pause_integration", &[("id", &id), ("note", "")])
        .await;
    assert_eq!(paused.status, 303, "{}", paused.text);
    assert_eq!(world.later(60).await, 0);
    assert_eq!(world.level(Check::Freshness).await, Level::Unknown);
}

#[tokio::test]
async fn a_key_that_runs_out_is_told_of_until_it_is_replaced_and_tests_keep_their_interval() {
    let mut world = Watched::new().await;
    let url = world.portal.plane.url();
    let id = world.id.to_string();
    let (page, edit) = (world.page.clone(), format!("{}/edit", world.page));
    let fields = |version: &'static str, minutes: &'static str, day: &'static str| {
        vec![
            ("id", id.clone()),
            ("integration_name", "Acme".to_owned()),
            ("base_url", url.clone()),
            ("workspace", "acme".to_owned()),
            ("interval_minutes", "15".to_owned()),
            ("version", version.to_owned()),
            ("test_minutes", minutes.to_owned()),
            ("key_expires_on", day.to_owned()),
        ]
    };
    let save = async |admin: &mut Person, fields: Vec<(&'static str, String)>| {
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        admin.post_on(&edit, "update_integration", &fields).await
    };
    for (wrong, minutes, day) in [
        ("test_minutes", "1", ""),
        ("test_minutes", "often", ""),
        ("key_expires_on", "15", "31.12.2026"),
    ] {
        let refused = save(&mut world.admin, fields("1", minutes, day)).await;
        let form = world.admin.get(&refused.location()).await;
        assert!(
            form.has(&format!("input[name={wrong}][aria-invalid=true]")),
            "{wrong}"
        );
    }
    // These tests begin on 18 November 2026.
    let saved = save(&mut world.admin, fields("1", "60", "2026-11-30")).await;
    assert_eq!(saved.location(), page, "{}", saved.text);
    assert!(world.admin.get(&page).await.text.contains("30 Nov 2026"));

    let tested = async |world: &Watched, minutes: i64| {
        world.portal.clock.advance(TimeDelta::minutes(minutes));
        world.portal.portal.checks.check_due().await.unwrap()
    };
    assert_eq!(tested(&world, 2).await, 1, "because it is new");
    assert_eq!(tested(&world, 30).await, 0);
    assert_eq!(tested(&world, 30).await, 1);
    world.later(0).await;
    assert_eq!(world.level(Check::Expiry).await, Level::Warning);

    let replace = |day: &'static str| {
        [
            ("id", id.as_str()),
            ("api_key", seed::ADMIN_KEY),
            ("key_expires_on", day),
        ]
    };
    let key_page = format!("{page}/key");
    let refused = world
        .admin
        .post_on(&key_page, "replace_key", &replace("soon"))
        .await;
    let form = world.admin.get(&refused.location()).await;
    assert!(form.has("input[name=key_expires_on][aria-invalid=true]"));
    let replaced = world
        .admin
        .post_on(&key_page, "replace_key", &replace("2027-11-30"))
        .await;
    assert_eq!(replaced.location(), page, "{}", replaced.text);
    assert_eq!(world.level(Check::Expiry).await, Level::Good);
    assert!(world.admin.get(&page).await.text.contains("30 Nov 2027"));
}
