use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, RunId},
    page::{Cursor, Page},
    run::{
        Counts, Outcome, Progress, RunFilter, RunState, RunSummary, SyncRun, Trigger, TriggerKind,
    },
};
use serde_json::Value as Json;
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, from_json, id_of, latest_first, page, read_cursor, record, to_json},
};

/// A run to be started.
pub struct NewRun {
    /// UUID v7, made by the caller.
    pub id: RunId,
    pub integration: IntegrationId,
    pub trigger: Trigger,
    /// The process that does it; made anew at each start.
    pub owner: Uuid,
    /// Only if this is still the integration's last run: what a schedule decides by. `None`: in any case.
    pub follows: Option<Option<RunId>>,
}

/// What became of a start.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it is matched at once"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    Started(SyncRun),
    /// A run of this integration is under way.
    AlreadyRunning(RunId),
    /// The integration was deleted.
    Gone,
    /// There has been another run since the one that this was to follow, or the schedule was paused.
    Overtaken,
}

/// A run's ticket: every write of the run shows it, and is refused ([`Error::Fenced`]) once another one was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRef {
    pub run: RunId,
    pub integration: IntegrationId,
    pub epoch: u64,
}

impl From<&SyncRun> for RunRef {
    fn from(run: &SyncRun) -> Self {
        Self {
            run: run.id,
            integration: run.integration,
            epoch: run.epoch,
        }
    }
}

#[derive(SurrealValue)]
pub(crate) struct RunRow {
    id: RecordId,
    integration: Uuid,
    integration_name: String,
    trigger: Json,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    reason: Option<String>,
    counts: Json,
    progress: Json,
    cancel_requested: bool,
    epoch: i64,
    pub(crate) latest_key: String,
}

impl RunRow {
    pub(crate) fn run(self) -> Result<SyncRun, Error> {
        Ok(SyncRun {
            id: RunId(id_of(&self.id)?),
            integration: IntegrationId(self.integration),
            integration_name: self.integration_name,
            trigger: from_json(self.trigger)?,
            started_at: self.started_at,
            finished_at: self.finished_at,
            outcome: self
                .outcome
                .map(|word| from_json(Json::String(word)))
                .transpose()?,
            reason: self.reason,
            counts: from_json(self.counts)?,
            progress: from_json(self.progress)?,
            cancel_requested: self.cancel_requested,
            epoch: count(self.epoch),
        })
    }
}

/// Sorts behind everything at `time` or later, and before everything earlier.
fn before_key(time: DateTime<Utc>) -> String {
    latest_first(time, Uuid::max())
}

/// The word an outcome is stored by.
pub(crate) fn outcome_word(outcome: Outcome) -> Result<String, Error> {
    from_json(to_json(&outcome)?)
}

/// The query of a list of runs; each set of filters has an index that ends in the order. Of what is under way, one run an
/// integration, the others are only looked through.
pub(crate) fn list_query(filter: &RunFilter) -> String {
    let is_running = filter.state == Some(RunState::Running);
    let has_ended = matches!(filter.state, Some(RunState::Ended(_)));
    let filters = [
        (is_running, "is_running = true and "),
        (
            filter.integration.is_some(),
            "integration = $integration and ",
        ),
        (has_ended, "outcome = $outcome and "),
        (filter.trigger.is_some(), "trigger_kind = $trigger and "),
    ];
    let set: String = filters
        .into_iter()
        .filter_map(|(is_set, condition)| is_set.then_some(condition))
        .collect();
    let index = if is_running {
        "with index sync_runs_running "
    } else {
        ""
    };
    format!(
        "select * from sync_runs {index}where {set}latest_key > $after order by latest_key limit $limit"
    )
}

pub(crate) const BEFORE: &str =
    "select * from sync_runs where integration = $integration and latest_key > $after
    order by latest_key limit 1";

pub(crate) const RUNNING: &str = "select * from sync_runs where is_running = true and latest_key > '' order by latest_key limit 1000";

