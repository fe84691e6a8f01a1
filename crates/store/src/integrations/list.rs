use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    freshness::Freshness,
    ids::{IntegrationId, ProjectId},
    integration::{
        ActiveIntegration, ActiveProject, IntegrationCounts, IntegrationFilter, IntegrationList,
        IntegrationRow, IntegrationShow, IntegrationSort, Selection,
    },
    page::Cursor,
    run::Outcome,
};
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use super::{COLUMNS, Facts, Stored};
use crate::{
    Store,
    error::Error,
    shape::{count, id_of, latest_first, page, parse, read_cursor, record},
};

/// Active integrations with their member projects, in one query: a walk along an index, and for each a range of ids.
pub(crate) const ACTIVE: &str = "select uid, integration_name, workspace, name_key,
        (select project, name, is_member, total_work_items, name_key
            from projects:[$parent.uid]..[$parent.uid, []]
            where is_member = true and access != 'gone' order by name_key) as projects
    from plane_integrations where is_active = true order by name_key";

impl Store {
    /// One page of integrations. Their state depends on the time, so all are read and put in order here: an
    /// installation has hundreds of them, not hundreds of thousands.
    pub async fn integration_rows(
        &self,
        _viewer: &Viewer,
        filter: &IntegrationFilter,
        after: Option<&Cursor>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<IntegrationList, Error> {
        let after = read_cursor(after);
        let mut rows: Vec<(String, IntegrationRow)> = self
            .all_integrations(now)
            .await?
            .into_iter()
            .filter(|row| shows(filter, row))
            .map(|row| (sort_key(filter.sort, &row), row))
            .collect();
        let matching = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        rows.retain(|(key, _)| *key > after);
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let page = page(rows, limit);
        Ok(IntegrationList {
            rows: page.rows,
            next: page.next,
            matching,
        })
    }

    /// What a selection means now, by name. Ids that nothing belongs to any more are left out.
    pub async fn selected_integrations(
        &self,
        _viewer: &Viewer,
        selection: &Selection,
        now: DateTime<Utc>,
    ) -> Result<Vec<IntegrationRow>, Error> {
        let is_selected: Box<dyn Fn(&IntegrationRow) -> bool + Send> = match selection {
            Selection::Matching(filter) => Box::new(|row| shows(filter, row)),
            Selection::Ids(ids) => {
                let ids: HashSet<&IntegrationId> = ids.iter().collect();
                Box::new(move |row| ids.contains(&row.integration.id))
            }
        };
        let mut rows = self.all_integrations(now).await?;
        rows.retain(is_selected);
        rows.sort_by_cached_key(|row| sort_key(IntegrationSort::Name, row));
        Ok(rows)
    }

    /// What integrations are called.
    pub async fn integration_names(
        &self,
        _viewer: &Viewer,
    ) -> Result<Arc<HashMap<IntegrationId, String>>, Error> {
        self.known(&self.inner.names, None, self.read_names()).await
    }

    async fn read_names(&self) -> Result<HashMap<IntegrationId, String>, Error> {
        #[derive(SurrealValue)]
        struct Called {
            uid: Uuid,
            integration_name: String,
        }
        let rows: Vec<Called> = self
            .ask("select uid, integration_name from plane_integrations where is_deleting = false")
            .read()
            .await?
            .rows(0)?;
        let rows = rows.into_iter();
        Ok(rows
            .map(|row| (IntegrationId(row.uid), row.integration_name))
            .collect())
    }

    /// Every integration, in no order. For Hangar's own work.
    pub async fn all_integrations(&self, now: DateTime<Utc>) -> Result<Vec<IntegrationRow>, Error> {
        let read = self.read_integrations(now);
        let known = self.known(&self.inner.integrations, None, read).await?;
        let mut rows = known.to_vec();
        rows.iter_mut().for_each(|row| row.judge_freshness(now));
        Ok(rows)
    }

    async fn read_integrations(&self, now: DateTime<Utc>) -> Result<Vec<IntegrationRow>, Error> {
        let sql = format!(
            "select {COLUMNS} from plane_integrations where is_deleting = false;
             select * from integration_facts;"
        );
        let mut answer = self.ask(&sql).read().await?;
        let stored: Vec<Stored> = answer.rows(0)?;
        let facts: Vec<Facts> = answer.rows(1)?;
        let mut facts: HashMap<Uuid, Facts> = facts
            .into_iter()
            .map(|facts| Ok((id_of(&facts.id)?, facts)))
            .collect::<Result<_, Error>>()?;
        stored
            .into_iter()
            // Created in one transaction with the integration; one that is missing is being deleted right now.
            .filter_map(|stored| facts.remove(&stored.uid).map(|facts| (stored, facts)))
            .map(|(stored, facts)| facts.row(stored.integration()?, now))
            .collect()
    }

    pub async fn integration_row(
        &self,
        _viewer: &Viewer,
        id: IntegrationId,
        now: DateTime<Utc>,
    ) -> Result<Option<IntegrationRow>, Error> {
        let sql =
            format!("select {COLUMNS} from $id where is_deleting = false; select * from $facts;");
        let mut answer = self
            .ask(&sql)
            .bind("id", record("plane_integrations", id.0))
            .bind("facts", record("integration_facts", id.0))
            .read()
            .await?;
        let (stored, facts): (Option<Stored>, Option<Facts>) = (answer.one(0)?, answer.one(1)?);
        let (Some(stored), Some(facts)) = (stored, facts) else {
            return Ok(None);
        };
        facts.row(stored.integration()?, now).map(Some)
    }

    /// How many integrations are active, paused and inactive.
    pub async fn integration_counts(&self, _viewer: &Viewer) -> Result<IntegrationCounts, Error> {
        let mut answer = self
            .ask(
                "select value c from (select count() as c from plane_integrations where is_active = true group all);
                 select value c from (select count() as c from plane_integrations where is_active = false and is_deleting = false
                    group all);
                 select value c from (select count() as c from plane_integrations where is_active = true and paused_at != none
                    group all);",
            )
            .read()
            .await?;
        let mut number = |statement| Ok::<i64, Error>(answer.one(statement)?.unwrap_or(0));
        let (switched_on, inactive, paused) = (number(0)?, number(1)?, number(2)?);
        Ok(IntegrationCounts {
            active: count(switched_on - paused),
            paused: count(paused),
            inactive: count(inactive),
        })
    }

    /// The seed's query: the active integrations with their member projects and totals, in one query.
    pub async fn active_integrations(
        &self,
        _viewer: &Viewer,
    ) -> Result<Vec<ActiveIntegration>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            uid: Uuid,
            integration_name: Option<String>,
            workspace: Option<String>,
            projects: Vec<ProjectPart>,
        }
        #[derive(SurrealValue)]
        struct ProjectPart {
            project: Uuid,
            name: String,
            is_member: bool,
            total_work_items: i64,
        }
        let rows: Vec<Row> = self.ask(ACTIVE).read().await?.rows(0)?;
        rows.into_iter()
            .map(|row| {
                Ok(ActiveIntegration {
                    id: IntegrationId(row.uid),
                    integration_name: parse(&row.integration_name.unwrap_or_default())?,
                    workspace: parse(&row.workspace.unwrap_or_default())?,
                    projects: row
                        .projects
                        .into_iter()
                        .map(|project| ActiveProject {
                            id: ProjectId(project.project),
                            name: project.name,
                            is_member: project.is_member,
                            total_work_items: count(project.total_work_items),
                        })
                        .collect(),
                })
            })
            .collect()
    }
}

