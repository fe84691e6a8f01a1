use app::{Draft, Failure};
use chrono::TimeDelta;
use domain::{
    audit::AuditEntry,
    connection_test::{ConnectionTest, Stage, StageName, StageState},
    freshness::Freshness,
    ids::{IntegrationId, ProjectId, RunId, TestId},
    integration::{
        AuthScheme, DeletionCost, Integration, IntegrationRow, IntegrationSettings, KeyHint,
    },
    mirror::{Access, Project, ProjectRow},
    page::{Cursor, Page},
    run::{Counts, Outcome, Progress, SyncRun, Trigger},
};
use uuid::Uuid;

use crate::canned::{Answer, Canned, admin, get, lead, now};

const ID: IntegrationId = IntegrationId(Uuid::from_u128(10));
const DRAFT: &str = "00000000-0000-4000-8000-000000000001";

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
            },
            is_active: true,
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
        last_run: Some(run(1, Some(Outcome::Rejected)).summary()),
        last_test: Some(failed_test().summary()),
    }
}

fn run(n: u128, outcome: Option<Outcome>) -> SyncRun {
    SyncRun {
        id: RunId(Uuid::from_u128(n)),
        integration: ID,
        integration_name: "Acme <product>".into(),
        trigger: Trigger::System,
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

fn failed_test() -> ConnectionTest {
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
        started_at: now() - TimeDelta::minutes(2),
        took_ms: 1944,
    }
}

fn page<T>(rows: Vec<T>) -> Result<Page<T>, Failure> {
    Ok(Page { rows, next: None })
}

fn one() -> Canned {
    let project = ProjectRow {
        integration: ID,
        integration_name: "Acme <product>".into(),
        workspace: "acme".into(),
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
        complete_at: Some(now() - TimeDelta::minutes(47)),
    };
    let change = AuditEntry {
        at: now() - TimeDelta::minutes(4),
        actor: None,
        actor_name: "Jonas".into(),
        action: "integration.updated".into(),
        integration: Some(ID),
        says: "Changed the schedule from 30 to 15 minutes.".into(),
    };
    Canned {
        integrations: page(vec![row()]),
        counts: (1, 0),
        integration: Ok(row()),
        tests: page(vec![failed_test()]),
        test: Ok(failed_test()),
        history: page(vec![change]),
        projects: page(vec![project]),
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

fn draft(values: &[(&str, &str)], errors: &[(&str, &str)]) -> Draft {
    let map = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    Draft {
        values: map(values),
        errors: map(errors),
        ..Draft::default()
    }
}

fn address(rest: &str) -> String {
    format!("/integrations/{ID}{rest}")
}

fn drafted(rest: &str) -> String {
    format!("/integrations{rest}?draft={DRAFT}")
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
    let cells = answer.texts("tbody th, tbody td");
    assert!(
        cells[0].starts_with("Acme <product>") && cells[0].ends_with("acme · plane.acme.example"),
        "{cells:?}"
    );
    assert_eq!(
        cells[1..6],
        ["Stale", "47 min ago", "14 of 16", "10,482", "…9f2c"]
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
        counts: (3, 0),
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
            "Sync now",
            "Test connection",
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
    off.freshness = Freshness::Paused;
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
async fn a_new_form_asks_for_what_is_needed_and_nothing_else() {
    let answer = get(Canned::default(), Some(admin()), "/integrations/new").await;
    assert_eq!(
        answer.attribute("#integration-form", "action").as_deref(),
        Some("/api/ui/create_integration")
    );
    assert_eq!(
        answer.texts("#integration-form button"),
        ["Save", "Test connection"]
    );
    assert_eq!(
        answer
            .attribute("button[data-live-test]", "formaction")
            .as_deref(),
        Some("/api/ui/test_integration_form")
    );
    assert_eq!(
        answer.attribute("#field-api_key", "type").as_deref(),
        Some("password")
    );
    assert_eq!(
        answer
            .attribute("#field-api_key", "autocomplete")
            .as_deref(),
        Some("off")
    );
    assert_eq!(
        answer
            .attribute("#field-interval_minutes", "value")
            .as_deref(),
        Some("15")
    );
    assert!(!answer.has("details.advanced[open]") && !answer.has("input[name=version]"));
    for name in [
        "integration_name",
        "base_url",
        "workspace",
        "api_key",
        "interval_minutes",
        "description",
        "auth_scheme",
        "project_id",
    ] {
        assert!(answer.has(&format!("label[for=field-{name}]")), "{name}");
    }
}

#[tokio::test]
async fn a_form_with_mistakes_keeps_what_was_typed_but_never_shows_the_key() {
    let typed = [
        ("integration_name", ""),
        ("base_url", "acme"),
        ("workspace", "acme"),
        ("auth_scheme", "bearer"),
        ("api_key", "plane_api_leak"),
    ];
    let mut draft = draft(
        &typed,
        &[
            ("integration_name", "Enter a name."),
            ("base_url", "This is not the address of a server."),
        ],
    );
    draft.key_last_four = Some("3f9a".into());
    let answer = get(
        Canned {
            draft: Some(draft),
            ..Canned::default()
        },
        Some(admin()),
        &drafted("/new"),
    )
    .await;
    assert!(
        answer
            .text("[role=alert]")
            .contains("2 fields need another look.")
    );
    assert_eq!(
        answer.text("#field-base_url-error"),
        "This is not the address of a server."
    );
    assert_eq!(
        answer.attribute("#field-base_url", "value").as_deref(),
        Some("acme")
    );
    assert_eq!(
        answer
            .attribute("#field-base_url", "aria-invalid")
            .as_deref(),
        Some("true")
    );
    assert_eq!(
        answer.attribute("input[name=draft]", "value").as_deref(),
        Some(DRAFT)
    );
    assert_eq!(
        answer.attribute("option[selected]", "value").as_deref(),
        Some("bearer")
    );
    assert!(answer.has("details.advanced[open]"));
    assert_eq!(
        answer.text("#field-api_key-hint"),
        "Key …3f9a is kept; leave empty to use it."
    );
    assert!(!answer.has("#field-api_key[required]") && !answer.html.contains("leak"));
    assert_eq!(
        answer
            .attribute("#field-api_key", "value")
            .unwrap_or_default(),
        ""
    );
}

#[tokio::test]
async fn a_tested_form_shows_the_stages_and_the_one_thing_to_do() {
    let draft = Draft {
        test: Some(failed_test()),
        ..draft(&[("integration_name", "Acme")], &[])
    };
    let answer = get(
        Canned {
            draft: Some(draft),
            ..Canned::default()
        },
        Some(admin()),
        &drafted("/new"),
    )
    .await;
    assert!(!answer.has("[role=alert]"));
    assert_eq!(
        answer.text("#last-test .test-verdict"),
        "Connection fails Plane refused this key."
    );
    assert_eq!(
        answer.text("#test .stage-failed .stage-advice"),
        "Create a new one in Plane and replace it here."
    );
    assert_eq!(answer.count("#last-test .stage-waiting"), 3);
}

#[tokio::test]
async fn the_edit_form_holds_what_is_saved_and_its_version() {
    let answer = get(one(), Some(admin()), &address("/edit")).await;
    assert_eq!(
        answer.attribute("#integration-form", "action").as_deref(),
        Some("/api/ui/update_integration")
    );
    assert_eq!(
        answer.attribute("input[name=version]", "value").as_deref(),
        Some("4")
    );
    assert_eq!(
        answer.attribute("button[name=id]", "value"),
        Some(ID.to_string())
    );
    assert_eq!(
        answer
            .attribute("#field-integration_name", "value")
            .as_deref(),
        Some("Acme <product>")
    );
    assert_eq!(answer.text("#field-description"), "</textarea><b>bold</b>");
    assert_eq!(
        answer.attribute("input[name=integration]", "value"),
        Some(ID.to_string())
    );
    assert!(
        !answer.has("#integration-form input[name=id]"),
        "a test of the form is not a test of what is saved"
    );
    assert!(!answer.has("b") && !answer.has("input[name=api_key]"));
    assert_eq!(
        answer.attribute(".saved-key a", "href"),
        Some(address("/key"))
    );
}

#[tokio::test]
async fn a_new_address_asks_for_its_key() {
    let typed = [("base_url", "https://other.example"), ("version", "4")];
    let canned = Canned { draft: Some(draft(&typed, &[("api_key", "Enter the key for the new one.")])), ..one() };
    let answer = get(canned, Some(admin()), &format!("{}?draft={DRAFT}", address("/edit"))).await;
    assert_eq!(answer.attribute("#field-api_key", "type").as_deref(), Some("password"));
    assert_eq!(answer.text("#field-api_key-error"), "Enter the key for the new one.");
    assert_eq!(answer.attribute("#field-base_url", "value").as_deref(), Some("https://other.example"));
}

#[tokio::test]
async fn who_edits_too_late_is_told_by_whom_and_sees_both_versions() {
    let typed = [
        ("integration_name", "Acme <product>"),
        ("workspace", "acme"),
        ("base_url", "https://plane.acme.example"),
        ("interval_minutes", "60"),
        ("auth_scheme", "api_key"),
        ("description", "</textarea><b>bold</b>"),
        ("version", "3"),
    ];
    let canned = Canned {
        draft: Some(draft(&typed, &[])),
        ..one()
    };
    let answer = get(
        canned.clone(),
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/edit")),
    )
    .await;
    assert_eq!(
        answer.text(".notice-title"),
        "Jonas changed this integration while you were editing; nothing was overwritten."
    );
    assert_eq!(
        answer.texts(".notice tbody th, .notice tbody td"),
        ["Sync every", "15", "60"]
    );
    assert_eq!(
        answer
            .attribute("#field-interval_minutes", "value")
            .as_deref(),
        Some("60")
    );
    assert_eq!(
        answer.attribute("input[name=version]", "value").as_deref(),
        Some("4")
    );

    let mut same = typed;
    same[6].1 = "4";
    let canned = Canned {
        draft: Some(draft(&same, &[])),
        ..canned
    };
    let answer = get(
        canned,
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/edit")),
    )
    .await;
    assert!(!answer.has(".notice-title"));
}

#[tokio::test]
async fn a_new_key_that_plane_refuses_leaves_the_old_one_and_says_why() {
    let answer = get(one(), Some(admin()), &address("/key")).await;
    assert!(answer.text("main").contains("The new key is tested first."));
    assert!(answer.text(".saved-key").starts_with("In use now: …9f2c"));
    assert_eq!(
        answer.attribute("main form", "action").as_deref(),
        Some("/api/ui/replace_key")
    );

    let draft = Draft {
        test: Some(failed_test()),
        ..draft(
            &[("api_key", "plane_api_leak")],
            &[("api_key", "Plane refused this key.")],
        )
    };
    let path = format!("{}?draft={DRAFT}", address("/key"));
    let answer = get(
        Canned {
            draft: Some(draft),
            ..one()
        },
        Some(admin()),
        &path,
    )
    .await;
    assert_eq!(
        answer.text("#field-api_key-error"),
        "Plane refused this key."
    );
    assert_eq!(answer.count(".stages li"), 9);
    assert!(!answer.html.contains("leak"));
}

#[tokio::test]
async fn deleting_says_first_what_is_lost_and_offers_the_lesser_act() {
    let answer = get(one(), Some(admin()), &address("/delete")).await;
    let lost = answer.texts(".losses li");
    assert_eq!(
        lost,
        [
            "16 projects",
            "10,482 work items",
            "31 labels",
            "9 sync runs",
            "4 connection tests"
        ]
    );
    assert_eq!(
        answer.text("label[for=field-typed_name]"),
        "Type “Acme <product>” to confirm"
    );
    assert_eq!(
        answer.texts("main button"),
        ["Delete integration", "Deactivate instead"]
    );

    let wrong = draft(
        &[("typed_name", "acme")],
        &[("typed_name", "This is not its name.")],
    );
    let canned = Canned {
        draft: Some(wrong),
        deletion_cost: Ok(DeletionCost::default()),
        ..one()
    };
    let answer = get(
        canned,
        Some(admin()),
        &format!("{}?draft={DRAFT}", address("/delete")),
    )
    .await;
    assert_eq!(
        answer.text("#field-typed_name-error"),
        "This is not its name."
    );
    assert!(answer.text("main").contains("Nothing was copied yet."));
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
