use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::WorkItem,
};
use serde::{Deserialize, Serialize};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{numbered, record_of, records_under},
};

/// So many consecutive numbers share a bucket: more make a first sync cheaper, fewer a single change.
const NUMBERS: u64 = 16;

/// Descriptions of more bytes are kept in records of their own, so that a bucket stays far below what a transaction may
/// hold.
const LONG: usize = 8 << 10;

/// The bucket of the work item with this number. Plane gives each work item of a project a number and never changes it
/// (plane-api.md section 4), so a bucket is found without an index.
pub(crate) fn bucket_of(sequence_id: u64) -> i64 {
    i64::try_from(sequence_id / NUMBERS).unwrap_or(i64::MAX)
}

fn is_long(item: &WorkItem) -> bool {
    item.description_html.len() > LONG
}

/// A work item in a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredItem {
    pub(crate) copied_at: DateTime<Utc>,
    /// Its description is kept apart, and empty here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_long: bool,
    pub(crate) item: WorkItem,
}

/// The work items of some consecutive numbers, in order.
#[derive(Debug, Default)]
pub(crate) struct Bucket(Vec<StoredItem>);

/// A bucket as it is stored: the items are one text of JSON, because they are always read and written whole.
#[derive(SurrealValue)]
pub(crate) struct BucketRow {
    id: RecordId,
    integration: Uuid,
    project: Uuid,
    bucket: i64,
    /// Sorts by the revision of the project that it changed with, then by its number.
    changed_key: String,
    items: String,
}

/// A description that is kept apart.
#[derive(SurrealValue)]
pub(crate) struct LongRow {
    id: RecordId,
    item: Uuid,
    description: String,
}

impl BucketRow {
    pub(crate) fn size(&self) -> usize {
        self.items.len()
    }
}

impl LongRow {
    /// The description of an item, if it is to be kept apart.
    pub(crate) fn of(ids: [Uuid; 2], item: &WorkItem) -> Option<Self> {
        is_long(item).then(|| Self {
            id: Self::record(ids, item.id.0),
            item: item.id.0,
            description: item.description_html.clone(),
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.description.len()
    }

    pub(crate) fn record(ids: [Uuid; 2], item: Uuid) -> RecordId {
        record_of("long_descriptions", &[ids[0], ids[1], item])
    }
}

/// What the buckets that changed after a revision have keys above.
pub(crate) fn changed_after(revision: i64) -> String {
    format!("{:016x}", revision.saturating_add(1))
}

impl Bucket {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| Error::Query(error.to_string()))
    }

    pub(crate) fn get(&self, id: WorkItemId) -> Option<&StoredItem> {
        self.0.iter().find(|stored| stored.item.id == id)
    }

    /// Puts an item in, in the place of the one with its id. Its description only if it is not to be kept apart.
    pub(crate) fn put(&mut self, item: &WorkItem, now: DateTime<Utc>) -> Option<StoredItem> {
        let old = self.take(item.id);
        let is_long = is_long(item);
        let mut stored = StoredItem {
            copied_at: now,
            is_long,
            item: item.clone(),
        };
        if is_long {
            stored.item.description_html.clear();
        }
        let order = |stored: &StoredItem| (stored.item.sequence_id, stored.item.id);
        let place = self
            .0
            .partition_point(|other| order(other) < order(&stored));
        self.0.insert(place, stored);
        old
    }

    pub(crate) fn take(&mut self, id: WorkItemId) -> Option<StoredItem> {
        let place = self.0.iter().position(|stored| stored.item.id == id)?;
        Some(self.0.remove(place))
    }

    /// The bucket as it is stored with a revision of its project. An empty one is kept, so that others see what left it.
    pub(crate) fn row(
        &self,
        ids: [Uuid; 2],
        bucket: i64,
        revision: i64,
    ) -> Result<BucketRow, Error> {
        Ok(BucketRow {
            id: numbered("item_buckets", &ids, bucket),
            integration: ids[0],
            project: ids[1],
            bucket,
            changed_key: format!("{revision:016x}{bucket:016x}"),
            items: serde_json::to_string(&self.0).map_err(|e| Error::Query(e.to_string()))?,
        })
    }
}

/// Some buckets of a project, and what else a change of them depends on.
pub(crate) struct Read {
    pub(crate) revision: i64,
    pub(crate) buckets: HashMap<i64, Bucket>,
    /// Some of the project's items are kept as deleted.
    pub(crate) has_deleted: bool,
    /// Some are kept though Plane does not have them.
    pub(crate) has_kept: bool,
}

