use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    integration::Integration,
    problems::Sighting,
    run::{Outcome, SyncRun},
};
use plane::Plane;
use store::{RunEnd, RunRef};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Span, debug, info, warn};

use super::{
    LEASE, SyncService,
    copy::Copy,
    ended::{self, Ended},
    live::Live,
};
use crate::{metrics::slug, timing::every, traces::TraceSpan as _};

/// How often a run under way writes down where it is, renews its lease and looks whether it is to be cancelled.
const HEARTBEAT: Duration = Duration::from_secs(1);

impl SyncService {
    /// One run, from its lease to its outcome.
    pub(super) async fn run_to_end(
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

        let failures = ended.failures(plane.last_failed().as_ref());
        let (outcome, reason) = match ended {
            Ended::Copied { left_out } if left_out.is_empty() => (Outcome::Succeeded, None),
            Ended::Copied { left_out } => {
                let outcome = if left_out.iter().all(|left| left.is_held) {
                    Outcome::Held
                } else {
                    Outcome::Partial
                };
                (outcome, Some(ended::left_out_sentence(&left_out)))
            }
            Ended::Plane(error) => {
                let now = self.0.integrations.clock.now();
                (
                    ended::outcome_of(&error),
                    Some(ended::reason_of(&error, now)),
                )
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
        let trace = Span::current();
        trace.say("hangar.outcome", slug(outcome.word()));
        trace.say(
            "hangar.items",
            i64::try_from(counts.items).unwrap_or(i64::MAX),
        );
        let name = integration.settings.integration_name.as_str();
        let took = now - run.started_at;
        self.0.integrations.metrics.run_ended(name, outcome, took);
        let failures: Vec<Sighting> = failures
            .into_iter()
            .map(|failed| failed.sighting(now))
            .collect();
        let end = RunEnd {
            outcome,
            reason,
            counts: &counts,
            complete_at,
            failures: &failures,
        };
        if let Err(error) = self.store().finish_run(&reference, end, now).await {
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
        let mut heartbeat = every(HEARTBEAT);
        loop {
            heartbeat.tick().await;
            let now = self.0.integrations.clock.now();
            let wait = *waiting.borrow();
            live.note(
                plane.usage(),
                wait.map(|wait| {
                    now + TimeDelta::from_std(wait.until - Instant::now()).unwrap_or_default()
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
}
