use chrono::{DateTime, Utc};
use domain::{
    ids::{IntegrationId, ProjectId, WorkItemId},
    mirror::WorkItem,
};
use surrealdb::types::{RecordId, SurrealValue};

use super::{NOT_DELETING, Writer};
use crate::{
    Store,
    error::Error,
    shape::{record, record_of},
};

/// What became of a work item as an event told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Created,
    Updated,
    /// The copy says the same already.
    Unchanged,
    /// The copy is newer.
    Stale,
    /// The copy had it once and Plane said that it is gone, so this may be older than that: Plane has to be asked.
    Ask,
    /// Its project is not copied, or not yet: a walk will bring it.
    NotCopied,
}

impl Store {
    /// Whether a project's work items are in the copy, all of them.
    pub async fn is_copied(
        &self,
        integration: IntegrationId,
        project: ProjectId,
    ) -> Result<bool, Error> {
        #[derive(SurrealValue)]
        struct Project {
            access: String,
            complete_at: Option<DateTime<Utc>>,
        }
        let project: Option<Project> = self
            .ask("select access, complete_at from only $project")
            .bind(
                "project",
                record_of("projects", &[integration.0, project.0]),
            )
            .read()
            .await?
            .one(0)?;
        Ok(project.is_some_and(|row| row.access == "readable" && row.complete_at.is_some()))
    }

    /// What [`Store::apply_told`] would do.
    pub async fn compare_told(
        &self,
        integration: IntegrationId,
        item: &WorkItem,
    ) -> Result<Told, Error> {
        let ids = [integration.0, item.project.0];
        if !self.is_copied(integration, item.project).await? {
            return Ok(Told::NotCopied);
        }
        let deleted: Option<RecordId> = self
            .ask("select value id from only $deleted")
            .bind(
                "deleted",
                record_of("deleted_items", &[ids[0], ids[1], item.id.0]),
            )
            .read()
            .await?
            .one(0)?;
        let stored = self
            .stored(ids, &[(item.id, item.sequence_id)])
            .await?
            .pop();
        Ok(match (&stored, deleted) {
            (Some(stored), _) if stored.item == *item => Told::Unchanged,
            (Some(stored), _) if stored.item.updated_at > item.updated_at => Told::Stale,
            (Some(_), _) => Told::Updated,
            (None, Some(_)) => Told::Ask,
            (None, None) => Told::Created,
        })
    }

    /// Puts a work item into the copy as an event told it, unless the copy is newer. No run's lease is asked for: of two
    /// writers the newer item wins.
    pub async fn apply_told(
        &self,
        integration: IntegrationId,
        item: &WorkItem,
        now: DateTime<Utc>,
    ) -> Result<Told, Error> {
        let told = self.compare_told(integration, item).await?;
        if matches!(told, Told::Created | Told::Updated) {
            self.apply_asked(integration, item, now).await?;
        }
        Ok(told)
    }

    /// Puts a work item into the copy as Plane just answered it.
    pub async fn apply_asked(
        &self,
        integration: IntegrationId,
        item: &WorkItem,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let writer = Writer::Event(integration);
        self.apply(writer, item.project, vec![item], None, now)
            .await
    }

    /// Takes a work item out that Plane just said is gone, unless an admin keeps it. Whether it was there.
    pub async fn remove_asked(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        item: WorkItemId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        // What an admin put back stays though Plane does not have it.
        if self.kept_items(integration, project).await?.contains(&item) {
            return Ok(false);
        }
        let writer = Writer::Event(integration);
        Ok(self.take_out(writer, project, &[item], now).await? > 0)
    }

    /// Makes the next run read what a project's work items refer to, or its cycles and modules.
    pub async fn reread_soon(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        what: Reread,
    ) -> Result<(), Error> {
        let field = match what {
            Reread::Around => "around_at",
            Reread::Collections => "collections_at",
        };
        let sql = format!(
            "{{ {NOT_DELETING} update $project set {field} = none return none; return none; }}"
        );
        self.ask(&sql)
            .bind(
                "integration_id",
                record("plane_integrations", integration.0),
            )
            .bind(
                "project",
                record_of("projects", &[integration.0, project.0]),
            )
            .write()
            .await
            .map(drop)
    }
}

/// What is read again before its hour has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reread {
    /// Members, states and labels.
    Around,
    /// Cycles and modules.
    Collections,
}
