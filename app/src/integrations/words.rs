use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    connection_test::{ConnectionTest, StageState},
    freshness::Freshness,
    integration::{AuthScheme, DeletionCost, IntegrationRow, IntegrationSettings},
};

use crate::ui::{
    number::{count, number},
    time::{ago, duration_words, moment},
};

/// How old the copy is, in one sentence.
pub fn state_sentence(row: &IntegrationRow, now: DateTime<Utc>) -> String {
    let word = row.freshness.word();
    let schedule = duration_words(row.integration.settings.interval());
    match (row.freshness, row.complete_at) {
        (Freshness::Paused, Some(at)) => {
            format!(
                "{word}: no scheduled sync starts; the last complete sync was {}.",
                ago(at, now)
            )
        }
        (Freshness::Paused, None) => {
            format!("{word}: no scheduled sync starts, and nothing was ever copied completely.")
        }
        (Freshness::Inactive, Some(at)) => {
            format!(
                "{word}: nothing is synced any more; the last complete sync was {}.",
                ago(at, now)
            )
        }
        (Freshness::Inactive, None) => {
            format!("{word}: nothing is synced, and nothing was ever copied completely.")
        }
        (Freshness::Unknown, _) | (Freshness::Fresh | Freshness::Late | Freshness::Stale, None) => {
            format!(
                "{word}: the last complete sync seems to lie in the future. Check the clock of Hangar’s machine."
            )
        }
        (Freshness::Never, _) => {
            format!("{word}: no sync has copied everything yet. Its schedule is {schedule}.")
        }
        (_, Some(at)) => format!(
            "{word}: last complete sync {}, its schedule is {schedule}.",
            ago(at, now)
        ),
    }
}

/// `14 of 16`, or `27` when the key's owner belongs to every project that it sees.
pub fn member_projects(row: &IntegrationRow) -> String {
    if row.member_projects == row.visible_projects {
        number(row.member_projects.into())
    } else {
        format!(
            "{} of {}",
            number(row.member_projects.into()),
            number(row.visible_projects.into())
        )
    }
}

/// How the key is sent, as a person reads it.
pub fn scheme(scheme: AuthScheme) -> &'static str {
    match scheme {
        AuthScheme::ApiKey => "X-API-Key header",
        AuthScheme::Bearer => "Bearer token (OAuth)",
    }
}

/// What deleting would lose, one line each; nothing when nothing was copied.
pub fn losses(cost: &DeletionCost) -> Vec<String> {
    let lines = [
        (u64::from(cost.projects), "project", "projects"),
        (cost.work_items, "work item", "work items"),
        (cost.labels.into(), "label", "labels"),
        (cost.runs.into(), "sync run", "sync runs"),
        (cost.tests.into(), "connection test", "connection tests"),
    ];
    lines
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many)| count(n, one, many))
        .collect()
}

/// The fields of the form, in order: name and label.
pub const FIELDS: [(&str, &str); 13] = [
    ("integration_name", "Name"),
    ("base_url", "Plane’s address"),
    ("workspace", "Workspace slug"),
    ("auth_scheme", "How the key is sent"),
    ("project_id", "Only this project"),
    ("interval_minutes", "Sync every"),
    ("quiet_from", "Quiet hours from"),
    ("quiet_to", "Quiet hours to"),
    ("quiet_zone", "Time zone of the quiet hours"),
    ("test_minutes", "Test every"),
    ("key_expires_on", "Last day of the key"),
    ("tags", "Tags"),
    ("description", "Description"),
];

