use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    connection_test::ConnectionTest,
    ids::{DraftId, UserId},
};
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{from_json, record, to_json},
};

/// A form that was sent with mistakes, kept so that its page can show it again. Never a password or a key in clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub id: DraftId,
    /// Who sent it; nobody else gets it.
    pub owner: Option<UserId>,
    pub form: String,
    pub values: BTreeMap<String, String>,
    pub errors: BTreeMap<String, String>,
    pub message: Option<String>,
    pub sealed_key: Option<String>,
    pub key_last_four: Option<String>,
    pub test: Option<ConnectionTest>,
    pub expires_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct DraftRow {
    owner: Option<Uuid>,
    form: String,
    field_values: BTreeMap<String, String>,
    field_errors: BTreeMap<String, String>,
    message: Option<String>,
    sealed_key: Option<String>,
    key_last_four: Option<String>,
    test: Option<serde_json::Value>,
    expires_at: DateTime<Utc>,
}

impl Store {
    pub async fn save_draft(&self, draft: &Draft) -> Result<(), Error> {
        let row = DraftRow {
            owner: draft.owner.map(|id| id.0),
            form: draft.form.clone(),
            field_values: draft.values.clone(),
            field_errors: draft.errors.clone(),
            message: draft.message.clone(),
            sealed_key: draft.sealed_key.clone(),
            key_last_four: draft.key_last_four.clone(),
            test: draft.test.as_ref().map(to_json).transpose()?,
            expires_at: draft.expires_at,
        };
        self.ask("upsert $id content $draft return none")
            .bind("id", record("drafts", draft.id.0))
            .bind("draft", row)
            .write()
            .await
            .map(drop)
    }

    /// A draft of this sender that has not expired.
    pub async fn draft(
        &self,
        id: DraftId,
        owner: Option<UserId>,
        now: DateTime<Utc>,
    ) -> Result<Option<Draft>, Error> {
        let row: Option<DraftRow> = self
            .ask("select * from only $id")
            .bind("id", record("drafts", id.0))
            .read()
            .await?
            .one(0)?;
        let Some(row) = row.filter(|row| row.owner == owner.map(|id| id.0) && row.expires_at > now)
        else {
            return Ok(None);
        };
        Ok(Some(Draft {
            id,
            owner,
            form: row.form,
            values: row.field_values,
            errors: row.field_errors,
            message: row.message,
            sealed_key: row.sealed_key,
            key_last_four: row.key_last_four,
            test: row.test.map(from_json).transpose()?,
            expires_at: row.expires_at,
        }))
    }

    /// Forgets drafts that have expired, and the tests of a day ago that belong to no integration.
    pub async fn delete_expired_drafts(&self, now: DateTime<Utc>) -> Result<(), Error> {
        self.ask(
            "{
                delete drafts where expires_at <= $now;
                delete connection_tests where integration = none and started_at <= $yesterday;
            }",
        )
        .bind("now", now)
        .bind("yesterday", now - TimeDelta::days(1))
        .write()
        .await
        .map(drop)
    }
}
