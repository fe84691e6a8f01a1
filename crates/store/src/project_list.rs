use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
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
    projects::{NAMED, Named, StoredProject},
    shape::{page, read_cursor},
};

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
        let read = self.read_projects();
        self.known(&self.inner.projects, Some(now), read).await
    }

    async fn read_projects(&self) -> Result<Vec<ProjectRow>, Error> {
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
        rows.collect()
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
