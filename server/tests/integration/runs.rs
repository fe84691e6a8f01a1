use chrono::TimeDelta;
use domain::run::Phase;
use fake_plane::{Fault, What};

use crate::support::{TestPortal, person::Answer};

#[tokio::test]
async fn a_run_tells_where_its_time_went_what_it_asked_and_what_is_new_since_the_last_one() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let first = portal.sync(&mut admin, &acme).await;
    assert!(
        !admin.get(&first).await.words().contains("Compared with"),
        "there is none before"
    );
    portal.clock.advance(TimeDelta::minutes(2));
    let fault = Fault::new(What::Status(503, "{}".to_owned(), vec![])).times(1);
    portal.plane.fail(fault.on("/work-items/"));
    let run = portal.sync(&mut admin, &acme).await;

    let page = admin.get(&run).await;
    assert!(page.has("svg.timeline .phase-items"), "{}", page.text);
    assert!(!page.has("[style]"));
    let phases = page.all("[aria-label='Time by phase'] tbody th");
    assert!(phases.contains(&"Work items".to_owned()), "{phases:?}");
    let steps = page
        .all("[aria-label='The run step by step'] tbody tr")
        .join(" ");
    assert!(steps.contains("Web Platform"), "{steps}");
    let compared = page.all("[aria-label='This run and the one before'] tbody tr");
    assert!(
        compared.contains(&"Created 0 407 −407".to_owned()),
        "{compared:?}"
    );
    assert!(page.words().contains("Read from Plane"));

    let calls = admin.get(&format!("{run}/calls")).await;
    assert_eq!(calls.status, 200);
    // Paths may be broken behind each part.
    let path = |line: &String| line.replace("/ ", "/");
    let lines: Vec<_> = calls.all(".calls tbody tr").iter().map(path).collect();
    assert!(
        lines[0].contains("GET /api/v1/workspaces/acme/projects/"),
        "{}",
        lines[0]
    );
    assert!(
        lines.iter().any(|line| line.contains("503 plane fault")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.contains("200")), "{lines:?}");
    assert!(!calls.text.contains(fake_plane::seed::KEY));
    let requests = portal.viewer().await;
    let counted = portal
        .portal
        .backend
        .runs
        .run(&requests, run.rsplit('/').next().unwrap().parse().unwrap())
        .await
        .unwrap()
        .counts;
    assert_eq!(lines.len(), counted.requests as usize);
    assert!(counted.bytes > 0);
    let nowhere = format!("/runs/{}/calls", uuid::Uuid::nil());
    assert_eq!(admin.get(&nowhere).await.status, 404);
}

#[tokio::test]
async fn the_list_of_runs_is_filtered_by_its_address() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal.sync(&mut admin, &acme).await;
    portal.clock.advance(TimeDelta::minutes(15));
    portal.portal.sync.start_due().await.unwrap();
    portal.portal.sync.idle().await;
    for (query, runs) in [
        ("", 2),
        ("?trigger=schedule", 1),
        ("?trigger=person&outcome=succeeded", 1),
        ("?trigger=person&outcome=failed", 0),
        ("?time=today", 2),
        ("?time=7d&trigger=schedule", 1),
        ("?from=2026-11-18&to=2026-11-18", 2),
        ("?from=2026-11-19", 0),
        ("?to=2026-11-17", 0),
    ] {
        let page = admin.get(&format!("/runs{query}")).await;
        assert_eq!(page.all(".runs tbody tr").len(), runs, "{query}");
    }
    let page = admin.get("/runs?from=2026-11-18&trigger=schedule").await;
    assert_eq!(
        page.attribute("[name=from]", "value").as_deref(),
        Some("2026-11-18")
    );
    assert!(page.has("[name=trigger] option[value=schedule][selected]"));
}

#[tokio::test]
async fn who_cancels_a_run_is_told_how_far_it_came_and_that_the_next_one_goes_on() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    let ops = portal
        .plane
        .given(|state| state.project_called("acme", "OPS").unwrap().id);
    let slow = Fault::new(What::Latency(60_000)).on(&format!("/projects/{ops}/work-items/"));
    portal.plane.fail(slow);
    let id = acme.rsplit('/').next().unwrap();
    let mut changes = portal.portal.sync.changes();
    let run = admin.post("start_sync", &[("id", id)]).await.location();
    let run_id = run.rsplit('/').next().unwrap();
    let runs = portal.portal.backend.runs.clone();
    let viewer = portal.viewer().await;
    // Until it waits for the slow answer: between two calls there is none to be cut off.
    loop {
        let now = runs.run(&viewer, run_id.parse().unwrap()).await.unwrap();
        let progress = (now.progress.phase, now.progress.project.map(|id| id.0));
        if progress == (Phase::WorkItems, Some(ops)) {
            break;
        }
        changes.recv().await.unwrap();
    }
    admin.post("cancel_run", &[("id", run_id)]).await;
    portal.portal.sync.idle().await;

    let page = admin.get(&run).await;
    let says = page.all(".notice-title");
    assert_eq!(
        says,
        ["Cancelled after 1 of 3 projects and 17 work items. The next run resumes where it was."]
    );
    let calls = admin
        .get(&format!("{run}/calls"))
        .await
        .all(".calls tbody tr");
    assert!(calls.last().unwrap().contains("cancelled"), "{calls:?}");
}

#[tokio::test]
async fn a_run_under_way_is_found_and_shows_its_wait_for_the_limit_while_it_lasts() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let acme = portal.connect(&mut admin, "Acme").await;
    portal
        .plane
        .fail(Fault::new(What::RetryAfter("60".into())).on("/work-items/"));
    let mut changes = portal.portal.sync.changes();
    let id = acme.rsplit('/').next().unwrap();
    let run = admin.post("start_sync", &[("id", id)]).await.location();
    let run_id = run.rsplit('/').next().unwrap();
    // Shorter waits are those for the turn.
    let shows_wait = |page: &Answer| {
        let waits = page.all("svg.timeline .wait title");
        waits.iter().any(|says| !says.ends_with(" ms"))
    };
    while !shows_wait(&admin.get(&run).await) {
        changes.recv().await.unwrap();
    }

    let listed = admin.get("/runs?outcome=running").await;
    assert_eq!(listed.all(".runs tbody .badge"), ["Running"]);
    assert_eq!(listed.all(".chips [aria-current]"), ["Running"]);
    let calls = admin.get(&format!("{run}/calls")).await;
    assert!(calls.words().contains("further calls are added here"));
    assert!(calls.has("[data-live] .calls") && calls.has("leptos-island"));

    admin.post("cancel_run", &[("id", run_id)]).await;
    portal.portal.sync.idle().await;
    assert!(
        shows_wait(&admin.get(&run).await),
        "what was waited stays to be seen"
    );
    let listed = admin.get("/runs?outcome=running").await;
    assert_eq!(listed.all(".runs tbody tr").len(), 0);
    let calls = admin.get(&format!("{run}/calls")).await;
    assert!(!calls.words().contains("under way") && !calls.has("leptos-island"));
}
