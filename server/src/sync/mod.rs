/// Cycles and modules.
mod collections;
/// The walk over Plane: what is read, in which order, and what is made of it.
mod copy;
/// Comparisons of a copy with Plane.
mod drift;
/// Pausing and resuming an integration's schedule.
mod pause;
/// What a run leaves to be looked at: its phases, waits and calls.
mod recorder;
/// Runs that nobody has to ask for.
mod schedule;
/// The sync core under a simulated clock, with edits, faults and crashes from a seed.
#[cfg(test)]
mod simulation;
/// Work items: all of them, or the latest changes.
mod walk;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::{Failure, RunRecord, Runs};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, ProjectId, RunId},
    integration::Integration,
    page::{Cursor, Page},
    run::{Outcome, RunFilter, SyncRun, Trigger},
    run_log::ApiCall,
};
use plane::Plane;
use store::{NewRun, RunRef, Start, Store};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, debug, info, warn};
use uuid::Uuid;

use self::copy::{Copy, Ended, Live};
use crate::{failure::from_store, integrations::IntegrationsService};

const PAGE: u32 = 50;
/// Of a run's calls.
const CALLS: u32 = 100;
/// A run whose lease is not renewed for this long is taken for dead. Longer than it takes to store the largest page,
/// which holds the heartbeat up.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How often a run under way writes down where it is, renews its lease and looks whether it is to be cancelled.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Starts, follows and ends sync runs. One process may have many integrations under way, each with one run.
#[derive(Clone)]
pub struct SyncService(Arc<Inner>);

struct Inner {
    integrations: IntegrationsService,
    /// This process, as leases name it.
    owner: Uuid,
    changes: broadcast::Sender<RunId>,
    tasks: TaskTracker,
    stop: CancellationToken,
    cancels: Mutex<HashMap<RunId, CancellationToken>>,
    options: plane::Options,
}

impl SyncService {
    pub fn new(integrations: IntegrationsService) -> Self {
        let options = plane::Options {
            max_wait: integrations.timing.limit_wait,
            times: integrations.timing.plane,
            ..plane::Options::default()
        };
        Self::with_options(integrations, options)
    }

    /// With clients of Plane that behave so.
    fn with_options(integrations: IntegrationsService, options: plane::Options) -> Self {
        Self(Arc::new(Inner {
            owner: integrations.rng.uuid_v4(),
            integrations,
            changes: broadcast::channel(256).0,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            cancels: Mutex::default(),
            options,
        }))
    }

    /// Which runs of this process changed, as they do.
    pub fn changes(&self) -> broadcast::Receiver<RunId> {
        self.0.changes.subscribe()
    }

    /// At start: ends runs that no living process owns, so that none stays "running" for ever.
    pub async fn end_dead_runs(&self) -> Result<(), store::Error> {
        if !self.store().is_embedded() {
            return self.end_lost_runs().await;
        }
        // No other process can have the database: whatever is not this one's is dead.
        let now = self.0.integrations.clock.now();
        let dead = self
            .store()
            .interrupt_runs_of_dead_process(self.0.owner, now)
            .await?;
        self.tell_of(&dead);
        Ok(())
    }

    /// Ends runs whose lease ran out: whoever had them is gone, or was stopped for too long.
    async fn end_lost_runs(&self) -> Result<(), store::Error> {
        let now = self.0.integrations.clock.now();
        let ours: Vec<RunId> = self.cancels().keys().copied().collect();
        let lost = self.store().interrupt_dead_runs(&ours, now).await?;
        self.tell_of(&lost);
        Ok(())
    }

    fn tell_of(&self, interrupted: &[RunId]) {
        for run in interrupted {
            info!(run = %run, "a run was interrupted when its process ended");
            self.changed(*run);
        }
    }

    /// Ends this process's runs as interrupted, and waits for that.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Waits until no run of this process is under way.
    pub async fn idle(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.tasks.reopen();
    }

