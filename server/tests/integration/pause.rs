use chrono::{DateTime, TimeDelta, Utc};
use domain::{ids::RunId, run::Outcome};
use fake_plane::{Fault, What};

use crate::support::{Person, TestPortal, portal::ADMIN};

async fn due(portal: &TestPortal) -> Vec<RunId> {
    let started = portal.portal.sync.start_due().await.unwrap();
    portal.portal.sync.idle().await;
    started
}

async fn run(portal: &TestPortal, id: RunId) -> domain::run::SyncRun {
    let viewer = portal.viewer().await;
    portal.portal.backend.runs.run(&viewer, id).await.unwrap()
}

fn id_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

async fn post(admin: &mut Person, function: &str, fields: &[(&str, &str)]) {
    let answer = admin.post(function, fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
}

#[tokio::test]
async fn a_paused_integration_is_left_alone_but_kept_and_says_who_paused_it_and_why() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    let note = [
        ("id", id_of(&acme)),
        ("note", "Plane moves\nto <new> disks"),
    ];
    post(&mut admin, "pause_integration", &note).await;
    // Once more changes nothing: neither who nor why.
    post(
        &mut admin,
        "pause_integration",
        &[("id", id_of(&acme)), ("note", "twice")],
    )
    .await;

    portal.clock.advance(TimeDelta::hours(7));
    assert!(due(&portal).await.is_empty());

    let page = admin.get(&acme).await;
    let notice = page.all(".notice").join(" ");
    assert!(notice.contains("Maya paused this integration."), "{notice}");
    assert!(
        notice.contains("7 h ago") && notice.contains(": Plane moves to <new> disks"),
        "{notice}"
    );
    assert!(page.words().contains("none while paused"));
    for (path, selector) in [
        (acme.as_str(), ".page-head .badge"),
        ("/integrations?show=paused", "tbody .badge"),
        ("/", ".trust .badge"),
    ] {
        let badges = admin.get(path).await.all(selector);
        assert!(badges.contains(&"Paused".to_owned()), "{path}: {badges:?}");
    }
    assert!(
        admin
            .get("/integrations")
            .await
            .words()
            .contains("0 active, 1 paused, 0 inactive")
    );
    assert!(
        admin
            .get("/projects")
            .await
            .words()
            .contains("Web Platform"),
        "the copy stays"
    );
    // By hand it can still be synced.
    let by_hand = portal.sync(&mut admin, &acme).await;
    let by_hand = run(&portal, id_of(&by_hand).parse().unwrap()).await;
    assert_eq!(by_hand.outcome, Some(Outcome::Succeeded));

    post(&mut admin, "resume_integration", &[("id", id_of(&acme))]).await;
    post(&mut admin, "resume_integration", &[("id", id_of(&acme))]).await;
    portal.clock.advance(TimeDelta::minutes(15));
    assert_eq!(due(&portal).await.len(), 1);
    let history = admin.get(&format!("{acme}/history")).await.all("tbody tr");
    let told = |says: &str| history.iter().filter(|line| line.contains(says)).count();
    assert_eq!(told("Paused: Plane moves to <new> disks"), 1, "{history:?}");
    assert_eq!(told("Resumed."), 1, "{history:?}");
}

#[tokio::test]
async fn what_a_pause_cuts_off_goes_on_from_its_checkpoint_when_it_is_over() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let ops = portal
        .plane
        .given(|state| state.project_called("acme", "OPS").unwrap().id);
    let slow = Fault::new(What::Latency(60_000)).on(&format!("/projects/{ops}/work-items/"));
    portal.plane.fail(slow);
    portal.clock.advance(TimeDelta::minutes(15));
    let mut changes = portal.portal.sync.changes();
    let started = portal.portal.sync.start_due().await.unwrap();
    while run(&portal, started[0]).await.counts.projects == 0 {
        changes.recv().await.unwrap();
    }

    post(&mut admin, "pause_integration", &[("id", id_of(&acme))]).await;
    portal.portal.sync.idle().await;
    let cut_off = run(&portal, started[0]).await;
    assert_eq!(cut_off.outcome, Some(Outcome::Interrupted));
    let reason = cut_off.reason.unwrap();
    assert!(
        reason.starts_with("Maya paused the integration after 1 of 3 projects"),
        "{reason}"
    );
    portal.plane.heal();
    portal.clock.advance(TimeDelta::minutes(1));
    assert!(due(&portal).await.is_empty());

    post(&mut admin, "resume_integration", &[("id", id_of(&acme))]).await;
    portal.plane.forget_requests();
    let next = due(&portal).await;
    assert_eq!(next.len(), 1, "at once, not after an interval");
    let next = run(&portal, next[0]).await;
    assert_eq!(next.outcome, Some(Outcome::Succeeded));
    assert_eq!((cut_off.counts.created, next.counts.created), (17, 390));
    let design = portal
        .plane
        .given(|state| state.project_called("acme", "DES").unwrap().id);
    let again = format!("/projects/{design}/states/");
    let seen = portal.plane.requests();
    assert!(
        !seen.iter().any(|request| request.path.ends_with(&again)),
        "it was read before"
    );
}

