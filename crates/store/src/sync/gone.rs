use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::{DeletedItem, Restore, WorkItem},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{Writer, items::Edit};
use crate::{
    RunRef, Store,
    error::Error,
    items::{StoredItem, Table, bucket_of},
    shape::{count, latest_first, page, record_of, records_under},
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

    pub(super) async fn take_out(
        &self,
        writer: Writer<'_>,
        project: ProjectId,
        gone: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let ids = [writer.integration().0, project.0];
        let find = |table: &Table| -> BTreeMap<i64, Vec<WorkItemId>> {
            let mut found: BTreeMap<i64, Vec<WorkItemId>> = BTreeMap::new();
            for entry in gone.iter().filter_map(|id| table.get(id.0)) {
                let bucket = found.entry(bucket_of(entry.number)).or_default();
                bucket.push(WorkItemId(entry.id));
            }
            found
        };
        let mut left = self.with_table(ids, find).await?;
        let (mut taken, mut tries) = (0, 0);
        while !left.is_empty() {
            let mut read = self.read_buckets(ids, left.keys().copied()).await?;
            let mut edit = Edit::of(ids, &read);
            let (mut done, mut out) = (Vec::new(), Vec::new());
            for (number, items) in &left {
                if edit.is_full() {
                    break;
                }
                let bucket = read.buckets.entry(*number).or_default();
                let mut found: Vec<StoredItem> =
                    items.iter().filter_map(|id| bucket.take(*id)).collect();
                self.fill_in(ids, &mut found).await?;
                if !found.is_empty() {
                    edit.set(*number, bucket)?;
                }
                found.iter().for_each(|old| edit.count(Some(old), None));
                out.extend(found);
                done.push(*number);
            }
            if out.is_empty() || self.try_take_out(writer, ids, edit, &out, now).await? {
                tries = 0;
                taken += out.len() as u64;
                left.retain(|number, _| !done.contains(number));
            } else if tries == 10 {
                return Err(Error::Conflict);
            } else {
                tries += 1;
            }
        }
        Ok(taken)
    }

    /// `false`: somebody else changed the project's items meanwhile.
    async fn try_take_out(
        &self,
        writer: Writer<'_>,
        ids: [Uuid; 2],
        edit: Edit,
        out: &[StoredItem],
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let rows = out
            .iter()
            .map(|stored| deleted_row(ids, &stored.item, now))
            .collect::<Result<Vec<_>, Error>>()?;
        let kept: Vec<RecordId> = out
            .iter()
            .map(|stored| record_of("kept_items", &[ids[0], ids[1], stored.item.id.0]))
            .collect();
        let also = "for $row in $rows { upsert $row.id content $row return none };
            delete $kept return none;";
        let sql = edit.sql(writer, also);
        self.ask_edit(&sql, writer, edit, now)
            .bind("rows", rows)
            .bind("kept", kept)
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
        self.apply(writer, project, items, None, now).await
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
