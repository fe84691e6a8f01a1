use app::{Failure, RunRecord};
use chrono::TimeDelta;
use domain::{
    ids::{IntegrationId, RunId},
    page::{Cursor, Page},
    run::{Counts, Outcome, Phase, Progress, SyncRun, Trigger},
    run_log::{ApiCall, Timeline},
};
use uuid::Uuid;

use crate::canned::{Canned, admin, get, lead, now};

pub(crate) const RUN: &str = "/runs/00000000-0000-0000-0000-0000000000aa";

/// A run that copied everything.
pub(crate) fn finished() -> SyncRun {
    SyncRun {
        id: RunId(Uuid::from_u128(0xaa)),
        integration: IntegrationId(Uuid::from_u128(0x1)),
        integration_name: "Acme product".into(),
        trigger: Trigger::Person(admin().id),
        started_at: now() - TimeDelta::minutes(10),
        finished_at: Some(now() - TimeDelta::seconds(520)),
        outcome: Some(Outcome::Succeeded),
        reason: None,
        counts: Counts {
            projects: 12,
            items: 20_114,
            created: 112,
            updated: 840,
            unchanged: 19_162,
            requests: 64,
            rate_limited: 1,
            waited_seconds: 57,
            ..Counts::default()
        },
        progress: Progress::default(),
        cancel_requested: false,
        epoch: 3,
    }
}

/// A run in the middle of its work, waiting for the limit.
pub(crate) fn running() -> SyncRun {
    SyncRun {
        finished_at: None,
        outcome: None,
        progress: Progress {
            phase: Phase::WorkItems,
            project_name: Some("Firmware".into()),
            projects_done: 2,
            projects_total: 4,
            page: 8,
            pages: Some(21),
            items_done: 7_612,
            items_total: Some(20_114),
            ..Progress::default()
        },
        ..finished()
    }
}

fn with_run(run: SyncRun) -> Canned {
    Canned {
        run: Ok(run),
        people: Ok(vec![admin(), lead()]),
        ..Canned::default()
    }
}

#[tokio::test]
async fn without_runs_the_list_says_how_one_starts() {
    let page = get(Canned::default(), Some(admin()), "/runs").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text("h1"), "Sync runs");
    assert_eq!(page.text(".empty h2"), "Nothing was synced yet");
    assert!(!page.has("table") && !page.has("script[type=module]"));
    assert!(!page.has("[role=search]"), "there is nothing to filter");
}

#[tokio::test]
async fn the_list_shows_outcome_reason_duration_and_counts() {
    let failed = SyncRun {
        outcome: Some(Outcome::Rejected),
        reason: Some("Plane refused this API key.".into()),
        ..finished()
    };
    let runs = Page {
        rows: vec![running(), finished(), failed],
        next: Some(Cursor("c 1".into())),
    };
    let canned = Canned {
        runs: Ok(runs),
        people: Ok(vec![admin()]),
        ..Canned::default()
    };
    let page = get(canned, Some(lead()), "/runs?outcome=rejected").await;

    assert_eq!(
        page.texts("tbody .badge"),
        ["Running", "Succeeded", "Rejected"]
    );
    assert_eq!(page.texts(".run-reason"), ["Plane refused this API key."]);
    assert_eq!(page.texts("tbody th")[1], "10 min ago by Maya Keller");
    let row = page.texts("tbody tr:nth-child(2) td");
    assert_eq!(row[..3], ["Acme product", "Succeeded", "1 min 20 s"]);
    assert_eq!(row[3..], ["20,114", "112", "840", "19,162", "64"]);
    assert_eq!(page.texts(".chips [aria-current]"), ["Rejected"]);
    assert_eq!(
        page.attribute("a[rel=next]", "href").unwrap(),
        "/runs?outcome=rejected&after=c%201"
    );
}

