use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::IntegrationId;
use secrecy::SecretString;
use store::{SealedSecret, WebhookKeys};
use uuid::Uuid;

use super::InboxService;
use crate::vault::{Place, Vault, VaultError};

/// So long another process may go on by what was changed here.
const AGE: TimeDelta = TimeDelta::seconds(2);
/// From then on they are read again, while whoever asks goes on by what is there.
const AGING: TimeDelta = TimeDelta::seconds(1);

/// All webhooks, in memory: whoever asks for an address that there is not costs no query, and whoever delivers waits for none.
#[derive(Default)]
pub(super) struct Hooks {
    slot: RwLock<Slot>,
    /// Held by whoever reads them again.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Slot {
    known: Option<Arc<Known>>,
    /// How often something was changed: what was read before a change is not kept after it.
    changes: u64,
}

pub(super) struct Known {
    all: Vec<Arc<WebhookKeys>>,
    by_path: HashMap<String, Arc<WebhookKeys>>,
    read_at: DateTime<Utc>,
}

impl InboxService {
    /// The webhooks, as they were a moment ago at most.
    pub(super) async fn hooks(&self) -> Result<Arc<Known>, store::Error> {
        let (hooks, now) = (&self.0.hooks, self.now());
        if let Some(known) = hooks.not_older(AGE, now) {
            if hooks.not_older(AGING, now).is_none() && hooks.turn.try_lock().is_ok() {
                let inbox = self.clone();
                // A failure is met by whoever has to wait for it.
                self.0
                    .integrations
                    .background
                    .spawn(async move { inbox.read_hooks(AGING).await.map(drop) });
            }
            return Ok(known);
        }
        self.read_hooks(AGE).await
    }

    /// Reads them again, unless somebody else was faster.
    async fn read_hooks(&self, age: TimeDelta) -> Result<Arc<Known>, store::Error> {
        let (hooks, now) = (&self.0.hooks, self.now());
        let _turn = hooks.turn.lock().await;
        if let Some(known) = hooks.not_older(age, now) {
            return Ok(known);
        }
        let changes = hooks.slot().changes;
        let all = self.store().webhook_keys().await?.into_iter().map(Arc::new);
        let all: Vec<Arc<WebhookKeys>> = all.collect();
        let by_path = all.iter().map(|hook| (hook.path.clone(), hook.clone()));
        let known = Arc::new(Known {
            by_path: by_path.collect(),
            all,
            read_at: now,
        });
        let mut slot = hooks.slot_mut();
        if slot.changes == changes {
            slot.known = Some(known.clone());
        }
        Ok(known)
    }
}

impl Hooks {
    fn not_older(&self, age: TimeDelta, now: DateTime<Utc>) -> Option<Arc<Known>> {
        let slot = self.slot();
        let known = slot.known.as_ref();
        known
            .filter(|known| (now - known.read_at).abs() < age)
            .cloned()
    }

    /// Something was changed: the next one reads them again.
    pub(super) fn forget(&self) {
        let mut slot = self.slot_mut();
        slot.known = None;
        slot.changes += 1;
    }

    fn slot(&self) -> RwLockReadGuard<'_, Slot> {
        self.slot.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot_mut(&self) -> RwLockWriteGuard<'_, Slot> {
        self.slot.write().unwrap_or_else(PoisonError::into_inner)
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
