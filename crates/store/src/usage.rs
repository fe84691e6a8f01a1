use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, ProjectId},
    page::{Cursor, Page},
    problems::Sighting,
    usage::{CallRecord, PlaneKey, Purpose, Slot, Subject, Usage},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    problems::sighting_rows,
    shape::{
        count, from_text, numbered_one, place_of, read_cursor, record, records_after_one,
        records_from_to, to_text, write_cursor,
    },
};

/// Calls that ended together, and the slots in which they are counted by now.
#[derive(Clone, Debug)]
pub struct CallLog {
    /// One of chance: the same log is kept once, however often it is saved.
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub calls: Vec<CallRecord>,
    pub slots: Vec<UsageSlot>,
}

/// What one process counted in a slot. Saving it again takes the place of what it saved before.
#[derive(Clone, Debug)]
pub struct UsageSlot {
    /// One of chance, which this slot keeps for as long as the process counts in it.
    pub id: Uuid,
    pub slot: Slot,
    pub start: DateTime<Utc>,
    pub subject: Subject,
    /// The fingerprint of the key; empty where keys are not told apart.
    pub fingerprint: String,
    pub usage: Usage,
}

/// A slot's calls of one key, from however many processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    pub start: DateTime<Utc>,
    pub fingerprint: String,
    pub usage: Usage,
}

/// A call in its batch: what all of them share stands there once.
#[derive(Serialize, Deserialize)]
struct Packed(
    Purpose,
    String,
    Option<u16>,
    Option<String>,
    i64,
    u64,
    u64,
    u64,
    Option<u32>,
    #[serde(default)] Option<ProjectId>,
);

#[derive(SurrealValue)]
struct BatchRow {
    id: RecordId,
    origin: String,
    fingerprint: String,
    calls: String,
    bytes: i64,
}

#[derive(SurrealValue)]
struct SlotRow {
    id: RecordId,
    start: i64,
    key: String,
    usage: String,
}

/// Rows that are forgotten in one transaction.
const BATCH: i64 = 500;

