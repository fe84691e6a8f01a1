use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    changes::Changes,
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::{StateGroup, WorkItem},
    run::{Counts, Progress},
};
use surrealdb::types::{RecordId, RecordIdKey, SurrealValue};
use uuid::Uuid;

use super::{
    PROGRESS, Writer,
    walk::{STEP, Step, bind_step},
};
use crate::{
    RunRef, Store,
    error::Error,
    item::{ItemRow, words_of},
    shape::{record, record_of, records_under, records_under_after, to_json},
};

/// What goes into one transaction at most; far below the memtable, also with the indexes' share.
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 2 << 20;
/// The largest item that is stored at all.
const ITEM_BYTES: usize = 4 << 20;

/// What an item's change means for the totals.
#[derive(SurrealValue)]
pub(super) struct LabelDelta {
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

#[derive(SurrealValue)]
struct WordRow {
    id: RecordId,
    word: String,
}

const INSERT: &str = "insert into work_items $rows on duplicate key update
    sequence_id = $input.sequence_id, name = $input.name, description_html = $input.description_html,
    priority = $input.priority, state = $input.state, state_group = $input.state_group, labels = $input.labels,
    assignees = $input.assignees, parent = $input.parent, start_date = $input.start_date,
    target_date = $input.target_date, completed_at = $input.completed_at, created_by = $input.created_by,
    created_at = $input.created_at, updated_at = $input.updated_at, copied_at = $input.copied_at,
    words = $input.words, updated_key = $input.updated_key, oldest_key = $input.oldest_key,
    newest_key = $input.newest_key, priority_key = $input.priority_key
    return none;";

impl Store {
    /// The stored ones of these work items.
    pub async fn stored_items(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        ids: &[WorkItemId],
    ) -> Result<HashMap<WorkItemId, WorkItem>, Error> {
        let ids: Vec<RecordId> = ids
            .iter()
            .map(|id| record_of("work_items", &[integration.0, project.0, id.0]))
            .collect();
        let rows: Vec<ItemRow> = self
            .ask("select * from $ids")
            .bind("ids", ids)
            .read()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| row.item().map(|item| (item.id, item)))
            .collect()
    }