impl Store {
    /// Takes the integration's lease and opens a run, in one transaction: of two at once exactly one gets it. A lease
    /// that nobody renewed is taken over, and its run is closed as interrupted.
    pub async fn start_run(
        &self,
        new: NewRun,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Start, Error> {
        #[derive(SurrealValue)]
        struct Got {
            word: String,
            name: Option<String>,
            epoch: Option<i64>,
            run: Option<Uuid>,
        }
        let summary = RunSummary {
            id: new.id,
            started_at: now,
            finished_at: None,
            outcome: None,
        };
        let got: Got = self
            .ask(
                "{
                    let $integration = (select integration_name, is_deleting, paused_at from only $integration_id);
                    if $integration = none or $integration.is_deleting { return { word: 'gone' } };
                    if $must_follow and $integration.paused_at != none { return { word: 'overtaken' } };
                    if $must_follow and (select value last_run.id from only $facts) != $follows {
                        return { word: 'overtaken' }
                    };
                    let $lease = (select * from only $lease_id);
                    if $lease != none and $lease.run != none {
                        if $lease.until > $now and $lease.until < $far { return { word: 'running', run: $lease.run } };
                        update type::record('sync_runs', $lease.run) set is_running = false, outcome = 'interrupted',
                            reason = $lost, finished_at = $now where is_running = true;
                    };
                    let $epoch = ($lease.epoch ?? 0) + 1;
                    upsert $lease_id content { owner: $owner, epoch: $epoch, until: $until, run: $uid, seconds: $seconds };
                    create $run_id content {
                        integration: $integration_uid, integration_name: $integration.integration_name ?? '',
                        trigger: $trigger, trigger_kind: $trigger_kind, started_at: $now, counts: $counts, progress: $progress,
                        cancel_requested: false, is_running: true, epoch: $epoch, owner: $owner, latest_key: $latest_key
                    };
                    update $facts set last_run = $summary;
                    return { word: 'started', epoch: $epoch, name: $integration.integration_name };
                }",
            )
            .bind("integration_id", record("plane_integrations", new.integration.0))
            .bind("integration_uid", new.integration.0)
            .bind("lease_id", record("sync_leases", new.integration.0))
            .bind("run_id", record("sync_runs", new.id.0))
            .bind("facts", record("integration_facts", new.integration.0))
            .bind("uid", new.id.0)
            .bind("must_follow", new.follows.is_some())
            .bind("follows", new.follows.flatten().map(|run| run.0.to_string()))
            .bind("owner", new.owner)
            .bind("trigger", to_json(&new.trigger)?)
            .bind("trigger_kind", new.trigger.kind().word())
            .bind("counts", to_json(&Counts::default())?)
            .bind("progress", to_json(&Progress::default())?)
            .bind("summary", to_json(&summary)?)
            .bind("latest_key", latest_first(now, new.id.0))
            .bind("lost", LOST)
            .bind("now", now)
            .bind("until", now + lease)
            .bind("far", now + FAR)
            .bind("seconds", lease.num_seconds())
            .write()
            .await?
            .value(0)?;
        Ok(match (got.word.as_str(), got.run) {
            ("gone", _) => Start::Gone,
            ("overtaken", _) => Start::Overtaken,
            ("running", Some(run)) => Start::AlreadyRunning(RunId(run)),
            _ => Start::Started(SyncRun {
                id: new.id,
                integration: new.integration,
                integration_name: got.name.unwrap_or_default(),
                trigger: new.trigger,
                started_at: now,
                finished_at: None,
                outcome: None,
                reason: None,
                counts: Counts::default(),
                progress: Progress::default(),
                cancel_requested: false,
                epoch: count(got.epoch.unwrap_or(0)),
            }),
        })
    }