impl Store {
    /// Keeps calls, and the slots that count them, in one transaction: what is counted is what is kept, whatever happens.
    pub async fn save_calls(&self, log: &CallLog) -> Result<(), Error> {
        let mut groups = BTreeMap::<(Option<IntegrationId>, &PlaneKey), Vec<&CallRecord>>::new();
        for call in &log.calls {
            groups
                .entry((call.integration, &call.key))
                .or_default()
                .push(call);
        }
        let mut batches = Vec::with_capacity(groups.len());
        let mut sizes = Vec::with_capacity(groups.len());
        for (n, ((integration, key), calls)) in (0..).zip(groups) {
            let packed: Vec<Packed> = calls.into_iter().map(pack).collect();
            let calls = to_text(&packed)?;
            let bytes = i64::try_from(calls.len()).unwrap_or(i64::MAX);
            let integration = owner(integration);
            batches.push(BatchRow {
                id: numbered_one(
                    "call_batches",
                    integration,
                    -log.at.timestamp_millis(),
                    Uuid::from_u128(log.id.as_u128().wrapping_add(n)),
                ),
                origin: key.origin.clone(),
                fingerprint: key.fingerprint.clone(),
                calls,
                bytes,
            });
            sizes.push(Size {
                id: record("call_sizes", integration),
                bytes,
            });
        }
        let mut slots: BTreeMap<Slot, Vec<SlotRow>> = BTreeMap::new();
        for one in &log.slots {
            slots.entry(one.slot).or_default().push(SlotRow {
                id: numbered_one(
                    table(one.slot),
                    subject(&one.subject),
                    one.start.timestamp(),
                    one.id,
                ),
                start: one.start.timestamp(),
                key: one.fingerprint.clone(),
                usage: to_text(&one.usage)?,
            });
        }
        let mut rows = |slot| slots.remove(&slot).unwrap_or_default();
        let failures = Sighting::of_calls(&log.calls);
        let failures = failures
            .iter()
            .map(|(integration, one)| (*integration, one));
        self.ask(
            "{
                if (select value bytes from only $batches[0].id) != none { return none };
                insert into call_batches $batches return none;
                insert into call_sizes $sizes on duplicate key update bytes += $input.bytes return none;
                insert into usage_minutes $minutes on duplicate key update usage = $input.usage return none;
                insert into usage_hours $hours on duplicate key update usage = $input.usage return none;
                insert into usage_days $days on duplicate key update usage = $input.usage return none;
                insert ignore into sightings $sightings return none;
                return none;
            }",
        )
        .bind("batches", batches)
        .bind("sizes", sizes)
        .bind("minutes", rows(Slot::Minute))
        .bind("hours", rows(Slot::Hour))
        .bind("days", rows(Slot::Day))
        .bind("sightings", sighting_rows(failures, log.id)?)
        .write()
        .await
        .map(drop)
    }

    /// The calls of the slots that begin from `from` until before `to`, in order; slots without calls are left out.
    pub async fn usage(
        &self,
        _viewer: &Viewer,
        of: &Subject,
        slot: Slot,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<UsageRow>, Error> {
        self.usage_of(of, slot, from, to).await
    }

    /// The same for Hangar's own work.
    pub async fn usage_of(
        &self,
        of: &Subject,
        slot: Slot,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<UsageRow>, Error> {
        let range = records_from_to(table(slot), subject(of), from.timestamp(), to.timestamp());
        let rows: Vec<SlotRow> = self
            .ask("select id, start, key, usage from $range")
            .bind("range", range)
            .read()
            .await?
            .rows(0)?;
        let mut slots = BTreeMap::<(DateTime<Utc>, String), Usage>::new();
        for row in rows {
            let usage: Usage = from_text(&row.usage)?;
            let start = DateTime::from_timestamp(row.start, 0).unwrap_or_default();
            slots.entry((start, row.key)).or_default().merge(&usage);
        }
        let slots = slots
            .into_iter()
            .map(|((start, fingerprint), usage)| UsageRow {
                start,
                fingerprint,
                usage,
            });
        Ok(slots.collect())
    }

    /// The calls of an integration (`None`: of connection tests before one was saved) that were written down from `from` until before
    /// `to`, the latest first. A page may
    /// hold more than `limit`: it ends with whole batches.
    pub async fn call_records(
        &self,
        _viewer: &Viewer,
        integration: Option<IntegrationId>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<CallRecord>, Error> {
        let first = 1 - to.timestamp_millis();
        let end = 1 - from.timestamp_millis();
        let range = match read_place(after) {
            Some(place) => records_after_one("call_batches", owner(integration), place, end),
            None => records_from_to("call_batches", owner(integration), first, end),
        };
        let rows: Vec<BatchRow> = self
            .ask("select * from $range limit $limit")
            .bind("range", range)
            .bind("limit", i64::from(limit) + 1)
            .read()
            .await?
            .rows(0)?;
        let mut page = Page {
            rows: Vec::new(),
            next: None,
        };
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut last = None;
        for row in rows {
            if page.rows.len() >= most {
                page.next = last.map(|(at, id)| write_cursor(&format!("{at} {id}")));
                break;
            }
            last = Some(place_of(&row.id)?);
            page.rows.extend(unpack(row, integration)?);
        }
        page.rows
            .sort_by_key(|call| std::cmp::Reverse(call.ended_at));
        Ok(page)
    }

    /// Bytes of all calls that are kept.
    pub async fn call_bytes(&self) -> Result<u64, Error> {
        let sizes: Vec<i64> = self
            .ask("select value bytes from call_sizes")
            .read()
            .await?
            .rows(0)?;
        Ok(sizes.into_iter().map(count::<u64>).sum())
    }

    /// Forgets calls that ended before then. How many batches.
    pub async fn forget_calls(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let owners: Vec<Uuid> = self
            .ask("select value record::id(id) from call_sizes")
            .read()
            .await?
            .rows(0)?;
        let mut forgotten = 0;
        for owner in owners {
            let range = records_from_to(
                "call_batches",
                owner,
                1 - before.timestamp_millis(),
                i64::MAX,
            );
            loop {
                let batch: i64 = self
                    .ask(
                        "{
                            let $old = (select id, bytes from $range limit $batch);
                            update $size set bytes -= math::sum($old.bytes) return none;
                            delete $old.id return none;
                            return array::len($old);
                        }",
                    )
                    .bind("range", range.clone())
                    .bind("size", record("call_sizes", owner))
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

    /// Forgets the slots of this length that begin before then.
    pub async fn forget_usage(&self, slot: Slot, before: DateTime<Utc>) -> Result<(), Error> {
        let sql = format!(
            "{{ let $old = ({}); delete $old return none; return array::len($old); }}",
            old_usage(slot)
        );
        loop {
            let batch: i64 = self
                .ask(&sql)
                .bind("before", before.timestamp())
                .bind("batch", BATCH)
                .write()
                .await?
                .value(0)?;
            if batch < BATCH {
                return Ok(());
            }
        }
    }
}

#[derive(SurrealValue)]
struct Size {
    id: RecordId,
    bytes: i64,
}

fn table(slot: Slot) -> &'static str {
    match slot {
        Slot::Minute => "usage_minutes",
        Slot::Hour => "usage_hours",
        Slot::Day => "usage_days",
    }
}

fn old_usage(slot: Slot) -> String {
    format!(
        "select value id from {} where start < $before limit $batch",
        table(slot)
    )
}

fn owner(integration: Option<IntegrationId>) -> Uuid {
    integration.map_or(Uuid::nil(), |id| id.0)
}

fn subject(of: &Subject) -> Uuid {
    match of {
        Subject::All => Uuid::nil(),
        Subject::Integration(id) => id.0,
        Subject::Key(key) => {
            let digest = Sha256::new()
                .chain_update(&key.origin)
                .chain_update([0])
                .chain_update(&key.fingerprint)
                .finalize();
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            Uuid::from_bytes(bytes)
        }
    }
}

/// The batch that a cursor names.
fn read_place(cursor: Option<&Cursor>) -> Option<(i64, Uuid)> {
    let text = read_cursor(cursor);
    let (at, id) = text.split_once(' ')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

fn pack(call: &CallRecord) -> Packed {
    Packed(
        call.purpose,
        call.endpoint.clone(),
        call.status,
        call.error.clone(),
        call.ended_at.timestamp_millis(),
        call.took_ms,
        call.waited_ms,
        call.bytes,
        call.remaining,
        call.project,
    )
}

fn unpack(row: BatchRow, integration: Option<IntegrationId>) -> Result<Vec<CallRecord>, Error> {
    let calls: Vec<Packed> = from_text(&row.calls)?;
    let key = PlaneKey {
        origin: row.origin,
        fingerprint: row.fingerprint,
    };
    let calls = calls.into_iter().map(|call| CallRecord {
        integration,
        key: key.clone(),
        purpose: call.0,
        endpoint: call.1,
        status: call.2,
        error: call.3,
        ended_at: DateTime::from_timestamp_millis(call.4).unwrap_or_default(),
        took_ms: call.5,
        waited_ms: call.6,
        bytes: call.7,
        remaining: call.8,
        project: call.9,
    });
    Ok(calls.collect())
}