#[tokio::test]
async fn a_filter_without_a_match_can_be_taken_away() {
    let page = get(Canned::default(), Some(admin()), "/runs?outcome=failed").await;
    assert_eq!(page.text(".empty h2"), "No run matches");
    assert_eq!(page.attribute(".empty a", "href").unwrap(), "/runs");
    assert_eq!(
        page.attribute("input[name=outcome]", "value").unwrap(),
        "failed"
    );

    let page = get(Canned::default(), Some(admin()), "/runs?after=x").await;
    assert_eq!(page.text(".empty h2"), "Nothing further");
}

#[tokio::test]
async fn a_run_under_way_is_shown_whole_without_javascript_and_can_be_cancelled() {
    let page = get(with_run(running()), Some(admin()), RUN).await;
    assert_eq!(page.text("h1"), "Sync of Acme product");
    assert_eq!(
        page.text("[role=status]"),
        "Copying work items of Firmware."
    );
    assert!(
        page.text(".live-run-place")
            .contains("Project 3 of 4, page 8 of 21")
    );
    assert!(page.text(".live-run-place").contains("7,612 of 20,114"));
    assert_eq!(page.attribute("progress", "value").unwrap(), "594");
    assert_eq!(
        page.attribute("form[action='/api/ui/cancel_run'] input[name=id]", "value")
            .unwrap(),
        RUN[6..]
    );
    assert_eq!(page.attribute(".actions a", "href").unwrap(), RUN);
    assert!(page.has("leptos-island") && page.has("script[type=module]"));
    assert!(!page.has("meta[http-equiv=refresh]"));
}

#[tokio::test]
async fn the_time_to_wait_for_the_limit_is_told() {
    let mut run = running();
    run.progress.waiting_until = Some(now() + TimeDelta::milliseconds(22_500));
    let page = get(with_run(run), Some(lead()), RUN).await;
    assert_eq!(
        page.text("[role=status]"),
        "Waiting for Plane’s rate limit, then going on."
    );
    assert!(page.texts(".live-run dd").contains(&"23 s".to_owned()));
}

#[tokio::test]
async fn a_run_that_is_being_cancelled_is_not_cancelled_twice() {
    let page = get(
        with_run(SyncRun {
            cancel_requested: true,
            ..running()
        }),
        Some(admin()),
        RUN,
    )
    .await;
    assert_eq!(
        page.text("[role=status]"),
        "Cancelling after 2 of 4 projects. What was copied stays; the next run resumes there."
    );
    assert!(!page.has("form[action='/api/ui/cancel_run']"));
}

#[tokio::test]
async fn a_lead_sees_a_run_without_buttons() {
    for run in [running(), finished()] {
        let page = get(with_run(run), Some(lead()), RUN).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.has("form[action='/api/ui/cancel_run']")
                && !page.has("form[action='/api/ui/start_sync']")
        );
    }
}

#[tokio::test]
async fn a_finished_run_has_its_counts_and_no_script() {
    let page = get(with_run(finished()), Some(admin()), RUN).await;
    assert_eq!(
        page.text(".notice-title"),
        "Everything the key can read was copied."
    );
    let facts = page.texts(".facts > div");
    for fact in [
        "Work items read20,114",
        "Started byMaya Keller",
        "Took1 min 20 s",
        "Waited for the limit57 s",
    ] {
        assert!(facts.contains(&fact.to_owned()), "{fact} in {facts:?}");
    }
    assert!(page.has("form[action='/api/ui/start_sync']"));
    assert!(!page.has("leptos-island") && !page.has("script[type=module]"));
}

#[tokio::test]
async fn a_failed_run_says_why_and_an_admin_what_to_do() {
    let failed = SyncRun {
        outcome: Some(Outcome::Rejected),
        reason: Some("Plane refused this API key: <img src=x onerror=alert(1)>".into()),
        integration_name: "<img src=x onerror=alert(1)>".into(),
        ..finished()
    };
    let page = get(with_run(failed.clone()), Some(admin()), RUN).await;
    assert_eq!(
        page.text(".notice-title"),
        "Plane refused this API key: <img src=x onerror=alert(1)>"
    );
    assert!(page.text(".notice-bad").contains("Test the connection"));
    assert!(!page.has("img"));
    assert_eq!(page.text("h1"), "Sync of <img src=x onerror=alert(1)>");

    let page = get(with_run(failed), Some(lead()), RUN).await;
    assert!(!page.text(".notice-bad").contains("Test the connection"));
}

