use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, RunId},
    page::{Cursor, Page},
    run_log::{ApiCall, Timeline},
};
use serde_json::Value as Json;
use surrealdb::types::{RecordId, SurrealValue};

use super::FENCE;
use crate::{
    RunRef, Store,
    error::Error,
    shape::{count, from_json, numbered, page, read_cursor, record_of, records_after, to_json},
};

#[derive(SurrealValue)]
struct CallRow {
    id: RecordId,
    number: i64,
    method: String,
    path: String,
    status: Option<i64>,
    error: Option<String>,
    started_at: DateTime<Utc>,
    took_ms: i64,
    waited_ms: i64,
    bytes: i64,
}

/// Rows a transaction when old ones are forgotten.
const BATCH: i64 = 500;

pub(crate) const OLD_CALLS: &str =
    "select value id from run_calls where started_at < $before limit $batch";
pub(crate) const OLD_TIMELINES: &str =
    "select value id from run_timelines where updated_at < $before limit $batch";

pub(crate) const OLD_RUNS: &str = "select value id from sync_runs where finished_at < $before and <string> record::id(id) not in $last limit $batch";

impl Store {
    /// Keeps what a run did since it was last kept. A call is one record whoever writes it how often.
    pub async fn save_record(
        &self,
        run: &RunRef,
        calls: &[ApiCall],
        timeline: &Timeline,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let rows: Vec<CallRow> = calls.iter().map(|call| call_row(run, call)).collect();
        let sql = format!(
            "{{
                {FENCE}
                insert ignore into run_calls $calls return none;
                upsert $timeline_id content {{ timeline: $timeline, updated_at: $now }} return none;
                return none;
            }}"
        );
        let ids = [run.integration.0, run.run.0];
        self.ask_fenced(&sql, run, now)
            .bind("calls", rows)
            .bind("timeline_id", record_of("run_timelines", &ids))
            .bind("timeline", to_json(timeline)?)
            .write()
            .await
            .map(drop)
    }

    /// The calls of a run that are kept, in the order in which they ended.
    pub async fn calls(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        run: RunId,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ApiCall>, Error> {
        let after: i64 = read_cursor(after).parse().unwrap_or(0);
        let rows: Vec<CallRow> = self
            .ask("select * from $range limit $limit")
            .bind(
                "range",
                records_after("run_calls", &[integration.0, run.0], after),
            )
            .bind("limit", i64::from(limit) + 1)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| (row.number.to_string(), row.call()))
            .collect();
        Ok(page(rows, limit))
    }

    /// What a run did when; empty once it is forgotten.
    pub async fn timeline(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        run: RunId,
    ) -> Result<Timeline, Error> {
        let timeline: Option<Json> = self
            .ask("select value timeline from only $id")
            .bind("id", record_of("run_timelines", &[integration.0, run.0]))
            .read()
            .await?
            .one(0)?;
        timeline.map_or_else(|| Ok(Timeline::default()), from_json)
    }

    /// Forgets calls and timelines of before then. How many.
    pub async fn forget_records(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let mut forgotten = 0;
        for old in [OLD_CALLS, OLD_TIMELINES] {
            let sql = format!(
                "{{ let $ids = ({old}); delete $ids return none; return array::len($ids); }}"
            );
            loop {
                let batch: i64 = self
                    .ask(&sql)
                    .bind("before", before)
                    .bind("batch", BATCH)
                    .write()
                    .await?
                    .value(0)?;
                forgotten += count::<u64>(batch);
                if batch < BATCH {
                    break;
                }
            }
        }
        Ok(forgotten)
    }

    /// Forgets runs that ended before then, but not the last one of an integration. How many.
    pub async fn forget_runs(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let last: Vec<String> = self
            .ask("select value last_run.id from integration_facts where last_run != none")
            .read()
            .await?
            .rows(0)?;
        let sql = format!(
            "{{ let $ids = ({OLD_RUNS}); delete $ids return none; return array::len($ids); }}"
        );
        let mut forgotten = 0;
        loop {
            let batch: i64 = self
                .ask(&sql)
                .bind("before", before)
                .bind("last", last.clone())
                .bind("batch", BATCH)
                .write()
                .await?
                .value(0)?;
            forgotten += count::<u64>(batch);
            if batch < BATCH {
                return Ok(forgotten);
            }
        }
    }
}

fn call_row(run: &RunRef, call: &ApiCall) -> CallRow {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    CallRow {
        id: numbered(
            "run_calls",
            &[run.integration.0, run.run.0],
            call.number.into(),
        ),
        number: call.number.into(),
        method: call.method.clone(),
        path: call.path.clone(),
        status: call.status.map(Into::into),
        error: call.error.clone(),
        started_at: call.started_at,
        took_ms: number(call.took_ms),
        waited_ms: number(call.waited_ms),
        bytes: number(call.bytes),
    }
}

impl CallRow {
    fn call(self) -> ApiCall {
        ApiCall {
            number: count(self.number),
            method: self.method,
            path: self.path,
            status: self.status.map(count),
            error: self.error,
            started_at: self.started_at,
            took_ms: count(self.took_ms),
            waited_ms: count(self.waited_ms),
            bytes: count(self.bytes),
        }
    }
}
