use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, MemberId, ProjectId, WorkItemId},
    mirror::{Label, Member, State, WorkItem, WorkItemRow},
};
use surrealdb::types::RecordId;
use uuid::Uuid;

use super::ListRow;
use crate::{
    Store,
    error::Error,
    projects::{LabelRow, StateRow},
    shape::record_of,
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
        let ids = [integration.0, project.0];
        let row = self
            .with_table(ids, |table| table.get(item.0).map(ListRow::from))
            .await?;
        let Some(row) = row else { return Ok(None) };
        let stored = self.stored(ids, &[(item, row.number)]).await?.pop();
        // It may have gone in between.
        let Some(stored) = stored else {
            return Ok(None);
        };
        let row = self.join(ids, vec![(String::new(), row)]).await?.pop();
        Ok(row.map(|(_, row)| (stored.item, row, stored.copied_at)))
    }

    /// Id, number and name of a work item that another one names, if it was copied.
    pub async fn work_item_name(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Option<(WorkItemId, u64, String)>, Error> {
        self.with_table([integration.0, project.0], |table| {
            let entry = table.get(item.0)?;
            Some((item, entry.number, entry.name.to_string()))
        })
        .await
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
        project: [Uuid; 2],
        rows: Vec<(String, ListRow)>,
    ) -> Result<Vec<(String, WorkItemRow)>, Error> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = |table, ids: BTreeSet<Uuid>| -> Vec<RecordId> {
            ids.into_iter()
                .map(|id| record_of(table, &[project[0], project[1], id]))
                .collect()
        };
        let mut answer = self
            .ask("select * from $states; select * from $labels;")
            .bind(
                "states",
                ids(
                    "states",
                    rows.iter().filter_map(|(_, row)| row.state).collect(),
                ),
            )
            .bind(
                "labels",
                ids(
                    "labels",
                    rows.iter()
                        .flat_map(|(_, row)| row.labels.clone())
                        .collect(),
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
        let assignees: BTreeSet<Uuid> = rows
            .iter()
            .flat_map(|(_, row)| row.assignees.clone())
            .collect();
        let members: HashMap<Uuid, Member> =
            self.members(IntegrationId(project[0]), assignees).await?;
        Ok(rows
            .into_iter()
            .map(|(key, row)| {
                let item = WorkItemRow {
                    id: WorkItemId(row.item),
                    sequence_id: row.number,
                    name: row.name,
                    priority: row.priority,
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
                (key, item)
            })
            .collect())
    }
}
