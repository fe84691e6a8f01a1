use chrono::{DateTime, Utc};
use domain::{
    ids::ProjectId,
    mirror::{Access, Label, Member, Project, State},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::FENCE;
use crate::{
    RunRef, Store,
    error::Error,
    shape::{record, record_of, records_under},
};

/// What Plane says of a project. Totals and times of ours are not in here, so that they stay when it is merged in.
#[derive(SurrealValue)]
struct ProjectPart {
    id: RecordId,
    integration: Uuid,
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
    search: String,
    name_key: String,
}

#[derive(SurrealValue)]
struct MemberRow {
    id: RecordId,
    member: Uuid,
    display_name: String,
}

#[derive(SurrealValue)]
struct ProjectMemberRow {
    id: RecordId,
    member: Uuid,
}

#[derive(SurrealValue)]
pub(crate) struct StateRow {
    id: RecordId,
    state: Uuid,
    name: String,
    color: String,
    state_group: String,
    sequence: i64,
}

#[derive(SurrealValue)]
struct LabelRow {
    id: RecordId,
    label: Uuid,
    name: String,
    color: String,
    description: String,
    parent: Option<Uuid>,
}

/// The word an access is stored by.
pub(crate) fn access_word(access: Access) -> &'static str {
    match access {
        Access::Readable => "readable",
        Access::NotMember => "not_member",
        Access::Archived => "archived",
        Access::Gone => "gone",
    }
}

/// The other way.
pub(crate) fn access_of(word: &str) -> Access {
    [Access::Readable, Access::NotMember, Access::Archived]
        .into_iter()
        .find(|access| access_word(*access) == word)
        .unwrap_or(Access::Gone)
}

impl Store {
    /// Stores Plane's whole list of projects. One that is not in it any more is marked `Gone` and keeps what was copied;
    /// so a list that an error cut short must not come here.
    pub async fn apply_projects(
        &self,
        run: &RunRef,
        projects: &[Project],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let rows: Vec<ProjectPart> = projects.iter().map(|p| project_part(run, p)).collect();
        let listed: Vec<Uuid> = projects.iter().map(|p| p.id.0).collect();
        let sql = format!(
            "{{
                {FENCE}
                for $row in $rows {{ upsert $row.id merge $row return none }};
                for $row in (select id, project from $all where access != 'gone') {{
                    if $row.project not in $listed {{ update $row.id set access = 'gone' return none }};
                }};
                let $visible = (select value is_member from $all where access != 'gone');
                update $facts set visible_projects = array::len($visible),
                    member_projects = array::len($visible.filter(|$is_member| $is_member));
                return none;
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("rows", rows)
            .bind("listed", listed)
            .bind("all", records_under("projects", &[run.integration.0]))
            .bind("facts", record("integration_facts", run.integration.0))
            .write()
            .await
            .map(drop)
    }

    /// Stores a project's members, all of them.
    pub async fn apply_members(
        &self,
        run: &RunRef,
        project: ProjectId,
        members: &[Member],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let integration = run.integration.0;
        let people: Vec<MemberRow> = members
            .iter()
            .map(|m| MemberRow {
                id: record_of("members", &[integration, m.id.0]),
                member: m.id.0,
                display_name: m.display_name.clone(),
            })
            .collect();
        let of_project: Vec<ProjectMemberRow> = members
            .iter()
            .map(|m| ProjectMemberRow {
                id: record_of("project_members", &[integration, project.0, m.id.0]),
                member: m.id.0,
            })
            .collect();
        let sql = format!(
            "{{
                {FENCE}
                for $row in $people {{ upsert $row.id content $row return none }};
                delete $old return none;
                for $row in $of_project {{ upsert $row.id content $row return none }};
                return none;
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("people", people)
            .bind(
                "old",
                records_under("project_members", &[integration, project.0]),
            )
            .bind("of_project", of_project)
            .write()
            .await
            .map(drop)
    }

    /// Stores a project's workflow states, all of them.
    pub async fn apply_states(
        &self,
        run: &RunRef,
        project: ProjectId,
        states: &[State],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let ids = [run.integration.0, project.0];
        let all = records_under("states", &ids);
        let rows: Vec<StateRow> = states
            .iter()
            .map(|s| StateRow {
                id: record_of("states", &[ids[0], ids[1], s.id.0]),
                state: s.id.0,
                name: s.name.clone(),
                color: s.color.clone(),
                state_group: s.group.word().to_owned(),
                sequence: s.sequence,
            })
            .collect();
        let sql = format!(
            "{{
                {FENCE}
                delete $all return none;
                for $row in $rows {{ upsert $row.id content $row return none }};
                update $project set revision += 1;
                return none;
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("all", all)
            .bind("rows", rows)
            .bind("project", record_of("projects", &ids))
            .write()
            .await
            .map(drop)
    }

    /// Stores a project's labels, all of them. How many items carry each is counted with the items.
    pub async fn apply_labels(
        &self,
        run: &RunRef,
        project: ProjectId,
        labels: &[Label],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let ids = [run.integration.0, project.0];
        let rows: Vec<LabelRow> = labels
            .iter()
            .map(|l| LabelRow {
                id: record_of("labels", &[ids[0], ids[1], l.id.0]),
                label: l.id.0,
                name: l.name.clone(),
                color: l.color.clone(),
                description: l.description.clone(),
                parent: l.parent.map(|id| id.0),
            })
            .collect();
        let sql = format!(
            "{{
                {FENCE}
                delete $all return none;
                for $row in $rows {{ upsert $row.id content $row return none }};
                update $project set total_labels = array::len($rows);
                return none;
            }}"
        );
        self.ask_fenced(&sql, run, now)
            .bind("all", records_under("labels", &ids))
            .bind("rows", rows)
            .bind("project", record_of("projects", &ids))
            .write()
            .await
            .map(drop)
    }
}

fn project_part(run: &RunRef, project: &Project) -> ProjectPart {
    let access = if project.archived_at.is_some() {
        Access::Archived
    } else if project.is_member {
        Access::Readable
    } else {
        Access::NotMember
    };
    let name = project.name.to_lowercase();
    let (integration, id) = (run.integration.0, project.id.0);
    ProjectPart {
        id: record_of("projects", &[integration, id]),
        integration,
        project: id,
        identifier: project.identifier.clone(),
        name: project.name.clone(),
        description: project.description.clone(),
        is_public: project.is_public,
        is_member: project.is_member,
        archived_at: project.archived_at,
        total_members: i64::from(project.total_members),
        created_at: project.created_at,
        updated_at: project.updated_at,
        access: access_word(access).to_owned(),
        search: format!("{name} {}", project.identifier.to_lowercase()),
        name_key: format!("{name}\u{1}{}{}", integration.simple(), id.simple()),
    }
}
