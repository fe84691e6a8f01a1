use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::Viewer,
    mirror::{CopyState, ProjectFilter, ProjectList, ProjectRow, ProjectSort},
    page::Cursor,
};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    projects::{NAMED, Named, StoredProject},
    shape::{page, read_cursor},
};

/// What others may have written to a database that several have is seen this late at most.
const AGE: TimeDelta = TimeDelta::seconds(2);

/// All projects as they were when they were last read: reading two thousand takes longer than a page may.
pub(crate) type Known = Mutex<Option<Read>>;

pub(crate) struct Read {
    /// How often something had been written before.
    writes: u64,
    at: DateTime<Utc>,
    rows: Arc<Vec<ProjectRow>>,
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

    /// Every project of every integration, in no order. For Hangar's own work.
    pub async fn all_projects(&self, now: DateTime<Utc>) -> Result<Arc<Vec<ProjectRow>>, Error> {
        let known = || {
            self.inner
                .projects
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let writes = self.inner.writes.load(Ordering::Acquire);
        if let Some(read) = known().as_ref()
            && read.writes == writes
            && (self.is_embedded() || (now - read.at).abs() < AGE)
        {
            return Ok(read.rows.clone());
        }
        let sql = format!(
            "select * from projects; select {NAMED} from plane_integrations where is_deleting = false;"
        );
        let mut answer = self.ask(&sql).read().await?;
        let (stored, named): (Vec<StoredProject>, Vec<Named>) = (answer.rows(0)?, answer.rows(1)?);
        let named: HashMap<Uuid, Named> = named.into_iter().map(|row| (row.uid, row)).collect();
        let rows = stored.into_iter().filter_map(|row| {
            // Rows of an integration that is being deleted are still there, but not for anybody's eyes.
            let named = named.get(&row.integration)?;
            Some(row.row(named))
        });
        let rows = Arc::new(rows.collect::<Result<Vec<_>, Error>>()?);
        *known() = Some(Read {
            writes,
            at: now,
            rows: rows.clone(),
        });
        Ok(rows)
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
