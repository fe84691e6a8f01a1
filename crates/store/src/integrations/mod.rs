/// Lists: filter, order and pages.
mod list;
/// Pausing and resuming.
mod pause;
/// The stored form.
mod row;

#[cfg(test)]
pub(crate) use list::ACTIVE;
pub(crate) use row::{COLUMNS, Facts, Stored, health};

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::IntegrationId,
    integration::{DeletionCost, Integration, IntegrationSettings, KeyHint},
};
use surrealdb::types::SurrealValue;

use crate::{
    Store,
    audit::AuditRow,
    error::Error,
    shape::{count, record, records_under},
};

/// An integration to be stored.
pub struct NewIntegration {
    /// UUID v7, made by the caller, because the sealed key is bound to it.
    pub id: IntegrationId,
    pub settings: IntegrationSettings,
    pub key: SealedKey,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Saved(Integration),
    /// Somebody else saved first; this is what they made of it.
    Conflict(Integration),
    Gone,
}

/// An API key as the vault sealed it, and for the vault alone to open.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey {
    pub sealed: String,
    pub hint: KeyHint,
}

const SETTINGS: &str = "base_url = $set.base_url, workspace = $set.workspace, project_id = $set.project_id,
    integration_name = $set.integration_name, name_key = $set.name_key, description = $set.description,
    auth_scheme = $set.auth_scheme, interval_minutes = $set.interval_minutes, quiet_hours = $set.quiet_hours,
    test_minutes = $set.test_minutes, key_expires_on = $set.key_expires_on,
    tags = $set.tags";

