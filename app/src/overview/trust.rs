use chrono::{DateTime, TimeDelta, Utc};
use domain::{freshness::Freshness, integration::IntegrationRow, run::Outcome};

use crate::ui::{
    badge::Tone,
    time::{ago, one_unit},
};

/// The one thing to know: can today's numbers be trusted, and if not, which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub tone: Tone,
    pub title: String,
    /// Why, or what else; may be empty.
    pub says: String,
}

/// The verdict over integrations that stand worst first. `None` while there are none.
pub fn verdict(rows: &[IntegrationRow], now: DateTime<Utc>) -> Option<Verdict> {
    let worst = rows.iter().min_by_key(|row| row.freshness)?;
    let troubled = rows.iter().filter(|row| needs_attention(row)).count() as u64;
    let more = match troubled.saturating_sub(1) {
        0 => String::new(),
        1 => "1 more integration needs attention.".to_owned(),
        more => format!("{more} more integrations need attention."),
    };
    let active = rows
        .iter()
        .filter(|row| !row.freshness.is_resting())
        .count() as u64;

    if let Some(title) = trouble(worst, now) {
        let tone = if worst.freshness == Freshness::Stale {
            Tone::Bad
        } else {
            Tone::Late
        };
        let parts = [last_run(worst, now).unwrap_or_default(), more];
        let says = parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        return Some(Verdict { tone, title, says });
    }
    if active == 0 {
        return Some(Verdict {
            tone: Tone::Idle,
            title: if rows.iter().any(|row| row.freshness == Freshness::Paused) {
                "Every integration is paused or inactive.".to_owned()
            } else {
                "Every integration is inactive.".to_owned()
            },
            says: "Nothing is brought up to date by itself.".to_owned(),
        });
    }
    if let Some(failing) = rows.iter().find(|row| needs_attention(row)) {
        return Some(Verdict {
            tone: Tone::Late,
            title: format!(
                "Every copy is fresh, but the last sync of {} went wrong.",
                name(failing)
            ),
            says: [last_run(failing, now).unwrap_or_default(), more]
                .join(" ")
                .trim()
                .to_owned(),
        });
    }
    Some(Verdict {
        tone: Tone::Good,
        title: "Today’s numbers can be trusted.".to_owned(),
        says: match active {
            1 => "The integration was completely synced within its schedule.".to_owned(),
            n => format!(
                "All {n} active integrations were completely synced within their schedules."
            ),
        },
    })
}

/// Whether somebody should look at this integration.
pub fn needs_attention(row: &IntegrationRow) -> bool {
    match row.freshness {
        Freshness::Paused | Freshness::Inactive => false,
        Freshness::Fresh => row
            .last_run
            .as_ref()
            .and_then(|run| run.outcome)
            .is_some_and(went_wrong),
        Freshness::Stale | Freshness::Never | Freshness::Late | Freshness::Unknown => true,
    }
}

fn went_wrong(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Succeeded | Outcome::Cancelled)
}

/// What is wrong with how old the copy is.
fn trouble(row: &IntegrationRow, now: DateTime<Utc>) -> Option<String> {
    let name = name(row);
    let last = row.complete_at.map(|at| ago(at, now)).unwrap_or_default();
    let schedule = one_unit(TimeDelta::minutes(i64::from(
        row.integration.settings.interval_minutes,
    )));
    Some(match row.freshness {
        Freshness::Stale => {
            format!("{name} is stale: last complete sync {last}, its schedule is {schedule}.")
        }
        Freshness::Late => {
            format!("{name} is late: last complete sync {last}, its schedule is {schedule}.")
        }
        Freshness::Never => format!("{name} was never completely synced."),
        Freshness::Unknown => {
            format!("How fresh {name} is can’t be told: the server’s clock went back.")
        }
        Freshness::Fresh | Freshness::Paused | Freshness::Inactive => return None,
    })
}

/// How the last attempt went.
fn last_run(row: &IntegrationRow, now: DateTime<Utc>) -> Option<String> {
    let run = row.last_run.as_ref()?;
    Some(match run.outcome {
        None => "A sync is under way.".to_owned(),
        Some(outcome) => {
            let at = ago(run.finished_at.unwrap_or(run.started_at), now);
            format!(
                "Its last sync ended {at}: {}.",
                outcome.word().to_lowercase()
            )
        }
    })
}