    /// Asks a run to stop. Whether it was under way.
    pub async fn request_cancel(
        &self,
        _admin: &Admin,
        run: RunId,
        _now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.ask(
            "{
                let $running = (update $id set cancel_requested = true where is_running = true return id);
                return array::len($running) > 0;
            }",
        )
        .bind("id", record("sync_runs", run.0))
        .write()
        .await?
        .value(0)
    }

    /// Closes runs whose lease ran out: their process is gone. Not those that the caller knows to be `alive`: their lease
    /// may have run out because the clock was set forward.
    pub async fn interrupt_dead_runs(
        &self,
        alive: &[RunId],
        now: DateTime<Utc>,
    ) -> Result<Vec<RunId>, Error> {
        self.interrupt(None, alive, now).await
    }

    /// Closes all runs of other owners. For an embedded database at start: no other process can have any.
    pub async fn interrupt_runs_of_dead_process(
        &self,
        owner: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<RunId>, Error> {
        self.interrupt(Some(owner), &[], now).await
    }

    async fn interrupt(
        &self,
        survivor: Option<Uuid>,
        alive: &[RunId],
        now: DateTime<Utc>,
    ) -> Result<Vec<RunId>, Error> {
        let running: Vec<RunRow> = self.ask(RUNNING).read().await?.rows(0)?;
        let mut interrupted = Vec::new();
        for row in running {
            let run = row.run()?;
            if alive.contains(&run.id) {
                continue;
            }
            let summary = RunSummary {
                finished_at: Some(now),
                outcome: Some(Outcome::Interrupted),
                ..run.summary()
            };
            let closed: bool = self
                .ask(
                    "{
                        let $run = (select is_running, owner from only $run_id);
                        if $run = none or !$run.is_running { return false };
                        let $lease = (select * from only $lease_id);
                        let $holds = $lease != none and $lease.run = $uid;
                        if $survivor = none and $holds and $lease.until > $now and $lease.until < $far { return false };
                        if $survivor != none and $run.owner = $survivor { return false };
                        if $holds { update $lease_id set epoch += 1, run = none, owner = none, until = $now };
                        update $run_id set is_running = false, outcome = 'interrupted', reason = $lost,
                            finished_at = $now;
                        update $facts set last_run = $summary where last_run.id = $summary.id;
                        return true;
                    }",
                )
                .bind("run_id", record("sync_runs", run.id.0))
                .bind("uid", run.id.0)
                .bind("lease_id", record("sync_leases", run.integration.0))
                .bind("facts", record("integration_facts", run.integration.0))
                .bind("survivor", survivor)
                .bind("far", now + FAR)
                .bind("lost", LOST)
                .bind("summary", to_json(&summary)?)
                .bind("now", now)
                .write()
                .await?
                .value(0)?;
            if closed {
                interrupted.push(run.id);
            }
        }
        Ok(interrupted)
    }

    /// Runs, latest first. `now` is what "today" is measured from.
    pub async fn runs(
        &self,
        _viewer: &Viewer,
        filter: &RunFilter,
        after: Option<&Cursor>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Page<SyncRun>, Error> {
        let (from, until) = filter.time.bounds(now);
        // The latest come first: what is earlier than `until` is behind its key.
        let first = until.map(before_key).unwrap_or_default();
        let outcome = match filter.state {
            Some(RunState::Ended(outcome)) => Some(outcome_word(outcome)?),
            Some(RunState::Running) | None => None,
        };
        let rows: Vec<RunRow> = self
            .ask(&list_query(filter))
            .bind("integration", filter.integration.map(|id| id.0))
            .bind("outcome", outcome)
            .bind("trigger", filter.trigger.map(TriggerKind::word))
            .bind("after", first.max(read_cursor(after)))
            .bind("limit", i64::from(limit) + 1)
            .read()
            .await?
            .rows(0)?;
        // A second bound would be a filter, behind which all older runs were read in vain: the database uses one.
        let end = from.map(before_key);
        let rows = rows
            .into_iter()
            .take_while(|row| end.as_ref().is_none_or(|end| row.latest_key < *end))
            .map(|row| Ok((row.latest_key.clone(), row.run()?)))
            .collect::<Result<_, Error>>()?;
        Ok(page(rows, limit))
    }

    /// The run of the same integration before this one.
    pub async fn run_before(
        &self,
        _viewer: &Viewer,
        run: &SyncRun,
    ) -> Result<Option<SyncRun>, Error> {
        let row: Option<RunRow> = self
            .ask(BEFORE)
            .bind("integration", run.integration.0)
            .bind("after", latest_first(run.started_at, run.id.0))
            .read()
            .await?
            .one(0)?;
        row.map(RunRow::run).transpose()
    }

    pub async fn run(&self, _viewer: &Viewer, id: RunId) -> Result<Option<SyncRun>, Error> {
        let row: Option<RunRow> = self
            .ask("select * from only $id")
            .bind("id", record("sync_runs", id.0))
            .read()
            .await?
            .one(0)?;
        row.map(RunRow::run).transpose()
    }

    /// The runs under way, latest first.
    pub async fn running(&self, _viewer: &Viewer) -> Result<Vec<SyncRun>, Error> {
        let rows: Vec<RunRow> = self.ask(RUNNING).read().await?.rows(0)?;
        rows.into_iter().map(RunRow::run).collect()
    }
}

/// A lease that ends later than this was taken before the clock was set back: nobody renews it, or it would end earlier.
const FAR: TimeDelta = TimeDelta::minutes(10);

const LOST: &str =
    "Hangar stopped while this run was under way; the next run goes on from the last page.";
