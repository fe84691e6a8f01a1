use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use domain::inbox::{Disbelief, SignedBy};
use plane::webhook::{self, is_signed};
use store::{SealedSecret, WebhookKeys};
use tracing::{Instrument as _, Span, debug, error, info};

use super::{InboxService, hooks, self_test};
use crate::traces::{self, TraceSpan as _};

/// Bodies from here on are looked at beside the requests, which would wait behind them.
const LARGE: usize = 64 << 10;

/// Headers that are kept for whoever looks.
pub const KEPT_HEADERS: [&str; 6] = [
    webhook::DELIVERY,
    webhook::EVENT,
    webhook::SIGNATURE,
    "content-type",
    "content-length",
    "user-agent",
];

/// Where a delivery was sent to.
#[derive(Clone)]
pub enum Target {
    /// The address of this webhook.
    Own(Arc<WebhookKeys>),
    /// The one that all share: the body's `webhook_id`, or the signature, tells whose it is.
    Shared,
}

/// A delivery as it came.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    pub body: Vec<u8>,
    pub signature: Option<String>,
    /// Headers that are kept for whoever looks, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Who sent it: one address, or the network that one subscriber has.
    pub sender: String,
}

impl Delivery {
    /// As it is kept.
    pub(super) fn believed(
        self,
        hook: &WebhookKeys,
        signed_by: SignedBy,
        received_at: DateTime<Utc>,
    ) -> store::Delivery {
        store::Delivery {
            integration: hook.integration,
            received_at,
            signed_by,
            headers: self.headers,
            body: self.body,
            trace: traces::current(),
        }
    }
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is durable.
    Received,
    /// It is kept until a new secret is pasted.
    Held,
    Refused(Disbelief),
    /// It was Hangar's own, which is kept nowhere; what proves that it arrived.
    Own(String),
}

impl Answer {
    /// As programs read it.
    fn word(&self) -> &'static str {
        match self {
            Answer::Received => "received",
            Answer::Held => "held",
            Answer::Refused(_) => "refused",
            Answer::Own(_) => "own",
        }
    }
}

impl InboxService {
    /// The webhook at an address, if there is one.
    pub async fn target(&self, path: Option<&str>) -> Result<Option<Target>, store::Error> {
        let known = self.hooks().await?;
        Ok(match path {
            Some(path) => known.at_path(path).map(Target::Own),
            None => known.has_any().then_some(Target::Shared),
        })
    }

    /// Keeps a delivery that can be believed. An error means that it is not kept, and that the sender must not be answered: Plane
    /// takes any answer for a success, but tries again when there is none (plane-api.md section 8).
    pub async fn receive(
        &self,
        target: Target,
        delivery: Delivery,
    ) -> Result<Answer, store::Error> {
        let span = tracing::info_span!(
            "webhook receive",
            otel.kind = "internal",
            hangar.webhook.bytes = delivery.body.len() as i64,
        );
        let answer = self
            .believe_and_keep(target, delivery)
            .instrument(span.clone())
            .await;
        match &answer {
            Ok(answer) => span.say("hangar.webhook.answer", answer.word()),
            Err(error) => span.fail(error.code()),
        }
        answer
    }

    async fn believe_and_keep(
        &self,
        target: Target,
        delivery: Delivery,
    ) -> Result<Answer, store::Error> {
        let candidates = match &target {
            Target::Own(hook) => vec![hook.clone()],
            Target::Shared => {
                let known = self.hooks().await?;
                known.candidates(webhook::webhook_of(&delivery.body))
            }
        };
        let delivery = Arc::new(delivery);
        let (service, given) = (self.clone(), delivery.clone());
        let judge = move || service.judge(&candidates, &given);
        let judged = match delivery.body.len() {
            0..LARGE => judge(),
            _ => tokio::task::spawn_blocking(judge)
                .await
                .map_err(|e| store::Error::Broken(format!("a delivery could not be read: {e}")))?,
        };
        let delivery = Arc::unwrap_or_clone(delivery);
        match judged {
            Ok((hook, signed_by)) => {
                let integration = hook.integration.to_string();
                Span::current().say("hangar.integration.id", integration);
                let own = self_test::nonce_of(&delivery.body);
                if let Some(proof) = own.and_then(|nonce| self.answer_to_self(&hook, &nonce)) {
                    return Ok(Answer::Own(proof));
                }
                self.keep(delivery.believed(&hook, signed_by, self.now()))
                    .await?;
                Ok(Answer::Received)
            }
            Err(why) => match target {
                Target::Own(hook) => self.disbelieve(&hook, why, delivery).await,
                // Whose it is nobody can tell.
                Target::Shared => {
                    info!(?why, "a delivery to the common address was not believed");
                    Ok(Answer::Refused(why))
                }
            },
        }
    }

