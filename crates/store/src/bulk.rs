use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    bulk::{BulkCounts, BulkItem, BulkOperation, BulkState, ItemState},
    ids::{BulkId, IntegrationId, RunId, TestId, UserId},
    page::{Cursor, Page},
};
use serde_json::Value as Json;
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    audit::AuditRow,
    error::Error,
    query::Ask,
    shape::{
        count, from_json, id_of, latest_first, numbered, page, record, records_under, to_json,
    },
};

/// A worker's ticket: every write of it shows it, and is refused ([`Error::Fenced`]) once another one was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkRef {
    pub bulk: BulkId,
    pub epoch: u64,
}

/// What became of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkStart {
    Started(BulkRef),
    /// Somebody was faster, or it was sent twice.
    AlreadyStarted,
    /// Nobody planned it, or it was forgotten.
    Gone,
}

/// The moment at which an item begins, for the integration's history.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    pub admin: &'a Admin,
    /// A stable code such as `integration.synced`.
    pub action: &'a str,
    pub says: &'a str,
}

#[derive(SurrealValue)]
struct OperationRow {
    id: RecordId,
    action: Json,
    actor: Uuid,
    actor_name: String,
    state: String,
    planned_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    stop_requested: bool,
    retry_of: Option<Uuid>,
    cost: Json,
    counts: Json,
    latest_key: String,
}

impl OperationRow {
    fn operation(self) -> Result<BulkOperation, Error> {
        Ok(BulkOperation {
            id: BulkId(id_of(&self.id)?),
            action: from_json(self.action)?,
            by: UserId(self.actor),
            by_name: self.actor_name,
            state: from_json(Json::String(self.state))?,
            planned_at: self.planned_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            stop_requested: self.stop_requested,
            retry_of: self.retry_of.map(BulkId),
            cost: from_json(self.cost)?,
            counts: from_json(self.counts)?,
        })
    }
}

impl TryFrom<&BulkOperation> for OperationRow {
    type Error = Error;

    fn try_from(operation: &BulkOperation) -> Result<Self, Error> {
        Ok(Self {
            id: record("bulk_operations", operation.id.0),
            action: to_json(&operation.action)?,
            actor: operation.by.0,
            actor_name: operation.by_name.clone(),
            state: operation.state.word().to_owned(),
            planned_at: operation.planned_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
            stop_requested: operation.stop_requested,
            retry_of: operation.retry_of.map(|id| id.0),
            cost: to_json(&operation.cost)?,
            counts: to_json(&operation.counts)?,
            latest_key: latest_first(operation.planned_at, operation.id.0),
        })
    }
}

#[derive(SurrealValue)]
struct ItemRow {
    id: RecordId,
    number: i64,
    integration: Uuid,
    name: String,
    state: String,
    says: Option<String>,
    requests: Json,
    run: Option<Uuid>,
    test: Option<Uuid>,
}

impl ItemRow {
    fn of(bulk: BulkId, item: &BulkItem) -> Result<Self, Error> {
        Ok(Self {
            id: numbered("bulk_items", &[bulk.0], item.number.into()),
            number: item.number.into(),
            integration: item.integration.0,
            name: item.name.clone(),
            state: item.state.word().to_owned(),
            says: item.says.clone(),
            requests: to_json(&item.requests)?,
            run: item.run.map(|id| id.0),
            test: item.test.map(|id| id.0),
        })
    }

    fn item(self) -> Result<BulkItem, Error> {
        Ok(BulkItem {
            number: count(self.number),
            integration: IntegrationId(self.integration),
            name: self.name,
            state: from_json(Json::String(self.state))?,
            says: self.says,
            requests: from_json(self.requests)?,
            run: self.run.map(RunId),
            test: self.test.map(TestId),
        })
    }
}

pub(crate) const LATEST: &str =
    "select * from bulk_operations where latest_key > $after order by latest_key limit $limit";

pub(crate) const UNDER_WAY: &str =
    "select * from bulk_operations where state = 'running' order by planned_at limit 1000";

/// Of one state, and planned before then.
pub(crate) const OLD: &str = "select value id from bulk_operations
    where state = $state and planned_at < $before limit $batch";

/// Begins every transaction of a worker.
const FENCE: &str = "
    if (select value epoch from only $id where state = 'running') != $epoch { throw 'hangar:fenced' };";

/// Operations that are forgotten in one transaction, each with its items.
const BATCH: i64 = 5;