fn shows(filter: &IntegrationFilter, row: &IntegrationRow) -> bool {
    let q = filter.q.trim().to_lowercase();
    let settings = &row.integration.settings;
    let found = q.is_empty()
        || settings
            .integration_name
            .as_str()
            .to_lowercase()
            .contains(&q)
        || settings.workspace.as_str().to_lowercase().contains(&q);
    let is_tagged = filter
        .tag
        .as_ref()
        .is_none_or(|tag| settings.tags.contains(tag));
    found
        && is_tagged
        && match filter.show {
            IntegrationShow::All => true,
            IntegrationShow::Attention => needs_attention(row),
            IntegrationShow::Fresh => row.freshness == Freshness::Fresh,
            IntegrationShow::Paused => row.freshness == Freshness::Paused,
            IntegrationShow::Inactive => row.freshness == Freshness::Inactive,
        }
}

fn needs_attention(row: &IntegrationRow) -> bool {
    let stale = matches!(
        row.freshness,
        Freshness::Stale | Freshness::Late | Freshness::Never
    );
    let run_failed = row
        .last_run
        .as_ref()
        .and_then(|run| run.outcome)
        .is_some_and(|outcome| outcome != Outcome::Succeeded);
    let test_failed = row.health.latest().is_some_and(|test| !test.success);
    !row.freshness.is_resting() && (stale || run_failed || test_failed)
}

/// The whole order in one text, as everywhere in the store.
fn sort_key(sort: IntegrationSort, row: &IntegrationRow) -> String {
    let id = row.integration.id.0;
    let name = format!(
        "{}\0{}",
        row.integration
            .settings
            .integration_name
            .as_str()
            .to_lowercase(),
        id.simple()
    );
    match sort {
        IntegrationSort::State => {
            // Of two in the same state, the one where something went wrong comes first.
            let calm = u8::from(!needs_attention(row));
            format!("{}{calm}{name}", row.freshness as u8)
        }
        IntegrationSort::Name => name,
        IntegrationSort::Items => {
            let most_first = u64::MAX - row.total_work_items;
            format!("{most_first:016x}{name}")
        }
        IntegrationSort::Synced => match row.complete_at {
            Some(at) => latest_first(at, id),
            None => format!("~{name}"), // after all hex digits: never synced comes last
        },
    }
}