#[tokio::test]
async fn no_scheduled_run_starts_within_quiet_hours_and_one_makes_up_for_all_that_were_missed() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    // 2026-11-18T11:06:40Z is 12:06:40 in Berlin.
    portal.sync(&mut admin, &acme).await;
    let edit = |from: &'static str, to: &'static str, zone: &'static str| {
        [
            ("integration_name", "Acme"),
            ("workspace", "acme"),
            ("interval_minutes", "15"),
            ("version", "1"),
            ("quiet_from", from),
            ("quiet_to", to),
            ("quiet_zone", zone),
        ]
    };
    let url = portal.plane.url();
    let save = async |admin: &mut Person, fields: [(&str, &str); 7]| {
        let fields = [&fields[..], &[("id", id_of(&acme)), ("base_url", &url)]].concat();
        let page = format!("{acme}/edit");
        admin.post_on(&page, "update_integration", &fields).await
    };
    for (fields, wrong) in [
        (edit("12:00", "", "UTC"), "quiet_to"),
        (edit("", "12:00", "UTC"), "quiet_from"),
        (edit("12:00", "12:00", "UTC"), "quiet_to"),
        (edit("noon", "13:00", "UTC"), "quiet_from"),
        (edit("12:00", "13:00", "Middle Earth"), "quiet_zone"),
    ] {
        let refused = save(&mut admin, fields).await;
        let page = admin.get(&refused.location()).await;
        assert!(
            page.has(&format!("input[name={wrong}][aria-invalid=true]")),
            "{wrong}"
        );
    }
    let saved = save(&mut admin, edit("12:00", "14:30", "europe/berlin")).await;
    assert_eq!(saved.location(), acme, "{}", saved.text);
    let page = admin.get(&acme).await.words();
    assert!(page.contains("12:00 to 14:30 (Europe/Berlin)"), "{page}");
    assert!(page.contains("after the quiet hours"), "{page}");
    let form = admin.get(&format!("{acme}/edit")).await;
    assert_eq!(
        form.attribute("[name=quiet_zone]", "value").as_deref(),
        Some("Europe/Berlin")
    );
    assert!(
        admin
            .get(&format!("{acme}/history"))
            .await
            .words()
            .contains("quiet hours")
    );

    let end: DateTime<Utc> = "2026-11-18T13:30:00Z".parse().unwrap();
    while portal.clock.now() < end - TimeDelta::minutes(5) {
        portal.clock.advance(TimeDelta::minutes(5));
        assert!(due(&portal).await.is_empty(), "{}", portal.clock.now());
    }
    let by_hand = portal.sync(&mut admin, &acme).await;
    assert!(
        admin.get(&by_hand).await.words().contains("Succeeded"),
        "“Sync now” always works"
    );

    // A day without anybody: the next quiet hours, and what came before them, are missed.
    portal
        .clock
        .advance(end + TimeDelta::days(1) - TimeDelta::minutes(1) - portal.clock.now());
    assert!(due(&portal).await.is_empty(), "still quiet");
    portal.clock.advance(TimeDelta::minutes(3));
    assert_eq!(due(&portal).await.len(), 1);
    assert!(due(&portal).await.is_empty());
}

#[tokio::test]
async fn a_clock_that_jumps_starts_no_crowd_and_stops_nothing() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    portal.connect(&mut admin, "Acme").await;
    portal.clock.advance(TimeDelta::minutes(15));
    assert_eq!(due(&portal).await.len(), 1);
    for jump in [
        TimeDelta::hours(1),
        TimeDelta::hours(-1),
        TimeDelta::days(365),
        TimeDelta::days(-365),
    ] {
        portal.clock.advance(jump);
        let caught_up = due(&portal).await.len();
        assert!(caught_up <= 1, "{caught_up} runs after {jump}");
        assert!(due(&portal).await.is_empty(), "{jump}");
        portal.clock.advance(TimeDelta::minutes(15));
        assert_eq!(due(&portal).await.len(), 1, "it goes on after {jump}");
    }
    let mut admin = portal.sign_in(ADMIN).await;
    let badges = admin.get("/integrations").await.all("tbody .badge");
    assert_eq!(badges[0], "Fresh");
}

#[tokio::test]
async fn a_run_under_way_survives_a_clock_that_is_set_forward() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    portal.connect(&mut admin, "Acme").await;
    let slow = Fault::new(What::Latency(60_000)).on("/work-items/");
    portal.plane.fail(slow);
    portal.clock.advance(TimeDelta::minutes(15));
    let started = portal.portal.sync.start_due().await.unwrap();

    // Its lease seems to have run out long ago, until its next heartbeat.
    portal.clock.advance(TimeDelta::days(365));
    assert!(portal.portal.sync.start_due().await.unwrap().is_empty());
    assert_eq!(run(&portal, started[0]).await.outcome, None);
    portal.portal.sync.stop().await;
    assert_eq!(
        run(&portal, started[0]).await.outcome,
        Some(Outcome::Interrupted)
    );
}
