use app::{Failure, RunRecord, Runs};
use async_trait::async_trait;
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, ProjectId, RunId},
    page::{Cursor, Page},
    run::{RunFilter, SyncRun},
    run_log::ApiCall,
};

use super::SyncService;
use crate::failure::from_store;

const PAGE: u32 = 50;
/// Of a run's calls.
const CALLS: u32 = 100;

#[async_trait]
impl Runs for SyncService {
    async fn start(&self, admin: &Admin, integration: IntegrationId) -> Result<RunId, Failure> {
        self.start_as(self.new_run(), admin, integration).await
    }

    async fn pause(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        note: &str,
    ) -> Result<(), Failure> {
        self.pause_schedule(admin, integration, note).await
    }

    async fn resume(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure> {
        self.resume_schedule(admin, integration).await
    }

    async fn cancel(&self, admin: &Admin, run: RunId) -> Result<(), Failure> {
        let now = self.0.integrations.clock.now();
        // Written down first: the run may belong to another process, which looks every second.
        self.store()
            .request_cancel(admin, run, now)
            .await
            .map_err(from_store)?;
        if let Some(cancel) = self.cancels().get(&run) {
            cancel.cancel();
        }
        Ok(())
    }

    async fn release(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<RunId, Failure> {
        let now = self.0.integrations.clock.now();
        self.store()
            .release_held(admin, integration, project, now)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        self.start(admin, integration).await
    }

    async fn compare(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<(), Failure> {
        self.compare_now(admin, integration, project).await
    }

    async fn reread(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<RunId, Failure> {
        let now = self.0.integrations.clock.now();
        let asked = self
            .store()
            .request_full_walk(admin, integration, project, now)
            .await
            .map_err(from_store)?;
        if !asked {
            return Err(Failure::NotFound);
        }
        self.start(admin, integration).await
    }

    async fn runs(
        &self,
        viewer: &Viewer,
        filter: &RunFilter,
        after: Option<Cursor>,
    ) -> Result<Page<SyncRun>, Failure> {
        self.store()
            .runs(
                viewer,
                filter,
                after.as_ref(),
                PAGE,
                self.0.integrations.clock.now(),
            )
            .await
            .map_err(from_store)
    }

    async fn record(&self, viewer: &Viewer, run: &SyncRun) -> Result<RunRecord, Failure> {
        let store = self.store();
        let timeline = store.timeline(viewer, run.integration, run.id);
        // One that is under way is compared with nothing yet.
        let before = match run.finished_at {
            Some(_) => store.run_before(viewer, run).await.map_err(from_store)?,
            None => None,
        };
        let mut timeline = timeline.await.map_err(from_store)?;
        if run.finished_at.is_none() {
            // It is written down when there is news; what is under way has gone on since.
            let so_far = self.0.integrations.clock.now() - run.started_at;
            timeline.reach(u64::try_from(so_far.num_milliseconds()).unwrap_or(0));
        }
        Ok(RunRecord { timeline, before })
    }

    async fn calls(
        &self,
        viewer: &Viewer,
        run: &SyncRun,
        after: Option<Cursor>,
    ) -> Result<Page<ApiCall>, Failure> {
        self.store()
            .calls(viewer, run.integration, run.id, after.as_ref(), CALLS)
            .await
            .map_err(from_store)
    }

    async fn run(&self, viewer: &Viewer, id: RunId) -> Result<SyncRun, Failure> {
        self.store()
            .run(viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)
    }

    async fn running(&self, viewer: &Viewer) -> Result<Vec<SyncRun>, Failure> {
        self.store().running(viewer).await.map_err(from_store)
    }
}
