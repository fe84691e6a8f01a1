use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::WorkItem,
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{FENCE, items::label_deltas};
use crate::{
    RunRef, Store,
    error::Error,
    shape::{count, latest_first, page, record, record_of},
};

/// A work item that Plane does not have any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedItem {
    pub id: WorkItemId,
    pub sequence_id: u64,
    pub name: String,
    /// When Plane confirmed it.
    pub deleted_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct DeletedRow {
    id: RecordId,
    integration: Uuid,
    project: Uuid,
    item: Uuid,
    sequence_id: i64,
    name: String,
    deleted_at: DateTime<Utc>,
    body: String,
    latest_key: String,
}

pub(crate) const DELETED: &str = "select * from deleted_items
    where integration = $integration and project = $project and latest_key > $after order by latest_key limit $limit";

/// Rows a transaction.
const BATCH: u8 = 200;

impl Store {
    /// Takes work items out of the copy that Plane confirmed to be gone, with the totals they were counted in. They are
    /// kept apart, to be put back from. How many there were.
    pub async fn remove_items(
        &self,
        run: &RunRef,
        project: ProjectId,
        gone: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let mut removed = 0;
        for batch in gone.chunks(usize::from(BATCH)) {
            removed += self.remove_batch(run, project, batch, now).await?;
        }
        Ok(removed)
    }

    async fn remove_batch(
        &self,
        run: &RunRef,
        project: ProjectId,
        gone: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        for _ in 0..10 {
            let stored = self.stored_items(run.integration, project, gone).await?;
            let items: Vec<&WorkItem> = stored.values().collect();
            if items.is_empty() {
                return Ok(0);
            }
            if self.try_remove(run, project, &items, now).await? {
                return Ok(items.len() as u64);
            }
        }
        Err(Error::Conflict)
    }

    /// `false`: somebody else changed the project's items meanwhile.
    async fn try_remove(
        &self,
        run: &RunRef,
        project: ProjectId,
        items: &[&WorkItem],
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let ids = [run.integration.0, project.0];
        let before = self.before(ids, items).await?;
        let rows = items
            .iter()
            .map(|item| deleted_row(ids, item, now))
            .collect::<Result<Vec<_>, Error>>()?;
        let records: Vec<RecordId> = items
            .iter()
            .map(|item| record_of("work_items", &[ids[0], ids[1], item.id.0]))
            .collect();
        let unlabelled: Vec<WorkItem> = items
            .iter()
            .map(|&item| WorkItem {
                labels: Vec::new(),
                ..item.clone()
            })
            .collect();
        let unlabelled: Vec<&WorkItem> = unlabelled.iter().collect();
        let sql = format!(
            "{{
                {FENCE}
                if (select value revision from only $project) != $revision {{ return false }};
                for $row in $rows {{ upsert $row.id content $row return none }};
                delete $records return none;
                for $delta in $deltas {{
                    upsert $delta.id set label = $delta.label, work_items += $delta.by return none
                }};
                update $project set total_work_items -= $gone, revision += 1 return none;
                update $facts set total_work_items -= $gone return none;
                return true;
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("project", record_of("projects", &ids))
            .bind("facts", record("integration_facts", ids[0]))
            .bind("revision", before.revision)
            .bind("rows", rows)
            .bind("records", records)
            .bind("deltas", label_deltas(ids, &unlabelled, &before.labels))
            .bind("gone", i64::try_from(items.len()).unwrap_or(i64::MAX))
            .write()
            .await?
            .value(0)
    }

    /// A project's work items that are gone in Plane, the latest first.
    pub async fn deleted_items(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<DeletedItem>, Error> {
        let rows: Vec<DeletedRow> = self
            .ask(DELETED)
            .bind("integration", integration.0)
            .bind("project", project.0)
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| {
                let item = DeletedItem {
                    id: WorkItemId(row.item),
                    sequence_id: count(row.sequence_id),
                    name: row.name,
                    deleted_at: row.deleted_at,
                };
                (row.latest_key, item)
            })
            .collect();
        Ok(page(rows, limit))
    }

    /// Forgets for good what was deleted before then. How many.
    pub async fn forget_deleted(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let mut forgotten = 0;
        loop {
            let batch: i64 = self
                .ask(
                    "{
                        let $ids = (select value id from deleted_items where deleted_at < $before limit $batch);
                        delete $ids return none;
                        return array::len($ids);
                    }",
                )
                .bind("before", before)
                .bind("batch", i64::from(BATCH))
                .write()
                .await?
                .value(0)?;
            forgotten += count::<u64>(batch);
            if batch < i64::from(BATCH) {
                return Ok(forgotten);
            }
        }
    }
}

fn deleted_row(ids: [Uuid; 2], item: &WorkItem, now: DateTime<Utc>) -> Result<DeletedRow, Error> {
    let body = serde_json::to_string(item).map_err(|error| Error::Query(error.to_string()))?;
    Ok(DeletedRow {
        id: record_of("deleted_items", &[ids[0], ids[1], item.id.0]),
        integration: ids[0],
        project: ids[1],
        item: item.id.0,
        sequence_id: i64::try_from(item.sequence_id).unwrap_or(i64::MAX),
        name: item.name.clone(),
        deleted_at: now,
        body,
        latest_key: latest_first(now, item.id.0),
    })
}
