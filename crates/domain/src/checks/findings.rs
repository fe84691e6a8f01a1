use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, Finding, Level};
use crate::{
    freshness::Freshness,
    health::ConnectionState,
    inbox::Webhook,
    integration::{IntegrationRow, Standing},
    mirror::{CopyState, ProjectRow},
    run::Outcome,
    silence::Silence,
};

/// What is known of an integration, as far as its checks go by it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub row: &'a IntegrationRow,
    pub projects: &'a [&'a ProjectRow],
    pub webhook: Option<&'a Webhook>,
    pub backlog: Backlog,
}

/// What was received for an integration and is not applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Since when the one that is due for longest is.
    pub due_since: Option<DateTime<Utc>>,
    /// So many were given up; counted to a hundred.
    pub given_up: u32,
}

/// The counting of what was given up ends here.
pub const GIVEN_UP_MOST: u32 = 100;

/// What is due for so long should have been applied.
const BACKLOG: TimeDelta = TimeDelta::minutes(5);
/// So many days before a certificate runs out somebody should see to it, and then quickly.
const CERTIFICATE_SOON: i32 = 21;
const CERTIFICATE_VERY_SOON: i32 = 7;
/// The same for a key.
const KEY_SOON: i64 = 14;
const KEY_VERY_SOON: i64 = 1;
/// More projects than these are not named.
const NAMED: usize = 3;

/// What all checks of an integration say now, in their order.
pub fn findings(known: &Known, now: DateTime<Utc>) -> Vec<Finding> {
    Check::ALL
        .into_iter()
        .map(|check| {
            let (level, says) = match check {
                Check::Freshness => freshness(known, now),
                Check::Connection => connection(known),
                Check::Key => key(known, now),
                Check::Certificate => certificate(known),
                Check::Webhook => webhook(known),
                Check::Backlog => backlog(known, now),
                Check::Drift => drift(known),
                Check::Held => held(known),
            };
            Finding { check, level, says }
        })
        .collect()
}

type Says = (Level, String);

fn freshness(known: &Known, now: DateTime<Utc>) -> Says {
    let integration = &known.row.integration;
    match integration.standing() {
        Standing::Active => {}
        Standing::Paused => return (Level::Unknown, "Its schedule is paused.".to_owned()),
        Standing::Inactive => return (Level::Unknown, "It is switched off.".to_owned()),
    }
    let minutes = integration.settings.interval_minutes;
    let of = |wanted: Freshness| -> Vec<&str> {
        let is = |row: &&&ProjectRow| row.state(now) == CopyState::Copied(wanted);
        let found = known.projects.iter().filter(is);
        found.map(|row| row.project.name.as_str()).collect()
    };
    let stale = of(Freshness::Stale);
    if !stale.is_empty() {
        let says = format!(
            "Older than twice the schedule of {minutes} min: {}.",
            names(&stale)
        );
        return (Level::Bad, says);
    }
    if known.row.freshness == Freshness::Stale {
        let says = format!(
            "No run has copied everything for more than twice the schedule of {minutes} min."
        );
        return (Level::Bad, says);
    }
    let never = of(Freshness::Never);
    let is_new = now - integration.created_at < TimeDelta::minutes(i64::from(minutes) * 2);
    if known.row.freshness == Freshness::Never || !never.is_empty() {
        return match is_new {
            true => (Level::Unknown, "The first sync is to come.".to_owned()),
            false if never.is_empty() => (Level::Bad, "It was never copied whole.".to_owned()),
            false => (
                Level::Bad,
                format!("Never copied whole: {}.", names(&never)),
            ),
        };
    }
    // Late is what every copy is for a moment before its next run.
    (
        Level::Good,
        format!("All of it is younger than twice the schedule of {minutes} min."),
    )
}

fn connection(known: &Known) -> Says {
    let health = &known.row.health;
    let failed = health.connection.failed;
    match health.connection.state {
        ConnectionState::Unknown => (Level::Unknown, "It was not tested yet.".to_owned()),
        ConnectionState::Works => (Level::Good, "The latest test passed.".to_owned()),
        ConnectionState::Unsteady => (
            Level::Warning,
            "The latest test failed; after three in a row the connection counts as failing."
                .to_owned(),
        ),
        ConnectionState::Failing if failed == 0 => (
            Level::Bad,
            "The latest test passed after several that failed; one more makes it working again."
                .to_owned(),
        ),
        ConnectionState::Failing => (
            Level::Bad,
            format!(
                "The latest {failed} tests failed. The result of the last one says at which step, and what to do."
            ),
        ),
    }
}

/// What a test is called that Plane refused the key of.
const BAD_KEY: &str = "bad_key";