/// The settings as the form shows them.
pub fn form_values(settings: &IntegrationSettings) -> BTreeMap<String, String> {
    let project = settings
        .project_id
        .map(|id| id.to_string())
        .unwrap_or_default();
    let quiet = settings.quiet_hours;
    let expires = settings.key_expires_on.map(|day| day.to_string());
    let expires = expires.unwrap_or_default();
    [
        ("integration_name", settings.integration_name.to_string()),
        ("base_url", settings.base_url.to_string()),
        ("workspace", settings.workspace.to_string()),
        ("auth_scheme", settings.auth_scheme.word().to_owned()),
        ("project_id", project),
        ("interval_minutes", settings.interval_minutes.to_string()),
        ("quiet_from", quiet.map(|q| q.from()).unwrap_or_default()),
        ("quiet_to", quiet.map(|q| q.to()).unwrap_or_default()),
        ("quiet_zone", quiet.map_or("UTC", |q| q.zone()).to_owned()),
        ("test_minutes", settings.test_minutes.to_string()),
        ("key_expires_on", expires),
        ("tags", settings.tags.to_string()),
        ("description", settings.description.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Where what was typed differs from what is saved: label, saved, typed.
pub fn differences(
    saved: &BTreeMap<String, String>,
    typed: &BTreeMap<String, String>,
) -> Vec<(&'static str, String, String)> {
    let of = |values: &BTreeMap<String, String>, name: &str| {
        let value = values.get(name).map(|v| v.trim()).unwrap_or_default();
        match (name, value) {
            // What an empty field means.
            ("quiet_zone", "") => "UTC".to_owned(),
            ("test_minutes", "") => "15".to_owned(),
            _ => value.to_owned(),
        }
    };
    FIELDS
        .into_iter()
        .map(|(name, label)| (label, of(saved, name), of(typed, name)))
        .filter(|(_, saved, typed)| saved != typed)
        .collect()
}

/// A test as text, to be pasted into a ticket. Nothing in it is secret.
pub fn report(test: &ConnectionTest, about: &str) -> String {
    let mut lines = vec![
        "Hangar connection test".to_owned(),
        format!("Of: {about}"),
        format!("Made: {}", moment(test.started_at)),
        format!("success: {}", test.success),
        format!("status: {}", test.status),
        format!(
            "projectsCount: {}",
            test.projects_count
                .map_or("unknown".to_owned(), |n| n.to_string())
        ),
        format!("error: {}", test.error.as_deref().unwrap_or("none")),
        format!(
            "Took {} ms, {}",
            test.took_ms,
            count(test.api_calls.into(), "API call", "API calls")
        ),
        String::new(),
    ];
    for stage in &test.stages {
        lines.push(format!(
            "{:<11} {:<9} {:>5} ms  {}",
            stage.name.word(),
            stage_word(stage.state),
            stage.took_ms,
            stage.says
        ));
        lines.extend(
            stage
                .advice
                .iter()
                .map(|advice| format!("{:<31}To do: {advice}", "")),
        );
    }
    lines.join("\n")
}

fn stage_word(state: StageState) -> &'static str {
    match state {
        StageState::Passed => "passed",
        StageState::Warned => "warned",
        StageState::Failed => "failed",
        StageState::NotTried => "not tried",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use domain::{
        connection_test::{Stage, StageName},
        ids::{IntegrationId, TestId},
        integration::{Integration, KeyHint},
    };
    use uuid::Uuid;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    fn row(freshness: Freshness, minutes_ago: Option<i64>) -> IntegrationRow {
        IntegrationRow {
            integration: Integration {
                id: IntegrationId(Uuid::nil()),
                settings: IntegrationSettings {
                    integration_name: "Acme product".parse().unwrap(),
                    description: String::new(),
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
                is_active: freshness != Freshness::Inactive,
                paused: None,
                key: KeyHint {
                    last_four: "9f2c".into(),
                    fingerprint: "0123456789abcdef".into(),
                    replaced_at: now(),
                },
                version: 1,
                created_at: now(),
                updated_at: now(),
            },
            freshness,
            member_projects: 14,
            visible_projects: 16,
            total_work_items: 10_482,
            complete_at: minutes_ago.map(|m| now() - TimeDelta::minutes(m)),
            complete_requests: None,
            last_run: None,
            health: Default::default(),
        }
    }

    #[test]
    fn a_state_is_a_sentence() {
        let check = |freshness, minutes_ago, says: &str| {
            assert_eq!(state_sentence(&row(freshness, minutes_ago), now()), says)
        };
        check(
            Freshness::Fresh,
            Some(3),
            "Fresh: last complete sync 3 min ago, its schedule is 15 min.",
        );
        check(
            Freshness::Late,
            Some(17),
            "Late: last complete sync 17 min ago, its schedule is 15 min.",
        );
        check(
            Freshness::Stale,
            Some(47),
            "Stale: last complete sync 47 min ago, its schedule is 15 min.",
        );
        check(
            Freshness::Never,
            None,
            "Never synced: no sync has copied everything yet. Its schedule is 15 min.",
        );
        check(
            Freshness::Paused,
            Some(600),
            "Paused: no scheduled sync starts; the last complete sync was 10 h ago.",
        );
        check(
            Freshness::Inactive,
            Some(600),
            "Inactive: nothing is synced any more; the last complete sync was 10 h ago.",
        );
        check(
            Freshness::Inactive,
            None,
            "Inactive: nothing is synced, and nothing was ever copied completely.",
        );
        assert!(
            state_sentence(&row(Freshness::Unknown, Some(-60)), now()).contains("Check the clock")
        );
    }

    #[test]
    fn projects_without_membership_are_told_apart() {
        assert_eq!(member_projects(&row(Freshness::Fresh, None)), "14 of 16");
        let all = IntegrationRow {
            member_projects: 27,
            visible_projects: 27,
            ..row(Freshness::Fresh, None)
        };
        assert_eq!(member_projects(&all), "27");
    }

    #[test]
    fn what_is_lost_is_said_in_numbers() {
        let cost = DeletionCost {
            projects: 1,
            work_items: 10_482,
            labels: 0,
            runs: 3,
            tests: 1,
        };
        assert_eq!(
            losses(&cost),
            [
                "1 project",
                "10,482 work items",
                "3 sync runs",
                "1 connection test"
            ]
        );
        assert!(losses(&DeletionCost::default()).is_empty());
    }

    #[test]
    fn only_what_differs_is_listed_in_a_conflict() {
        let saved = form_values(&row(Freshness::Fresh, None).integration.settings);
        assert_eq!(saved.len(), FIELDS.len());
        let mut typed = saved.clone();
        assert_eq!(differences(&saved, &typed), []);
        typed.insert("integration_name".into(), "Acme two ".into());
        typed.remove("base_url");
        let expected = [
            ("Name", "Acme product".to_owned(), "Acme two".to_owned()),
            (
                "Plane’s address",
                "https://plane.acme.example".to_owned(),
                String::new(),
            ),
        ];
        assert_eq!(differences(&saved, &typed), expected);
    }

    #[test]
    fn a_report_says_what_failed_and_what_to_do() {
        let stage = |name, state, says: &str, advice: Option<&str>| Stage {
            name,
            state,
            says: says.into(),
            advice: advice.map(Into::into),
            took_ms: 84,
        };
        let test = ConnectionTest {
            id: TestId(Uuid::nil()),
            integration: None,
            success: false,
            status: "bad_key".into(),
            projects_count: None,
            error: Some("Plane refused this key.".into()),
            stages: vec![
                stage(StageName::Dns, StageState::Passed, "203.0.113.24", None),
                stage(
                    StageName::ApiKey,
                    StageState::Failed,
                    "Plane refused this key.",
                    Some("Create a new one."),
                ),
                stage(
                    StageName::Workspace,
                    StageState::NotTried,
                    "not tried",
                    None,
                ),
            ],
            api_calls: 1,
            plane_version: None,
            certificate_days_left: None,
            is_scheduled: false,
            started_at: now(),
            took_ms: 1944,
        };
        let report = report(&test, "acme at https://plane.acme.example");
        for line in [
            "success: false",
            "status: bad_key",
            "projectsCount: unknown",
            "error: Plane refused this key.",
            "Took 1944 ms, 1 API call",
            "DNS         passed       84 ms  203.0.113.24",
            "                               To do: Create a new one.",
        ] {
            assert!(report.lines().any(|l| l == line), "{line:?} in\n{report}");
        }
    }
}