impl Store {
    /// Reads buckets to change them. The change must find the project's revision as it is here.
    pub(crate) async fn read_buckets(
        &self,
        ids: [Uuid; 2],
        buckets: impl IntoIterator<Item = i64>,
    ) -> Result<Read, Error> {
        let mut answer = self
            .ask(
                "select value revision from $project;
                 select bucket, items from $buckets;
                 select value id from $deleted limit 1;
                 select value id from $kept limit 1;",
            )
            .bind("project", record_of("projects", &ids))
            .bind("buckets", records(ids, buckets))
            .bind("deleted", records_under("deleted_items", &ids))
            .bind("kept", records_under("kept_items", &ids))
            .read()
            .await?;
        let revision: Option<i64> = answer.one(0)?;
        let rows: Vec<Found> = answer.rows(1)?;
        let deleted: Vec<RecordId> = answer.rows(2)?;
        let kept: Vec<RecordId> = answer.rows(3)?;
        Ok(Read {
            revision: revision
                .ok_or_else(|| Error::Query("items of a project that is not stored".to_owned()))?,
            buckets: parsed(rows)?,
            has_deleted: !deleted.is_empty(),
            has_kept: !kept.is_empty(),
        })
    }

    /// The stored ones of work items, by id and number, each with its whole description.
    pub(crate) async fn stored(
        &self,
        ids: [Uuid; 2],
        wanted: &[(WorkItemId, u64)],
    ) -> Result<Vec<StoredItem>, Error> {
        let buckets: HashSet<i64> = wanted
            .iter()
            .map(|(_, number)| bucket_of(*number))
            .collect();
        let rows: Vec<Found> = self
            .ask("select bucket, items from $buckets")
            .bind("buckets", records(ids, buckets))
            .read()
            .await?
            .rows(0)?;
        let wanted: HashSet<WorkItemId> = wanted.iter().map(|(id, _)| *id).collect();
        let mut found: Vec<StoredItem> = parsed(rows)?
            .into_values()
            .flat_map(|bucket| bucket.0)
            .filter(|stored| wanted.contains(&stored.item.id))
            .collect();
        self.fill_in(ids, &mut found).await?;
        Ok(found)
    }

    /// Fetches the descriptions that are kept apart.
    pub(crate) async fn fill_in(
        &self,
        ids: [Uuid; 2],
        items: &mut [StoredItem],
    ) -> Result<(), Error> {
        #[derive(SurrealValue)]
        struct Long {
            item: Uuid,
            description: String,
        }
        let long: Vec<RecordId> = items
            .iter()
            .filter(|stored| stored.is_long)
            .map(|stored| LongRow::record(ids, stored.item.id.0))
            .collect();
        if long.is_empty() {
            return Ok(());
        }
        let rows: Vec<Long> = self
            .ask("select item, description from $long")
            .bind("long", long)
            .read()
            .await?
            .rows(0)?;
        let mut texts: HashMap<Uuid, String> = rows
            .into_iter()
            .map(|row| (row.item, row.description))
            .collect();
        for stored in items.iter_mut().filter(|stored| stored.is_long) {
            stored.item.description_html = texts.remove(&stored.item.id.0).unwrap_or_default();
        }
        Ok(())
    }

    /// The stored ones of these work items, as Plane told them: a walk compares with them.
    pub async fn stored_items(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        items: &[WorkItem],
    ) -> Result<HashMap<WorkItemId, WorkItem>, Error> {
        let wanted: Vec<(WorkItemId, u64)> = items
            .iter()
            .map(|item| (item.id, item.sequence_id))
            .collect();
        let found = self.stored([integration.0, project.0], &wanted).await?;
        Ok(found
            .into_iter()
            .map(|stored| (stored.item.id, stored.item))
            .collect())
    }
}

#[derive(SurrealValue)]
struct Found {
    bucket: i64,
    items: String,
}

fn parsed(rows: Vec<Found>) -> Result<HashMap<i64, Bucket>, Error> {
    rows.into_iter()
        .map(|row| Ok((row.bucket, Bucket::parse(&row.items)?)))
        .collect()
}

fn records(ids: [Uuid; 2], buckets: impl IntoIterator<Item = i64>) -> Vec<RecordId> {
    buckets
        .into_iter()
        .map(|bucket| numbered("item_buckets", &ids, bucket))
        .collect()
}
