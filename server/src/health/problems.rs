use std::collections::HashMap;

use app::{Failure, ProblemForm, ProblemReport, ProblemRow, Problems};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    bulk::BulkAction,
    checks::Finding,
    ids::{IntegrationId, ProblemId},
    integration::IntegrationRow,
    page::{Cursor, Page},
    problems::{
        Caused, Ended, PROBLEM_KEPT_DAYS, Problem, ProblemAct, ProblemEvent, ProblemFilter, Seen,
        Turn, round,
    },
    run::Outcome,
};
use store::Sightings;
use tracing::{info, warn};

use super::HealthService;
use crate::failure::from_store;

const PAGE: u32 = 50;
/// Of a problem's story.
const STORY: u32 = 50;

impl HealthService {
    /// What failed since the last look, calls of this moment included.
    pub(super) async fn new_sightings(
        &self,
    ) -> Result<HashMap<IntegrationId, Sightings>, store::Error> {
        self.usage.flush().await?;
        self.store.sightings().await
    }

    /// Puts what failed in an integration with its like, and resolves what does not happen any more.
    pub(super) async fn group(
        &self,
        row: &IntegrationRow,
        sightings: &Sightings,
        findings: &[Finding],
        now: DateTime<Utc>,
    ) -> Result<(), store::Error> {
        let id = row.integration.id;
        let known = self.store.problems_of(id).await?;
        let before: Vec<Problem> = known.iter().map(|known| known.problem.clone()).collect();
        let run = row.last_run.as_ref().and_then(|run| {
            let outcome = run.outcome?;
            Some(Ended {
                started_at: run.started_at,
                is_good: matches!(
                    outcome,
                    Outcome::Succeeded | Outcome::Partial | Outcome::Held
                ),
            })
        });
        let test = row.health.latest().map(|test| Ended {
            started_at: test.started_at,
            is_good: test.success,
        });
        let seen = Seen {
            integration: id,
            sightings: &sightings.all,
            findings,
            run,
            test,
        };
        let turned = round(&before, &seen, now);
        if turned.is_empty() && sightings.is_empty() {
            return Ok(());
        }
        // What another portal or an admin was faster with is looked at again by the next look.
        if self
            .store
            .save_problems(id, &known, sightings, &turned)
            .await?
        {
            for event in turned.iter().filter_map(|one| one.event.as_ref()) {
                tell(event);
            }
        }
        Ok(())
    }

    /// Lets go of what failed in integrations that are gone.
    pub(super) async fn let_go(
        &self,
        sightings: HashMap<IntegrationId, Sightings>,
    ) -> Result<(), store::Error> {
        for (integration, seen) in sightings {
            self.store
                .save_problems(integration, &[], &seen, &[])
                .await?;
        }
        Ok(())
    }

    /// Forgets problems that were resolved long ago.
    pub async fn forget_problems(&self) -> Result<(), store::Error> {
        let before = self.clock.now() - TimeDelta::days(PROBLEM_KEPT_DAYS);
        self.store.forget_problems(before).await
    }

    async fn name_of(&self, viewer: &Viewer, id: IntegrationId) -> Result<IntegrationRow, Failure> {
        let row = self
            .store
            .integration_row(viewer, id, self.clock.now())
            .await;
        row.map_err(from_store)?.ok_or(Failure::NotFound)
    }
}

fn tell(event: &ProblemEvent) {
    let (integration, problem) = (event.integration, event.problem);
    let (class, turn, says) = (event.class.word(), event.turn.word(), &event.says);
    match event.turn {
        Turn::Resolved => info!(%integration, %problem, class, turn, says, "a problem is resolved"),
        _ => warn!(%integration, %problem, class, turn, says, "there is a problem"),
    }
}