fn key(known: &Known, now: DateTime<Utc>) -> Says {
    let health = &known.row.health;
    let tests_refused = health
        .recent
        .iter()
        .take_while(|test| test.status == BAD_KEY);
    let run = known.row.last_run.as_ref();
    let is_run_refused = run.is_some_and(|run| {
        let is_later = health
            .latest()
            .is_none_or(|test| run.started_at > test.started_at);
        is_later && run.outcome == Some(Outcome::Rejected)
    });
    if tests_refused.count() > 0 || is_run_refused {
        let says = "Plane refuses the key: it was deleted, has expired, or its owner was removed. Make a new one in Plane, and replace this one.";
        return (Level::Bad, says.to_owned());
    }
    let last_day = known.row.integration.settings.key_expires_on;
    if let Some(last_day) = last_day {
        let days = (last_day - now.date_naive()).num_days();
        let left = match days {
            ..0 => format!("Its last day was {last_day}."),
            0 => "Today is its last day.".to_owned(),
            1 => "Tomorrow is its last day.".to_owned(),
            days => format!("Its last day, {last_day}, is in {days} days."),
        };
        if days <= KEY_SOON {
            let level = match days <= KEY_VERY_SOON {
                true => Level::Bad,
                false => Level::Warning,
            };
            return (
                level,
                format!("{left} Make a new one in Plane, and replace this one."),
            );
        }
    }
    match health.recent.iter().find(|test| test.success) {
        Some(_) => (Level::Good, "Plane takes it.".to_owned()),
        None => (
            Level::Unknown,
            "No test got as far as to use it.".to_owned(),
        ),
    }
}

fn certificate(known: &Known) -> Says {
    let Some(days) = known.row.health.certificate_days_left() else {
        return (Level::Unknown, "No test has seen one.".to_owned());
    };
    let left = match days {
        ..1 => "The certificate of Plane’s server has run out: nothing gets through.".to_owned(),
        1 => "The certificate of Plane’s server runs out in a day.".to_owned(),
        _ => format!("The certificate of Plane’s server runs out in {days} days."),
    };
    if days > CERTIFICATE_SOON {
        return (Level::Good, left);
    }
    let level = match days <= CERTIFICATE_VERY_SOON {
        true => Level::Bad,
        false => Level::Warning,
    };
    (level, format!("{left} Renew it there."))
}

fn webhook(known: &Known) -> Says {
    let Some(webhook) = known.webhook else {
        return (
            Level::Unknown,
            "There is none: changes are found by polling.".to_owned(),
        );
    };
    match (webhook.silence, webhook.last_at) {
        (Some((silence, _)), _) => {
            let why = match silence {
                Silence::Missed(n) => {
                    format!("the schedule found {n} changes that it should have told of")
                }
                Silence::Quiet(n) => {
                    format!("about {n} deliveries should have come since the last one")
                }
            };
            let says = format!(
                "It is silent: {why}. Plane has probably switched it off; switch it on there."
            );
            (Level::Bad, says)
        }
        (None, None) => (Level::Unknown, "Nothing was delivered yet.".to_owned()),
        (None, Some(_)) => (Level::Good, "It tells of changes as usual.".to_owned()),
    }
}

fn backlog(known: &Known, now: DateTime<Utc>) -> Says {
    if known.webhook.is_none() {
        return (Level::Unknown, "There is no webhook.".to_owned());
    }
    let Backlog {
        due_since,
        given_up,
    } = known.backlog;
    if given_up > 0 {
        let so_many = match given_up {
            1 => "One change was".to_owned(),
            GIVEN_UP_MOST.. => format!("{GIVEN_UP_MOST} changes or more were"),
            n => format!("{n} changes were"),
        };
        let says = format!(
            "{so_many} given up after eight tries. Look at why in the webhook’s log, and replay."
        );
        return (Level::Warning, says);
    }
    match due_since.filter(|since| now - *since > BACKLOG) {
        Some(_) => (
            Level::Warning,
            "What Plane told of waits for more than five minutes to be applied.".to_owned(),
        ),
        None => (Level::Good, "What Plane told of is applied.".to_owned()),
    }
}

fn drift(known: &Known) -> Says {
    let checks = known.projects.iter();
    let checks: Vec<_> = checks.filter_map(|row| Some((row, row.drift?))).collect();
    if checks.is_empty() {
        return (Level::Unknown, "The copy was not compared yet.".to_owned());
    }
    let differ = checks.iter().filter(|(_, check)| !check.is_equal());
    let differ: Vec<&str> = differ.map(|(row, _)| row.project.name.as_str()).collect();
    match differ.is_empty() {
        true => (
            Level::Good,
            "When last compared, the copy was what Plane has.".to_owned(),
        ),
        false => (
            Level::Warning,
            format!(
                "When last compared, the copy was not what Plane has, and was put right: {}.",
                names(&differ)
            ),
        ),
    }
}

fn held(known: &Known) -> Says {
    let held = known.projects.iter().filter(|row| row.held.is_some());
    let held: Vec<&str> = held.map(|row| row.project.name.as_str()).collect();
    match held.is_empty() {
        true => (Level::Good, "Nothing waits for a decision.".to_owned()),
        false => {
            let says = format!(
                "Plane no longer lists many work items at once. Look at them and decide, in {}.",
                names(&held)
            );
            (Level::Warning, says)
        }
    }
}

/// "Web, Mobile and 3 more".
fn names(all: &[&str]) -> String {
    match all.len() {
        0..=NAMED => all.join(", "),
        n => format!("{} and {} more", all[..NAMED].join(", "), n - NAMED),
    }
}

#[cfg(test)]
mod tests {
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
            (15, Level::Good, "Plane takes it."),
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
            check(Check::Key, &row, &[], None, level, says);
        }
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
    }
}
