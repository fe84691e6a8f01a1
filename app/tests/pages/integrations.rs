use app::{Draft, Failure};
use chrono::TimeDelta;
use domain::{
    audit::AuditEntry,
    connection_test::{ConnectionTest, Stage, StageName, StageState, TestSummary},
    freshness::Freshness,
    health::Health,
    ids::{IntegrationId, ProjectId, RunId, TestId},
    integration::{
        AuthScheme, DeletionCost, Integration, IntegrationCounts, IntegrationRow,
        IntegrationSettings, KeyHint, Pause, Standing,
    },
    mirror::{Access, Project, ProjectList, ProjectRow},
    page::{Cursor, Page},
    run::{Counts, Outcome, Progress, SyncRun, Trigger},
};
use uuid::Uuid;

use crate::{
    canned::{Answer, Canned, admin, get, lead, now},
    mirror::copied,
};

pub(crate) const ID: IntegrationId = IntegrationId(Uuid::from_u128(10));

fn row() -> IntegrationRow {
    IntegrationRow {
        integration: Integration {
            id: ID,
            settings: IntegrationSettings {
                integration_name: "Acme <product>".parse().unwrap(),
                description: "</textarea><b>bold</b>".into(),
                base_url: "https://plane.acme.example".parse().unwrap(),
                workspace: "acme".parse().unwrap(),
                project_id: None,
                auth_scheme: AuthScheme::ApiKey,
                interval_minutes: 15,
                quiet_hours: None,
                test_minutes: 15,
                key_expires_on: None,
                tags: Default::default(),
            },
            is_active: true,
            paused: None,
            key: KeyHint {
                last_four: "9f2c".into(),
                fingerprint: "0123456789abcdef".into(),
                replaced_at: now() - TimeDelta::days(3),
            },
            version: 4,
            created_at: now() - TimeDelta::days(40),
            updated_at: now() - TimeDelta::days(3),
        },
        freshness: Freshness::Stale,
        member_projects: 14,
        visible_projects: 16,
        total_work_items: 10_482,
        complete_at: Some(now() - TimeDelta::minutes(47)),
        complete_requests: None,
        last_run: Some(run(1, Some(Outcome::Rejected)).summary()),
        health: health(),
    }
}

/// The latest of five tests, and the two before, failed.
fn health() -> Health {
    let mut health = Health::default();
    for n in 0..5 {
        health.add(&TestSummary {
            id: TestId(Uuid::from_u128(16 + n)),
            success: n < 2,
            started_at: failed_test().started_at - TimeDelta::minutes(4 - n as i64),
            ..failed_test().summary()
        });
    }
    health
}

fn run(n: u128, outcome: Option<Outcome>) -> SyncRun {
    SyncRun {
        id: RunId(Uuid::from_u128(n)),
        integration: ID,
        integration_name: "Acme <product>".into(),
        trigger: Trigger::Schedule,
        started_at: now() - TimeDelta::minutes(17),
        finished_at: outcome.map(|_| now() - TimeDelta::minutes(16)),
        outcome,
        reason: outcome.map(|_| "Plane refused the key.".into()),
        counts: Counts::default(),
        progress: Progress::default(),
        cancel_requested: false,
        epoch: 1,
    }
}

pub(crate) fn failed_test() -> ConnectionTest {
    let stage = |name, state| Stage {
        name,
        state,
        says: format!("{} says", name.word()),
        advice: None,
        took_ms: 12,
    };
    let mut stages: Vec<Stage> = StageName::ALL
        .into_iter()
        .map(|name| match name {
            n if n < StageName::ApiKey => stage(name, StageState::Passed),
            StageName::ApiKey => Stage {
                says: "Plane refused this key.".into(),
                advice: Some("Create a new one in Plane and replace it here.".into()),
                ..stage(name, StageState::Failed)
            },
            _ => stage(name, StageState::NotTried),
        })
        .collect();
    stages[3].state = StageState::Warned;
    ConnectionTest {
        id: TestId(Uuid::from_u128(20)),
        integration: Some(ID),
        success: false,
        status: "bad_key".into(),
        projects_count: None,
        error: Some("Plane refused this key.".into()),
        stages,
        api_calls: 1,
        plane_version: Some("1.3.1".into()),
        certificate_days_left: Some(9),
        is_scheduled: false,
        started_at: now() - TimeDelta::minutes(2),
        took_ms: 1944,
    }
}

