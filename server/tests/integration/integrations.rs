use fake_plane::seed;

use crate::support::TestPortal;

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn mistakes_are_shown_at_their_fields_and_what_was_typed_is_kept() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let fields = [
        ("integration_name", "Acme"),
        ("base_url", &*portal.plane.url()),
        ("workspace", "not a slug"),
        ("api_key", seed::KEY),
        ("interval_minutes", "1"),
    ];

    let answer = admin
        .post_on("/integrations/new", "create_integration", &fields)
        .await;

    assert_eq!(answer.status, 303, "{}", answer.text);
    assert!(
        answer.location().starts_with("/integrations/new?draft="),
        "{}",
        answer.location()
    );
    let form = admin.get(&answer.location()).await;
    assert_eq!(
        form.attribute("input[name=workspace]", "value").as_deref(),
        Some("not a slug")
    );
    assert_eq!(
        form.attribute("input[name=workspace]", "aria-invalid")
            .as_deref(),
        Some("true")
    );
    assert_eq!(
        form.attribute("input[name=interval_minutes]", "aria-invalid")
            .as_deref(),
        Some("true")
    );
    assert!(!form.text.contains(seed::KEY), "a key never reaches a page");
    assert!(
        form.words().contains(&seed::KEY[seed::KEY.len() - 4..]),
        "but its last four characters say that it is kept"
    );
}

#[tokio::test]
async fn a_key_typed_once_survives_a_mistake_elsewhere() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let url = portal.plane.url();
    let fields = [
        ("integration_name", "Acme"),
        ("base_url", &*url),
        ("workspace", "a b"),
        ("api_key", seed::KEY),
    ];
    let back = admin
        .post_on("/integrations/new", "create_integration", &fields)
        .await
        .location();
    let draft = back.split("draft=").nth(1).unwrap().to_owned();

    let fields = [
        ("integration_name", "Acme"),
        ("base_url", &*url),
        ("workspace", "acme"),
        ("api_key", ""),
        ("draft", &draft),
    ];
    let answer = admin.post_on(&back, "create_integration", &fields).await;

    assert_eq!(answer.status, 303, "{}", answer.text);
    let test = admin
        .post("test_integration", &[("id", id_of(&answer.location()))])
        .await
        .location();
    assert!(
        admin.get(&test).await.words().contains("Passed"),
        "{}",
        admin.get(&test).await.words()
    );
}

#[tokio::test]
async fn programs_get_the_same_as_json_with_the_right_status() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;

    let invalid = admin
        .call(
            "create_integration",
            &[("integration_name", "Acme"), ("base_url", "ftp://x")],
        )
        .await;
    assert_eq!(invalid.status, 422, "{}", invalid.text);
    let json: serde_json::Value = serde_json::from_str(&invalid.text).unwrap();
    assert_eq!(json["code"], "invalid");
    assert!(json["fields"]["base_url"].is_string(), "{json}");

    let missing = admin
        .call(
            "start_sync",
            &[("id", "019ab2c0-0000-7000-8000-000000000000")],
        )
        .await;
    assert_eq!(missing.status, 404, "{}", missing.text);
    assert_eq!(
        portal
            .visitor()
            .call(
                "start_sync",
                &[("id", "019ab2c0-0000-7000-8000-000000000000")]
            )
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn an_address_that_policy_forbids_is_refused_with_the_setting_that_lifts_it() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    for address in [
        "http://169.254.169.254",
        "http://10.0.0.7",
        "https://192.168.1.5",
        "http://plane.example.com",
    ] {
        let fields = [
            ("integration_name", "Acme"),
            ("base_url", address),
            ("workspace", "acme"),
            ("api_key", seed::KEY),
        ];
        let answer = admin.call("create_integration", &fields).await;
        assert_eq!(answer.status, 422, "{address}: {}", answer.text);
        assert!(
            answer.text.contains("base_url"),
            "{address}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn the_second_of_two_editors_is_told_and_overwrites_nothing() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let edit = format!("{acme}/edit");
    let page = admin.get(&edit).await;
    let version = page.attribute("input[name=version]", "value").unwrap();
    let url = portal.plane.url();
    let fields = |name: &'static str, about: &'static str| {
        vec![
            ("id", id_of(&acme).to_owned()),
            ("version", version.clone()),
            ("integration_name", name.to_owned()),
            ("base_url", url.clone()),
            ("workspace", "acme".to_owned()),
            ("interval_minutes", "30".to_owned()),
            ("description", about.to_owned()),
        ]
    };
    fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
        fields.iter().map(|(n, v)| (*n, v.as_str())).collect()
    }

    let first = admin
        .post_on(
            &edit,
            "update_integration",
            &pairs(&fields("Acme One", "first")),
        )
        .await;
    assert_eq!(first.location(), acme, "{}", first.text);
    let second = admin
        .post_on(
            &edit,
            "update_integration",
            &pairs(&fields("Acme Two", "second")),
        )
        .await;

    assert!(
        second.location().contains("draft="),
        "{}",
        second.location()
    );
    let told = admin.get(&second.location()).await;
    assert!(
        told.words().contains("Nothing was overwritten")
            || told.words().contains("nothing was overwritten")
    );
    assert_eq!(
        told.attribute("input[name=integration_name]", "value")
            .as_deref(),
        Some("Acme Two")
    );
    assert!(
        told.words().contains("Acme One"),
        "the current values are shown beside"
    );
    assert!(admin.get(&acme).await.words().contains("Acme One"));
}

#[tokio::test]
async fn a_new_address_needs_its_key() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let other = fake_plane::FakePlane::start(Default::default()).await;
    let fields = [
        ("id", id_of(&acme)),
        ("version", "1"),
        ("integration_name", "Acme"),
        ("base_url", &*other.url()),
        ("workspace", "acme"),
    ];

    let answer = admin.call("update_integration", &fields).await;

    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(answer.text.contains("api_key"), "{}", answer.text);
    let tested = admin
        .call(
            "test_integration_form",
            &[&fields[..], &[("integration", id_of(&acme))]].concat(),
        )
        .await;
    assert_eq!(tested.status, 422, "{}", tested.text);
    assert!(
        other.requests().is_empty(),
        "the stored key must not go to another server"
    );
}

