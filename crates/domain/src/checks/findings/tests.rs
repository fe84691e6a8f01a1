use uuid::Uuid;

use super::*;
use crate::{
    connection_test::TestSummary,
    drift::{DriftCheck, Thoroughness},
    freshness::Copied,
    health::Health,
    ids::{IntegrationId, ProjectId, RunId, TestId},
    inbox::Retention,
    integration::{AuthScheme, Integration, IntegrationSettings, KeyHint},
    mirror::{Access, Project},
    run::RunSummary,
    walk::Held,
};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
}

/// An integration of a thousand minutes ago that was copied whole ten minutes ago.
fn row() -> IntegrationRow {
    IntegrationRow {
        integration: Integration {
            id: IntegrationId(Uuid::nil()),
            settings: IntegrationSettings {
                integration_name: "Acme".parse().unwrap(),
                description: String::new(),
                base_url: "https://plane.example".parse().unwrap(),
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
                last_four: String::new(),
                fingerprint: String::new(),
                replaced_at: at(-1000),
            },
            version: 1,
            created_at: at(-1000),
            updated_at: at(-1000),
        },
        freshness: Freshness::Fresh,
        member_projects: 1,
        visible_projects: 1,
        total_work_items: 1,
        complete_at: Some(at(-10)),
        complete_requests: None,
        last_run: None,
        health: Health::default(),
    }
}

fn project(name: &str, minutes_ago: Option<i64>) -> ProjectRow {
    let copied_at = minutes_ago.map(|minutes| at(-minutes));
    ProjectRow {
        integration: IntegrationId(Uuid::nil()),
        integration_name: "Acme".into(),
        workspace: "acme".into(),
        interval_minutes: 15,
        standing: Standing::Active,
        project: Project {
            id: ProjectId(Uuid::nil()),
            identifier: "WEB".into(),
            name: name.into(),
            description: String::new(),
            is_public: true,
            is_member: true,
            archived_at: None,
            total_members: 1,
            created_at: at(-1000),
            updated_at: at(-1000),
        },
        access: Access::Readable,
        total_work_items: 1,
        total_labels: 1,
        copied: Copied {
            work_items: copied_at,
            labels: copied_at,
            states: copied_at,
            cycles: copied_at,
            modules: copied_at,
            members: copied_at,
            refused: vec![],
        },
        held: None,
        drift: None,
        counted_at: None,
    }
}

fn test(minutes_ago: i64, status: &str, certificate: Option<i32>) -> TestSummary {
    TestSummary {
        id: TestId(Uuid::from_u128(minutes_ago.unsigned_abs().into())),
        success: status == "ok",
        status: status.to_owned(),
        started_at: at(-minutes_ago),
        certificate_days_left: certificate,
    }
}

fn hook() -> Webhook {
    Webhook {
        integration: IntegrationId(Uuid::nil()),
        path: String::new(),
        created_at: at(-1000),
        secret: None,
        previous_until: None,
        rotation_until: None,
        plane_id: None,
        is_second_format: None,
        first_at: Some(at(-900)),
        last_at: Some(at(-1)),
        deliveries: 1,
        duplicates: 0,
        bytes: 0,
        missed: 0,
        refused: Default::default(),
        refused_at: None,
        quarantined: 0,
        quarantined_bytes: 0,
        keeps: Retention::default(),
        silence: None,
        self_test: None,
        secret_shown_until: None,
    }
}

#[track_caller]
fn check(
    check: Check,
    row: &IntegrationRow,
    projects: &[&ProjectRow],
    webhook: Option<(&Webhook, Backlog)>,
    level: Level,
    says: &str,
) {
    let known = Known {
        row,
        projects,
        webhook: webhook.map(|(webhook, _)| webhook),
        backlog: webhook.map(|(_, backlog)| backlog).unwrap_or_default(),
        busy: None,
    };
    let all = findings(&known, at(0));
    assert_eq!(all.len(), Check::ALL.len());
    let found = all.into_iter().find(|finding| finding.check == check);
    let found = found.unwrap();
    assert_eq!(found.level, level, "{}", found.says);
    assert!(found.says.contains(says), "{}", found.says);
}

