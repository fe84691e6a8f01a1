use std::time::Duration;

use app::Failure;
use chrono::TimeDelta;
use domain::{
    ids::{IntegrationId, RunId},
    integration::Standing,
    run::Trigger,
    run_log::{RECORD_KEPT_DAYS, RUN_KEPT_DAYS},
    schedule::Scheduled,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::SyncService;
use crate::{failure::from_store, timing::every};

/// How often it is looked what is due; far below the shortest interval, a minute.
const LOOK: Duration = Duration::from_secs(5);
/// How often what was deleted long ago is forgotten.
const TIDY: Duration = Duration::from_secs(3600);
/// For so long a work item that is gone in Plane is kept apart.
const KEEP_DELETED: TimeDelta = TimeDelta::days(30);
/// For so long comparisons with Plane are kept.
const KEEP_DRIFT: TimeDelta = TimeDelta::days(400);
/// So many runs may be under way in this process before the schedule adds another one. They wait for Plane most of the
/// time; a person's own runs are never held up.
const AT_ONCE: usize = 4;

impl SyncService {
    /// Starts runs as they become due and ends those whose process died, until `stop`.
    pub async fn keep_schedule(&self, stop: CancellationToken) {
        let (mut look, mut tidy) = (every(LOOK), every(TIDY));
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.start_due().await.map(drop),
                _ = tidy.tick() => self.tidy().await,
            };
            if let Err(error) = done {
                // A broken database ends the process; one that is away for a while is asked again.
                warn!(code = error.code(), %error, "the schedule could not be kept");
            }
        }
    }

    async fn tidy(&self) -> Result<(), store::Error> {
        let now = self.0.integrations.clock.now();
        self.store()
            .forget_budgets(now - TimeDelta::days(1))
            .await?;
        self.store().forget_replaced().await?;
        let forgotten = self.store().forget_deleted(now - KEEP_DELETED).await?;
        if forgotten > 0 {
            info!(
                forgotten,
                "work items deleted more than 30 days ago were forgotten"
            );
        }
        while self.store().forget_drift_checks(now - KEEP_DRIFT).await? > 0 {}
        let before = now - TimeDelta::days(RECORD_KEPT_DAYS);
        let forgotten = self.store().forget_records(before).await?;
        if forgotten > 0 {
            info!(forgotten, "records of old runs were forgotten");
        }
        let before = now - TimeDelta::days(RUN_KEPT_DAYS);
        let forgotten = self.store().forget_runs(before).await?;
        if forgotten > 0 {
            info!(forgotten, "old runs were forgotten");
        }
        Ok(())
    }

    /// Ends dead runs, then starts what is due, the longest overdue first. Several portals on one database may do so at
    /// once: each run starts in one of them. Answers what was started here.
    pub async fn start_due(&self) -> Result<Vec<RunId>, store::Error> {
        let now = self.0.integrations.clock.now();
        self.end_lost_runs().await?;
        let mut due: Vec<Scheduled> = self.store().scheduled().await?;
        due.retain(|one| one.is_due(now));
        due.sort_by_key(|one| one.due_at(now));
        let room = AT_ONCE.saturating_sub(self.cancels().len());
        let mut started = Vec::new();
        for one in due {
            if started.len() >= room {
                debug!("more is due than may run at once");
                break;
            }
            let follows = Some(one.last_run.map(|run| run.id));
            match self
                .start_for(self.new_run(), one.integration, Trigger::Schedule, follows)
                .await
            {
                Ok(Some(run)) => started.push(run),
                // Another portal, or a person, was faster; or it is gone.
                Ok(None) => {}
                Err(failure) => {
                    warn!(integration = %one.integration, %failure, "a run that is due could not be started");
                }
            }
        }
        Ok(started)
    }

    /// Starts a run though none is due, because changes may have been missed; not where the schedule is paused.
    pub async fn catch_up(&self, integration: IntegrationId) -> Result<Option<RunId>, Failure> {
        let found = self.store().integration_for_work(integration).await;
        let standing = found.map_err(from_store)?.map(|found| found.standing());
        match standing {
            Some(Standing::Active) => {
                self.start_for(self.new_run(), integration, Trigger::Schedule, None)
                    .await
            }
            _ => Ok(None),
        }
    }
}