#[tokio::test]
async fn a_key_is_replaced_only_when_its_test_passes() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let page = format!("{acme}/key");

    let bad = [("id", id_of(&acme)), ("api_key", seed::REVOKED_KEY)];
    let refused = admin.post_on(&page, "replace_key", &bad).await;
    assert!(
        refused.location().contains("draft="),
        "{}",
        refused.location()
    );
    let told = admin.get(&refused.location()).await;
    assert!(told.words().contains("old key stays"), "{}", told.words());
    assert!(!told.text.contains(seed::REVOKED_KEY));

    let good = [("id", id_of(&acme)), ("api_key", seed::ADMIN_KEY)];
    let replaced = admin.post_on(&page, "replace_key", &good).await;
    assert_eq!(replaced.location(), acme, "{}", replaced.text);
    let history = admin.get(&format!("{acme}/history")).await;
    assert!(
        history.words().to_lowercase().contains("key"),
        "{}",
        history.words()
    );
    let detail = admin.get(&acme).await;
    assert!(
        detail
            .words()
            .contains(&seed::ADMIN_KEY[seed::ADMIN_KEY.len() - 4..])
    );
    assert!(!detail.text.contains(seed::ADMIN_KEY));
}

#[tokio::test]
async fn deleting_needs_the_name_and_takes_everything_along() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    let page = format!("{acme}/delete");
    assert!(
        admin.get(&page).await.words().contains("407"),
        "what is lost is said first"
    );

    let wrong = admin
        .post_on(
            &page,
            "delete_integration",
            &[("id", id_of(&acme)), ("typed_name", "acm")],
        )
        .await;
    assert!(wrong.location().contains("draft="), "{}", wrong.location());
    assert_eq!(admin.get(&acme).await.status, 200);

    let right = admin
        .post_on(
            &page,
            "delete_integration",
            &[("id", id_of(&acme)), ("typed_name", "Acme")],
        )
        .await;
    assert_eq!(right.location(), "/integrations", "{}", right.text);
    assert_eq!(admin.get(&acme).await.status, 404);
    assert!(
        !admin
            .get("/projects")
            .await
            .words()
            .contains("Web Platform")
    );
}

#[tokio::test]
async fn an_inactive_integration_is_not_synced() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    admin
        .post(
            "set_integration_active",
            &[("id", id_of(&acme)), ("is_active", "false")],
        )
        .await;

    let answer = admin.call("start_sync", &[("id", id_of(&acme))]).await;

    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(
        admin
            .get("/integrations")
            .await
            .words()
            .contains("Inactive")
    );
}

#[tokio::test]
async fn a_test_is_streamed_stage_by_stage_and_kept() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let origin = portal.url.clone();
    let headers = [
        ("accept", "text/event-stream"),
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    let body = Some(format!("id={}", id_of(&acme)));

    let live = admin
        .send(
            reqwest::Method::POST,
            "/live/connection-test",
            &headers,
            body,
        )
        .await;

    assert_eq!(live.status, 200, "{}", live.text);
    for stage in [
        "address",
        "dns",
        "connect",
        "tls",
        "plane",
        "api_key",
        "workspace",
        "projects",
        "rate_limit",
    ] {
        assert!(
            live.text.contains(&format!("\"name\":\"{stage}\"")),
            "{stage}: {}",
            live.text
        );
    }
    assert!(live.text.contains("\"success\":true"), "{}", live.text);
    assert!(live.text.contains("\"projectsCount\":5"), "{}", live.text);
    assert!(!live.text.contains(seed::KEY));
    assert!(
        admin.get(&acme).await.words().contains("Passed"),
        "{}",
        admin.get(&acme).await.words()
    );
}

#[tokio::test]
async fn each_failing_test_names_its_cause_and_one_thing_to_do() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    for (name, key, status) in [
        ("Revoked", seed::REVOKED_KEY, "bad_key"),
        ("Expired", seed::EXPIRED_KEY, "bad_key"),
        ("Stranger", seed::STRANGER_KEY, "no_access"),
    ] {
        let path = portal.connect_with(&mut admin, name, key).await;
        let answer = admin
            .call("test_integration", &[("id", id_of(&path))])
            .await;
        let to: app::Done = serde_json::from_str(&answer.text).unwrap();
        let page = admin.get(&to.to).await;
        assert_eq!(page.status, 200);
        let test = portal
            .portal
            .store
            .connection_test(&portal.viewer().await, id_of(&to.to).parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(test.status, status, "{name}");
        assert!(!test.success && test.error.is_some());
        assert!(test.api_calls <= 3, "{}", test.api_calls);
        let failed: Vec<_> = test.stages.iter().filter(|s| s.advice.is_some()).collect();
        assert_eq!(failed.len(), 1, "one thing to do: {:?}", test.stages);
    }
}