    /// For each place in the order of ids the work item that comes next, to take some by chance. Without doubles.
    pub async fn items_near(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        places: &[Uuid],
    ) -> Result<Vec<WorkItem>, Error> {
        let ids = [integration.0, project.0];
        let mut found: HashMap<Uuid, ItemRow> = HashMap::new();
        for place in places {
            for after in [Some(*place), None] {
                let row: Option<ItemRow> = self
                    .ask("select * from $range limit 1")
                    .bind("range", records_under_after("work_items", &ids, after))
                    .read()
                    .await?
                    .rows(0)?
                    .pop();
                if let Some(row) = row {
                    found.insert(row.item, row);
                    break;
                }
            }
        }
        found.into_values().map(ItemRow::item).collect()
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
        let batches = batches(items);
        let last = batches.len() - 1;
        for (n, batch) in batches.iter().enumerate() {
            let end = (n == last).then_some((step, progress, counts));
            self.apply_batch(Writer::Run(run), project, batch, end, now)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn apply_batch(
        &self,
        writer: Writer<'_>,
        project: ProjectId,
        items: &[&WorkItem],
        end: Option<(Option<Step<'_>>, &Progress, &Counts)>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        for _ in 0..10 {
            if self.try_batch(writer, project, items, end, now).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict)
    }

    /// Stores items with the totals they change. What a run writes is there in Plane; what an admin writes is kept though it
    /// is not. `false`: somebody else changed the project's items since its totals were worked out.
    async fn try_batch(
        &self,
        writer: Writer<'_>,
        project: ProjectId,
        items: &[&WorkItem],
        end: Option<(Option<Step<'_>>, &Progress, &Counts)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let integration = writer.integration();
        let ids = [integration.0, project.0];
        let before = self.before(ids, items).await?;
        // What came back in Plane since an admin asked for it is newer here than what was kept.
        let is_newer = |item: &&&WorkItem| {
            matches!(writer, Writer::Admin(..)) && before.labels.contains_key(&item.id.0)
        };
        let items: Vec<&WorkItem> = items
            .iter()
            .filter(|item| !is_newer(item))
            .copied()
            .collect();
        let items = &items[..];
        let rows: Vec<ItemRow> = items
            .iter()
            .map(|item| ItemRow::new(integration, project, item, before.group(item), now))
            .collect();
        let new: Vec<Uuid> = items
            .iter()
            .map(|item| item.id.0)
            .filter(|id| !before.labels.contains_key(id))
            .collect();
        // What comes back, as from Plane's archive, is not deleted any more.
        let revived: Vec<RecordId> = new
            .iter()
            .filter(|_| before.has_deleted)
            .map(|id| record_of("deleted_items", &[ids[0], ids[1], *id]))
            .collect();
        let kept = items.iter().map(|item| KeptRow {
            id: record_of("kept_items", &[ids[0], ids[1], item.id.0]),
            item: item.id.0,
            kept_at: now,
        });
        let (kept, listed): (Vec<KeptRow>, Vec<RecordId>) = match writer {
            Writer::Admin(..) => (kept.collect(), Vec::new()),
            Writer::Run(_) if before.has_kept => (Vec::new(), kept.map(|row| row.id).collect()),
            Writer::Run(_) => (Vec::new(), Vec::new()),
        };
        let end_sql = match end {
            Some((Some(_), ..)) => format!("{STEP} {PROGRESS}"),
            Some((None, ..)) => PROGRESS.to_owned(),
            None => String::new(),
        };
        let insert = match () {
            () if rows.is_empty() => "",
            () if before.labels.is_empty() => "insert into work_items $rows return none;",
            () => INSERT,
        };
        let sql = format!(
            "{{
                {guard}
                if (select value revision from only $project) != $revision {{ return false }};
                {insert}
                insert ignore into item_words $words return none;
                for $delta in $deltas {{
                    upsert $delta.id set label = $delta.label, work_items += $delta.by return none
                }};
                update $project set total_work_items += $new, revision += 1 return none;
                update $facts set total_work_items += $new return none;
                delete $revived return none;
                for $row in $kept {{ upsert $row.id content $row return none }};
                delete $listed return none;
                {end_sql}
                {record}
                return true;
            }}",
            guard = writer.guard(),
            record = writer.record(),
        );
        let mut ask = self
            .ask_by(&sql, writer, now)
            .bind("project", record_of("projects", &ids))
            .bind("facts", record("integration_facts", ids[0]))
            .bind("revision", before.revision)
            .bind("rows", rows)
            .bind("words", before.new_words)
            .bind("deltas", label_deltas(ids, items, &before.labels))
            .bind("revived", revived)
            .bind("kept", kept)
            .bind("listed", listed)
            .bind("new", i64::try_from(new.len()).unwrap_or(i64::MAX));
        if let Some((step, progress, counts)) = end {
            ask = bind_step(ask, &ids, step)
                .bind("progress", to_json(progress)?)
                .bind("counts", to_json(counts)?);
        }
        ask.write().await?.value(0)
    }

    pub(super) async fn before(
        &self,
        ids: [Uuid; 2],
        items: &[&WorkItem],
    ) -> Result<Before, Error> {
        #[derive(SurrealValue)]
        struct Old {
            item: Uuid,
            labels: Vec<Uuid>,
        }
        #[derive(SurrealValue)]
        struct Group {
            state: Uuid,
            state_group: String,
        }
        let records: Vec<RecordId> = items
            .iter()
            .map(|item| record_of("work_items", &[ids[0], ids[1], item.id.0]))
            .collect();
        let words: BTreeSet<String> = items.iter().flat_map(|item| words_of(&item.name)).collect();
        let word_ids: Vec<RecordId> = words.iter().map(|word| word_record(ids, word)).collect();
        let mut answer = self
            .ask(
                "select value revision from $project;
                 select item, labels from $records;
                 select state, state_group from $states;
                 select value word from $word_ids;
                 select value id from $deleted limit 1;
                 select value id from $kept limit 1;",
            )
            .bind("project", record_of("projects", &ids))
            .bind("records", records)
            .bind("states", records_under("states", &ids))
            .bind("word_ids", word_ids)
            .bind("deleted", records_under("deleted_items", &ids))
            .bind("kept", records_under("kept_items", &ids))
            .read()
            .await?;
        let revision: Option<i64> = answer.one(0)?;
        let old: Vec<Old> = answer.rows(1)?;
        let groups: Vec<Group> = answer.rows(2)?;
        let known: HashSet<String> = answer.rows::<String>(3)?.into_iter().collect();
        let deleted: Vec<RecordId> = answer.rows(4)?;
        let kept: Vec<RecordId> = answer.rows(5)?;
        Ok(Before {
            revision: revision
                .ok_or_else(|| Error::Query("items of a project that is not stored".to_owned()))?,
            has_deleted: !deleted.is_empty(),
            has_kept: !kept.is_empty(),
            labels: old.into_iter().map(|old| (old.item, old.labels)).collect(),
            groups: groups
                .into_iter()
                .map(|group| (group.state, group.state_group))
                .collect(),
            new_words: words
                .into_iter()
                .filter(|word| !known.contains(word))
                .map(|word| WordRow {
                    id: word_record(ids, &word),
                    word,
                })
                .collect(),
        })
    }
}

/// What was stored before a batch.
pub(super) struct Before {
    pub(super) revision: i64,
    /// Some of the project's items are kept as deleted.
    has_deleted: bool,
    /// Some are kept though Plane does not have them.
    has_kept: bool,
    /// Labels by item.
    pub(super) labels: HashMap<Uuid, Vec<Uuid>>,
    /// Groups by state.
    groups: HashMap<Uuid, String>,
    new_words: Vec<WordRow>,
}

impl Before {
    fn group(&self, item: &WorkItem) -> &str {
        item.state
            .and_then(|state| self.groups.get(&state.0))
            .map_or(StateGroup::Unknown.word(), String::as_str)
    }
}

pub(super) fn label_deltas(
    ids: [Uuid; 2],
    items: &[&WorkItem],
    before: &HashMap<Uuid, Vec<Uuid>>,
) -> Vec<LabelDelta> {
    let mut deltas: HashMap<Uuid, i64> = HashMap::new();
    for item in items {
        let new: BTreeSet<Uuid> = item.labels.iter().map(|label| label.0).collect();
        let old: BTreeSet<Uuid> = before
            .get(&item.id.0)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        for label in new.difference(&old) {
            *deltas.entry(*label).or_default() += 1;
        }
        for label in old.difference(&new) {
            *deltas.entry(*label).or_default() -= 1;
        }
    }
    deltas
        .into_iter()
        .filter(|(_, by)| *by != 0)
        .map(|(label, by)| LabelDelta {
            id: record_of("label_counts", &[ids[0], ids[1], label]),
            label,
            by,
        })
        .collect()
}

fn word_record(ids: [Uuid; 2], word: &str) -> RecordId {
    let RecordIdKey::Array(mut key) = record_of("item_words", &ids).key else {
        unreachable!("record_of makes array keys")
    };
    key.push(word.to_owned().into_value());
    RecordId::new("item_words", key)
}

/// At least one batch, even of nothing: the checkpoint must be written.
fn batches(items: Vec<&WorkItem>) -> Vec<Vec<&WorkItem>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for item in items {
        let full = batches.last().is_some_and(|batch| {
            batch.len() >= BATCH_ROWS || (!batch.is_empty() && bytes + size(item) > BATCH_BYTES)
        });
        if full {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += size(item);
        if let Some(batch) = batches.last_mut() {
            batch.push(item);
        }
    }
    batches
}

fn size(item: &WorkItem) -> usize {
    item.name.len() + item.description_html.len() + 16 * (item.labels.len() + item.assignees.len())
}