fn page<T>(rows: Vec<T>) -> Result<Page<T>, Failure> {
    Ok(Page { rows, next: None })
}

pub(crate) fn one() -> Canned {
    let project = ProjectRow {
        integration: ID,
        integration_name: "Acme <product>".into(),
        workspace: "acme".into(),
        interval_minutes: 15,
        standing: Standing::Active,
        project: Project {
            id: ProjectId(Uuid::from_u128(30)),
            identifier: "WEB".into(),
            name: "Web".into(),
            description: String::new(),
            is_public: true,
            is_member: true,
            archived_at: None,
            total_members: 3,
            created_at: now(),
            updated_at: now(),
        },
        access: Access::Readable,
        total_work_items: 1_204,
        total_labels: 7,
        copied: copied(47),
        held: None,
        drift: None,
        counted_at: None,
    };
    let change = AuditEntry {
        at: now() - TimeDelta::minutes(4),
        actor: None,
        actor_name: "Jonas".into(),
        action: "integration.updated".into(),
        integration: Some(ID),
        bulk: None,
        says: "Changed the schedule from 30 to 15 minutes.".into(),
    };
    Canned {
        integrations: page(vec![row()]),
        counts: IntegrationCounts {
            active: 1,
            ..Default::default()
        },
        integration: Ok(row()),
        tests: page(vec![failed_test()]),
        test: Ok(failed_test()),
        history: page(vec![change]),
        projects: Ok(ProjectList {
            rows: vec![project],
            ..ProjectList::default()
        }),
        runs: page(vec![
            run(2, Some(Outcome::Rejected)),
            run(1, Some(Outcome::Succeeded)),
        ]),
        deletion_cost: Ok(DeletionCost {
            projects: 16,
            work_items: 10_482,
            labels: 31,
            runs: 9,
            tests: 4,
        }),
        ..Canned::default()
    }
}

pub(crate) fn address(rest: &str) -> String {
    format!("/integrations/{ID}{rest}")
}

fn changes_something(answer: &Answer) -> bool {
    answer.texts("main button").iter().any(|b| b != "Search")
        || answer.has("main form[method=post]")
}

#[tokio::test]
async fn an_empty_list_leads_an_admin_to_the_form_and_a_lead_to_an_admin() {
    let answer = get(Canned::default(), Some(admin()), "/integrations").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(".empty h2"), "No integrations yet");
    assert_eq!(
        answer.attribute(".empty a", "href").as_deref(),
        Some("/integrations/new")
    );
    assert!(!answer.has("table") && !answer.has("script[src], main script"));

    let answer = get(Canned::default(), Some(lead()), "/integrations").await;
    assert!(answer.text(".empty").contains("An admin can add one."));
    assert!(!answer.has("main a[href='/integrations/new']"));
}