#[test]
fn a_copy_is_bad_when_any_part_of_it_is_stale_and_unknown_when_it_rests() {
    let says = |row: &IntegrationRow, projects: &[&ProjectRow], level, says| {
        check(Check::Freshness, row, projects, None, level, says);
    };
    let (fresh, late) = (project("Web", Some(3)), project("Late", Some(20)));
    says(
        &row(),
        &[&fresh, &late],
        Level::Good,
        "younger than twice the schedule of 15 min",
    );
    let stale = ["A", "B", "C", "D", "E"].map(|name| project(name, Some(300)));
    let all: Vec<&ProjectRow> = stale.iter().collect();
    says(&row(), &all[..1], Level::Bad, "15 min: A.");
    says(&row(), &all, Level::Bad, "A, B, C and 2 more");
    let mut old = row();
    old.freshness = Freshness::Stale;
    says(&old, &[&fresh], Level::Bad, "No run has copied everything");
    let never = project("New", None);
    says(
        &row(),
        &[&fresh, &never],
        Level::Bad,
        "Never copied whole: New.",
    );
    let mut young = row();
    young.integration.created_at = at(-5);
    says(
        &young,
        &[&never],
        Level::Unknown,
        "The first sync is to come.",
    );
    let mut off = row();
    off.integration.is_active = false;
    says(&off, &all, Level::Unknown, "switched off");
}

#[test]
fn a_refused_key_and_a_failing_connection_are_told_apart() {
    let tested = |tests: &[TestSummary]| {
        let mut row = row();
        for test in tests {
            row.health.add(test);
        }
        row
    };
    let says = |one, row: &IntegrationRow, level, says| check(one, row, &[], None, level, says);
    let ok = test(60, "ok", None);
    says(Check::Connection, &row(), Level::Unknown, "not tested");
    says(Check::Key, &row(), Level::Unknown, "No test");
    says(
        Check::Connection,
        &tested(std::slice::from_ref(&ok)),
        Level::Good,
        "passed",
    );
    says(
        Check::Key,
        &tested(std::slice::from_ref(&ok)),
        Level::Good,
        "Plane takes it",
    );
    let down = [
        ok.clone(),
        test(3, "timeout", None),
        test(2, "timeout", None),
    ];
    says(
        Check::Connection,
        &tested(&down),
        Level::Warning,
        "after three in a row",
    );
    says(Check::Key, &tested(&down), Level::Good, "Plane takes it");
    let gone = [down.to_vec(), vec![test(1, "bad_key", None)]].concat();
    says(
        Check::Connection,
        &tested(&gone),
        Level::Bad,
        "The latest 3 tests failed",
    );
    says(Check::Key, &tested(&gone), Level::Bad, "replace this one");
    let mut run = tested(std::slice::from_ref(&ok));
    run.last_run = Some(RunSummary {
        id: RunId(Uuid::nil()),
        started_at: at(-30),
        finished_at: Some(at(-30)),
        outcome: Some(Outcome::Rejected),
    });
    says(Check::Key, &run, Level::Bad, "Plane refuses the key");
    run.health.add(&test(5, "ok", None));
    says(Check::Key, &run, Level::Good, "Plane takes it");
}

#[test]
fn a_key_is_told_of_two_weeks_before_its_last_day() {
    for (days, level, says) in [
        (15, Level::Good, "is in 15 days."),
        (14, Level::Warning, "in 14 days"),
        (2, Level::Warning, "in 2 days"),
        (1, Level::Bad, "Tomorrow"),
        (0, Level::Bad, "Today is its last day"),
        (-1, Level::Bad, "Its last day was"),
    ] {
        let mut row = row();
        row.health.add(&test(1, "ok", None));
        let last_day = at(0).date_naive() + TimeDelta::days(days);
        row.integration.settings.key_expires_on = Some(last_day);
        check(Check::Expiry, &row, &[], None, level, says);
    }
}

#[test]
fn a_key_close_to_its_limit_is_told() {
    let row = row();
    let budget = |busy| {
        let known = Known {
            row: &row,
            projects: &[],
            webhook: None,
            backlog: Backlog::default(),
            busy,
        };
        let all = findings(&known, at(0));
        let found = all.into_iter().find(|one| one.check == Check::Budget);
        let found = found.unwrap();
        (found.level, found.says.contains("48 of the 60"))
    };
    let busy = |least| Some(Busy { least, limit: 60 });
    assert_eq!(budget(None), (Level::Good, false));
    assert_eq!(budget(busy(47)), (Level::Good, false));
    assert_eq!(budget(busy(48)), (Level::Warning, true));
}

