use chrono::TimeDelta;
use domain::{ids::RunId, run::Outcome};
use fake_plane::{Fault, What};

use crate::support::{Person, TestPortal, portal::ADMIN};

/// Starts what is due and waits for its end.
async fn due(portal: &TestPortal) -> Vec<RunId> {
    let started = portal.portal.sync.start_due().await.unwrap();
    portal.portal.sync.idle().await;
    started
}

async fn outcome(portal: &TestPortal, run: RunId) -> Option<Outcome> {
    let viewer = portal.viewer().await;
    let run = portal.portal.backend.runs.run(&viewer, run).await.unwrap();
    run.outcome
}

#[tokio::test]
async fn an_integration_is_synced_once_in_each_interval_by_itself() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    portal.connect(&mut admin, "Acme").await;
    assert!(
        due(&portal).await.is_empty(),
        "not within its first interval"
    );

    portal.clock.advance(TimeDelta::minutes(15));
    let first = due(&portal).await;
    assert_eq!(first.len(), 1);
    assert_eq!(outcome(&portal, first[0]).await, Some(Outcome::Succeeded));
    assert!(due(&portal).await.is_empty());

    // Down for a day: one run, not a hundred.
    portal.clock.advance(TimeDelta::days(1));
    assert_eq!(due(&portal).await.len(), 1);
    assert!(due(&portal).await.is_empty());

    let mut admin = portal.sign_in(ADMIN).await;
    let run = admin.get(&format!("/runs/{}", first[0])).await;
    assert!(run.words().contains("schedule"), "{}", run.words());
}

#[tokio::test]
async fn an_inactive_integration_rests_and_is_due_when_it_is_switched_on() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let id = acme.rsplit('/').next().unwrap();
    let switch = async |admin: &mut Person, is_active| {
        let fields = [("id", id), ("is_active", is_active)];
        let answer = admin.post("set_integration_active", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    };

    switch(&mut admin, "false").await;
    portal.clock.advance(TimeDelta::days(1));
    assert!(due(&portal).await.is_empty());

    switch(&mut portal.sign_in(ADMIN).await, "true").await;
    assert_eq!(due(&portal).await.len(), 1);
}

#[tokio::test]
async fn a_refused_key_is_left_alone_until_somebody_replaces_it() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let refused = r#"{"detail":"Given API token is not valid"}"#;
    portal
        .plane
        .fail(Fault::new(What::Status(403, refused.to_owned(), vec![])));
    portal.clock.advance(TimeDelta::minutes(15));
    let runs = due(&portal).await;
    assert_eq!(outcome(&portal, runs[0]).await, Some(Outcome::Rejected));
    portal.plane.heal();

    portal.clock.advance(TimeDelta::minutes(30));
    assert!(due(&portal).await.is_empty(), "nothing has changed");

    let id = acme.rsplit('/').next().unwrap();
    let key = [("id", id), ("api_key", fake_plane::seed::KEY)];
    let replaced = admin.post("replace_key", &key).await;
    assert_eq!(replaced.location(), acme, "{}", replaced.text);
    let runs = due(&portal).await;
    assert_eq!(outcome(&portal, runs[0]).await, Some(Outcome::Succeeded));
}

#[tokio::test]
async fn what_a_stop_interrupted_goes_on_by_itself() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    portal.connect(&mut admin, "Acme").await;
    let slow = Fault::new(What::Latency(60_000)).on("/work-items/");
    portal.plane.fail(slow);
    portal.clock.advance(TimeDelta::minutes(15));
    let started = portal.portal.sync.start_due().await.unwrap();
    let store = portal.portal.store.clone();
    // Another process on the same database, which finds that the first one is gone.
    let dead = store.interrupt_runs_of_dead_process(uuid::Uuid::nil(), portal.clock.now());
    assert_eq!(dead.await.unwrap(), started);
    portal.plane.heal();

    let next = due(&portal).await;

    assert_eq!(next.len(), 1);
    assert_eq!(
        outcome(&portal, started[0]).await,
        Some(Outcome::Interrupted)
    );
    assert_eq!(outcome(&portal, next[0]).await, Some(Outcome::Succeeded));
}