fn name(row: &IntegrationRow) -> &str {
    row.integration.settings.integration_name.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        ids::{IntegrationId, RunId},
        integration::{AuthScheme, Integration, IntegrationSettings, KeyHint},
        run::RunSummary,
    };
    use uuid::Uuid;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn row(
        name: &str,
        freshness: Freshness,
        minutes_ago: i64,
        outcome: Option<Option<Outcome>>,
    ) -> IntegrationRow {
        let before = |minutes| now() - TimeDelta::minutes(minutes);
        IntegrationRow {
            integration: Integration {
                id: IntegrationId(Uuid::nil()),
                settings: IntegrationSettings {
                    integration_name: name.parse().unwrap(),
                    description: String::new(),
                    base_url: "https://plane.example.com".parse().unwrap(),
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
                    fingerprint: "00".into(),
                    replaced_at: now(),
                },
                version: 1,
                created_at: now(),
                updated_at: now(),
            },
            freshness,
            member_projects: 1,
            visible_projects: 1,
            total_work_items: 1,
            complete_at: (freshness != Freshness::Never).then(|| before(minutes_ago)),
            complete_requests: None,
            last_run: outcome.map(|outcome| RunSummary {
                id: RunId(Uuid::nil()),
                started_at: before(3),
                finished_at: outcome.map(|_| before(2)),
                outcome,
            }),
            health: Default::default(),
        }
    }

    fn check(rows: &[IntegrationRow], tone: Tone, title: &str, says: &str) {
        let verdict = verdict(rows, now()).unwrap();
        assert_eq!(
            (verdict.tone, verdict.title.as_str(), verdict.says.as_str()),
            (tone, title, says)
        );
    }

    #[test]
    fn the_worst_is_named_first_with_its_schedule() {
        check(
            &[
                row(
                    "Mobile",
                    Freshness::Stale,
                    47,
                    Some(Some(Outcome::RateLimited)),
                ),
                row("Web", Freshness::Late, 20, None),
                row("Legal", Freshness::Fresh, 1, Some(Some(Outcome::Partial))),
                row("Ops", Freshness::Fresh, 1, Some(Some(Outcome::Succeeded))),
            ],
            Tone::Bad,
            "Mobile is stale: last complete sync 47 min ago, its schedule is 15 min.",
            "Its last sync ended 2 min ago: rate limited. 2 more integrations need attention.",
        );
        check(
            &[
                row("Web", Freshness::Late, 20, None),
                row("Ops", Freshness::Never, 0, None),
            ],
            Tone::Late,
            "Ops was never completely synced.",
            "1 more integration needs attention.",
        );
        check(
            &[row("New", Freshness::Never, 0, Some(None))],
            Tone::Late,
            "New was never completely synced.",
            "A sync is under way.",
        );
    }

    #[test]
    fn what_is_paused_is_no_trouble_and_no_comfort() {
        check(
            &[
                row("A", Freshness::Fresh, 1, None),
                row("B", Freshness::Paused, 9000, Some(Some(Outcome::Failed))),
            ],
            Tone::Good,
            "Today’s numbers can be trusted.",
            "The integration was completely synced within its schedule.",
        );
        check(
            &[row("B", Freshness::Paused, 9000, None)],
            Tone::Idle,
            "Every integration is paused or inactive.",
            "Nothing is brought up to date by itself.",
        );
    }

    #[test]
    fn all_well_is_said_in_one_sentence() {
        check(
            &[
                row("A", Freshness::Fresh, 1, None),
                row("B", Freshness::Fresh, 1, None),
                row("C", Freshness::Inactive, 9, None),
            ],
            Tone::Good,
            "Today’s numbers can be trusted.",
            "All 2 active integrations were completely synced within their schedules.",
        );
        check(
            &[row("A", Freshness::Fresh, 1, Some(Some(Outcome::Rejected)))],
            Tone::Late,
            "Every copy is fresh, but the last sync of A went wrong.",
            "Its last sync ended 2 min ago: rejected.",
        );
        check(
            &[row(
                "C",
                Freshness::Inactive,
                99,
                Some(Some(Outcome::Failed)),
            )],
            Tone::Idle,
            "Every integration is inactive.",
            "Nothing is brought up to date by itself.",
        );
        assert_eq!(verdict(&[], now()), None);
    }
}