#[tokio::test]
async fn the_list_says_state_totals_key_and_last_run_in_words() {
    let answer = get(one(), Some(admin()), "/integrations").await;
    assert_eq!(answer.text(".page-says"), "1 active, 0 inactive");
    let cells = answer.texts("tbody th, tbody td:not(.choice)");
    assert!(
        cells[0].starts_with("Acme <product>") && cells[0].ends_with("acme · plane.acme.example"),
        "{cells:?}"
    );
    assert_eq!(
        cells[1..6],
        [
            "StaleConnection failing since 4 min ago",
            "47 min ago",
            "14 of 16",
            "10,482",
            "…9f2c"
        ]
    );
    assert_eq!(cells[6], "Rejected17 min ago");
    assert_eq!(
        answer.attribute("td .mono", "title").as_deref(),
        Some("Fingerprint 0123456789abcdef")
    );
    assert_eq!(
        answer.attribute("tbody form", "action").as_deref(),
        Some("/api/ui/start_sync")
    );
    assert_eq!(
        answer.attribute("tbody input[name=id]", "value"),
        Some(ID.to_string())
    );
    assert_eq!(
        answer.attribute("tbody button", "aria-label").as_deref(),
        Some("Sync Acme <product> now")
    );
}

#[tokio::test]
async fn filter_and_order_stand_in_the_address_and_are_kept_by_each_other() {
    let canned = Canned {
        integrations: Ok(Page {
            rows: vec![row()],
            next: Some(Cursor("k 1".into())),
        }),
        ..one()
    };
    let answer = get(
        canned,
        Some(admin()),
        "/integrations?q=ac%26me&show=attention&sort=name",
    )
    .await;
    assert_eq!(answer.text(".chips a[aria-current]"), "Needs attention");
    assert_eq!(answer.attribute("#q", "value").as_deref(), Some("ac&me"));
    let kept =
        ["show", "sort"].map(|n| answer.attribute(&format!(".search input[name={n}]"), "value"));
    assert_eq!(kept, [Some("attention".into()), Some("name".into())]);
    assert_eq!(
        answer
            .text("th[aria-sort=ascending] a")
            .trim_end_matches(" ↑"),
        "Integration"
    );
    let items = "/integrations?q=ac%26me&show=attention&sort=items";
    assert!(
        answer.has(&format!("thead a[href='{items}']")),
        "{}",
        answer.html
    );
    let next = answer.attribute("a[rel=next]", "href").unwrap();
    assert_eq!(
        next,
        "/integrations?q=ac%26me&show=attention&sort=name&after=k%201"
    );
}

#[tokio::test]
async fn a_filter_that_leaves_nothing_says_so_and_leads_back() {
    let canned = Canned {
        counts: IntegrationCounts {
            active: 3,
            ..Default::default()
        },
        ..Canned::default()
    };
    let answer = get(canned.clone(), Some(admin()), "/integrations?q=zzz").await;
    assert_eq!(answer.text(".empty h2"), "Nothing matches");
    assert_eq!(
        answer.attribute(".empty a", "href").as_deref(),
        Some("/integrations")
    );
    let answer = get(canned, Some(admin()), "/integrations?show=attention").await;
    assert_eq!(answer.text(".empty h2"), "Nothing needs attention");
}