impl Store {
    /// Stores an integration, active; `Taken` if another one has its name in any case.
    pub async fn create_integration(
        &self,
        admin: &Admin,
        new: NewIntegration,
        now: DateTime<Utc>,
    ) -> Result<Integration, Error> {
        let says = format!("Added, with the key {}.", new.key.hint.fingerprint);
        let audit = self.admin_entry(admin, "integration.created", Some(new.id), says, now);
        let sql = format!(
            "{{
                create $id set {SETTINGS}, uid = $uid, api_key = $sealed, key_last_four = $last_four,
                    key_fingerprint = $fingerprint, key_replaced_at = $replaced_at, is_active = true, version = 1,
                    created_at = $now, updated_at = $now;
                upsert $facts;
                create audit content $audit;
                return none;
            }}"
        );
        self.ask(&sql)
            .bind("id", record("plane_integrations", new.id.0))
            .bind("facts", record("integration_facts", new.id.0))
            .bind("uid", new.id.0)
            .bind("set", row::Settings::from(&new.settings))
            .bind("sealed", new.key.sealed)
            .bind("last_four", new.key.hint.last_four.as_str())
            .bind("fingerprint", new.key.hint.fingerprint.as_str())
            .bind("replaced_at", new.key.hint.replaced_at)
            .bind("now", now)
            .bind("audit", audit)
            .write()
            .await?;
        Ok(Integration {
            id: new.id,
            settings: new.settings,
            is_active: true,
            paused: None,
            key: new.key.hint,
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    pub async fn integration(
        &self,
        _viewer: &Viewer,
        id: IntegrationId,
    ) -> Result<Option<Integration>, Error> {
        self.stored_integration(id).await
    }

    /// As [`Store::integration`], for Hangar's own work such as a run that nobody is watching.
    pub async fn integration_for_work(
        &self,
        id: IntegrationId,
    ) -> Result<Option<Integration>, Error> {
        self.stored_integration(id).await
    }

    async fn stored_integration(&self, id: IntegrationId) -> Result<Option<Integration>, Error> {
        let sql = format!("select {COLUMNS} from $id where is_deleting = false");
        let row: Option<Stored> = self
            .ask(&sql)
            .bind("id", record("plane_integrations", id.0))
            .read()
            .await?
            .one(0)?;
        row.map(Stored::integration).transpose()
    }

    /// The sealed API key, to be opened by the vault alone.
    pub async fn sealed_key(&self, id: IntegrationId) -> Result<Option<SealedKey>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            api_key: String,
            key_last_four: String,
            key_fingerprint: String,
            key_replaced_at: DateTime<Utc>,
        }
        let row: Option<Row> = self
            .ask(
                "select api_key, key_last_four, key_fingerprint, key_replaced_at from $id where is_deleting = false",
            )
            .bind("id", record("plane_integrations", id.0))
            .read()
            .await?
            .one(0)?;
        Ok(row.map(|row| SealedKey {
            sealed: row.api_key,
            hint: KeyHint {
                last_four: row.key_last_four,
                fingerprint: row.key_fingerprint,
                replaced_at: row.key_replaced_at,
            },
        }))
    }

    /// Saves an edit of the version that the editor saw; of any other version it changes nothing. A new key takes the old
    /// one's place in the same transaction: no key is ever sent to an address that it was not given for.
    pub async fn update_integration(
        &self,
        admin: &Admin,
        id: IntegrationId,
        expected_version: u32,
        settings: IntegrationSettings,
        new_key: Option<SealedKey>,
        now: DateTime<Utc>,
    ) -> Result<Change, Error> {
        let Some(old) = self.stored_integration(id).await? else {
            return Ok(Change::Gone);
        };
        if old.version != expected_version {
            return Ok(Change::Conflict(old));
        }
        let mut audit = Vec::new();
        if let Some(says) = row::changed(&old.settings, &settings) {
            audit.push(self.admin_entry(admin, "integration.updated", Some(id), says, now));
        }
        if let Some(key) = &new_key {
            audit.push(self.key_replaced(admin, &old, &key.hint, now));
        }
        if audit.is_empty() {
            return Ok(Change::Saved(old)); // nothing to save, nothing to remember
        }
        self.change(&old, settings, new_key, audit, now).await
    }

    /// Switches an integration on or off. `None`: it is gone.
    pub async fn set_active(
        &self,
        admin: &Admin,
        id: IntegrationId,
        is_active: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<Integration>, Error> {
        let (action, says) = if is_active {
            ("integration.activated", "Switched on.")
        } else {
            ("integration.deactivated", "Switched off.")
        };
        let audit = self.admin_entry(admin, action, Some(id), says, now);
        self.ask(
            "{
                if (select value is_active from only $id) = !$is_active {
                    update $id set is_active = $is_active, version += 1, updated_at = $now where is_deleting = false;
                    create audit content $audit;
                };
            }",
        )
        .bind("id", record("plane_integrations", id.0))
        .bind("is_active", is_active)
        .bind("now", now)
        .bind("audit", audit)
        .write()
        .await?;
        self.stored_integration(id).await
    }

    /// Puts another key in the old one's place, if the integration still is as the key was tested for it.
    pub async fn replace_key(
        &self,
        admin: &Admin,
        tested: Integration,
        key: SealedKey,
        now: DateTime<Utc>,
    ) -> Result<Change, Error> {
        let audit = self.key_replaced(admin, &tested, &key.hint, now);
        let settings = tested.settings.clone();
        self.change(&tested, settings, Some(key), vec![audit], now)
            .await
    }

    fn key_replaced(
        &self,
        admin: &Admin,
        old: &Integration,
        key: &KeyHint,
        now: DateTime<Utc>,
    ) -> AuditRow {
        let says = format!(
            "Replaced the key {} by {}.",
            old.key.fingerprint, key.fingerprint
        );
        self.admin_entry(admin, "integration.key_replaced", Some(old.id), says, now)
    }

    /// Settings, key and history of one version become those of the next, or nothing happens.
    async fn change(
        &self,
        old: &Integration,
        settings: IntegrationSettings,
        new_key: Option<SealedKey>,
        audit: Vec<AuditRow>,
        now: DateTime<Utc>,
    ) -> Result<Change, Error> {
        let key = if new_key.is_some() {
            ", api_key = $sealed, key_last_four = $last_four, key_fingerprint = $fingerprint,
                key_replaced_at = $replaced_at"
        } else {
            ""
        };
        let sql = format!(
            "{{
                let $old = (select version, is_deleting from only $id);
                if $old = none or $old.is_deleting or $old.version != $version {{ return false }};
                update $id set {SETTINGS}{key}, version += 1, updated_at = $now;
                insert into audit $audit;
                return true;
            }}"
        );
        let mut ask = self
            .ask(&sql)
            .bind("id", record("plane_integrations", old.id.0))
            .bind("version", i64::from(old.version))
            .bind("set", row::Settings::from(&settings))
            .bind("now", now)
            .bind("audit", audit);
        if let Some(key) = new_key {
            ask = ask
                .bind("sealed", key.sealed)
                .bind("last_four", key.hint.last_four)
                .bind("fingerprint", key.hint.fingerprint)
                .bind("replaced_at", key.hint.replaced_at);
        }
        let saved: bool = ask.write().await?.value(0)?;
        Ok(match self.stored_integration(old.id).await? {
            None => Change::Gone,
            Some(is) if saved => Change::Saved(is),
            Some(is) => Change::Conflict(is),
        })
    }

    /// What deleting it would lose.
    pub async fn deletion_cost(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
    ) -> Result<Option<DeletionCost>, Error> {
        if self.integration(viewer, id).await?.is_none() {
            return Ok(None);
        }
        let mut answer = self
            .ask(
                "select value c from (select count() as c from $projects group all);
                 select value total_work_items from $facts;
                 select value c from (select count() as c from $labels group all);
                 select value c from (select count() as c from sync_runs where integration = $id group all);
                 select value c from (select count() as c from connection_tests where integration = $id group all);",
            )
            .bind("id", id.0)
            .bind("projects", records_under("projects", &[id.0]))
            .bind("facts", record("integration_facts", id.0))
            .bind("labels", records_under("labels", &[id.0]))
            .read()
            .await?;
        let mut number = |statement| Ok::<i64, Error>(answer.one(statement)?.unwrap_or(0));
        Ok(Some(DeletionCost {
            projects: count(number(0)?),
            work_items: count(number(1)?),
            labels: count(number(2)?),
            runs: count(number(3)?),
            tests: count(number(4)?),
        }))
    }
}
