/// Cycles and modules.
mod collections;
/// The walk over Plane: what is read, in which order, and what is made of it.
mod copy;
/// Comparisons of a copy with Plane.
mod drift;
/// How a run ended, in words.
mod ended;
/// What a webhook told of, brought into the copy.
pub mod events;
/// Where a run is, for whoever watches.
mod live;
/// Pausing and resuming an integration's schedule.
mod pause;
/// What pages and server functions may ask for.
mod port;
/// What a run leaves to be looked at: its phases, waits and calls.
mod recorder;
/// One run: copied, kept alive, watched, ended.
mod run;
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
};

use app::{Failure, Runs as _};
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, RunId},
    integration::Integration,
    run::{SyncRun, Trigger},
    usage::Purpose,
};
use plane::Plane;
use store::{NewRun, Start, Store};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, info};
use uuid::Uuid;

use crate::{
    changes::next_change,
    failure::from_store,
    integrations::{IntegrationsService, plane_key},
    traces::{self, TraceSpan as _},
};

/// A run whose lease is not renewed for this long is taken for dead. Longer than it takes to store the largest page,
/// which holds the heartbeat up.
const LEASE: TimeDelta = TimeDelta::seconds(20);

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

    /// Starts a run with this id, or answers the one under way.
    pub async fn start_as(
        &self,
        run: RunId,
        admin: &Admin,
        integration: IntegrationId,
    ) -> Result<RunId, Failure> {
        let trigger = Trigger::Person(admin.user().id);
        self.start_for(run, integration, trigger, None)
            .await?
            .ok_or(Failure::NotFound)
    }

    /// Waits until a run has ended, whichever process it is in.
    pub async fn ended(&self, viewer: &Viewer, id: RunId) -> Result<SyncRun, Failure> {
        let mut changes = self.changes();
        loop {
            let run = self.run(viewer, id).await?;
            if run.finished_at.is_some() {
                return Ok(run);
            }
            next_change(&mut changes, &id).await;
        }
    }

    fn new_run(&self) -> RunId {
        let integrations = &self.0.integrations;
        RunId(integrations.rng.uuid_v7(integrations.clock.now()))
    }

    /// Starts a run, or answers the one under way. `None`: it was to follow a run that is not the last one any more.
    async fn start_for(
        &self,
        run: RunId,
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
            id: run,
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
                let trace = tracing::info_span!(
                    parent: None,
                    "sync run",
                    otel.kind = "internal",
                    hangar.run.id = %id,
                    hangar.integration.id = %run.integration,
                    hangar.trigger = trigger.kind().word(),
                );
                // A run goes on for long after the request that asked for it.
                if let Some(asked) = traces::current() {
                    trace.see(&asked);
                }
                let service = self.clone();
                self.0.tasks.spawn_on(
                    async move { service.run_to_end(run, integration, plane, cancel).await }
                        .instrument(trace)
                        .instrument(span),
                    &self.0.integrations.background,
                );
                Ok(Some(id))
            }
        }
    }

    async fn plane(&self, integration: &Integration) -> Result<Plane, Failure> {
        self.plane_with(integration, self.0.options.clone(), Purpose::Sync)
            .await
    }

    async fn plane_with(
        &self,
        integration: &Integration,
        options: plane::Options,
        purpose: Purpose,
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
        let fingerprint = &integration.key.fingerprint;
        let budget = integrations
            .budgets
            .for_key(&settings.base_url, fingerprint);
        let key_called = plane_key(&settings.base_url, fingerprint);
        let on_call = integrations
            .usage
            .listener(Some(integration.id), key_called, purpose);
        let options = plane::Options {
            on_call: Some(on_call),
            ..options
        };
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