#[test]
fn signatures_are_told_apart_from_silence() {
    let (row, hook) = (row(), hook());
    let of = |webhook: Option<&Webhook>, level, says| {
        let webhook = webhook.map(|webhook| (webhook, Backlog::default()));
        check(Check::Signature, &row, &[], webhook, level, says);
    };
    of(None, Level::Unknown, "no webhook");
    of(Some(&hook), Level::Good, "was believed");
    let refused = |minutes| Webhook {
        refused_at: Some(at(minutes)),
        last_at: Some(at(-5)),
        ..hook.clone()
    };
    of(Some(&refused(-6)), Level::Good, "was believed");
    of(Some(&refused(-4)), Level::Bad, "Compare the secret");
    let rotating = Webhook {
        rotation_until: Some(at(60)),
        ..refused(-4)
    };
    of(Some(&rotating), Level::Unknown, "held back");
    let never = Webhook {
        last_at: None,
        ..hook.clone()
    };
    of(Some(&never), Level::Unknown, "Nothing was delivered");
}

#[test]
fn a_certificate_is_told_of_three_weeks_before_it_runs_out() {
    for (days, level, says) in [
        (22, Level::Good, "in 22 days"),
        (21, Level::Warning, "Renew it there."),
        (8, Level::Warning, "in 8 days"),
        (7, Level::Bad, "in 7 days"),
        (1, Level::Bad, "in a day"),
        (0, Level::Bad, "has run out"),
        (-3, Level::Bad, "has run out"),
    ] {
        let mut row = row();
        row.health.add(&test(1, "ok", Some(days)));
        check(Check::Certificate, &row, &[], None, level, says);
    }
    check(
        Check::Certificate,
        &row(),
        &[],
        None,
        Level::Unknown,
        "No test",
    );
}

#[test]
fn webhooks_backlogs_drift_and_deletions_say_what_to_do() {
    let (row, hook) = (row(), hook());
    let none = Backlog::default();
    let of = |one, webhook, level, says| check(one, &row, &[], webhook, level, says);
    of(Check::Webhook, None, Level::Unknown, "polling");
    of(Check::Backlog, None, Level::Unknown, "no webhook");
    of(Check::Webhook, Some((&hook, none)), Level::Good, "as usual");
    of(
        Check::Backlog,
        Some((&hook, none)),
        Level::Good,
        "is applied",
    );
    let waits = |minutes: i64| Backlog {
        due_since: Some(at(-minutes)),
        given_up: 0,
    };
    of(Check::Backlog, Some((&hook, waits(5))), Level::Good, "");
    of(
        Check::Backlog,
        Some((&hook, waits(6))),
        Level::Warning,
        "five minutes",
    );
    for (given_up, says) in [
        (1, "One change was"),
        (7, "7 changes"),
        (100, "100 changes or more"),
    ] {
        let backlog = Backlog { given_up, ..none };
        of(Check::Backlog, Some((&hook, backlog)), Level::Warning, says);
    }
    let silent = Webhook {
        silence: Some((Silence::Missed(3), at(-9))),
        ..hook.clone()
    };
    of(
        Check::Webhook,
        Some((&silent, none)),
        Level::Bad,
        "the schedule found 3 changes",
    );
    let new = Webhook {
        last_at: None,
        ..hook.clone()
    };
    of(
        Check::Webhook,
        Some((&new, none)),
        Level::Unknown,
        "Nothing was delivered",
    );

    let drift = DriftCheck {
        at: at(-60),
        thoroughness: Thoroughness::Whole,
        planes: 10,
        compared: 10,
        missing: 0,
        extra: 0,
        different: 0,
    };
    let mut web = project("Web", Some(3));
    let on = |one, web: &ProjectRow, level, says| check(one, &row, &[web], None, level, says);
    on(Check::Drift, &web, Level::Unknown, "not compared");
    on(Check::Held, &web, Level::Good, "Nothing waits");
    web.drift = Some(drift);
    on(Check::Drift, &web, Level::Good, "what Plane has");
    web.drift = Some(DriftCheck { extra: 1, ..drift });
    on(Check::Drift, &web, Level::Warning, "Web");
    web.held = Some(Held {
        absent: 20,
        of: 30,
        at: at(-5),
    });
    on(Check::Held, &web, Level::Warning, "decide, in Web");
    on(Check::Drift, &web, Level::Unknown, "wait for a decision");
}
