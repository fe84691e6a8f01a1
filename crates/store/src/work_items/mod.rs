/// One work item, and the names that stand in its place in lists.
mod one;
/// How a list is asked for: which index, which conditions, which order.
mod search;

#[cfg(test)]
pub(crate) use search::NUMBERED;
pub(crate) use search::{Condition, candidates_query, ordered_query};

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, ProjectId},
    mirror::{Priority, WorkItemFilter, WorkItemRow, WorkItemSort},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, RecordIdKey, RecordIdKeyRange, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    item::{number_prefix, words_of},
    query::Ask,
    shape::{page, read_cursor, record_of},
};

/// Up to so many hits a condition counts as selective: then all its hits are fetched and put in order here. With more, the
/// order's own index is walked and the hits come up soon enough.
const SELECTIVE: i64 = 2000;

/// Words that the beginning of a word is taken for.
const EXPANSIONS: i64 = 16;

/// A list row before names are joined. `sort_key` is the column of the order.
#[derive(SurrealValue)]
struct ListRow {
    item: Uuid,
    sequence_id: i64,
    name: String,
    priority: String,
    state: Option<Uuid>,
    labels: Vec<Uuid>,
    assignees: Vec<Uuid>,
    updated_at: DateTime<Utc>,
    sort_key: String,
}

/// What it takes to tell whether a row fulfils all conditions, and where it belongs.
#[derive(SurrealValue)]
pub(crate) struct Candidate {
    pub(crate) item: Uuid,
    pub(crate) sort_key: String,
    pub(crate) priority: String,
    pub(crate) state_group: String,
    pub(crate) labels: Vec<Uuid>,
    pub(crate) assignees: Vec<Uuid>,
    pub(crate) words: Vec<String>,
}

/// One project's table.
#[derive(Clone, Copy)]
struct Table {
    integration: Uuid,
    project: Uuid,
}

