//! Who is told of problems: rules that look at them, and messages that get through.

/// What people type into the forms of rules and channels.
mod form;
/// What the channels that speak HTTP are sent.
mod hook;
/// E-mail.
mod mail;
/// What pages and server functions may ask for.
mod port;
/// Messages on their way.
mod sender;
/// What rules tell of now.
mod telling;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use domain::{
    alerts::{Channel, Rule},
    ids::RuleId,
};
use store::{SealedChannel, Store};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    clock::Clock,
    egress::Egress,
    rng::Rng,
    timing::every,
    vault::{Place, Vault, VaultError},
};

/// How often rules look, and messages that are due are sent.
const PACE: Duration = Duration::from_secs(5);
/// How often old messages are forgotten.
const TIDY: Duration = Duration::from_secs(3600);
/// A stop waits so long for what is under way: what is not taken by then is sent once more after the next start.
const GRACE: Duration = Duration::from_secs(5);
/// For so long it is known what was sent.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Tells people of problems. Cheap to clone.
#[derive(Clone)]
pub struct AlertsService {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub egress: Arc<Egress>,
    pub clock: Clock,
    pub rng: Rng,
    /// Where people reach this portal.
    pub public_url: String,
    pub sending: Arc<Sending>,
}

/// What is known of messages under way.
#[derive(Default)]
pub struct Sending {
    /// Held while there are any.
    under_way: Mutex<()>,
    /// It was looked at rules again, so further ones may be due.
    looked: Notify,
}

impl AlertsService {
    /// At start: the rules that a new portal begins with.
    pub async fn begin(&self) -> Result<(), store::Error> {
        let now = self.clock.now();
        let id = || RuleId(self.rng.uuid_v7(now));
        match Rule::built_in(id(), id()) {
            Ok(rules) => self.store.begin_rules(&rules, now).await,
            Err(error) => {
                warn!(%error, "the first rules have no name");
                Ok(())
            }
        }
    }

    /// Looks at problems and sends what is to be told, again and again, until `stop`. A channel that takes its time keeps nobody from
    /// looking.
    pub async fn keep_telling(&self, stop: CancellationToken) {
        let looking = async {
            let (mut pace, mut tidy) = (every(PACE), every(TIDY));
            loop {
                let done = tokio::select! {
                    () = stop.cancelled() => return,
                    _ = pace.tick() => self.look().await,
                    _ = tidy.tick() => self.store.forget_deliveries(self.clock.now() - KEPT).await,
                };
                if let Err(error) = done {
                    warn!(code = error.code(), %error, "alerts could not be looked at");
                }
            }
        };
        let sending = async {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.sending.looked.notified() => {}
                }
                if let Err(error) = self.send_due(&stop).await {
                    warn!(code = error.code(), %error, "alerts could not be sent");
                }
            }
        };
        tokio::join!(looking, sending);
    }

    /// Lets what is under way come to its end. Nothing more is sent once [`AlertsService::keep_telling`] was told to stop.
    pub async fn stop(&self) {
        if tokio::time::timeout(GRACE, self.sending.under_way.lock())
            .await
            .is_err()
        {
            warn!("an alert was still under way; it is sent once more after the next start");
        }
    }

    /// Puts on its way what rules tell of now, and wakes whoever sends.
    pub async fn look(&self) -> Result<(), store::Error> {
        let told = self.tell().await;
        self.sending.looked.notify_one();
        told
    }

    /// What rules tell of now is put on its way, and what is due is sent.
    pub async fn look_and_send(&self) -> Result<(), store::Error> {
        self.look().await?;
        self.send_due(&CancellationToken::new()).await
    }
}

/// Where a channel's secret is sealed.
fn place(channel: &Channel, sealed_version: u32) -> Place {
    Place {
        table: "alert_channels",
        record: channel.id.to_string(),
        field: "sealed",
        version: sealed_version.into(),
    }
}

/// What is kept secret of a channel.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct Secret {
    /// Of a hook: its whole address.
    url: String,
    /// What a webhook is signed by: `whsec_` and base64.
    key: String,
    /// At the mail server.
    password: String,
}

impl Secret {
    fn open(vault: &Vault, sealed: &SealedChannel) -> Result<Self, VaultError> {
        use secrecy::ExposeSecret as _;
        let at = place(&sealed.channel, sealed.sealed_version);
        let text = vault.unseal(&at, &sealed.sealed)?;
        serde_json::from_str(text.expose_secret()).map_err(|_| VaultError::Refused)
    }

    fn seal(&self, vault: &Vault, channel: &Channel) -> Result<String, VaultError> {
        let text = serde_json::to_string(self).map_err(|_| VaultError::Refused)?;
        vault.seal(&place(channel, channel.version), &text.into())
    }
}
