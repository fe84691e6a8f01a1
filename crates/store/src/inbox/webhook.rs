use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{BurstId, IntegrationId},
    inbox::{Disbelief, Retention, SecretHint, SelfTest, Webhook},
    silence::Silence,
};
use serde_json::Value as Json;
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, from_json, record, to_json},
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
    keep_days: Option<i64>,
    keep_megabytes: Option<i64>,
    silence: Option<Json>,
    silent_since: Option<DateTime<Utc>>,
    self_test: Option<Json>,
    secret_shown_until: Option<DateTime<Utc>>,
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
        let keeps = self.keeps();
        let silence = self.silence.map(from_json::<Silence>).transpose()?;
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
            keeps,
            silence: silence.zip(self.silent_since),
            self_test: self.self_test.map(from_json::<SelfTest>).transpose()?,
            secret_shown_until: self.secret_shown_until,
        })
    }

    fn keeps(&self) -> Retention {
        let usual = Retention::default();
        Retention {
            days: self.keep_days.map_or(usual.days, count),
            megabytes: self.keep_megabytes.map_or(usual.megabytes, count),
        }
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

    /// All webhooks, for whoever looks after them.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, Error> {
        let rows: Vec<WebhookRow> = self.ask("select * from webhooks").read().await?.rows(0)?;
        rows.into_iter().map(WebhookRow::webhook).collect()
    }

    /// Those that are taken for silent.
    pub async fn silent_webhooks(&self, _viewer: &Viewer) -> Result<Vec<Webhook>, Error> {
        let rows: Vec<WebhookRow> = self
            .ask("select * from webhooks where silence != none")
            .read()
            .await?
            .rows(0)?;
        rows.into_iter().map(WebhookRow::webhook).collect()
    }

    /// Says that a webhook is silent, or that it is not any more, unless it spoke since `last_at`.
    pub async fn set_silence(
        &self,
        integration: IntegrationId,
        silence: Option<Silence>,
        last_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.ask(
            "update $id set silence = $silence,
                silent_since = if $silence = none { none } else { silent_since ?? $now }
                where last_at = $last_at return none",
        )
        .bind("id", record("webhooks", integration.0))
        .bind(
            "silence",
            silence.map(|silence| to_json(&silence)).transpose()?,
        )
        .bind("last_at", last_at)
        .bind("now", now)
        .write()
        .await
        .map(drop)
    }

    /// Shows the secret that was made here no more.
    pub async fn hide_secret(
        &self,
        _admin: &Admin,
        integration: IntegrationId,
    ) -> Result<(), Error> {
        self.ask("update $id set secret_shown_until = none return none")
            .bind("id", record("webhooks", integration.0))
            .write()
            .await
            .map(drop)
    }

    /// Writes how Hangar's own delivery went.
    pub async fn save_self_test(
        &self,
        _admin: &Admin,
        integration: IntegrationId,
        test: &SelfTest,
    ) -> Result<(), Error> {
        self.ask("update $id set self_test = $test return none")
            .bind("id", record("webhooks", integration.0))
            .bind("test", to_json(test)?)
            .write()
            .await
            .map(drop)
    }

    /// Sets how long events are kept. Whether there is such a webhook.
    pub async fn keep_events(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        keeps: Retention,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = format!(
            "Set how long events of the webhook are kept: {} days, {} MB.",
            keeps.days, keeps.megabytes
        );
        let audit = self.admin_entry(admin, "webhook.retention_set", Some(integration), says, now);
        self.ask(
            "{
                if (select value id from only $id) = none { return false };
                update $id set keep_days = $days, keep_megabytes = $megabytes return none;
                create audit content $audit return none;
                return true;
            }",
        )
        .bind("id", record("webhooks", integration.0))
        .bind("days", i64::from(keeps.days))
        .bind("megabytes", i64::from(keeps.megabytes))
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// Notes in the history that somebody looked at an event as it came.
    pub async fn note_unmasked(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        burst: BurstId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let says = format!("Looked at what a webhook brought without masks: {burst}.");
        let audit = self.admin_entry(admin, "webhook.unmasked", Some(integration), says, now);
        self.ask("create audit content $audit return none")
            .bind("audit", audit)
            .write()
            .await
            .map(drop)
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
    /// with that. One that was made here is shown until `shown_until`. Whether there is such a webhook.
    pub async fn save_webhook_secret(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        secret: SealedSecret,
        last_four: &str,
        previous_until: DateTime<Utc>,
        shown_until: Option<DateTime<Utc>>,
    ) -> Result<bool, Error> {
        let now = secret.set_at;
        let (action, says) = match shown_until {
            Some(_) => ("webhook.secret_made", "Made a secret for the webhook."),
            None => ("webhook.secret_set", "Set the webhook’s secret."),
        };
        let audit = self.admin_entry(admin, action, Some(integration), says, now);
        self.ask(
            "{
                let $is = (select secret, secret_set_at from only $id);
                if $is = none { return false };
                update $id set secret = $sealed, secret_last_four = $last_four, secret_set_at = $now,
                    previous_secret = $is.secret, previous_set_at = $is.secret_set_at,
                    previous_until = if $is.secret = none { none } else { $previous_until },
                    rotation_until = none, secret_shown_until = $shown_until;
                create audit content $audit;
                return true;
            }",
        )
        .bind("id", record("webhooks", integration.0))
        .bind("sealed", secret.sealed)
        .bind("last_four", last_four)
        .bind("now", now)
        .bind("previous_until", previous_until)
        .bind("shown_until", shown_until)
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