    /// Starts a run, or answers the one under way. `None`: it was to follow a run that is not the last one any more.
    async fn start_for(
        &self,
        id: IntegrationId,
        trigger: Trigger,
        follows: Option<Option<RunId>>,
    ) -> Result<Option<RunId>, Failure> {
        let integrations = &self.0.integrations;
        let found = self
            .store()
            .integration_for_work(id)
            .await
            .map_err(from_store)?;
        let integration = found.ok_or(Failure::NotFound)?;
        if !integration.is_active {
            let message = "This integration is inactive. Activate it, then sync.".to_owned();
            return Err(Failure::Conflict {
                message,
                draft: None,
            });
        }
        let plane = self.plane(&integration).await?;
        let now = integrations.clock.now();
        let new = NewRun {
            id: RunId(integrations.rng.uuid_v7(now)),
            integration: id,
            trigger,
            owner: self.0.owner,
            follows,
        };
        match self
            .store()
            .start_run(new, now, LEASE)
            .await
            .map_err(from_store)?
        {
            Start::AlreadyRunning(run) => Ok(Some(run)),
            Start::Overtaken => Ok(None),
            Start::Gone => Err(Failure::NotFound),
            Start::Started(run) => {
                let id = run.id;
                let cancel = self.0.stop.child_token();
                self.cancels().insert(id, cancel.clone());
                let span = tracing::info_span!("sync", run = %id, integration = %run.integration);
                let service = self.clone();
                self.0.tasks.spawn(
                    async move { service.run_to_end(run, integration, plane, cancel).await }
                        .instrument(span),
                );
                Ok(Some(id))
            }
        }
    }

    async fn plane(&self, integration: &Integration) -> Result<Plane, Failure> {
        self.plane_with(integration, self.0.options.clone()).await
    }

    async fn plane_with(
        &self,
        integration: &Integration,
        options: plane::Options,
    ) -> Result<Plane, Failure> {
        let integrations = &self.0.integrations;
        let settings = &integration.settings;
        let key = integrations.key_of(integration).await?;
        let http = integrations
            .egress
            .client(&settings.base_url)
            .map_err(|refused| Failure::Plane {
                status: refused.code().to_owned(),
                message: refused.sentence(),
                advice: Some(refused.advice()),
            })?;
        let budget = integrations
            .budgets
            .for_key(&settings.base_url, &integration.key.fingerprint);
        Ok(Plane::new(
            http,
            settings.base_url.clone(),
            settings.workspace.clone(),
            settings.auth_scheme,
            key,
            budget,
            options,
        ))
    }

    /// One run, from its lease to its outcome.
    async fn run_to_end(
        &self,
        run: SyncRun,
        integration: Integration,
        plane: Plane,
        cancel: CancellationToken,
    ) {
        let reference = RunRef {
            run: run.id,
            integration: run.integration,
            epoch: run.epoch,
        };
        let live = Live::of(run.started_at);
        let ended = {
            let copy = Copy {
                store: self.store(),
                plane: &plane,
                clock: &self.0.integrations.clock,
                rng: &self.0.integrations.rng,
                timing: &self.0.integrations.timing,
                run: &reference,
                only: integration.settings.project_id,
                live: &live,
                changes: &self.0.changes,
            };
            self.follow(&reference, &live, copy, cancel).await
        };
        live.record.close();
        if let Err(error) = self.save_record(&reference, &live, &plane).await {
            debug!(
                code = error.code(),
                "the last calls of the run could not be stored"
            );
        }
        self.cancels().remove(&run.id);

        let (outcome, reason) = match ended {
            Ended::Copied { left_out } if left_out.is_empty() => (Outcome::Succeeded, None),
            Ended::Copied { left_out } => {
                let outcome = if left_out.iter().all(|left| left.is_held) {
                    Outcome::Held
                } else {
                    Outcome::Partial
                };
                (outcome, Some(copy::left_out_sentence(&left_out)))
            }
            Ended::Plane(error) => {
                let now = self.0.integrations.clock.now();
                (copy::outcome_of(&error), Some(copy::reason_of(&error, now)))
            }
            Ended::Stuck => (
                Outcome::Failed,
                Some(format!(
                    "Nothing moved for {} s: no page, no answer, and no wait for Plane's limit. The next run resumes where \
                     it was.",
                    self.0.integrations.timing.no_progress.as_secs()
                )),
            ),
            Ended::Cancelled if self.0.stop.is_cancelled() => (
                Outcome::Interrupted,
                Some("Hangar was stopped while this run was under way.".to_owned()),
            ),
            Ended::Cancelled => self.cancelled(&run, &live.progress(), &live.counts()).await,
            Ended::Store(store::Error::Fenced) => {
                // Another run, or the end of a lease, has taken over; it has also ended this one.
                warn!("the run lost its lease");
                self.changed(run.id);
                return;
            }
            Ended::Store(error) => {
                warn!(code = error.code(), %error, "the run could not be stored");
                (
                    Outcome::Failed,
                    Some("Hangar could not write to its database.".to_owned()),
                )
            }
        };
        let counts = live.counts();
        let complete_at = (outcome == Outcome::Succeeded).then_some(run.started_at);
        let now = self.0.integrations.clock.now();
        info!(
            outcome = outcome.word(),
            items = counts.items,
            requests = counts.requests,
            "run ended"
        );
        if let Err(error) = self
            .store()
            .finish_run(&reference, outcome, reason, &counts, complete_at, now)
            .await
        {
            warn!(code = error.code(), %error, "the end of the run could not be stored");
        }
        self.changed(run.id);
    }

