/// One work item, and the names that stand in its place in lists.
mod one;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::{Priority, WorkItem, WorkItemFilter, WorkItemRow},
    page::{Cursor, Page},
};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    items::{Entry, Place, Table, Wanted},
    shape::{page, read_cursor, record_of},
};

/// A list row before names are joined.
struct ListRow {
    item: Uuid,
    number: u64,
    name: String,
    priority: Priority,
    state: Option<Uuid>,
    labels: Vec<Uuid>,
    assignees: Vec<Uuid>,
    updated_at: DateTime<Utc>,
}

impl From<&Entry> for ListRow {
    fn from(entry: &Entry) -> Self {
        Self {
            item: entry.id,
            number: entry.number,
            name: entry.name.to_string(),
            priority: entry.priority,
            state: entry.state,
            labels: entry.labels.to_vec(),
            assignees: entry.assignees.to_vec(),
            updated_at: entry.updated_at,
        }
    }
}

impl Store {
    /// A page of a project's work items.
    pub async fn work_items(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        filter: &WorkItemFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<WorkItemRow>, Error> {
        let ids = [integration.0, project.0];
        let after = Place::read(&read_cursor(after));
        let most = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let mut wanted = Wanted::of(filter);
        if let Some(id) = filter.collection {
            let items = self.items_of_collection(ids, id.0).await?;
            wanted.items = Some(items.into_iter().collect::<HashSet<Uuid>>());
        }
        let number = self.number_in(ids, &filter.q).await?;
        let rows = self
            .with_table(ids, |table| {
                match number.filter(|number| table.has_number(*number)) {
                    Some(number) => wanted.number = Some(number),
                    None => wanted.search(&filter.q),
                }
                let rows = table.list(&wanted, filter.sort, after, most).into_iter();
                rows.map(|(place, entry)| (place.text(), ListRow::from(entry)))
                    .collect::<Vec<_>>()
            })
            .await?;
        Ok(page(self.join(ids, rows).await?, limit))
    }

    /// The number that somebody asks for: `WEB-7`, `#7` or `7`.
    async fn number_in(&self, ids: [Uuid; 2], q: &str) -> Result<Option<u64>, Error> {
        let q = q.trim();
        let (prefix, number) = match q.rsplit_once(['-', '#']) {
            Some((prefix, number)) => (Some(prefix).filter(|p| !p.is_empty()), number),
            None => (None, q),
        };
        let (Ok(number), Some(prefix)) = (number.parse::<u64>(), prefix) else {
            return Ok(number.parse().ok());
        };
        let identifier: Option<String> = self
            .ask("select value identifier from $project")
            .bind("project", record_of("projects", &ids))
            .read()
            .await?
            .one(0)?;
        let is_its_own = identifier.is_some_and(|own| own.eq_ignore_ascii_case(prefix));
        Ok(is_its_own.then_some(number))
    }

    /// The ids of a project's work items.
    pub async fn item_ids(
        &self,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Vec<WorkItemId>, Error> {
        let all = |table: &Table| table.all().map(|entry| WorkItemId(entry.id)).collect();
        self.with_table([integration.0, project.0], all).await
    }

    /// Work items of a project, by their ids.
    pub async fn items_named(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        items: &[WorkItemId],
    ) -> Result<Vec<WorkItem>, Error> {
        let ids = [integration.0, project.0];
        let numbered = |table: &Table| -> Vec<(WorkItemId, u64)> {
            let found = items.iter().filter_map(|id| table.get(id.0));
            found
                .map(|entry| (WorkItemId(entry.id), entry.number))
                .collect()
        };
        let wanted = self.with_table(ids, numbered).await?;
        let found = self.stored(ids, &wanted).await?;
        Ok(found.into_iter().map(|stored| stored.item).collect())
    }

    /// For each place among a project's work items the one that is there, to take some by chance. Without doubles.
    pub async fn items_at(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        places: &[Uuid],
    ) -> Result<Vec<WorkItem>, Error> {
        let ids = [integration.0, project.0];
        let chosen = |table: &Table| -> Vec<WorkItemId> {
            let Ok(len @ 1..) = u128::try_from(table.len()) else {
                return Vec::new();
            };
            let chosen: HashSet<u128> = places.iter().map(|place| place.as_u128() % len).collect();
            let all = (0..).zip(table.all());
            let chosen = all.filter(|(n, _)| chosen.contains(n));
            chosen.map(|(_, entry)| WorkItemId(entry.id)).collect()
        };
        let chosen = self.with_table(ids, chosen).await?;
        self.items_named(integration, project, &chosen).await
    }
}
