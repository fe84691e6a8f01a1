use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    mirror::{CopyState, ProjectFilter, ProjectList, ProjectRow, ProjectSort},
    page::Cursor,
};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    known::LATE,
    projects::{NAMED, Named, StoredProject},
    shape::{page, read_cursor, records_under},
};

/// The projects of so many integrations are read one integration after the other; those of more, all at once.
const FEW: usize = 8;

/// Every project, a block for each integration.
#[derive(Clone, Default)]
pub struct ProjectRows(Vec<Arc<Vec<ProjectRow>>>);

impl ProjectRows {
    /// In no order, but those of an integration one after the other.
    pub fn iter(&self) -> impl Iterator<Item = &ProjectRow> + Clone {
        self.0.iter().flat_map(|rows| rows.iter())
    }
}

/// The projects of each integration as they were when they were last read. A sync of one changes nothing of what is known of the
/// others.
#[derive(Default)]
pub(crate) struct KnownProjects(Mutex<HashMap<Uuid, Block>>);

struct Block {
    /// How often its projects had been written before.
    written: u64,
    at: DateTime<Utc>,
    named: Named,
    rows: Arc<Vec<ProjectRow>>,
}

impl KnownProjects {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Block>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// One page of projects. Their states depend on the time, so all are put in order here.
    pub async fn projects(
        &self,
        _viewer: &Viewer,
        filter: &ProjectFilter,
        after: Option<&Cursor>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<ProjectList, Error> {
        let (after, q) = (read_cursor(after), filter.q.trim().to_lowercase());
        let all = self.all_projects(now).await?;
        let mut counts = BTreeMap::<CopyState, u32>::new();
        let mut rows: Vec<(String, &ProjectRow)> = Vec::new();
        for row in all.iter() {
            let is_of = filter.integration.is_none_or(|id| id == row.integration);
            let name = row.project.name.to_lowercase();
            let is_named = name.contains(&q) || row.project.identifier.to_lowercase().contains(&q);
            if !is_of || !is_named {
                continue;
            }
            let state = row.state(now);
            *counts.entry(state).or_default() += 1;
            if filter.state.is_some_and(|wanted| wanted != state) {
                continue;
            }
            let key = sort_key(filter.sort, row, state, &name);
            if key > after {
                rows.push((key, row));
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let page = page(rows, limit);
        Ok(ProjectList {
            rows: page.rows.into_iter().cloned().collect(),
            next: page.next,
            counts: counts.into_iter().collect(),
        })
    }

    /// Every project of every integration. For Hangar's own work.
    pub async fn all_projects(&self, now: DateTime<Utc>) -> Result<ProjectRows, Error> {
        let read = self.read_named();
        let named = self.known(&self.inner.named, Some(now), read).await?;
        // Before the reading, so that what is written meanwhile is not taken for known.
        let written = self.inner.written.times_of(named.keys().copied());
        let is_new = |of: &Uuid, block: &Block| {
            written.get(of) == Some(&block.written)
                && named.get(of) == Some(&block.named)
                && (self.is_embedded() || (now - block.at).abs() < LATE)
        };
        // What is answered is what was looked at here: somebody slower may put an older block in its place meanwhile.
        let (mut all, mut old) = (Vec::new(), Vec::new());
        {
            let known = self.inner.projects.lock();
            for (id, named) in named.iter() {
                match known.get(id).filter(|block| is_new(id, block)) {
                    Some(block) => all.push(block.rows.clone()),
                    None => old.push(named),
                }
            }
        }
        let mut read = self.read_projects(&old).await?;

        let mut known = self.inner.projects.lock();
        for named in old {
            let rows = read.remove(&named.uid).unwrap_or_default().into_iter();
            let rows = rows.map(|row| row.row(named));
            let block = Block {
                written: written.get(&named.uid).copied().unwrap_or_default(),
                at: now,
                named: named.clone(),
                rows: Arc::new(rows.collect::<Result<_, Error>>()?),
            };
            all.push(block.rows.clone());
            known.insert(named.uid, block);
        }
        known.retain(|id, _| named.contains_key(id));
        Ok(ProjectRows(all))
    }

    /// Integrations that are not being deleted: the rows of the others are still there, but not for anybody's eyes.
    async fn read_named(&self) -> Result<HashMap<Uuid, Named>, Error> {
        let sql = format!("select {NAMED} from plane_integrations where is_deleting = false");
        let rows: Vec<Named> = self.ask(&sql).read().await?.rows(0)?;
        Ok(rows.into_iter().map(|row| (row.uid, row)).collect())
    }

    async fn read_projects(
        &self,
        of: &[&Named],
    ) -> Result<HashMap<Uuid, Vec<StoredProject>>, Error> {
        let mut rows: Vec<StoredProject> = Vec::new();
        if of.len() > FEW {
            rows = self.ask("select * from projects").read().await?.rows(0)?;
        } else {
            for named in of {
                let ask = self.ask("select * from $range");
                let range = records_under("projects", &[named.uid]);
                rows.extend(ask.bind("range", range).read().await?.rows(0)?);
            }
        }
        let mut found = HashMap::<Uuid, Vec<StoredProject>>::new();
        for row in rows {
            found.entry(row.integration).or_default().push(row);
        }
        Ok(found)
    }
}

/// The whole order in one text, as everywhere in the store.
fn sort_key(sort: ProjectSort, row: &ProjectRow, state: CopyState, name: &str) -> String {
    let (integration, id) = (row.integration.0.simple(), row.project.id.0.simple());
    let name = format!("{name}\0{integration}{id}");
    match sort {
        ProjectSort::State => {
            let rank = CopyState::all().take_while(|other| *other != state).count();
            let due = row
                .due_at()
                .map_or(0, |at| at.timestamp_millis().unsigned_abs());
            format!("{rank}{due:016x}{name}")
        }
        ProjectSort::Name => name,
        ProjectSort::Items => {
            let most_first = u64::MAX - row.total_work_items;
            format!("{most_first:016x}{name}")
        }
    }
}
