//! What a sync run writes. Every write shows the run's ticket in its own transaction, and writes the lease, so that it
//! collides with whoever takes the lease over at the same moment.

/// Projects, members, states and labels.
mod around;
/// What a run leaves to be looked at: calls and timeline.
mod calls;
/// Work items that a webhook told of.
mod events;
/// Work items that are gone in Plane: taken out, put back, forgotten.
mod gone;
/// What a walk holds back until an admin releases it.
mod held;
/// Work items: a page with its checkpoint and totals.
mod items;
/// Walks over a project's work items: where they are and what they leave.
mod walk;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::IntegrationId,
    problems::Sighting,
    run::{Counts, Outcome, Progress, RunSummary},
};

pub(crate) use around::access_of;
#[cfg(test)]
pub(crate) use calls::{OLD_CALLS, OLD_RUNS, OLD_TIMELINES};
pub use events::{Reread, Told};
#[cfg(test)]
pub(crate) use gone::DELETED;
pub use walk::{Checkpoint, Finished, KindsRead, Step};

use crate::{
    RunRef, Store,
    audit::AuditRow,
    error::Error,
    problems::sighting_rows,
    query::Ask,
    runs::outcome_word,
    shape::{record, to_json},
};

/// Begins every transaction of a run.
pub(crate) const FENCE: &str = "
    let $lease = (select epoch, run, seconds from only $lease_id);
    if $lease = none or $lease.epoch != $epoch or $lease.run != $run_uid { throw 'hangar:fenced' };
    update $lease_id set until = $now + duration::from_secs($lease.seconds);";

/// Begins every other transaction on a copy: an integration that is being deleted takes no more rows.
const NOT_DELETING: &str = "
    if (select value is_deleting from only $integration_id) != false { throw 'hangar:fenced' };";

const PROGRESS: &str = "update $run_id set progress = $progress, counts = $counts;";

/// How a run ended.
#[derive(Clone, Debug)]
pub struct RunEnd<'a> {
    pub outcome: Outcome,
    /// One sentence: why it ended so, or what was left out.
    pub reason: Option<String>,
    pub counts: &'a Counts,
    /// When it started, if it copied everything.
    pub complete_at: Option<DateTime<Utc>>,
    /// What it ended for, to be put with what failed alike.
    pub failures: &'a [Sighting],
}

/// Who changes the work items of a copy.
#[derive(Clone, Copy)]
enum Writer<'a> {
    Run(&'a RunRef),
    /// An admin, with the entry that tells of it.
    Admin(IntegrationId, &'a AuditRow),
    /// Plane itself, by a webhook.
    Event(IntegrationId),
}

impl Writer<'_> {
    fn integration(self) -> IntegrationId {
        match self {
            Writer::Run(run) => run.integration,
            Writer::Admin(integration, _) | Writer::Event(integration) => integration,
        }
    }

    /// How its transactions begin.
    fn guard(self) -> &'static str {
        match self {
            Writer::Run(_) => FENCE,
            Writer::Admin(..) | Writer::Event(_) => NOT_DELETING,
        }
    }

    /// How those that change something end.
    fn record(self) -> &'static str {
        match self {
            Writer::Run(_) | Writer::Event(_) => "",
            Writer::Admin(..) => "create audit content $audit return none;",
        }
    }
}

impl Store {
    fn ask_by<'a>(&'a self, sql: &'a str, writer: Writer<'_>, now: DateTime<Utc>) -> Ask<'a> {
        match writer {
            Writer::Run(run) => self.ask_fenced(sql, run, now),
            Writer::Admin(integration, audit) => self
                .ask(sql)
                .bind(
                    "integration_id",
                    record("plane_integrations", integration.0),
                )
                .bind("audit", audit.clone())
                .bind("now", now),
            Writer::Event(integration) => self
                .ask(sql)
                .bind(
                    "integration_id",
                    record("plane_integrations", integration.0),
                )
                .bind("now", now),
        }
    }

    pub(crate) fn ask_fenced<'a>(
        &'a self,
        sql: &'a str,
        run: &RunRef,
        now: DateTime<Utc>,
    ) -> Ask<'a> {
        self.ask(sql)
            .bind("lease_id", record("sync_leases", run.integration.0))
            .bind("run_id", record("sync_runs", run.run.0))
            .bind("run_uid", run.run.0)
            .bind("epoch", i64::try_from(run.epoch).unwrap_or(i64::MAX))
            .bind("now", now)
    }

    /// Says where the run is and keeps its lease for another while. Whether somebody wants it to stop.
    pub async fn save_progress(
        &self,
        run: &RunRef,
        progress: &Progress,
        counts: &Counts,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool, Error> {
        let sql = format!(
            "{{
                {FENCE}
                update $lease_id set until = $until, seconds = $seconds;
                {PROGRESS}
                return (select value cancel_requested from only $run_id);
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("until", now + lease)
            .bind("seconds", lease.num_seconds())
            .bind("progress", to_json(progress)?)
            .bind("counts", to_json(counts)?)
            .write()
            .await?
            .value(0)
    }

    /// Closes a run and gives its lease back. `integration_complete_at`: when all was copied, the start of the run.
    pub async fn finish_run(
        &self,
        run: &RunRef,
        end: RunEnd<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let started_at: Option<DateTime<Utc>> = self
            .ask("select value started_at from only $id")
            .bind("id", record("sync_runs", run.run.0))
            .read()
            .await?
            .one(0)?;
        let summary = RunSummary {
            id: run.run,
            started_at: started_at.unwrap_or(now),
            finished_at: Some(now),
            outcome: Some(end.outcome),
        };
        let sql = format!(
            "{{
                {FENCE}
                update $lease_id set run = none, owner = none, until = $now;
                update $run_id set is_running = false, outcome = $outcome, reason = $reason, counts = $counts,
                    finished_at = $now;
                update $facts set last_run = $summary, complete_at = $complete_at ?? complete_at,
                    complete_requests = if $complete_at != none {{ $counts.requests }} else {{ complete_requests }};
                insert ignore into sightings $sightings return none;
                return none;
            }}"
        );
        let failures = end.failures.iter().map(|one| (run.integration, one));
        self.ask_fenced(&sql, run, now)
            .bind("sightings", sighting_rows(failures, run.run.0)?)
            .bind("facts", record("integration_facts", run.integration.0))
            .bind("outcome", outcome_word(end.outcome)?)
            .bind("reason", end.reason)
            .bind("counts", to_json(end.counts)?)
            .bind("summary", to_json(&summary)?)
            .bind("complete_at", end.complete_at)
            .write()
            .await
            .map(drop)
    }
}
