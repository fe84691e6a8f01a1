use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, User, Viewer},
    audit::AuditEntry,
    ids::{BulkId, IntegrationId, UserId},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{latest_first, page, record},
};

/// An entry as it is stored. Its id is made before the transaction, so that a repeated one writes the same record.
#[derive(Clone, SurrealValue)]
pub(crate) struct AuditRow {
    id: RecordId,
    at: DateTime<Utc>,
    actor: Option<Uuid>,
    actor_name: String,
    action: String,
    integration: Option<Uuid>,
    bulk: Option<Uuid>,
    says: String,
    pub(crate) latest_key: String,
}

impl AuditRow {
    pub(crate) fn entry(self) -> AuditEntry {
        AuditEntry {
            at: self.at,
            actor: self.actor.map(UserId),
            actor_name: self.actor_name,
            action: self.action,
            integration: self.integration.map(IntegrationId),
            bulk: self.bulk.map(BulkId),
            says: self.says,
        }
    }
}

pub(crate) const HISTORY: &str =
    "select * from audit where integration = $integration and latest_key > $after
    order by latest_key limit $limit";

impl Store {
    /// What was done to an integration, latest first; `None`: to people and to the portal itself. It outlives them.
    pub async fn history(
        &self,
        _viewer: &Viewer,
        integration: Option<IntegrationId>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, Error> {
        let rows: Vec<AuditRow> = self
            .ask(HISTORY)
            .bind("integration", integration.map(|id| id.0))
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| (row.latest_key.clone(), row.entry()))
            .collect();
        Ok(page(rows, limit))
    }

    pub(crate) fn admin_entry(
        &self,
        admin: &Admin,
        action: &str,
        integration: Option<IntegrationId>,
        says: impl Into<String>,
        now: DateTime<Utc>,
    ) -> AuditRow {
        AuditRow {
            bulk: admin.bulk().map(|id| id.0),
            ..self.entry_by(Some(admin.user()), action, integration, says, now)
        }
    }

    /// An entry for the same transaction as what it tells of. Without an actor it was Hangar itself.
    pub(crate) fn entry_by(
        &self,
        actor: Option<&User>,
        action: &str,
        integration: Option<IntegrationId>,
        says: impl Into<String>,
        now: DateTime<Utc>,
    ) -> AuditRow {
        let id = self.new_id(now);
        AuditRow {
            id: record("audit", id),
            latest_key: latest_first(now, id),
            at: now,
            actor: actor.map(|user| user.id.0),
            actor_name: actor.map_or_else(|| "Hangar".to_owned(), |user| user.name.to_string()),
            action: action.to_owned(),
            integration: integration.map(|id| id.0),
            bulk: None,
            says: says.into(),
        }
    }
}