#[tokio::test]
async fn a_hostile_project_name_stays_text_in_the_island() {
    let mut run = running();
    run.progress.project_name = Some("\"><img src=x onerror=alert(1)></script>".into());
    let page = get(with_run(run), Some(admin()), RUN).await;
    assert!(!page.has("img"));
    assert!(
        page.text("[role=status]")
            .contains("<img src=x onerror=alert(1)>")
    );
}

#[tokio::test]
async fn addresses_without_a_run_are_not_found() {
    for path in [RUN, "/runs/7"] {
        assert_eq!(
            get(Canned::default(), Some(admin()), path).await.status,
            404
        );
    }
}

#[tokio::test]
async fn when_the_database_is_away_the_page_says_so() {
    let canned = Canned {
        runs: Err(Failure::Unavailable),
        run: Err(Failure::Unavailable),
        ..Canned::default()
    };
    for path in ["/runs", RUN] {
        assert_eq!(get(canned.clone(), Some(admin()), path).await.status, 503);
    }
}

#[tokio::test]
async fn nobody_reads_runs_without_signing_in() {
    for path in ["/runs?outcome=failed", RUN] {
        let page = get(with_run(finished()), None, path).await;
        assert_eq!(page.status, 303);
        assert!(page.location.unwrap().starts_with("/sign-in?next="));
        assert!(!page.html.contains("Acme"));
    }
}

#[tokio::test]
async fn a_run_shows_its_time_its_calls_and_the_run_before_without_scripts_or_styles() {
    let mut timeline = Timeline::default();
    timeline.enter(Phase::Projects, None, 0);
    timeline.enter(Phase::WorkItems, Some("Web <b>"), 2_000);
    timeline.reach(80_000);
    timeline.wait(10_000, 67_000);
    let before = SyncRun {
        id: RunId(Uuid::from_u128(0xab)),
        counts: Counts {
            created: 100,
            ..finished().counts
        },
        ..finished()
    };
    let call = |number: u32, status| ApiCall {
        number,
        method: "GET".into(),
        path: "/api/v1/workspaces/acme/projects/?per_page=1000".into(),
        status: Some(status),
        error: (status == 503).then(|| "plane_fault".into()),
        started_at: now(),
        took_ms: 1_284,
        waited_ms: 0,
        bytes: 48_211,
    };
    let canned = Canned {
        record: RunRecord {
            timeline,
            before: Some(before),
        },
        calls: Page {
            rows: vec![call(1, 200), call(2, 503)],
            next: Some(Cursor("c".into())),
        },
        ..with_run(finished())
    };
    let page = get(canned.clone(), Some(lead()), RUN).await;
    assert_eq!(page.count("svg.timeline rect.phase[x]"), 2);
    assert_eq!(
        page.attribute("svg.timeline rect.wait", "width").as_deref(),
        Some("71.250%")
    );
    assert!(!page.has("[style]") && !page.html.contains("<b>"));
    assert_eq!(
        page.texts("[aria-label='Time by phase'] tbody tr"),
        ["Projects2 s–", "Work items1 min 18 s57 s"]
    );
    assert!(
        page.texts("td").contains(&"+12".to_owned()),
        "created, against the run before"
    );
    assert_eq!(page.texts(".calls .badge"), ["200", "503 plane fault"]);
    let all = page
        .texts("a")
        .into_iter()
        .find(|a| a.starts_with("All calls"));
    assert_eq!(all.as_deref(), Some("All calls (64 made)"));

    let page = get(canned, Some(lead()), &format!("{RUN}/calls")).await;
    assert_eq!(page.status, 200);
    assert!(page.text(".page-head").contains("without keys"));
    assert_eq!(
        page.attribute("a[rel=next]", "href").unwrap(),
        format!("{RUN}/calls?after=c")
    );
}
