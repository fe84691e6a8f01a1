use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    freshness::{Copied, Kind},
    ids::{IntegrationId, LabelId, MemberId, ProjectId, StateId},
    integration::Standing,
    mirror::{Facets, Label, LabelCount, Member, Project, ProjectRow, State, StateGroup},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    collections::in_order,
    error::Error,
    shape::{count, from_json, record, record_of, records_under},
    sync::access_of,
};

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub integrations: u32,
    pub projects: u32,
    pub work_items: u64,
}

#[derive(SurrealValue)]
pub(crate) struct StoredProject {
    pub(crate) integration: Uuid,
    project: Uuid,
    identifier: String,
    name: String,
    description: String,
    is_public: bool,
    is_member: bool,
    archived_at: Option<DateTime<Utc>>,
    total_members: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    access: String,
    total_work_items: i64,
    total_labels: i64,
    complete_at: Option<DateTime<Utc>>,
    labels_at: Option<DateTime<Utc>>,
    states_at: Option<DateTime<Utc>>,
    cycles_at: Option<DateTime<Utc>>,
    modules_at: Option<DateTime<Utc>>,
    members_at: Option<DateTime<Utc>>,
    refused: Option<Vec<String>>,
    held: Option<serde_json::Value>,
    drift: Option<serde_json::Value>,
    counted_at: Option<DateTime<Utc>>,
}

impl StoredProject {
    pub(crate) fn row(self, integration: &Named) -> Result<ProjectRow, Error> {
        let refused = self.refused.unwrap_or_default();
        Ok(ProjectRow {
            integration: IntegrationId(self.integration),
            integration_name: integration.integration_name.clone().unwrap_or_default(),
            workspace: integration.workspace.clone().unwrap_or_default(),
            interval_minutes: count(integration.interval_minutes),
            standing: match (integration.is_active, integration.is_paused) {
                (false, _) => Standing::Inactive,
                (true, true) => Standing::Paused,
                (true, false) => Standing::Active,
            },
            project: Project {
                id: ProjectId(self.project),
                identifier: self.identifier,
                name: self.name,
                description: self.description,
                is_public: self.is_public,
                is_member: self.is_member,
                archived_at: self.archived_at,
                total_members: count(self.total_members),
                created_at: self.created_at,
                updated_at: self.updated_at,
            },
            access: access_of(&self.access),
            total_work_items: count(self.total_work_items),
            total_labels: count(self.total_labels),
            copied: Copied {
                work_items: self.complete_at,
                labels: self.labels_at,
                states: self.states_at,
                cycles: self.cycles_at,
                modules: self.modules_at,
                members: self.members_at,
                refused: Kind::ALL
                    .into_iter()
                    .filter(|kind| refused.iter().any(|word| word == kind.word()))
                    .collect(),
            },
            held: self.held.map(from_json).transpose()?,
            drift: self.drift.map(from_json).transpose()?,
            counted_at: self.counted_at,
        })
    }
}

/// What a project's row says about its integration.
#[derive(Clone, PartialEq, SurrealValue)]
pub(crate) struct Named {
    pub(crate) uid: Uuid,
    integration_name: Option<String>,
    workspace: Option<String>,
    interval_minutes: i64,
    is_active: bool,
    is_paused: bool,
}

/// The columns of [`Named`].
pub(crate) const NAMED: &str =
    "uid, integration_name, workspace, interval_minutes, is_active, paused_at != none as is_paused";