    /// Copies, and meanwhile keeps the lease, writes down the progress and looks for a reason to stop. Dropping the copy
    /// at any point is safe: rows and checkpoint are one transaction.
    async fn follow(
        &self,
        run: &RunRef,
        live: &Live,
        copy: Copy<'_>,
        cancel: CancellationToken,
    ) -> Ended {
        let plane = copy.plane;
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => Ended::Cancelled,
            ended = copy.copy() => ended,
            ended = self.keep_alive(run, live, plane) => ended,
            ended = self.watch(live, plane) => ended,
        };
        live.note(plane.usage(), None);
        ended
    }

    /// Renews the lease and shows the progress, until there is a reason to end the run.
    async fn keep_alive(&self, run: &RunRef, live: &Live, plane: &Plane) -> Ended {
        let waiting = plane.waiting();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            heartbeat.tick().await;
            let now = self.0.integrations.clock.now();
            let until = *waiting.borrow();
            live.note(
                plane.usage(),
                until.map(|at| {
                    now + TimeDelta::from_std(at - tokio::time::Instant::now()).unwrap_or_default()
                }),
            );
            let _writing = live.writing().await;
            if let Err(error) = self.save_record(run, live, plane).await {
                return Ended::Store(error);
            }
            let saved = self
                .store()
                .save_progress(run, &live.progress(), &live.counts(), now, LEASE)
                .await;
            match saved {
                Ok(false) => self.changed(run.run),
                Ok(true) => return Ended::Cancelled,
                Err(error) => return Ended::Store(error),
            }
        }
    }

    /// Ends a run that moves nothing for too long, whatever holds it up.
    async fn watch(&self, live: &Live, plane: &Plane) -> Ended {
        let most = self.0.integrations.timing.no_progress;
        let waiting = plane.waiting();
        let (mut seen, mut since) = (None, Instant::now());
        loop {
            let counts = live.counts();
            let progress = live.progress();
            let moved = (
                plane.usage().requests,
                (counts.items, counts.projects, counts.members),
                (progress.phase, progress.page),
            );
            if waiting.borrow().is_some() || seen != Some(moved) {
                (seen, since) = (Some(moved), Instant::now());
            } else if since.elapsed() >= most {
                return Ended::Stuck;
            }
            tokio::time::sleep(most / 20).await;
        }
    }

    /// Writes down what the run did since the last time.
    async fn save_record(
        &self,
        run: &RunRef,
        live: &Live,
        plane: &Plane,
    ) -> Result<(), store::Error> {
        let Some((calls, timeline)) = live.record.take(plane) else {
            return Ok(());
        };
        let now = self.0.integrations.clock.now();
        self.store().save_record(run, &calls, &timeline, now).await
    }

    fn changed(&self, run: RunId) {
        // Nobody may be watching.
        let _ = self.0.changes.send(run);
    }

    fn store(&self) -> &Store {
        &self.0.integrations.store
    }

    fn cancels(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, CancellationToken>> {
        self.0
            .cancels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Runs for SyncService {
    async fn start(&self, admin: &Admin, integration: IntegrationId) -> Result<RunId, Failure> {
        let trigger = Trigger::Person(admin.user().id);
        self.start_for(integration, trigger, None)
            .await?
            .ok_or(Failure::NotFound)
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
        Ok(RunRecord {
            timeline: timeline.await.map_err(from_store)?,
            before,
        })
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
