use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, MemberId, ProjectId, WorkItemId},
    mirror::{Label, Member, Priority, State, WorkItem, WorkItemRow},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{ListRow, Table};
use crate::{
    Store,
    error::Error,
    item::ItemRow,
    projects::{LabelRow, StateRow},
    shape::{count, record_of},
};

impl Store {
    /// A work item as it was copied, its list row, and when that was.
    pub async fn work_item(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Option<(WorkItem, WorkItemRow, DateTime<Utc>)>, Error> {
        let table = Table {
            integration: integration.0,
            project: project.0,
        };
        let stored: Option<ItemRow> = self
            .ask("select * from only $id")
            .bind(
                "id",
                record_of("work_items", &[table.integration, table.project, item.0]),
            )
            .read()
            .await?
            .one(0)?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let copied_at = stored.copied_at;
        let rows = self.rows_of(table, vec![item.0], "updated_key").await?;
        let row = self.join(integration, project, rows).await?.pop();
        Ok(match row {
            Some((_, row)) => Some((stored.item()?, row, copied_at)),
            None => None,
        })
    }

    /// Id, number and name of a work item that another one names, if it was copied.
    pub async fn work_item_name(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Option<(WorkItemId, u64, String)>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            sequence_id: i64,
            name: String,
        }
        let row: Option<Row> = self
            .ask("select sequence_id, name from only $id")
            .bind(
                "id",
                record_of("work_items", &[integration.0, project.0, item.0]),
            )
            .read()
            .await?
            .one(0)?;
        Ok(row.map(|row| (item, count(row.sequence_id), row.name)))
    }

    /// A member of an integration's workspace, if known.
    pub async fn member(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        member: MemberId,
    ) -> Result<Option<Member>, Error> {
        Ok(self
            .members(integration, [member.0])
            .await?
            .remove(&member.0))
    }

    /// Puts names in the place of ids; what was not copied is left out.
    pub(super) async fn join(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        rows: Vec<ListRow>,
    ) -> Result<Vec<(String, WorkItemRow)>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = |table, ids: BTreeSet<Uuid>| -> Vec<RecordId> {
            ids.into_iter()
                .map(|id| record_of(table, &[integration.0, project.0, id]))
                .collect()
        };
        let mut answer = self
            .ask("select * from $states; select * from $labels;")
            .bind(
                "states",
                ids("states", rows.iter().filter_map(|row| row.state).collect()),
            )
            .bind(
                "labels",
                ids(
                    "labels",
                    rows.iter().flat_map(|row| row.labels.clone()).collect(),
                ),
            )
            .read()
            .await?;
        let states: Vec<StateRow> = answer.rows(0)?;
        let labels: Vec<LabelRow> = answer.rows(1)?;
        let states: HashMap<Uuid, State> = states
            .into_iter()
            .map(|row| (row.state, row.state()))
            .collect();
        let labels: HashMap<Uuid, Label> = labels
            .into_iter()
            .map(|row| (row.label, row.label()))
            .collect();
        let assignees: BTreeSet<Uuid> = rows.iter().flat_map(|row| row.assignees.clone()).collect();
        let members: HashMap<Uuid, Member> = self.members(integration, assignees).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let item = WorkItemRow {
                    id: WorkItemId(row.item),
                    sequence_id: count(row.sequence_id),
                    name: row.name,
                    priority: Priority::from_word(&row.priority),
                    state: row.state.and_then(|id| states.get(&id).cloned()),
                    labels: row
                        .labels
                        .iter()
                        .filter_map(|id| labels.get(id).cloned())
                        .collect(),
                    assignees: row
                        .assignees
                        .iter()
                        .filter_map(|id| members.get(id).cloned())
                        .collect(),
                    updated_at: row.updated_at,
                };
                (row.sort_key, item)
            })
            .collect())
    }
}