impl Store {
    pub async fn project(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Option<ProjectRow>, Error> {
        let row: Option<StoredProject> = self
            .ask("select * from only $id")
            .bind("id", record_of("projects", &[integration.0, project.0]))
            .read()
            .await?
            .one(0)?;
        let Some(row) = row else { return Ok(None) };
        let sql = format!("select {NAMED} from $id where is_deleting = false");
        let named: Option<Named> = self
            .ask(&sql)
            .bind("id", record("plane_integrations", integration.0))
            .read()
            .await?
            .one(0)?;
        named.map(|named| row.row(&named)).transpose()
    }

    /// What the filters of a project's table can offer.
    pub async fn facets(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<Facets, Error> {
        #[derive(SurrealValue)]
        struct Counted {
            label: Uuid,
            work_items: i64,
        }
        let ids = [integration.0, project.0];
        let mut answer = self
            .ask(
                "select * from $states;
                 select * from $labels;
                 select label, work_items from $counts;
                 select value member from $members;
                 select collection, kind, name, status, starts_on, ends_on, updated_at, listed from $collections;",
            )
            .bind("states", records_under("states", &ids))
            .bind("labels", records_under("labels", &ids))
            .bind("counts", records_under("label_counts", &ids))
            .bind("members", records_under("project_members", &ids))
            .bind("collections", records_under("collections", &ids))
            .read()
            .await?;
        let states: Vec<StateRow> = answer.rows(0)?;
        let labels: Vec<LabelRow> = answer.rows(1)?;
        let counts: Vec<Counted> = answer.rows(2)?;
        let members: Vec<Uuid> = answer.rows(3)?;
        let collections = in_order(answer.rows(4)?)?;

        let counts: HashMap<Uuid, i64> = counts
            .into_iter()
            .map(|row| (row.label, row.work_items))
            .collect();
        let mut states: Vec<State> = states.into_iter().map(StateRow::state).collect();
        states.sort_by_key(|state| (state.group, state.sequence));
        let mut labels: Vec<LabelCount> = labels
            .into_iter()
            .map(|row| LabelCount {
                work_items: count(counts.get(&row.label).copied().unwrap_or(0)),
                label: row.label(),
            })
            .collect();
        labels.sort_by_key(|count| count.label.name.to_lowercase());
        let mut members: Vec<Member> = self
            .members(integration, members)
            .await?
            .into_values()
            .collect();
        members.sort_by_key(|member| (member.display_name.to_lowercase(), member.id));
        Ok(Facets {
            states,
            labels,
            members,
            collections,
        })
    }

    pub(crate) async fn members(
        &self,
        integration: IntegrationId,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Member>, Error> {
        let ids: Vec<RecordId> = ids
            .into_iter()
            .map(|id| record_of("members", &[integration.0, id]))
            .collect();
        let rows: Vec<MemberRow> = self
            .ask("select * from $ids")
            .bind("ids", ids)
            .read()
            .await?
            .rows(0)?;
        Ok(rows
            .into_iter()
            .map(|row| (row.member, row.member()))
            .collect())
    }

    /// How much there is of everything.
    pub async fn totals(&self, _viewer: &Viewer) -> Result<Totals, Error> {
        let known = self.known(&self.inner.totals, None, self.read_totals());
        known.await.map(|totals| *totals)
    }

    async fn read_totals(&self) -> Result<Totals, Error> {
        #[derive(SurrealValue)]
        struct Row {
            integrations: i64,
            projects: i64,
            work_items: i64,
        }
        let row: Option<Row> = self
            .ask(
                "select count() as integrations, math::sum(visible_projects) as projects,
                    math::sum(total_work_items) as work_items from integration_facts group all",
            )
            .read()
            .await?
            .one(0)?;
        Ok(row.map_or_else(Totals::default, |row| Totals {
            integrations: count(row.integrations),
            projects: count(row.projects),
            work_items: count(row.work_items),
        }))
    }
}

#[derive(SurrealValue)]
pub(crate) struct StateRow {
    pub(crate) state: Uuid,
    name: String,
    color: String,
    state_group: String,
    sequence: i64,
}

impl StateRow {
    pub(crate) fn state(self) -> State {
        State {
            id: StateId(self.state),
            name: self.name,
            color: self.color,
            group: StateGroup::from_word(&self.state_group),
            sequence: self.sequence,
        }
    }
}

#[derive(SurrealValue)]
pub(crate) struct LabelRow {
    pub(crate) label: Uuid,
    name: String,
    color: String,
    description: String,
    parent: Option<Uuid>,
}

impl LabelRow {
    pub(crate) fn label(self) -> Label {
        Label {
            id: LabelId(self.label),
            name: self.name,
            color: self.color,
            description: self.description,
            parent: self.parent.map(LabelId),
        }
    }
}

#[derive(SurrealValue)]
struct MemberRow {
    member: Uuid,
    display_name: String,
}

impl MemberRow {
    fn member(self) -> Member {
        Member {
            id: MemberId(self.member),
            display_name: self.display_name,
        }
    }
}
