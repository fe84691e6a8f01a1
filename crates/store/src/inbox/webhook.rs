use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::IntegrationId,
    inbox::{Disbelief, SecretHint, Webhook},
};
use serde_json::Value as Json;
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, from_json, record},
};

#[derive(SurrealValue)]
struct WebhookRow {
    integration: Uuid,
    path: String,
    created_at: DateTime<Utc>,
    secret: Option<String>,
    secret_last_four: Option<String>,
    secret_set_at: Option<DateTime<Utc>>,
    previous_secret: Option<String>,
    previous_set_at: Option<DateTime<Utc>>,
    previous_until: Option<DateTime<Utc>>,
    rotation_until: Option<DateTime<Utc>>,
    plane_id: Option<Uuid>,
    is_second_format: Option<bool>,
    first_at: Option<DateTime<Utc>>,
    last_at: Option<DateTime<Utc>>,
    deliveries: i64,
    duplicates: i64,
    bytes: i64,
    missed: i64,
    refused: Json,
    refused_at: Option<DateTime<Utc>>,
    quarantined: i64,
    quarantined_bytes: i64,
}

/// A sealed secret, and when it was set: what the vault needs to open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    pub sealed: String,
    pub set_at: DateTime<Utc>,
}

/// What a delivery is checked with.
#[derive(Clone, Debug)]
pub struct WebhookKeys {
    pub integration: IntegrationId,
    pub path: String,
    pub plane_id: Option<Uuid>,
    pub current: Option<SealedSecret>,
    pub previous: Option<SealedSecret>,
    /// The previous one counts until then.
    pub previous_until: Option<DateTime<Utc>>,
    pub rotation_until: Option<DateTime<Utc>>,
}

impl WebhookRow {
    fn webhook(self) -> Result<Webhook, Error> {
        let refused: BTreeMap<String, u64> = from_json(self.refused)?;
        let secret = self.secret.is_some();
        Ok(Webhook {
            integration: IntegrationId(self.integration),
            path: self.path,
            created_at: self.created_at,
            secret: self
                .secret_set_at
                .filter(|_| secret)
                .map(|set_at| SecretHint {
                    last_four: self.secret_last_four.unwrap_or_default(),
                    set_at,
                }),
            previous_until: self.previous_until,
            rotation_until: self.rotation_until,
            plane_id: self.plane_id,
            is_second_format: self.is_second_format,
            first_at: self.first_at,
            last_at: self.last_at,
            deliveries: count(self.deliveries),
            duplicates: count(self.duplicates),
            bytes: count(self.bytes),
            missed: count(self.missed),
            refused: refused
                .into_iter()
                .filter_map(|(why, n)| Some((Disbelief::from_word(&why)?, n)))
                .collect(),
            refused_at: self.refused_at,
            quarantined: count(self.quarantined),
            quarantined_bytes: count(self.quarantined_bytes),
        })
    }

    fn keys(self) -> WebhookKeys {
        let sealed = |secret: Option<String>, set_at: Option<DateTime<Utc>>| {
            secret
                .zip(set_at)
                .map(|(sealed, set_at)| SealedSecret { sealed, set_at })
        };
        WebhookKeys {
            integration: IntegrationId(self.integration),
            path: self.path,
            plane_id: self.plane_id,
            current: sealed(self.secret, self.secret_set_at),
            previous: sealed(self.previous_secret, self.previous_set_at),
            previous_until: self.previous_until,
            rotation_until: self.rotation_until,
        }
    }
}

impl Store {
    /// An integration's webhook; `None`: it has none yet, or is gone.
    pub async fn webhook(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
    ) -> Result<Option<Webhook>, Error> {
        let row: Option<WebhookRow> = self
            .ask("select * from only $id")
            .bind("id", record("webhooks", integration.0))
            .read()
            .await?
            .one(0)?;
        row.map(WebhookRow::webhook).transpose()
    }

    /// All webhooks, with what their deliveries are checked with.
    pub async fn webhook_keys(&self) -> Result<Vec<WebhookKeys>, Error> {
        let rows: Vec<WebhookRow> = self.ask("select * from webhooks").read().await?.rows(0)?;
        Ok(rows.into_iter().map(WebhookRow::keys).collect())
    }

    /// Gives an integration the address of a webhook. One that it has already stays. Whether there is such an integration.
    pub async fn create_webhook(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        path: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let audit = self.admin_entry(
            admin,
            "webhook.created",
            Some(integration),
            "Made the webhook’s address.",
            now,
        );
        self.ask(
            "{
                if (select value is_deleting from only $integration_id) != false { return false };
                if (select value id from only $id) = none {
                    create $id set integration = $integration, path = $path, created_at = $now;
                    create audit content $audit;
                };
                return true;
            }",
        )
        .bind(
            "integration_id",
            record("plane_integrations", integration.0),
        )
        .bind("id", record("webhooks", integration.0))
        .bind("integration", integration.0)
        .bind("path", path)
        .bind("now", now)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// Puts another secret in the place of the current one, which still counts until `previous_until`. An open rotation is over
    /// with that. Whether there is such a webhook.
    pub async fn save_webhook_secret(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        secret: SealedSecret,
        last_four: &str,
        previous_until: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let now = secret.set_at;
        let audit = self.admin_entry(
            admin,
            "webhook.secret_set",
            Some(integration),
            "Set the webhook’s secret.",
            now,
        );
        self.ask(
            "{
                let $is = (select secret, secret_set_at from only $id);
                if $is = none { return false };
                update $id set secret = $sealed, secret_last_four = $last_four, secret_set_at = $now,
                    previous_secret = $is.secret, previous_set_at = $is.secret_set_at,
                    previous_until = if $is.secret = none { none } else { $previous_until },
                    rotation_until = none;
                create audit content $audit;
                return true;
            }",
        )
        .bind("id", record("webhooks", integration.0))
        .bind("sealed", secret.sealed)
        .bind("last_four", last_four)
        .bind("now", now)
        .bind("previous_until", previous_until)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// Opens a rotation until then, or ends it. Whether there is such a webhook.
    pub async fn rotate_webhook(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let (action, says) = match until {
            Some(_) => (
                "webhook.rotation_opened",
                "Began to replace the webhook’s secret.",
            ),
            None => (
                "webhook.rotation_ended",
                "Ended the replacement of the webhook’s secret.",
            ),
        };
        let audit = self.admin_entry(admin, action, Some(integration), says, now);
        self.ask(
            "{
                if (select value id from only $id) = none { return false };
                update $id set rotation_until = $until;
                create audit content $audit;
                return true;
            }",
        )
        .bind("id", record("webhooks", integration.0))
        .bind("until", until)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }
}