#[tokio::test]
async fn a_lead_sees_everything_and_no_button() {
    for path in [
        "/integrations".to_owned(),
        address(""),
        address("/history"),
        address(&format!("/tests/{}", TestId(Uuid::from_u128(20)))),
    ] {
        let answer = get(one(), Some(lead()), &path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text("main").contains("Acme <product>"), "{path}");
        assert!(!changes_something(&answer), "{path}: {}", answer.html);
    }
    for path in [
        "/integrations/new".to_owned(),
        address("/edit"),
        address("/key"),
        address("/delete"),
    ] {
        assert_eq!(get(one(), Some(lead()), &path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn nobody_reads_without_signing_in() {
    for path in [
        "/integrations".to_owned(),
        "/integrations/new".to_owned(),
        address(""),
        address("/edit"),
    ] {
        let answer = get(one(), None, &path).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer
                .location
                .unwrap()
                .starts_with("/sign-in?next=/integrations"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_detail_says_the_state_in_a_sentence_and_offers_everything() {
    let answer = get(one(), Some(admin()), &address("")).await;
    assert_eq!(
        answer.text(".page-says"),
        "Stale: last complete sync 47 min ago, its schedule is 15 min."
    );
    let actions = answer.texts(".page-head .actions button, .page-head .actions a");
    assert_eq!(
        actions,
        [
            "Over time",
            "Timeline",
            "Health",
            "Sync now",
            "Test connection",
            "Pause syncing",
            "Webhook",
            "Edit",
            "Replace key",
            "Deactivate",
            "Delete"
        ]
    );
    let main = answer.text("main");
    for words in [
        "0123456789abcdef",
        "…9f2c",
        "14 of 16",
        "10,482",
        "WEB",
        "1,204",
        "All 16 projects",
        "Plane refused this key.",
        "Changed the schedule",
    ] {
        assert!(main.contains(words), "{words} in {main}");
    }
    assert_eq!(answer.count(".run-strip li"), 2);
    assert_eq!(answer.count("#last-test .stages li"), 9);
    assert!(answer.has("#test-form button[data-live-test]") && answer.has("leptos-island"));
    assert!(!answer.has("[style]") && !answer.html.contains("<b>bold</b>"));
}

#[tokio::test]
async fn an_integration_that_is_switched_off_can_only_be_switched_on() {
    let mut off = row();
    off.integration.is_active = false;
    off.freshness = Freshness::Inactive;
    let canned = Canned {
        integration: Ok(off.clone()),
        integrations: page(vec![off]),
        ..one()
    };
    let answer = get(canned.clone(), Some(admin()), &address("")).await;
    let actions = answer.texts(".page-head .actions button");
    assert_eq!(actions, ["Test connection", "Activate"]);
    assert_eq!(
        answer
            .attribute("input[name=is_active]", "value")
            .as_deref(),
        Some("true")
    );
    assert!(
        !get(canned, Some(admin()), "/integrations")
            .await
            .has("tbody button")
    );
}

#[tokio::test]
async fn a_paused_integration_says_who_and_why_and_an_admin_may_let_it_go_on() {
    let mut paused = row();
    paused.freshness = Freshness::Paused;
    paused.integration.paused = Some(Pause {
        at: now() - TimeDelta::hours(2),
        by: admin().id,
        by_name: "Maya Keller".into(),
        note: "Plane moves to <new> disks".into(),
    });
    paused.integration.settings.quiet_hours = Some("22:00-06:00 Europe/Berlin".parse().unwrap());
    let canned = Canned {
        integration: Ok(paused.clone()),
        integrations: page(vec![paused]),
        counts: IntegrationCounts {
            paused: 1,
            ..Default::default()
        },
        ..one()
    };
    let seen_by_admin = get(canned.clone(), Some(admin()), &address("")).await;
    let notice = seen_by_admin.text(".notice");
    assert!(
        notice.starts_with("Maya Keller paused this integration."),
        "{notice}"
    );
    assert!(
        notice.contains("2 h ago: Plane moves to <new> disks"),
        "{notice}"
    );
    assert_eq!(seen_by_admin.texts(".notice button"), ["Resume"]);
    assert!(!seen_by_admin.has(".pause-menu"));
    let main = seen_by_admin.text("main");
    for words in [
        "22:00 to 06:00 (Europe/Berlin)",
        "none while paused",
        "Sync now",
    ] {
        assert!(main.contains(words), "{words} in {main}");
    }
    let seen_by_lead = get(canned.clone(), Some(lead()), &address("")).await;
    assert!(seen_by_lead.has(".notice") && !seen_by_lead.has(".notice button"));

    let list = get(canned, Some(lead()), "/integrations").await;
    assert_eq!(list.texts("tbody .badge")[0], "Paused");
    assert!(
        list.text(".page-head")
            .contains("0 active, 1 paused, 0 inactive")
    );
}

#[tokio::test]
async fn the_form_keeps_quiet_hours_that_were_mistyped() {
    let draft = Draft {
        values: [
            ("quiet_from", "22:00"),
            ("quiet_to", ""),
            ("quiet_zone", "Europe/Paris"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        errors: [(
            "quiet_to".to_owned(),
            "Enter when the quiet hours end.".to_owned(),
        )]
        .into(),
        ..Draft::default()
    };
    let canned = Canned {
        draft: Some(draft),
        ..one()
    };
    let form = get(
        canned,
        Some(admin()),
        &format!("/integrations/new?draft={}", Uuid::nil()),
    )
    .await;
    assert_eq!(
        form.attribute("[name=quiet_from]", "value").as_deref(),
        Some("22:00")
    );
    assert_eq!(
        form.attribute("[name=quiet_zone]", "value").as_deref(),
        Some("Europe/Paris")
    );
    assert_eq!(
        form.attribute("[name=quiet_to]", "aria-invalid").as_deref(),
        Some("true")
    );
}

#[tokio::test]
async fn a_run_under_way_is_shown_and_not_started_twice() {
    let running = run(3, None);
    let summary = IntegrationRow {
        last_run: Some(running.summary()),
        ..row()
    };
    let canned = Canned {
        runs: page(vec![running]),
        integration: Ok(summary.clone()),
        integrations: page(vec![summary]),
        ..one()
    };
    let answer = get(canned.clone(), Some(lead()), &address("")).await;
    assert!(answer.texts("h2").contains(&"Running now".to_owned()));
    assert!(answer.has("leptos-island"));
    let list = get(canned, Some(admin()), "/integrations").await;
    assert!(list.text("tbody").contains("Running") && !list.has("tbody button"));
}

#[tokio::test]
async fn an_address_of_nothing_is_not_found() {
    for path in [
        "/integrations/nonsense",
        "/integrations/nonsense/edit",
        &address("/tests/x"),
    ] {
        assert_eq!(get(one(), Some(admin()), path).await.status, 404, "{path}");
    }
    let mut foreign = failed_test();
    foreign.integration = Some(IntegrationId(Uuid::from_u128(99)));
    let canned = Canned {
        test: Ok(foreign.clone()),
        ..one()
    };
    let path = address(&format!("/tests/{}", foreign.id));
    assert_eq!(get(canned, Some(admin()), &path).await.status, 404);
}

#[tokio::test]
async fn a_failed_test_has_a_page_with_a_fix_and_a_report() {
    let path = address(&format!("/tests/{}", failed_test().id));
    let answer = get(one(), Some(admin()), &path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text("#last-test .test-verdict"),
        "Connection fails Plane refused this key."
    );
    assert_eq!(
        answer.texts(".page-head .actions a, .page-head .actions button"),
        ["Replace key", "Test again"]
    );
    assert_eq!(answer.text(".stage-warned .stage-state"), "Look at this");
    assert!(answer.text("dl.facts").contains("9 days left"));
    let report = answer.text("pre");
    assert!(
        report.contains(
            "success: false status: bad_key projectsCount: unknown error: Plane refused this key."
        ),
        "{report}"
    );
}

#[tokio::test]
async fn the_history_says_who_changed_what() {
    let canned = one();
    let answer = get(canned, Some(lead()), &address("/history")).await;
    assert_eq!(
        answer.texts("tbody td"),
        [
            "4 min ago",
            "Jonas",
            "Changed the schedule from 30 to 15 minutes."
        ]
    );
    let empty = Canned {
        history: Ok(Page::empty()),
        ..one()
    };
    assert!(
        get(empty, Some(lead()), &address("/history"))
            .await
            .has(".empty")
    );
}

#[tokio::test]
async fn a_database_that_is_away_is_said_with_the_right_status() {
    let away = Canned {
        integrations: Err(Failure::Unavailable),
        integration: Err(Failure::Unavailable),
        ..one()
    };
    assert_eq!(
        get(away.clone(), Some(admin()), "/integrations")
            .await
            .status,
        503
    );
    assert_eq!(get(away, Some(admin()), &address("")).await.status, 503);
}