impl Store {
    /// A page of a project's work items. Each way of asking is driven by an index; see `search.rs`.
    pub async fn work_items(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        filter: &WorkItemFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<WorkItemRow>, Error> {
        let table = Table {
            integration: integration.0,
            project: project.0,
        };
        let after = read_cursor(after);
        let numbered = self.numbered(table, &filter.q).await?;
        let rows = if !numbered.is_empty() {
            let filter = WorkItemFilter {
                q: String::new(),
                ..filter.clone()
            };
            let conditions = self.conditions(table, &filter).await?.unwrap_or_default();
            let hits = numbered
                .into_iter()
                .filter(|hit| hit.sort_key > after && conditions.iter().all(|c| c.holds(hit)));
            self.rows_of(table, hits.map(|hit| hit.item).collect(), "oldest_key")
                .await?
        } else {
            match self.conditions(table, filter).await? {
                Some(conditions) => {
                    self.matching(
                        table,
                        &conditions,
                        filter.sort,
                        &after,
                        i64::from(limit) + 1,
                    )
                    .await?
                }
                None => Vec::new(), // a word that no item has
            }
        };
        let rows = self.join(integration, project, rows).await?;
        Ok(page(rows, limit))
    }

    /// The items with the number that somebody asked for: `WEB-7`, `#7` or `7`.
    async fn numbered(&self, table: Table, q: &str) -> Result<Vec<Candidate>, Error> {
        let q = q.trim();
        let (prefix, number) = match q.rsplit_once(['-', '#']) {
            Some((prefix, number)) => (Some(prefix).filter(|p| !p.is_empty()), number),
            None => (None, q),
        };
        let Ok(number) = number.parse::<u64>() else {
            return Ok(Vec::new());
        };
        if let Some(prefix) = prefix {
            let identifier: Option<String> = self
                .ask("select value identifier from $project")
                .bind(
                    "project",
                    record_of("projects", &[table.integration, table.project]),
                )
                .read()
                .await?
                .one(0)?;
            if !identifier.is_some_and(|identifier| identifier.eq_ignore_ascii_case(prefix)) {
                return Ok(Vec::new());
            }
        }
        let from = number_prefix(number);
        let hits: Vec<Candidate> = self
            .ask_table(search::NUMBERED, table)
            .bind("from", from.as_str())
            .bind("limit", 10)
            .read()
            .await?
            .rows(0)?;
        Ok(hits
            .into_iter()
            .filter(|hit| hit.sort_key.starts_with(&from))
            .collect())
    }

    /// The filter's conditions, most selective first by rule of thumb. `None`: nothing can fulfil them.
    async fn conditions(
        &self,
        table: Table,
        filter: &WorkItemFilter,
    ) -> Result<Option<Vec<Condition>>, Error> {
        let mut conditions = Vec::new();
        let mut words: Vec<String> = words_of(&filter.q).into_iter().collect();
        // Whoever types is in the middle of the last word.
        let typing = filter.q.chars().last().is_some_and(char::is_alphanumeric);
        let last = words_in_order(&filter.q).pop().filter(|_| typing);
        words.retain(|word| Some(word) != last.as_ref());
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        conditions.extend(words.into_iter().map(|word| Condition::Words(vec![word])));
        if let Some(beginning) = last {
            let words = self.words_beginning(table, &beginning).await?;
            if words.is_empty() {
                return Ok(None);
            }
            conditions.push(Condition::Words(words));
        }
        if let Some(id) = filter.collection {
            let ids = [table.integration, table.project];
            let items = self.items_of_collection(ids, id.0).await?;
            conditions.insert(0, Condition::Items(items));
        }
        conditions.extend(filter.label.map(|id| Condition::Label(id.0)));
        conditions.extend(filter.assignee.map(|id| Condition::Assignee(id.0)));
        conditions.extend(filter.priority.map(Condition::Priority));
        conditions.extend(filter.state_group.map(Condition::Group));
        Ok(Some(conditions))
    }

    async fn words_beginning(&self, table: Table, beginning: &str) -> Result<Vec<String>, Error> {
        let key = |word: String| {
            let mut key = vec![table.integration.into_value(), table.project.into_value()];
            key.push(word.into_value());
            RecordIdKey::Array(key.into())
        };
        let range = RecordIdKeyRange::from((
            Bound::Included(key(beginning.to_owned())),
            Bound::Excluded(key(format!("{beginning}\u{10ffff}"))),
        ));
        let range = RecordId::new("item_words", RecordIdKey::Range(Box::new(range)));
        self.ask("select value word from $range limit $limit")
            .bind("range", range)
            .bind("limit", EXPANSIONS)
            .read()
            .await?
            .rows(0)
    }

    async fn matching(
        &self,
        table: Table,
        conditions: &[Condition],
        sort: WorkItemSort,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ListRow>, Error> {
        match conditions {
            [] => self.ordered(table, None, &[], sort, after, limit).await,
            // Within one priority the order of priorities is the order of the latest change.
            [one @ Condition::Priority(_)] if sort == WorkItemSort::Priority => {
                self.ordered(table, Some(one), &[], WorkItemSort::Updated, after, limit)
                    .await
            }
            [one] if sort == WorkItemSort::Updated && !matches!(one, Condition::Items(_)) => {
                self.ordered(table, Some(one), &[], sort, after, limit)
                    .await
            }
            _ => {
                for condition in conditions {
                    if let Some(all) = self.all_of(table, condition, sort).await? {
                        let mut hits: Vec<Candidate> = all
                            .into_iter()
                            .filter(|hit| hit.sort_key.as_str() > after)
                            .filter(|hit| conditions.iter().all(|c| c.holds(hit)))
                            .collect();
                        hits.sort_by(|a, b| a.sort_key.cmp(&b.sort_key));
                        hits.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                        let ids = hits.into_iter().map(|hit| hit.item).collect();
                        return self.rows_of(table, ids, search::sort_column(sort)).await;
                    }
                }
                self.ordered(table, None, conditions, sort, after, limit)
                    .await
            }
        }
    }

    /// Walks an index in the list's order: `driver`'s, or the order's own.
    async fn ordered(
        &self,
        table: Table,
        driver: Option<&Condition>,
        rest: &[Condition],
        sort: WorkItemSort,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ListRow>, Error> {
        if let (None, WorkItemSort::Priority) = (driver, sort) {
            return self.by_priority(table, rest, after, limit).await;
        }
        let mut rows = BTreeMap::new();
        for n in 0..driver.map_or(1, Condition::variants) {
            let found = self
                .walk(table, driver.map(|d| (d, n)), rest, sort, after, limit)
                .await?;
            rows.extend(found.into_iter().map(|row| (row.sort_key.clone(), row)));
        }
        Ok(rows
            .into_values()
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    /// The order of priorities: one priority after the other, each by its latest change.
    async fn by_priority(
        &self,
        table: Table,
        rest: &[Condition],
        after: &str,
        limit: i64,
    ) -> Result<Vec<ListRow>, Error> {
        let mut rows = Vec::new();
        for priority in Priority::ALL {
            let rank = priority.rank().to_string();
            let within = match after.strip_prefix(&rank) {
                Some(within) => within,
                None if after > rank.as_str() => continue, // on an earlier page
                None => "",
            };
            let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
            if left <= 0 {
                break;
            }
            let driver = Condition::Priority(priority);
            let sort = WorkItemSort::Priority;
            rows.extend(
                self.walk(table, Some((&driver, 0)), rest, sort, within, left)
                    .await?,
            );
        }
        Ok(rows)
    }

    async fn walk(
        &self,
        table: Table,
        driver: Option<(&Condition, usize)>,
        rest: &[Condition],
        sort: WorkItemSort,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ListRow>, Error> {
        let sql = ordered_query(driver.map(|(driver, _)| driver), rest, sort);
        let mut ask = self
            .ask_table(&sql, table)
            .bind("after", after)
            .bind("limit", limit);
        if let Some((driver, n)) = driver {
            ask = driver.bind(ask, "driver", n);
        }
        for (i, condition) in rest.iter().enumerate() {
            ask = condition.bind_all(ask, &format!("rest{i}"));
        }
        ask.read().await?.rows(0)
    }

    /// All rows that fulfil one condition, unless they are too many.
    async fn all_of(
        &self,
        table: Table,
        condition: &Condition,
        sort: WorkItemSort,
    ) -> Result<Option<Vec<Candidate>>, Error> {
        if let Condition::Items(items) = condition {
            let record = |id| record_of("work_items", &[table.integration, table.project, id]);
            let ids: Vec<RecordId> = items.iter().copied().map(record).collect();
            let sql = search::named_query(sort);
            let found = self.ask(&sql).bind("ids", ids).read().await?.rows(0)?;
            return Ok(Some(found));
        }
        let mut all: HashMap<Uuid, Candidate> = HashMap::new();
        for n in 0..condition.variants() {
            let sql = candidates_query(condition, sort);
            let ask = self.ask_table(&sql, table).bind("limit", SELECTIVE + 1);
            let found: Vec<Candidate> = condition.bind(ask, "driver", n).read().await?.rows(0)?;
            all.extend(found.into_iter().map(|row| (row.item, row)));
            if i64::try_from(all.len()).unwrap_or(i64::MAX) > SELECTIVE {
                return Ok(None);
            }
        }
        Ok(Some(all.into_values().collect()))
    }

    /// List rows by id, in the order of a column.
    async fn rows_of(
        &self,
        table: Table,
        ids: Vec<Uuid>,
        column: &str,
    ) -> Result<Vec<ListRow>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<RecordId> = ids
            .into_iter()
            .map(|id| record_of("work_items", &[table.integration, table.project, id]))
            .collect();
        let sql = format!(
            "select {}, {column} as sort_key from $ids",
            search::LIST_COLUMNS
        );
        let mut rows: Vec<ListRow> = self.ask(&sql).bind("ids", ids).read().await?.rows(0)?;
        rows.sort_by(|a, b| a.sort_key.cmp(&b.sort_key));
        Ok(rows)
    }

    fn ask_table<'a>(&'a self, sql: &'a str, table: Table) -> Ask<'a> {
        self.ask(sql)
            .bind("integration", table.integration)
            .bind("project", table.project)
    }
}

fn words_in_order(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| words_of(word).into_iter().next())
        .collect()
}
