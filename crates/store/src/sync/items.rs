use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    changes::Changes,
    ids::ProjectId,
    mirror::WorkItem,
    run::{Counts, Progress},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{
    PROGRESS, Writer,
    walk::{STEP, Step, bind_step},
};
use crate::{
    RunRef, Store,
    error::Error,
    items::{Bucket, BucketRow, LongRow, Read, StoredItem, bucket_of},
    query::Ask,
    shape::{record, record_of, to_json},
};

/// Buckets that are read for one transaction at most.
const BATCH_BUCKETS: usize = 64;
/// What goes into one transaction, the last bucket apart; far below the memtable.
const BATCH_BYTES: usize = 2 << 20;
/// The largest item that is stored at all.
const ITEM_BYTES: usize = 4 << 20;

/// What an item's change means for the totals.
#[derive(SurrealValue)]
struct LabelDelta {
    id: RecordId,
    label: Uuid,
    by: i64,
}

/// Marks an item that is kept though Plane does not have it.
#[derive(SurrealValue)]
struct KeptRow {
    id: RecordId,
    item: Uuid,
    kept_at: DateTime<Utc>,
}

/// What one transaction makes of some buckets of a project.
pub(super) struct Edit {
    ids: [Uuid; 2],
    /// The project's, that the buckets were read with.
    revision: i64,
    buckets: Vec<BucketRow>,
    long: Vec<LongRow>,
    /// Descriptions that are not kept apart any more.
    short: Vec<RecordId>,
    labels: HashMap<Uuid, i64>,
    more: i64,
    bytes: usize,
}

/// Stores an edit, unless somebody else has changed the project's items since its buckets were read.
const EDIT: &str = "
    if (select value revision from only $project) != $revision { return false };
    insert into item_buckets $buckets on duplicate key update changed_key = $input.changed_key, items = $input.items
        return none;
    for $row in $long { upsert $row.id content $row return none };
    delete $short return none;
    for $delta in $deltas {
        upsert $delta.id set label = $delta.label, work_items += $delta.by return none
    };
    update $project set total_work_items += $more, revision += 1 return none;
    update $facts set total_work_items += $more return none;";

impl Edit {
    pub(super) fn of(ids: [Uuid; 2], read: &Read) -> Self {
        Self {
            ids,
            revision: read.revision,
            buckets: Vec::new(),
            long: Vec::new(),
            short: Vec::new(),
            labels: HashMap::new(),
            more: 0,
            bytes: 0,
        }
    }

    /// Whether another bucket would be too much for one transaction.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > BATCH_BYTES
    }

    /// An item came, went, or changed.
    pub(super) fn count(&mut self, old: Option<&StoredItem>, new: Option<&WorkItem>) {
        let labels = |item: Option<&WorkItem>| -> BTreeSet<Uuid> {
            let labels = item.into_iter().flat_map(|item| &item.labels);
            labels.map(|label| label.0).collect()
        };
        let old_item = old.map(|stored| &stored.item);
        let (before, after) = (labels(old_item), labels(new));
        for label in after.difference(&before) {
            *self.labels.entry(*label).or_default() += 1;
        }
        for label in before.difference(&after) {
            *self.labels.entry(*label).or_default() -= 1;
        }
        self.more += i64::from(new.is_some()) - i64::from(old.is_some());
        let long = new.and_then(|item| LongRow::of(self.ids, item));
        match (old.filter(|old| old.is_long), long) {
            (_, Some(long)) => {
                self.bytes += long.size();
                self.long.push(long);
            }
            (Some(old), None) => {
                // What is taken out is kept whole elsewhere, in the same transaction.
                self.bytes += old.item.description_html.len();
                self.short.push(LongRow::record(self.ids, old.item.id.0));
            }
            (None, None) => {}
        }
    }

    /// A bucket as it is to be.
    pub(super) fn set(&mut self, number: i64, bucket: &Bucket) -> Result<(), Error> {
        let row = bucket.row(self.ids, number, self.revision + 1)?;
        self.bytes += row.size();
        self.buckets.push(row);
        Ok(())
    }

    /// Its transaction, with what else belongs into it. That answers `false` when the edit is out of date.
    pub(super) fn sql(&self, writer: Writer<'_>, also: &str) -> String {
        format!(
            "{{ {} {} {also} {} return true; }}",
            writer.guard(),
            if self.buckets.is_empty() { "" } else { EDIT },
            writer.record(),
        )
    }

    fn deltas(&self) -> Vec<LabelDelta> {
        let changed = self.labels.iter().filter(|(_, by)| **by != 0);
        changed
            .map(|(label, by)| LabelDelta {
                id: record_of("label_counts", &[self.ids[0], self.ids[1], *label]),
                label: *label,
                by: *by,
            })
            .collect()
    }
}

