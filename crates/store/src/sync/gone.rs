use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::{DeletedItem, Restore, WorkItem},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{Writer, items::label_deltas};
use crate::{
    RunRef, Store,
    error::Error,
    shape::{count, latest_first, page, record, record_of, records_under},
};

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
    /// set apart, to be put back from. How many there were.
    pub async fn remove_items(
        &self,
        run: &RunRef,
        project: ProjectId,
        gone: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let mut removed = 0;
        for batch in gone.chunks(usize::from(BATCH)) {
            removed += self.take_out(Writer::Run(run), project, batch, now).await?;
        }
        Ok(removed)
    }

    /// Takes out a work item that was put back though Plane does not have it. `false`: there is none such.
    pub async fn discard_kept(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        if !self.kept_items(integration, project).await?.contains(&item) {
            return Ok(false);
        }
        let says = "Took out one work item that Plane does not have.";
        let audit = self.admin_entry(admin, "work_item.discarded", Some(integration), says, now);
        let writer = Writer::Admin(integration, &audit);
        Ok(self.take_out(writer, project, &[item], now).await? > 0)
    }

    async fn take_out(
        &self,
        writer: Writer<'_>,
        project: ProjectId,
        gone: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        for _ in 0..10 {
            let stored = self
                .stored_items(writer.integration(), project, gone)
                .await?;
            let items: Vec<&WorkItem> = stored.values().collect();
            if items.is_empty() {
                return Ok(0);
            }
            if self.try_take_out(writer, project, &items, now).await? {
                return Ok(items.len() as u64);
            }
        }
        Err(Error::Conflict)
    }

    /// `false`: somebody else changed the project's items meanwhile.
    async fn try_take_out(
        &self,
        writer: Writer<'_>,
        project: ProjectId,
        items: &[&WorkItem],
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let ids = [writer.integration().0, project.0];
        let before = self.before(ids, items).await?;
        let rows = items
            .iter()
            .map(|item| deleted_row(ids, item, now))
            .collect::<Result<Vec<_>, Error>>()?;
        let records = |table| -> Vec<RecordId> {
            items
                .iter()
                .map(|item| record_of(table, &[ids[0], ids[1], item.id.0]))
                .collect()
        };
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
                {guard}
                if (select value revision from only $project) != $revision {{ return false }};
                for $row in $rows {{ upsert $row.id content $row return none }};
                delete $records return none;
                delete $kept return none;
                for $delta in $deltas {{
                    upsert $delta.id set label = $delta.label, work_items += $delta.by return none
                }};
                update $project set total_work_items -= $gone, revision += 1 return none;
                update $facts set total_work_items -= $gone return none;
                {record}
                return true;
            }}",
            guard = writer.guard(),
            record = writer.record(),
        );
        self.ask_by(&sql, writer, now)
            .bind("project", record_of("projects", &ids))
            .bind("facts", record("integration_facts", ids[0]))
            .bind("revision", before.revision)
            .bind("rows", rows)
            .bind("records", records("work_items"))
            .bind("kept", records("kept_items"))
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

    /// Puts deleted work items back into the copy, as they were, and keeps them there though Plane does not list them. How
    /// many.
    pub async fn restore_items(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        which: Restore,
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let ids = [integration.0, project.0];
        let from = match which {
            Restore::One(item) => record_of("deleted_items", &[ids[0], ids[1], item.0]),
            Restore::All => records_under("deleted_items", &ids),
        };
        let mut restored = 0;
        loop {
            let bodies: Vec<String> = self
                .ask("select value body from $from limit $batch")
                .bind("from", from.clone())
                .bind("batch", i64::from(BATCH))
                .read()
                .await?
                .rows(0)?;
            if bodies.is_empty() {
                return Ok(restored);
            }
            let items = bodies
                .iter()
                .map(|body| serde_json::from_str(body))
                .collect::<Result<Vec<WorkItem>, _>>()
                .map_err(|error| Error::Query(error.to_string()))?;
            self.put_back(admin, integration, project, &items, now)
                .await?;
            restored += items.len() as u64;
        }
    }

    async fn put_back(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        items: &[WorkItem],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let says = format!("Put back {} deleted work items.", items.len());
        let audit = self.admin_entry(admin, "work_item.restored", Some(integration), says, now);
        let writer = Writer::Admin(integration, &audit);
        let items: Vec<&WorkItem> = items.iter().collect();
        self.apply_batch(writer, project, &items, None, now).await
    }

    /// Which work items of a project are kept though Plane does not have them.
    pub async fn kept_items(
        &self,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<HashSet<WorkItemId>, Error> {
        let ids: Vec<Uuid> = self
            .ask("select value item from $kept")
            .bind(
                "kept",
                records_under("kept_items", &[integration.0, project.0]),
            )
            .read()
            .await?
            .rows(0)?;
        Ok(ids.into_iter().map(WorkItemId).collect())
    }

    /// Since when a work item is kept though Plane does not have it; `None` if Plane has it.
    pub async fn kept_since(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask("select value kept_at from only $id")
            .bind(
                "id",
                record_of("kept_items", &[integration.0, project.0, item.0]),
            )
            .read()
            .await?
            .one(0)
    }

    /// Notes that Plane lists these again.
    pub async fn forget_kept(
        &self,
        run: &RunRef,
        project: ProjectId,
        items: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let records: Vec<RecordId> = items
            .iter()
            .map(|item| record_of("kept_items", &[run.integration.0, project.0, item.0]))
            .collect();
        let sql = format!(
            "{{ {} delete $records return none; return none; }}",
            super::FENCE
        );
        self.ask_fenced(&sql, run, now)
            .bind("records", records)
            .write()
            .await
            .map(drop)
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
