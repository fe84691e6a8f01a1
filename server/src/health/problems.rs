use app::{Failure, ProblemForm, ProblemReport, ProblemRow, Problems};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    bulk::BulkAction,
    ids::{IntegrationId, ProblemId},
    integration::IntegrationRow,
    page::{Cursor, Page},
    problems::{Caused, Problem, ProblemAct, ProblemFilter},
};

use super::{HealthService, ITSELF};
use crate::failure::from_store;

const PAGE: u32 = 50;
/// Of a problem's story.
const STORY: u32 = 50;

impl HealthService {
    async fn row_of(&self, viewer: &Viewer, id: IntegrationId) -> Result<IntegrationRow, Failure> {
        let row = self
            .store
            .integration_row(viewer, id, self.clock.now())
            .await;
        row.map_err(from_store)?.ok_or(Failure::NotFound)
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
                .unwrap_or_else(|| ITSELF.to_owned()),
            problem: one.problem,
            cause: one.cause,
        };
        Ok(app::ProblemPage {
            page: Page {
                rows: list.rows.into_iter().map(named).collect(),
                next: list.next,
            },
            counts: list.counts,
            integrations: list
                .integrations
                .into_iter()
                .filter(|id| *id != IntegrationId::PORTAL)
                .collect(),
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
        let integration = match problem.integration {
            IntegrationId::PORTAL => None,
            id => Some(self.row_of(viewer, id).await?),
        };
        let all = self.store.unresolved_problems().await.map_err(from_store)?;
        let name = integration.as_ref().map_or_else(
            || ITSELF.to_owned(),
            |row| row.integration.settings.integration_name.to_string(),
        );
        let row = |problem: &Problem, cause: Option<&Problem>| ProblemRow {
            integration_name: name.clone(),
            problem: problem.clone(),
            cause: cause.map(|cause| (cause.id, cause.class)),
        };
        let effects = all
            .iter()
            .filter(|other| other.cause(all.iter()).is_some_and(|cause| cause.id == id));
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
            cost: integration.map(|row| BulkAction::Sync.requests(&row)),
            row: row(&problem, problem.cause(all.iter())),
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
