use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{
    drift::{DriftCheck, Overlooked},
    freshness::Kind,
    ids::{IntegrationId, LabelId, ProjectId, StateId, WorkItemId},
    walk::{Held, Walked},
};
use surrealdb::types::{Bytes, SurrealValue};
use uuid::Uuid;

use super::FENCE;
use crate::{
    RunRef, Store,
    drift::DriftRow,
    error::Error,
    query::Ask,
    shape::{count, from_json, pack, record_of, records_under, to_json, unpack},
};

/// Where a full walk over a project's work items is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub project: ProjectId,
    /// Plane's cursor of the next page.
    pub cursor: String,
    /// Pages done.
    pub page: u32,
    /// When the walk started: what the copy's freshness counts from.
    pub started_at: DateTime<Utc>,
    /// Plane's latest change when the walk started.
    pub watermark: Option<DateTime<Utc>>,
    /// What its pages found that earlier walks should have brought.
    pub overlooked: Overlooked,
}

/// What a page moves a full walk on by: where it is then, and what it saw.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub checkpoint: &'a Checkpoint,
    pub seen: &'a [WorkItemId],
}

/// What a complete walk leaves for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// When it started: the copy is complete as of then.
    pub complete_at: DateTime<Utc>,
    /// `None` leaves the old one.
    pub watermark: Option<DateTime<Utc>>,
    /// Whether everything was read, and what was absent asked for or held.
    pub is_full: bool,
    /// After a full walk: what an admin has to look at.
    pub held: Option<Held>,
    /// By how much the copy's total exceeds Plane's; negative if Plane has more. `None` leaves the old one.
    pub gap: Option<i64>,
    /// After a full walk that was not the first: how the copy compared with Plane before it.
    pub drift: Option<DriftCheck>,
}

/// Which kinds of a project were just read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindsRead {
    /// When that began.
    pub at: DateTime<Utc>,
    /// Every row of these is in the copy.
    pub whole: Vec<Kind>,
    /// These Plane does not let the key list.
    pub refused: Vec<Kind>,
}

pub(super) const STEP: &str = "
    upsert $checkpoint content { cursor: $cursor, page: $page, started_at: $started_at, watermark: $watermark,
        missing: $missing, different: $different } return none;
    upsert $walk_page content { items: $seen } return none;";

pub(super) fn bind_step<'a>(ask: Ask<'a>, ids: &[Uuid; 2], step: Option<Step<'_>>) -> Ask<'a> {
    let Some(Step { checkpoint, seen }) = step else {
        return ask;
    };
    let page = Uuid::from_u128(u128::from(checkpoint.page));
    ask.bind("checkpoint", record_of("checkpoints", ids))
        .bind("cursor", checkpoint.cursor.as_str())
        .bind("page", i64::from(checkpoint.page))
        .bind("started_at", checkpoint.started_at)
        .bind("watermark", checkpoint.watermark)
        .bind("missing", number(checkpoint.overlooked.missing))
        .bind("different", number(checkpoint.overlooked.different))
        .bind(
            "walk_page",
            record_of("walk_pages", &[ids[0], ids[1], page]),
        )
        .bind("seen", pack(seen.iter().map(|id| id.0)))
}

fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Store {
    /// What earlier walks left in a project, how many work items it has here, and where a full walk was left.
    pub async fn walked(
        &self,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<(Walked, u64, Option<Checkpoint>), Error> {
        #[derive(SurrealValue)]
        struct Row {
            watermark: Option<DateTime<Utc>>,
            full_at: Option<DateTime<Utc>>,
            around_at: Option<DateTime<Utc>>,
            collections_at: Option<DateTime<Utc>>,
            gap: i64,
            held: Option<serde_json::Value>,
            released: Option<i64>,
            total_work_items: i64,
        }
        #[derive(SurrealValue)]
        struct Left {
            cursor: String,
            page: i64,
            started_at: DateTime<Utc>,
            watermark: Option<DateTime<Utc>>,
            missing: Option<i64>,
            different: Option<i64>,
        }
        let ids = [integration.0, project.0];
        let mut answer = self
            .ask(
                "select watermark, full_at, around_at, collections_at, gap ?? 0 as gap, held, released, total_work_items from only $project;
                 select * from only $checkpoint;",
            )
            .bind("project", record_of("projects", &ids))
            .bind("checkpoint", record_of("checkpoints", &ids))
            .read()
            .await?;
        let (row, left): (Option<Row>, Option<Left>) = (answer.one(0)?, answer.one(1)?);
        let total = row.as_ref().map_or(0, |row| count(row.total_work_items));
        let walked = match row {
            None => Walked::default(),
            Some(row) => Walked {
                watermark: row.watermark,
                full_at: row.full_at,
                around_at: row.around_at,
                collections_at: row.collections_at,
                is_unfinished: left.is_some(),
                gap: row.gap,
                held: row.held.map(from_json).transpose()?,
                released: row.released.map(count),
            },
        };
        let left = left.map(|left| Checkpoint {
            project,
            cursor: left.cursor,
            page: count(left.page),
            started_at: left.started_at,
            watermark: left.watermark,
            overlooked: Overlooked {
                missing: left.missing.map_or(0, count),
                different: left.different.map_or(0, count),
            },
        });
        Ok((walked, total, left))
    }

    /// Begins a full walk from the first page: what an earlier one has seen does not count.
    pub async fn begin_walk(
        &self,
        run: &RunRef,
        project: ProjectId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let ids = [run.integration.0, project.0];
        let sql = format!("{{ {FENCE} delete $checkpoint; delete $pages; return none; }}");
        self.ask_fenced(&sql, run, now)
            .bind("checkpoint", record_of("checkpoints", &ids))
            .bind("pages", records_under("walk_pages", &ids))
            .write()
            .await
            .map(drop)
    }

    /// Which work items the full walk under way has seen, in this process or another.
    pub async fn seen_items(
        &self,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<HashSet<WorkItemId>, Error> {
        let pages: Vec<Bytes> = self
            .ask("select value items from $pages")
            .bind(
                "pages",
                records_under("walk_pages", &[integration.0, project.0]),
            )
            .read()
            .await?
            .rows(0)?;
        Ok(pages.iter().flat_map(unpack).map(WorkItemId).collect())
    }

    /// The states and labels of a project that have been read.
    pub async fn known_states_and_labels(
        &self,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<(HashSet<StateId>, HashSet<LabelId>), Error> {
        let ids = [integration.0, project.0];
        let mut answer = self
            .ask("select value state from $states; select value label from $labels;")
            .bind("states", records_under("states", &ids))
            .bind("labels", records_under("labels", &ids))
            .read()
            .await?;
        let (states, labels): (Vec<Uuid>, Vec<Uuid>) = (answer.rows(0)?, answer.rows(1)?);
        Ok((
            states.into_iter().map(StateId).collect(),
            labels.into_iter().map(LabelId).collect(),
        ))
    }

    /// Notes that members, states and labels were just read.
    pub async fn finish_around(
        &self,
        run: &RunRef,
        project: ProjectId,
        read: &KindsRead,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.finish_kinds(run, project, "around_at", read, now)
            .await
    }

    /// Notes that cycles and modules were just read.
    pub async fn finish_collections(
        &self,
        run: &RunRef,
        project: ProjectId,
        read: &KindsRead,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.finish_kinds(run, project, "collections_at", read, now)
            .await
    }

    async fn finish_kinds(
        &self,
        run: &RunRef,
        project: ProjectId,
        read_at: &str,
        read: &KindsRead,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let words = |kinds: &[Kind]| -> Vec<String> {
            kinds.iter().map(|kind| kind.word().to_owned()).collect()
        };
        let times = read
            .whole
            .iter()
            .map(|kind| format!("{}_at = $at, ", kind.word()));
        let sql = format!(
            "{{
                {FENCE}
                update $project set {read_at} = $now, {} refused = array::union(array::complement(refused ?? [], $whole), $refused);
                return none;
            }}",
            times.collect::<String>()
        );
        self.ask_fenced(&sql, run, now)
            .bind(
                "project",
                record_of("projects", &[run.integration.0, project.0]),
            )
            .bind("at", read.at)
            .bind("whole", words(&read.whole))
            .bind("refused", words(&read.refused))
            .write()
            .await
            .map(drop)
    }

    /// Ends a complete walk over a project.
    pub async fn finish_walk(
        &self,
        run: &RunRef,
        project: ProjectId,
        finished: &Finished,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let full = if finished.is_full {
            ", full_at = $complete_at, held = $held, released = none"
        } else {
            ""
        };
        let drift = match &finished.drift {
            Some(_) => {
                "upsert $drift.id content $drift return none; update $project set drift = $check return none;"
            }
            None => "",
        };
        let ids = [run.integration.0, project.0];
        let row = finished
            .drift
            .map(|check| DriftRow::new(ids, run.run.0, &check));
        let sql = format!(
            "{{
                {FENCE}
                {drift}
                update $project set complete_at = $complete_at, watermark = $watermark ?? watermark, gap = $gap ?? gap,
                    counted_at = if $gap = 0 {{ $now }} else {{ counted_at }}{full};
                delete $checkpoint;
                delete $pages;
                return none;
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("project", record_of("projects", &ids))
            .bind("checkpoint", record_of("checkpoints", &ids))
            .bind("pages", records_under("walk_pages", &ids))
            .bind("drift", row)
            .bind("check", finished.drift.as_ref().map(to_json).transpose()?)
            .bind("complete_at", finished.complete_at)
            .bind("watermark", finished.watermark)
            .bind("gap", finished.gap)
            .bind("held", finished.held.as_ref().map(to_json).transpose()?)
            .write()
            .await
            .map(drop)
    }
}
