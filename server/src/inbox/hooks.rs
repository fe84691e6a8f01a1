use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::IntegrationId;
use secrecy::SecretString;
use store::{SealedSecret, Store, WebhookKeys};
use uuid::Uuid;

use crate::vault::{Place, Vault, VaultError};

/// So long another process may go on by what was changed here.
const AGE: TimeDelta = TimeDelta::seconds(2);

/// All webhooks, in memory: whoever asks for an address that there is not costs no query.
#[derive(Default)]
pub(super) struct Hooks {
    known: RwLock<Option<Arc<Known>>>,
    /// Held by whoever reads them again.
    turn: tokio::sync::Mutex<()>,
}

pub(super) struct Known {
    all: Vec<Arc<WebhookKeys>>,
    by_path: HashMap<String, Arc<WebhookKeys>>,
    read_at: DateTime<Utc>,
}

impl Hooks {
    /// The webhooks, as they were a moment ago at most.
    pub(super) async fn known(
        &self,
        store: &Store,
        now: DateTime<Utc>,
    ) -> Result<Arc<Known>, store::Error> {
        let fresh = || {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known
                .as_ref()
                .filter(|known| (now - known.read_at).abs() < AGE)
                .cloned()
        };
        if let Some(known) = fresh() {
            return Ok(known);
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = fresh() {
            return Ok(known); // somebody else was faster
        }
        let all = store.webhook_keys().await?.into_iter().map(Arc::new);
        let all: Vec<Arc<WebhookKeys>> = all.collect();
        let by_path = all.iter().map(|hook| (hook.path.clone(), hook.clone()));
        let known = Arc::new(Known {
            by_path: by_path.collect(),
            all,
            read_at: now,
        });
        let mut slot = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(known.clone());
        Ok(known)
    }

    /// Something was changed: the next one reads them again.
    pub(super) fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Known {
    pub(super) fn at_path(&self, path: &str) -> Option<Arc<WebhookKeys>> {
        self.by_path.get(path).cloned()
    }

    pub(super) fn of(&self, integration: IntegrationId) -> Option<Arc<WebhookKeys>> {
        let mut all = self.all.iter();
        all.find(|hook| hook.integration == integration).cloned()
    }

    pub(super) fn has_any(&self) -> bool {
        !self.all.is_empty()
    }

    /// Those that a delivery to the common address may be for: the one that it names, or all whose name is not known yet.
    pub(super) fn candidates(&self, plane_id: Option<Uuid>) -> Vec<Arc<WebhookKeys>> {
        let named = |hook: &&Arc<WebhookKeys>| plane_id.is_some() && hook.plane_id == plane_id;
        let found: Vec<_> = self.all.iter().filter(named).cloned().collect();
        if !found.is_empty() {
            return found;
        }
        let unnamed = |hook: &&Arc<WebhookKeys>| hook.plane_id.is_none();
        self.all.iter().filter(unnamed).cloned().collect()
    }
}

/// Where a webhook's secret belongs.
pub(super) fn secret_place(integration: IntegrationId, set_at: DateTime<Utc>) -> Place {
    Place {
        table: "webhooks",
        record: integration.to_string(),
        field: "secret",
        version: set_at.timestamp_micros().unsigned_abs(),
    }
}

pub(super) fn open(
    vault: &Vault,
    integration: IntegrationId,
    secret: &SealedSecret,
) -> Result<SecretString, VaultError> {
    vault.unseal(&secret_place(integration, secret.set_at), &secret.sealed)
}
