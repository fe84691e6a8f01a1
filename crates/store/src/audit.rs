use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    audit::AuditEntry,
    ids::{IntegrationId, UserId},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{latest_first, page, read_cursor, record},
};

/// An entry as it is stored. Its id is made before the transaction, so that a repeated one writes the same record.
#[derive(SurrealValue)]
pub(crate) struct AuditRow {
    id: RecordId,
    at: DateTime<Utc>,
    actor: Option<Uuid>,
    actor_name: String,
    action: String,
    integration: Option<Uuid>,
    says: String,
    latest_key: String,
}

impl AuditRow {
    fn entry(self) -> AuditEntry {
        AuditEntry {
            at: self.at,
            actor: self.actor.map(UserId),
            actor_name: self.actor_name,
            action: self.action,
            integration: self.integration.map(IntegrationId),
            says: self.says,
        }
    }
}

pub(crate) const HISTORY: &str =
    "select * from audit where integration = $integration and latest_key > $after
    order by latest_key limit $limit";

impl Store {
    /// What was done to an integration, latest first. It outlives the integration.
    pub async fn history(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<AuditEntry>, Error> {
        let rows: Vec<AuditRow> = self
            .ask(HISTORY)
            .bind("integration", integration.0)
            .bind("after", read_cursor(after))
            .bind("limit", i64::from(limit) + 1)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| (row.latest_key.clone(), row.entry()))
            .collect();
        Ok(page(rows, limit))
    }

    /// Adds an entry of its own, for what is no change of the store.
    pub async fn record(&self, entry: AuditEntry) -> Result<(), Error> {
        let row = self.row(entry);
        self.ask("create audit content $audit return none")
            .bind("audit", row)
            .write()
            .await
            .map(drop)
    }

    pub(crate) fn admin_entry(
        &self,
        admin: &Admin,
        action: &str,
        integration: Option<IntegrationId>,
        says: impl Into<String>,
        now: DateTime<Utc>,
    ) -> AuditRow {
        self.row(AuditEntry {
            at: now,
            actor: Some(admin.user().id),
            actor_name: admin.user().name.to_string(),
            action: action.to_owned(),
            integration,
            says: says.into(),
        })
    }

    pub(crate) fn system_entry(&self, action: &str, says: &str, now: DateTime<Utc>) -> AuditRow {
        self.row(AuditEntry {
            at: now,
            actor: None,
            actor_name: "Hangar".to_owned(),
            action: action.to_owned(),
            integration: None,
            says: says.to_owned(),
        })
    }

    fn row(&self, entry: AuditEntry) -> AuditRow {
        let id = self.new_id(entry.at);
        AuditRow {
            id: record("audit", id),
            latest_key: latest_first(entry.at, id),
            at: entry.at,
            actor: entry.actor.map(|id| id.0),
            actor_name: entry.actor_name,
            action: entry.action,
            integration: entry.integration.map(|id| id.0),
            says: entry.says,
        }
    }
}
