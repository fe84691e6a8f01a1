use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use domain::mirror::StateGroup;
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use super::{Table, bucket::changed_after, table::read_bucket};
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
    shared: Arc<Shared>,
    len: usize,
    /// Which look was the last at it.
    looked: u64,
}

#[derive(Default)]
struct Shared {
    table: RwLock<Table>,
    /// Whose turn it is to bring the table up to date.
    turn: tokio::sync::Mutex<()>,
}

impl Shared {
    fn look<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<R>(&self, change: impl FnOnce(&mut Table) -> R) -> R {
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tables {
    fn cached(&self) -> MutexGuard<'_, Cached> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, ids: [Uuid; 2]) -> Arc<Shared> {
        let mut cached = self.cached();
        cached.looks += 1;
        let looks = cached.looks;
        let held = cached.tables.entry(ids).or_default();
        held.looked = looks;
        Arc::clone(&held.shared)
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
        let shared = self.inner.tables.of(ids);
        if shared.look(|table| table.revision) < revision {
            let (store, shared) = (self.clone(), Arc::clone(&shared));
            // A task of its own goes on whatever becomes of this one, so that nobody waits for a turn that is never given back.
            tokio::spawn(async move { store.bring_up(ids, &shared, revision).await })
                .await
                .map_err(|error| Error::Query(format!("a table was not read: {error}")))??;
        }
        Ok(shared.look(look))
    }

    /// Takes in the buckets that changed since the table's revision. What changes meanwhile is taken in now or next time.
    async fn bring_up(&self, ids: [Uuid; 2], shared: &Shared, revision: i64) -> Result<(), Error> {
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
        let _turn = shared.turn.lock().await;
        let known = shared.look(|table| table.revision);
        if known >= revision {
            return Ok(());
        }
        let states: Vec<State> = self
            .ask("select state, state_group from $states")
            .bind("states", records_under("states", &ids))
            .read()
            .await?
            .rows(0)?;
        let groups = states
            .into_iter()
            .map(|row| (row.state, StateGroup::from_word(&row.state_group)))
            .collect();
        let mut after = changed_after(known);
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
            let changed = rows
                .iter()
                .map(|row| Ok((row.bucket, read_bucket(&row.items)?)))
                .collect::<Result<Vec<_>, Error>>()?;
            shared.change(|table| {
                for (bucket, entries) in changed {
                    table.set(bucket, entries);
                }
            });
            let is_last = rows.len() < PAGE;
            match rows.into_iter().last() {
                Some(last) if !is_last => after = last.changed_key,
                _ => break,
            }
        }
        let len = shared.change(|table| {
            table.groups = groups;
            table.revision = revision;
            table.len()
        });
        self.inner.tables.grown(ids, len);
        Ok(())
    }
}