impl Store {
    pub(super) fn ask_edit<'a>(
        &'a self,
        sql: &'a str,
        writer: Writer<'_>,
        edit: Edit,
        now: DateTime<Utc>,
    ) -> Ask<'a> {
        self.ask_by(sql, writer, now)
            .bind("project", record_of("projects", &edit.ids))
            .bind("facts", record("integration_facts", edit.ids[0]))
            .bind("revision", edit.revision)
            .bind("deltas", edit.deltas())
            .bind("buckets", edit.buckets)
            .bind("long", edit.long)
            .bind("short", edit.short)
            .bind("more", edit.more)
    }

    /// Stores what a page of work items changes, with the totals it changes, the walk's step and the progress. A large page
    /// goes in several transactions; each leaves totals that fit the rows, and the step comes with the last, so that a
    /// crash in between means the same page again.
    #[expect(
        clippy::too_many_arguments,
        reason = "all of it belongs into one transaction"
    )]
    pub async fn apply_items(
        &self,
        run: &RunRef,
        project: ProjectId,
        changes: &Changes,
        step: Option<Step<'_>>,
        progress: &Progress,
        counts: &Counts,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let items: Vec<&WorkItem> = changes.writes().collect();
        if items.iter().any(|item| size(item) > ITEM_BYTES) {
            return Err(Error::TooLarge {
                what: "a work item",
            });
        }
        let end = Some((step, progress, counts));
        self.apply(Writer::Run(run), project, items, end, now).await
    }

    /// Stores items with the totals they change. What a run or an event writes is there in Plane; what an admin writes is
    /// kept though it is not. An item that is stored newer stays as it is.
    pub(super) async fn apply(
        &self,
        writer: Writer<'_>,
        project: ProjectId,
        items: Vec<&WorkItem>,
        end: Option<(Option<Step<'_>>, &Progress, &Counts)>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let ids = [writer.integration().0, project.0];
        let mut left: BTreeMap<i64, Vec<&WorkItem>> = BTreeMap::new();
        for item in items {
            left.entry(bucket_of(item.sequence_id))
                .or_default()
                .push(item);
        }
        let mut tries = 0;
        // At least once, even for nothing: the checkpoint must be written.
        loop {
            let numbers = left.keys().copied().take(BATCH_BUCKETS);
            let mut read = self.read_buckets(ids, numbers).await?;
            let mut edit = Edit::of(ids, &read);
            let mut done: Vec<i64> = Vec::new();
            let mut written: Vec<Uuid> = Vec::new();
            for (number, items) in left.iter().take(BATCH_BUCKETS) {
                if edit.is_full() {
                    break;
                }
                let bucket = read.buckets.entry(*number).or_default();
                let before = written.len();
                for item in items {
                    if is_stale(writer, bucket.get(item.id), item) {
                        continue;
                    }
                    let old = bucket.put(item, now);
                    edit.count(old.as_ref(), Some(item));
                    written.push(item.id.0);
                }
                if written.len() > before {
                    edit.set(*number, bucket)?;
                }
                done.push(*number);
            }
            let end = end.filter(|_| done.len() == left.len());
            if self
                .try_apply(writer, edit, &read, &written, end, now)
                .await?
            {
                tries = 0;
                left.retain(|number, _| !done.contains(number));
                if left.is_empty() {
                    return Ok(());
                }
            } else if tries == 10 {
                return Err(Error::Conflict);
            } else {
                tries += 1;
            }
        }
    }

    /// `false`: somebody else changed the project's items since they were read.
    async fn try_apply(
        &self,
        writer: Writer<'_>,
        edit: Edit,
        read: &Read,
        written: &[Uuid],
        end: Option<(Option<Step<'_>>, &Progress, &Counts)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let ids = edit.ids;
        let records = |table| -> Vec<RecordId> {
            let of = |id: &Uuid| record_of(table, &[ids[0], ids[1], *id]);
            written.iter().map(of).collect()
        };
        // What comes back, as from Plane's archive, is not deleted any more.
        let revived = match read.has_deleted {
            true => records("deleted_items"),
            false => Vec::new(),
        };
        let (kept, listed): (Vec<KeptRow>, _) = match writer {
            Writer::Admin(..) => {
                let kept = written.iter().map(|id| KeptRow {
                    id: record_of("kept_items", &[ids[0], ids[1], *id]),
                    item: *id,
                    kept_at: now,
                });
                (kept.collect(), Vec::new())
            }
            Writer::Run(_) | Writer::Event(_) if read.has_kept => {
                (Vec::new(), records("kept_items"))
            }
            Writer::Run(_) | Writer::Event(_) => (Vec::new(), Vec::new()),
        };
        let also = format!(
            "delete $revived return none;
             for $row in $kept {{ upsert $row.id content $row return none }};
             delete $listed return none;
             {} {}",
            if matches!(end, Some((Some(_), ..))) {
                STEP
            } else {
                ""
            },
            if end.is_some() { PROGRESS } else { "" },
        );
        let sql = edit.sql(writer, &also);
        let mut ask = self
            .ask_edit(&sql, writer, edit, now)
            .bind("revived", revived)
            .bind("kept", kept)
            .bind("listed", listed);
        if let Some((step, progress, counts)) = end {
            ask = bind_step(ask, &ids, step)
                .bind("progress", to_json(progress)?)
                .bind("counts", to_json(counts)?);
        }
        ask.write().await?.value(0)
    }
}

/// Whether what is stored is newer. What came back in Plane since an admin asked for it is newer than what was kept.
fn is_stale(writer: Writer<'_>, stored: Option<&StoredItem>, item: &WorkItem) -> bool {
    match writer {
        Writer::Admin(..) => stored.is_some(),
        Writer::Run(_) | Writer::Event(_) => {
            stored.is_some_and(|stored| stored.item.updated_at > item.updated_at)
        }
    }
}

fn size(item: &WorkItem) -> usize {
    item.name.len() + item.description_html.len() + 16 * (item.labels.len() + item.assignees.len())
}
