use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    actor::Viewer,
    collection::{Collection, CollectionKind, ItemsRead},
    ids::{CollectionId, IntegrationId, ProjectId, WorkItemId},
};
use surrealdb::types::{Bytes, RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    RunRef, Store,
    error::Error,
    shape::{count, pack, parse, record_of, records_under, unpack},
};

/// What a list of collections writes; the work items come by themselves.
#[derive(SurrealValue)]
struct ListedRow {
    id: RecordId,
    collection: Uuid,
    kind: String,
    name: String,
    status: String,
    starts_on: Option<String>,
    ends_on: Option<String>,
    updated_at: DateTime<Utc>,
    listed: i64,
}

#[derive(SurrealValue)]
pub(crate) struct CollectionRow {
    collection: Uuid,
    kind: String,
    name: String,
    status: String,
    starts_on: Option<String>,
    ends_on: Option<String>,
    updated_at: DateTime<Utc>,
    listed: i64,
}

pub(crate) const COLUMNS: &str =
    "collection, kind, name, status, starts_on, ends_on, updated_at, listed";

impl CollectionRow {
    pub(crate) fn collection(self) -> Result<Collection, Error> {
        let date = |text: Option<String>| text.as_deref().map(parse::<NaiveDate>).transpose();
        let kind = CollectionKind::from_word(&self.kind);
        Ok(Collection {
            kind: kind.ok_or_else(|| Error::Query("an unknown kind of collection".to_owned()))?,
            id: CollectionId(self.collection),
            name: self.name,
            status: self.status,
            starts_on: date(self.starts_on)?,
            ends_on: date(self.ends_on)?,
            total_work_items: count(self.listed),
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    /// A project's cycles and modules: cycles first, the latest first.
    pub async fn collections(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Vec<Collection>, Error> {
        let rows: Vec<CollectionRow> = self
            .ask(&format!("select {COLUMNS} from $all"))
            .bind(
                "all",
                records_under("collections", &[integration.0, project.0]),
            )
            .read()
            .await?
            .rows(0)?;
        in_order(rows)
    }

    /// The cycles and modules that a work item is in.
    pub async fn collections_of(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Vec<Collection>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            collection: Uuid,
            items: Option<Bytes>,
        }
        let all = records_under("collections", &[integration.0, project.0]);
        let rows: Vec<Row> = self
            .ask("select collection, items from $all")
            .bind("all", all)
            .read()
            .await?
            .rows(0)?;
        let holds = |row: &Row| {
            let items = row.items.as_ref();
            items.is_some_and(|items| unpack(items).any(|id| id == item.0))
        };
        let ids: Vec<RecordId> = rows
            .iter()
            .filter(|row| holds(row))
            .map(|row| record_of("collections", &[integration.0, project.0, row.collection]))
            .collect();
        let rows: Vec<CollectionRow> = self
            .ask(&format!("select {COLUMNS} from $ids"))
            .bind("ids", ids)
            .read()
            .await?
            .rows(0)?;
        in_order(rows)
    }

    /// The work items of a cycle or module, as they were last read.
    pub(crate) async fn items_of_collection(
        &self,
        ids: [Uuid; 2],
        collection: Uuid,
    ) -> Result<Vec<Uuid>, Error> {
        let items: Option<Bytes> = self
            .ask("select value items from only $id")
            .bind(
                "id",
                record_of("collections", &[ids[0], ids[1], collection]),
            )
            .read()
            .await?
            .one(0)?;
        Ok(items.iter().flat_map(unpack).collect())
    }

    /// Stores a project's cycles or its modules, all of them. Answers what was known of each when its work items were read.
    pub async fn apply_collections(
        &self,
        run: &RunRef,
        project: ProjectId,
        kind: CollectionKind,
        collections: &[Collection],
        now: DateTime<Utc>,
    ) -> Result<HashMap<CollectionId, ItemsRead>, Error> {
        #[derive(SurrealValue)]
        struct Known {
            collection: Uuid,
            items_of: Option<DateTime<Utc>>,
            items_total: Option<i64>,
            items_read_at: Option<DateTime<Utc>>,
        }
        let ids = [run.integration.0, project.0];
        let all = records_under("collections", &ids);
        let known: Vec<Known> = self
            .ask(
                "select collection, items_of, items_total, items_read_at from $all where kind = $kind",
            )
            .bind("all", all)
            .bind("kind", kind.word())
            .read()
            .await?
            .rows(0)?;
        let record = |id: Uuid| record_of("collections", &[ids[0], ids[1], id]);
        let rows: Vec<ListedRow> = collections
            .iter()
            .map(|c| ListedRow {
                id: record(c.id.0),
                collection: c.id.0,
                kind: kind.word().to_owned(),
                name: c.name.clone(),
                status: c.status.clone(),
                starts_on: c.starts_on.map(|day| day.to_string()),
                ends_on: c.ends_on.map(|day| day.to_string()),
                updated_at: c.updated_at,
                listed: i64::try_from(c.total_work_items).unwrap_or(i64::MAX),
            })
            .collect();
        let gone: Vec<RecordId> = known
            .iter()
            .filter(|known| !collections.iter().any(|c| c.id.0 == known.collection))
            .map(|known| record(known.collection))
            .collect();
        let sql = format!(
            "{{
                {}
                delete $gone return none;
                for $row in $rows {{ upsert $row.id merge $row return none }};
                return none;
            }}",
            crate::sync::FENCE
        );
        self.ask_fenced(&sql, run, now)
            .bind("gone", gone)
            .bind("rows", rows)
            .write()
            .await?;
        Ok(known
            .into_iter()
            .filter_map(|known| {
                let read = ItemsRead {
                    at: known.items_read_at?,
                    total_work_items: count(known.items_total?),
                    updated_at: known.items_of?,
                };
                Some((CollectionId(known.collection), read))
            })
            .collect())
    }

    /// Stores which work items a cycle or module holds, all of them.
    pub async fn apply_collection_items(
        &self,
        run: &RunRef,
        project: ProjectId,
        collection: &Collection,
        items: &[WorkItemId],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let id = [run.integration.0, project.0, collection.id.0];
        let sql = format!(
            "{{
                {}
                update $collection set items = $items, items_of = $of, items_total = $total,
                    items_read_at = $now return none;
                return none;
            }}",
            crate::sync::FENCE
        );
        self.ask_fenced(&sql, run, now)
            .bind("collection", record_of("collections", &id))
            .bind("items", pack(items.iter().map(|item| item.0)))
            .bind("of", collection.updated_at)
            .bind(
                "total",
                i64::try_from(collection.total_work_items).unwrap_or(i64::MAX),
            )
            .write()
            .await
            .map(drop)
    }
}

pub(crate) fn in_order(rows: Vec<CollectionRow>) -> Result<Vec<Collection>, Error> {
    let mut collections = rows
        .into_iter()
        .map(CollectionRow::collection)
        .collect::<Result<Vec<_>, _>>()?;
    collections.sort_by(|a, b| {
        let latest = b.starts_on.cmp(&a.starts_on);
        (a.kind.cmp(&b.kind)).then(latest).then(a.name.cmp(&b.name))
    });
    Ok(collections)
}
