use fake_plane::{Fault, seed};

use crate::support::TestPortal;

/// What a run's page says of its outcome.
async fn outcome(portal: &TestPortal, run: &str) -> (String, String) {
    let id = run.rsplit('/').next().unwrap().parse().unwrap();
    let (user, _) = portal
        .portal
        .store
        .user_for_sign_in(&crate::support::portal::ADMIN.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let run = portal
        .portal
        .backend
        .runs
        .run(&user.viewer(), id)
        .await
        .unwrap();
    let outcome = run.outcome.map(|o| o.word().to_owned()).unwrap_or_default();
    (outcome, run.reason.unwrap_or_default())
}

#[tokio::test]
async fn a_first_sync_copies_everything_the_key_can_read() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;

    let run = portal.sync(&mut admin, &acme).await;

    assert_eq!(
        outcome(&portal, &run).await,
        ("Succeeded".to_owned(), String::new())
    );
    let page = admin.get(&run).await;
    assert_eq!(page.status, 200);
    assert!(page.words().contains("Succeeded"), "{}", page.words());
    let projects = admin.get("/projects").await;
    for name in [
        "Web Platform",
        "Operations",
        "Design System",
        "Mobile App",
        "Legacy Importer",
    ] {
        assert!(projects.words().contains(name), "{name}");
    }
    assert!(
        !projects.words().contains("Security Reviews"),
        "private projects of others are not listed"
    );
    let list = admin.get("/integrations").await;
    // 348 + 42 + 17 items of the three projects that the key's owner is a member of.
    assert!(list.words().contains("407"), "{}", list.words());
}

#[tokio::test]
async fn a_second_sync_of_an_unchanged_plane_changes_nothing() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;

    let run = portal.sync(&mut admin, &acme).await;

    let id = run.rsplit('/').next().unwrap().parse().unwrap();
    let (user, _) = portal
        .portal
        .store
        .user_for_sign_in(&"maya@example.com".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let counts = portal
        .portal
        .backend
        .runs
        .run(&user.viewer(), id)
        .await
        .unwrap()
        .counts;
    // The latest changes of the three projects: 100 of 348, 42 and 17.
    assert_eq!(
        (counts.created, counts.updated, counts.unchanged),
        (0, 0, 159)
    );
}

#[tokio::test]
async fn an_edit_in_plane_is_seen_after_the_next_sync() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    let (project, item) = portal.plane.given(|state| {
        let web = state.project_called("acme", "WEB").unwrap();
        (web.id, web.items.all().iter().next().unwrap().id)
    });
    portal
        .plane
        .given(|state| state.edit_item(item, |item| item.name = "Ship the parcel".to_owned()));

    portal.sync(&mut admin, &acme).await;

    let page = admin
        .get(&format!("{acme}/projects/{project}/work-items/{item}"))
        .await;
    assert!(page.words().contains("Ship the parcel"), "{}", page.words());
}

#[tokio::test]
async fn a_revoked_key_ends_the_run_as_rejected_and_wipes_nothing() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    portal.plane.given(|state| state.revoke_key(seed::KEY));

    let run = portal.sync(&mut admin, &acme).await;

    assert_eq!(outcome(&portal, &run).await.0, "Rejected");
    assert!(admin.get("/integrations").await.words().contains("407"));
}

#[tokio::test]
async fn losing_access_or_being_archived_wipes_nothing() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    portal.plane.given(|state| {
        let web = state.project_called("acme", "WEB").unwrap().id;
        let ops = state.project_called("acme", "OPS").unwrap().id;
        let owner = state.keys[seed::KEY].user;
        state.leave_project(web, owner);
        state.archive_project(ops);
    });

    let run = portal.sync(&mut admin, &acme).await;

    assert_eq!(outcome(&portal, &run).await.0, "Succeeded");
    let web = portal
        .plane
        .given(|state| state.project_called("acme", "WEB").unwrap().id);
    let page = admin.get(&format!("{acme}/projects/{web}")).await;
    assert!(page.words().contains("348"), "{}", page.words());
    assert!(
        page.words().to_lowercase().contains("not a member"),
        "{}",
        page.words()
    );
}

#[tokio::test]
async fn a_project_that_fails_is_left_out_and_named() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let web = portal
        .plane
        .given(|state| state.project_called("acme", "WEB").unwrap().id);
    let forbidden = r#"{"detail":"You do not have permission to perform this action."}"#;
    portal.plane.fail(
        Fault::new(fake_plane::What::Status(403, forbidden.to_owned(), vec![]))
            .on(&format!("/projects/{web}/work-items/")),
    );

    let run = portal.sync(&mut admin, &acme).await;

    let (word, reason) = outcome(&portal, &run).await;
    assert_eq!(word, "Partial");
    assert!(reason.contains("Web Platform"), "{reason}");
    let list = admin.get("/integrations").await;
    assert!(
        list.words().contains("59"),
        "the other two projects are copied: {}",
        list.words()
    );
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_again() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.plane.fail(
        Fault::new(fake_plane::What::CutJson)
            .on("/work-items/")
            .times(1),
    );

    let run = portal.sync(&mut admin, &acme).await;

    assert_eq!(outcome(&portal, &run).await.0, "Succeeded");
}

#[tokio::test]
async fn cancelling_ends_a_waiting_run_at_once() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal
        .plane
        .fail(Fault::new(fake_plane::What::Latency(60_000)).on("/work-items/"));
    let id = acme.rsplit('/').next().unwrap().to_owned();
    let run = admin.post("start_sync", &[("id", &id)]).await.location();

    let answer = admin
        .post("cancel_run", &[("id", run.rsplit('/').next().unwrap())])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let ended =
        tokio::time::timeout(std::time::Duration::from_secs(2), portal.portal.sync.idle()).await;

    assert!(ended.is_ok(), "a cancelled run must end within two seconds");
    assert_eq!(outcome(&portal, &run).await.0, "Cancelled");
}

#[tokio::test]
async fn pressing_sync_twice_makes_one_run() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal
        .plane
        .fail(Fault::new(fake_plane::What::Latency(60_000)).on("/projects/"));
    let id = acme.rsplit('/').next().unwrap().to_owned();

    let first = admin.post("start_sync", &[("id", &id)]).await.location();
    let second = admin.post("start_sync", &[("id", &id)]).await.location();

    assert_eq!(first, second);
    admin
        .post("cancel_run", &[("id", first.rsplit('/').next().unwrap())])
        .await;
    portal.portal.sync.idle().await;
}

#[tokio::test]
async fn a_run_can_be_watched_to_its_end() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let run = portal.sync(&mut admin, &acme).await;

    let live = admin.get(&format!("/live{run}")).await;

    assert_eq!(live.header("content-type"), Some("text/event-stream"));
    assert!(live.text.starts_with("event: changed\n"), "{}", live.text);
    assert!(
        live.text.contains("\"outcome\":\"succeeded\""),
        "{}",
        live.text
    );
    assert_eq!(
        portal.visitor().get(&format!("/live{run}")).await.status,
        401
    );
}

#[tokio::test]
async fn stopping_the_portal_marks_what_was_under_way() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal
        .plane
        .fail(Fault::new(fake_plane::What::Latency(60_000)).on("/work-items/"));
    let id = acme.rsplit('/').next().unwrap().to_owned();
    let run = admin.post("start_sync", &[("id", &id)]).await.location();

    portal.portal.sync.stop().await;

    assert_eq!(outcome(&portal, &run).await.0, "Interrupted");
    portal.stop().await;
}
