use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::mirror::StateGroup;
use surrealdb::types::SurrealValue;
use tokio::sync::RwLock;
use uuid::Uuid;

use super::{Table, bucket::changed_after};
use crate::{
    Store,
    error::Error,
    shape::{record_of, records_under},
};

/// Work items in memory at most, beside those of the project that is looked at; some 250 bytes each.
const MOST: usize = 300_000;

/// Buckets read at a time.
const PAGE: usize = 250;

/// The buckets that changed, in the order in which they did.
pub(crate) const CHANGED: &str = "select bucket, changed_key, items from item_buckets
    where integration = $integration and project = $project and changed_key > $after order by changed_key limit $limit";

/// Tables of projects that were looked at lately.
#[derive(Default)]
pub(crate) struct Tables(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    tables: HashMap<[Uuid; 2], Held>,
    looks: u64,
}

#[derive(Default)]
struct Held {
    table: Arc<RwLock<Table>>,
    len: usize,
    /// Which look was the last at it.
    looked: u64,
}

impl Tables {
    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, ids: [Uuid; 2]) -> Arc<RwLock<Table>> {
        let mut cached = self.cached();
        cached.looks += 1;
        let looks = cached.looks;
        let held = cached.tables.entry(ids).or_default();
        held.looked = looks;
        Arc::clone(&held.table)
    }

    fn forget(&self, ids: [Uuid; 2]) {
        self.cached().tables.remove(&ids);
    }

    /// Notes how large a table is now, and lets go of those that nobody looked at for longest.
    fn grown(&self, ids: [Uuid; 2], len: usize) {
        let mut cached = self.cached();
        if let Some(held) = cached.tables.get_mut(&ids) {
            held.len = len;
        }
        loop {
            let others = || cached.tables.iter().filter(|(other, _)| **other != ids);
            if others().map(|(_, held)| held.len).sum::<usize>() <= MOST {
                return;
            }
            let oldest = others()
                .min_by_key(|(_, held)| held.looked)
                .map(|(other, _)| *other);
            match oldest {
                Some(oldest) => drop(cached.tables.remove(&oldest)),
                None => return,
            }
        }
    }
}

impl Store {
    /// Looks at a project's table as it is now; at an empty one if there is no such project.
    pub(crate) async fn with_table<R>(
        &self,
        ids: [Uuid; 2],
        look: impl FnOnce(&Table) -> R,
    ) -> Result<R, Error> {
        let revision: Option<i64> = self
            .ask("select value revision from $project")
            .bind("project", record_of("projects", &ids))
            .read()
            .await?
            .one(0)?;
        let Some(revision) = revision else {
            self.inner.tables.forget(ids);
            return Ok(look(&Table::default()));
        };
        let table = self.inner.tables.of(ids);
        {
            let table = table.read().await;
            if table.revision == revision {
                return Ok(look(&table));
            }
        }
        let mut table = table.write().await;
        // Somebody else may have brought it there while this one waited.
        if table.revision < revision {
            self.bring_up(ids, &mut table, revision).await?;
            self.inner.tables.grown(ids, table.len());
        }
        Ok(look(&table))
    }

    /// Takes in the buckets that changed since the table's revision. What changes meanwhile is taken in now or next time.
    async fn bring_up(
        &self,
        ids: [Uuid; 2],
        table: &mut Table,
        revision: i64,
    ) -> Result<(), Error> {
        #[derive(SurrealValue)]
        struct State {
            state: Uuid,
            state_group: String,
        }
        #[derive(SurrealValue)]
        struct Changed {
            bucket: i64,
            changed_key: String,
            items: String,
        }
        let states: Vec<State> = self
            .ask("select state, state_group from $states")
            .bind("states", records_under("states", &ids))
            .read()
            .await?
            .rows(0)?;
        table.groups = states
            .into_iter()
            .map(|row| (row.state, StateGroup::from_word(&row.state_group)))
            .collect();
        let mut after = changed_after(table.revision);
        loop {
            let rows: Vec<Changed> = self
                .ask(CHANGED)
                .bind("integration", ids[0])
                .bind("project", ids[1])
                .bind("after", after.as_str())
                .bind("limit", i64::try_from(PAGE).unwrap_or(i64::MAX))
                .read()
                .await?
                .rows(0)?;
            for row in &rows {
                table.set(row.bucket, &row.items)?;
            }
            let is_last = rows.len() < PAGE;
            match rows.into_iter().last() {
                Some(last) if !is_last => after = last.changed_key,
                _ => break,
            }
        }
        table.revision = revision;
        Ok(())
    }
}
