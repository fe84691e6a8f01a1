use app::{Failure, Runs as _};
use domain::{
    actor::Admin,
    ids::IntegrationId,
    integration::Pause,
    run::{Counts, Outcome, Progress, SyncRun},
};

use super::SyncService;
use crate::failure::from_store;

impl SyncService {
    /// Stops the schedule, and the run that is under way: what pauses most often is a Plane that needs to be left alone.
    pub(super) async fn pause_schedule(
        &self,
        admin: &Admin,
        id: IntegrationId,
        note: &str,
    ) -> Result<(), Failure> {
        let note = Pause::parse_note(note).map_err(|e| Failure::field("note", e.to_string()))?;
        let now = self.0.integrations.clock.now();
        let pause = Pause {
            at: now,
            by: admin.user().id,
            by_name: admin.user().name.to_string(),
            note,
        };
        self.store()
            .pause_integration(admin, id, &pause)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        let row = self
            .store()
            .integration_row(&admin.clone().viewer(), id, now)
            .await
            .map_err(from_store)?;
        let running = row
            .and_then(|row| row.last_run)
            .filter(|run| run.outcome.is_none());
        match running {
            Some(run) => self.cancel(admin, run.id).await,
            None => Ok(()),
        }
    }

    /// Lets the schedule go on; what the pause has cut off goes on from its checkpoint at once.
    pub(super) async fn resume_schedule(
        &self,
        admin: &Admin,
        id: IntegrationId,
    ) -> Result<(), Failure> {
        let now = self.0.integrations.clock.now();
        self.store()
            .resume_integration(admin, id, now)
            .await
            .map_err(from_store)?
            .map(drop)
            .ok_or(Failure::NotFound)
    }

    /// Outcome and reason of a run that somebody stopped: by a pause, it goes on by itself when that is over.
    pub(super) async fn cancelled(
        &self,
        run: &SyncRun,
        progress: &Progress,
        counts: &Counts,
    ) -> (Outcome, Option<String>) {
        let found = self.store().integration_for_work(run.integration).await;
        let paused = found
            .ok()
            .flatten()
            .and_then(|integration| integration.paused)
            .filter(|pause| pause.at >= run.started_at);
        let so_far = so_far(progress, counts);
        match paused {
            Some(pause) => (
                Outcome::Interrupted,
                Some(format!(
                    "{} paused the integration {so_far}. The next run resumes where this one was.",
                    pause.by_name
                )),
            ),
            None => (
                Outcome::Cancelled,
                Some(format!(
                    "Cancelled {so_far}. The next run resumes where it was."
                )),
            ),
        }
    }
}

/// How far a run came.
fn so_far(progress: &Progress, counts: &Counts) -> String {
    match progress.projects_total {
        0 => "before it had read anything".to_owned(),
        total => format!(
            "after {} of {total} projects and {} work items",
            progress.projects_done, counts.items
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cancels_is_told_how_far_the_run_came() {
        let mut progress = Progress::default();
        let counts = Counts {
            items: 1204,
            ..Counts::default()
        };
        assert_eq!(so_far(&progress, &counts), "before it had read anything");
        (progress.projects_done, progress.projects_total) = (2, 5);
        assert_eq!(
            so_far(&progress, &counts),
            "after 2 of 5 projects and 1204 work items"
        );
    }
}