#[async_trait]
impl Problems for HealthService {
    async fn list(
        &self,
        viewer: &Viewer,
        filter: &ProblemFilter,
        after: Option<Cursor>,
    ) -> Result<app::ProblemPage, Failure> {
        let now = self.clock.now();
        let list = self
            .store
            .problems(viewer, filter, after.as_ref(), PAGE, now)
            .await
            .map_err(from_store)?;
        let names = self.store.integration_names(viewer).await;
        let names = names.map_err(from_store)?;
        let named = |one: Caused| ProblemRow {
            integration_name: names
                .get(&one.problem.integration)
                .cloned()
                .unwrap_or_default(),
            problem: one.problem,
            cause: one.cause,
        };
        Ok(app::ProblemPage {
            page: Page {
                rows: list.rows.into_iter().map(named).collect(),
                next: list.next,
            },
            counts: list.counts,
            integrations: list.integrations.into_iter().collect(),
        })
    }

    async fn get(
        &self,
        viewer: &Viewer,
        id: ProblemId,
        after: Option<Cursor>,
    ) -> Result<ProblemReport, Failure> {
        let found = self.store.problem(viewer, id).await.map_err(from_store)?;
        let problem = found.ok_or(Failure::NotFound)?;
        let integration = self.name_of(viewer, problem.integration).await?;
        let all = self.store.unresolved_problems().await.map_err(from_store)?;
        let name = integration
            .integration
            .settings
            .integration_name
            .to_string();
        let row = |problem: &Problem, cause: Option<&Problem>| ProblemRow {
            integration_name: name.clone(),
            problem: problem.clone(),
            cause: cause.map(|cause| (cause.id, cause.class)),
        };
        let effects = all
            .iter()
            .filter(|other| other.cause(&all).is_some_and(|cause| cause.id == id));
        let effects = effects.map(|other| row(other, Some(&problem))).collect();
        let projects = self.store.all_projects(self.clock.now()).await;
        let projects = projects.map_err(from_store)?;
        let concerned = projects.iter().filter(|one| {
            one.integration == problem.integration && problem.projects.contains(&one.project.id)
        });
        let mut concerned: Vec<_> = concerned
            .map(|one| (one.project.id, one.project.name.clone()))
            .collect();
        concerned.sort_by(|(_, a), (_, b)| a.cmp(b));
        let story = self
            .store
            .problem_story(viewer, id, after.as_ref(), STORY)
            .await
            .map_err(from_store)?;
        let people = self.store.users(viewer).await.map_err(from_store)?;
        Ok(ProblemReport {
            cost: BulkAction::Sync.requests(&integration),
            row: row(&problem, problem.cause(&all)),
            integration,
            effects,
            projects: concerned,
            story,
            people: people.into_iter().filter(|one| one.is_active).collect(),
        })
    }

    async fn act(&self, admin: &Admin, id: ProblemId, form: ProblemForm) -> Result<(), Failure> {
        let now = self.clock.now();
        let act = match form {
            ProblemForm::Acknowledge => ProblemAct::Acknowledge,
            ProblemForm::Reopen => ProblemAct::Reopen,
            ProblemForm::Wake => ProblemAct::Wake,
            ProblemForm::Snooze { hours } => {
                if !(1..=MOST_HOURS).contains(&hours) {
                    return Err(Failure::field(
                        "hours",
                        "A problem is snoozed for one hour to 30 days.",
                    ));
                }
                let until = now + TimeDelta::hours(hours.into());
                ProblemAct::Snooze { until }
            }
            ProblemForm::Assign(None) => ProblemAct::Assign(None),
            ProblemForm::Assign(Some(id)) => {
                let people = self.store.users(&admin.user().clone().viewer()).await;
                let mut people = people.map_err(from_store)?.into_iter();
                let person = people.find(|one| one.id == id && one.is_active);
                let person = person.ok_or_else(|| {
                    Failure::field("owner", "This person can’t sign in any more.")
                })?;
                ProblemAct::Assign(Some((person.id, person.name.to_string())))
            }
            ProblemForm::Note(text) => match Problem::parse_note(&text) {
                Ok(note) => ProblemAct::Note(note),
                Err(error) => return Err(Failure::field("note", error.0)),
            },
        };
        let done = self.store.act_on_problem(admin, id, &act, now).await;
        done.map_err(from_store)?.ok_or(Failure::NotFound).map(drop)
    }
}

/// A problem is snoozed for 30 days at most.
const MOST_HOURS: u32 = 30 * 24;
