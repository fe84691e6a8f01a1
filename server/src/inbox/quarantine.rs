use std::collections::BTreeMap;

use app::Rechecked;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{ids::IntegrationId, inbox::Disbelief};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use store::Quarantined;
use tracing::error;
use uuid::Uuid;

use super::{InboxService, receive::Delivery};
use crate::vault::Place;

/// Kept of one integration: what Plane may send in a day, and no more than an attacker who knows the address may fill.
const MOST: u32 = 5000;
const MOST_BYTES: u64 = 50 << 20;
/// Looked at in one go.
const PAGE: u32 = 50;

/// What is sealed of a delivery.
#[derive(Serialize, Deserialize)]
struct Sealed {
    body: String,
    signature: Option<String>,
    headers: BTreeMap<String, String>,
}

impl InboxService {
    /// Keeps a delivery that was not believed. Whether it is kept.
    pub(super) async fn put_aside(
        &self,
        integration: IntegrationId,
        why: Disbelief,
        delivery: &Delivery,
    ) -> Result<bool, store::Error> {
        let now = self.now();
        let id = self.0.integrations.rng.uuid_v7(now);
        let sealed = Sealed {
            body: STANDARD.encode(&delivery.body),
            signature: delivery.signature.clone(),
            headers: delivery.headers.clone(),
        };
        let text = serde_json::to_string(&sealed).map(SecretString::from);
        let sealed = text.map_err(|error| error.to_string()).and_then(|text| {
            let vault = &self.0.integrations.vault;
            vault
                .seal(&place(id), &text)
                .map_err(|error| error.to_string())
        });
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(error) => {
                error!(error, "a delivery could not be sealed");
                return Ok(false);
            }
        };
        let one = Quarantined {
            id,
            integration,
            received_at: now,
            why,
            sealed,
        };
        self.store().quarantine(&one, MOST, MOST_BYTES).await
    }

    /// Checks what was not believed once more, with the secrets that count now. What is believed is received, as of when it came.
    pub(super) async fn check_again(
        &self,
        integration: IntegrationId,
    ) -> Result<Rechecked, store::Error> {
        self.0.hooks.forget();
        let known = self.hooks().await?;
        let Some(hook) = known.of(integration) else {
            return Ok(Rechecked::default());
        };
        let (mut counts, mut after) = (Rechecked::default(), None);
        loop {
            let page = self.store().quarantined(integration, after, PAGE).await?;
            let Some(last) = page.last() else {
                // Whoever reads the counts looks for them in the log.
                self.sort_out().await?;
                return Ok(counts);
            };
            after = Some(last.id);
            for one in page {
                let Some(delivery) = self.open(&one) else {
                    counts.rejected += 1;
                    continue;
                };
                let Ok((hook, signed_by)) = self.judge(std::slice::from_ref(&hook), &delivery)
                else {
                    counts.rejected += 1;
                    continue;
                };
                self.keep(delivery.believed(&hook, signed_by, one.received_at))
                    .await?;
                counts.verified += 1;
                // Received first: a crash in between receives it twice, which is known.
                self.store().leave_quarantine(integration, one.id).await?;
            }
        }
    }

    fn open(&self, one: &Quarantined) -> Option<Delivery> {
        let text = self
            .0
            .integrations
            .vault
            .unseal(&place(one.id), &one.sealed)
            .ok()?;
        let sealed: Sealed = serde_json::from_str(text.expose_secret()).ok()?;
        Some(Delivery {
            body: STANDARD.decode(&sealed.body).ok()?,
            signature: sealed.signature,
            headers: sealed.headers,
            sender: String::new(),
        })
    }
}

fn place(id: Uuid) -> Place {
    Place {
        table: "webhook_quarantine",
        record: id.to_string(),
        field: "sealed",
        version: 1,
    }
}