impl Store {
    /// Keeps an operation as it was planned. Whether it is new: one that is there already stays as it is.
    pub async fn plan_bulk(
        &self,
        _admin: &Admin,
        operation: &BulkOperation,
        items: &[BulkItem],
    ) -> Result<bool, Error> {
        let rows = items
            .iter()
            .map(|item| ItemRow::of(operation.id, item))
            .collect::<Result<Vec<_>, Error>>()?;
        self.ask(
            "{
                if (select value id from only $id) != none { return false };
                create $id content $operation;
                insert into bulk_items $items return none;
                return true;
            }",
        )
        .bind("id", record("bulk_operations", operation.id.0))
        .bind("operation", OperationRow::try_from(operation)?)
        .bind("items", rows)
        .write()
        .await?
        .value(0)
    }

    /// An operation with its items, in order.
    pub async fn bulk(
        &self,
        _viewer: &Viewer,
        id: BulkId,
    ) -> Result<Option<(BulkOperation, Vec<BulkItem>)>, Error> {
        self.stored_bulk(id).await
    }

    /// As [`Store::bulk`], for whoever works on it.
    pub async fn bulk_for_work(
        &self,
        id: BulkId,
    ) -> Result<Option<(BulkOperation, Vec<BulkItem>)>, Error> {
        self.stored_bulk(id).await
    }

    async fn stored_bulk(
        &self,
        id: BulkId,
    ) -> Result<Option<(BulkOperation, Vec<BulkItem>)>, Error> {
        let mut answer = self
            .ask("select * from only $id; select * from $items;")
            .bind("id", record("bulk_operations", id.0))
            .bind("items", records_under("bulk_items", &[id.0]))
            .read()
            .await?;
        let Some(row) = answer.one::<OperationRow>(0)? else {
            return Ok(None);
        };
        let items = answer
            .rows::<ItemRow>(1)?
            .into_iter()
            .map(ItemRow::item)
            .collect::<Result<_, Error>>()?;
        Ok(Some((row.operation()?, items)))
    }

    /// Operations, latest first.
    pub async fn bulks(
        &self,
        _viewer: &Viewer,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<BulkOperation>, Error> {
        let rows: Vec<OperationRow> = self.ask(LATEST).page(after, limit).read().await?.rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| Ok((row.latest_key.clone(), row.operation()?)))
            .collect::<Result<_, Error>>()?;
        Ok(page(rows, limit))
    }

    /// Starts a planned operation for this owner: of two starts exactly one does.
    pub async fn start_bulk(
        &self,
        admin: &Admin,
        id: BulkId,
        owner: Uuid,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<BulkStart, Error> {
        let user = admin.user();
        let audit = self.admin_entry(
            admin,
            "bulk.started",
            None,
            "Started a bulk operation.",
            now,
        );
        let word: String = self
            .ask(
                "{
                    let $state = (select value state from only $id);
                    if $state = none { return 'gone' };
                    if $state != 'planned' { return 'already' };
                    update $id set state = 'running', started_at = $now, actor = $actor, actor_name = $actor_name,
                        owner = $owner, epoch = 1, lease_until = $until;
                    create audit content $audit;
                    return 'started';
                }",
            )
            .bind("id", record("bulk_operations", id.0))
            .bind("actor", user.id.0)
            .bind("actor_name", user.name.as_str())
            .bind("owner", owner)
            .bind("now", now)
            .bind("until", now + lease)
            .bind("audit", audit)
            .write()
            .await?
            .value(0)?;
        Ok(match word.as_str() {
            "gone" => BulkStart::Gone,
            "started" => BulkStart::Started(BulkRef { bulk: id, epoch: 1 }),
            _ => BulkStart::AlreadyStarted,
        })
    }

    /// Asks an operation to begin no further item. Whether it was under way.
    pub async fn request_bulk_stop(&self, _admin: &Admin, id: BulkId) -> Result<bool, Error> {
        self.ask(
            "{
                let $running = (update $id set stop_requested = true where state = 'running' return id);
                return array::len($running) > 0;
            }",
        )
        .bind("id", record("bulk_operations", id.0))
        .write()
        .await?
        .value(0)
    }

    /// Takes over operations under way whose worker does not renew its lease any more; with `is_alone`, those of every
    /// other owner: no other process can have any. Not those that the caller is `at`: their lease may have run out because
    /// the clock was set forward.
    pub async fn take_over_bulks(
        &self,
        owner: Uuid,
        at: &[BulkId],
        is_alone: bool,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Vec<BulkRef>, Error> {
        let running: Vec<OperationRow> = self.ask(UNDER_WAY).read().await?.rows(0)?;
        let mut taken = Vec::new();
        for row in running {
            let bulk = BulkId(id_of(&row.id)?);
            if at.contains(&bulk) {
                continue;
            }
            let epoch: Option<i64> = self
                .ask(
                    "{
                        let $is = (select owner, epoch, lease_until from only $id where state = 'running');
                        if $is = none { return none };
                        let $lives = $is.lease_until != none and $is.lease_until > $now and $is.lease_until < $far;
                        let $is_anothers = $is_alone and $is.owner != $owner;
                        if $lives and !$is_anothers { return none };
                        update $id set owner = $owner, epoch += 1, lease_until = $until;
                        return $is.epoch + 1;
                    }",
                )
                .bind("id", row.id)
                .bind("owner", owner)
                .bind("is_alone", is_alone)
                .bind("now", now)
                .bind("far", now + FAR)
                .bind("until", now + lease)
                .write()
                .await?
                .one(0)?;
            taken.extend(epoch.map(|epoch| BulkRef {
                bulk,
                epoch: count(epoch),
            }));
        }
        Ok(taken)
    }

    /// Keeps the lease for another while. Whether somebody wants the operation to stop.
    pub async fn renew_bulk(
        &self,
        work: &BulkRef,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool, Error> {
        let sql = format!(
            "{{
                {FENCE}
                update $id set lease_until = $until;
                return (select value stop_requested from only $id);
            }}"
        );
        self.ask_of_bulk(&sql, work)
            .bind("until", now + lease)
            .write()
            .await?
            .value(0)
    }

    /// Writes how an item stands and, when it has begun, its integration's history.
    pub async fn save_bulk_item(
        &self,
        work: &BulkRef,
        item: &BulkItem,
        counts: &BulkCounts,
        begun: Option<Begun<'_>>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let audit = begun.map(|begun| {
            let (of, says) = (Some(item.integration), begun.says);
            self.admin_entry(begun.admin, begun.action, of, says, now)
        });
        let sql = format!(
            "{{
                {FENCE}
                upsert $item.id content $item;
                update $id set counts = $counts;
                insert into audit $audit return none;
                return none;
            }}"
        );
        self.ask_of_bulk(&sql, work)
            .bind("item", ItemRow::of(work.bulk, item)?)
            .bind("counts", to_json(counts)?)
            .bind("audit", audit.into_iter().collect::<Vec<AuditRow>>())
            .write()
            .await
            .map(drop)
    }

    /// Ends an operation: what waits is told as not done, for this reason.
    pub async fn finish_bulk(
        &self,
        work: &BulkRef,
        counts: &BulkCounts,
        why_not_done: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let sql = format!(
            "{{
                {FENCE}
                update $items set state = $not_done, says = $why where state = $waiting return none;
                update $id set state = 'finished', finished_at = $now, counts = $counts, owner = none, lease_until = none;
                return none;
            }}"
        );
        self.ask_of_bulk(&sql, work)
            .bind("items", records_under("bulk_items", &[work.bulk.0]))
            .bind("waiting", ItemState::Waiting.word())
            .bind("not_done", ItemState::NotDone.word())
            .bind("why", why_not_done)
            .bind("counts", to_json(counts)?)
            .bind("now", now)
            .write()
            .await
            .map(drop)
    }

    /// Gives the lease back, so that the next process goes on at once.
    pub async fn release_bulk(&self, work: &BulkRef) -> Result<(), Error> {
        let sql =
            format!("{{ {FENCE} update $id set owner = none, lease_until = none; return none; }}");
        self.ask_of_bulk(&sql, work).write().await.map(drop)
    }

    /// Forgets operations that were planned before `unstarted` and never started, and those that were planned before
    /// `finished` and are over. How many.
    pub async fn forget_bulks(
        &self,
        unstarted: DateTime<Utc>,
        finished: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let sql = format!(
            "{{
                let $old = ({OLD});
                for $one in $old {{
                    let $uid = record::id($one);
                    delete bulk_items:[$uid]..[$uid, []] return none;
                    delete $one return none;
                }};
                return array::len($old);
            }}"
        );
        let mut forgotten = 0;
        for (state, before) in [
            (BulkState::Planned, unstarted),
            (BulkState::Finished, finished),
        ] {
            loop {
                let batch: i64 = self
                    .ask(&sql)
                    .bind("state", state.word())
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

    fn ask_of_bulk<'a>(&'a self, sql: &'a str, work: &BulkRef) -> Ask<'a> {
        self.ask(sql)
            .bind("id", record("bulk_operations", work.bulk.0))
            .bind("epoch", i64::try_from(work.epoch).unwrap_or(i64::MAX))
    }
}

/// A lease that ends later than this was taken before the clock was set back: nobody renews it, or it would end earlier.
const FAR: TimeDelta = TimeDelta::minutes(10);