    /// Whose a delivery is, if its signature is right.
    pub(super) fn judge(
        &self,
        candidates: &[Arc<WebhookKeys>],
        delivery: &Delivery,
    ) -> Result<(Arc<WebhookKeys>, SignedBy), Disbelief> {
        let signature = delivery.signature.as_deref().unwrap_or_default();
        if signature.is_empty() {
            return Err(Disbelief::NoSignature);
        }
        for hook in candidates {
            if let Some(signed_by) = self.signed_by(hook, &delivery.body, signature) {
                return Ok((hook.clone(), signed_by));
            }
        }
        let whys = candidates.iter().map(|hook| self.why_not(hook, delivery));
        Err(whys
            .reduce(|one, other| match one {
                Disbelief::Unknown | Disbelief::NoSecret => other,
                told => told,
            })
            .unwrap_or(Disbelief::Unknown))
    }

    /// The secret that counts and that a body was signed with.
    fn signed_by(&self, hook: &WebhookKeys, body: &[u8], signature: &str) -> Option<SignedBy> {
        let now = self.now();
        let previous = hook
            .previous
            .as_ref()
            .filter(|_| hook.previous_until.is_some_and(|until| now < until));
        if self.fits(hook, hook.current.as_ref(), body, signature) {
            Some(SignedBy::Current)
        } else if self.fits(hook, previous, body, signature) {
            Some(SignedBy::Previous)
        } else {
            None
        }
    }

    fn fits(
        &self,
        hook: &WebhookKeys,
        secret: Option<&SealedSecret>,
        body: &[u8],
        signature: &str,
    ) -> bool {
        let Some(secret) = secret else { return false };
        match hooks::open(&self.0.integrations.vault, hook.integration, secret) {
            Ok(secret) => is_signed(&secret, body, signature),
            Err(error) => {
                error!(code = error.code(), integration = %hook.integration, "a webhook's secret can't be opened");
                false
            }
        }
    }

    fn why_not(&self, hook: &WebhookKeys, delivery: &Delivery) -> Disbelief {
        let signature = delivery.signature.as_deref().unwrap_or_default();
        if hook.current.is_none() {
            return Disbelief::NoSecret;
        }
        if self.fits(hook, hook.previous.as_ref(), &delivery.body, signature) {
            return Disbelief::OldSecret;
        }
        let anew = webhook::as_plane_writes(&delivery.body);
        match anew.is_some_and(|body| self.fits(hook, hook.current.as_ref(), &body, signature)) {
            true => Disbelief::Altered,
            false => Disbelief::Unknown,
        }
    }

    /// What is not believed is kept apart: somebody may have made a new secret in Plane, which counts there at once.
    async fn disbelieve(
        &self,
        hook: &WebhookKeys,
        why: Disbelief,
        delivery: Delivery,
    ) -> Result<Answer, store::Error> {
        let now = self.now();
        let is_rotating = hook.rotation_until.is_some_and(|until| now < until);
        // Whoever is waited for may send as much as the quarantine holds.
        if !is_rotating && !self.0.doubts.may_write(&delivery.sender, now) {
            debug!(integration = %hook.integration, ?why, "a delivery was not believed, like many of its sender's, and not kept");
            return Ok(Answer::Refused(why));
        }
        let is_kept = self.put_aside(hook.integration, why, &delivery).await?;
        debug!(integration = %hook.integration, ?why, is_kept, "a delivery was not believed");
        Ok(match is_kept && is_rotating {
            true => Answer::Held,
            false => Answer::Refused(why),
        })
    }
}
