use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    alerts::{ChannelSettings, Delivery, Message, retry_after},
    ids::ChannelId,
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use store::Attempt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, info, warn};

use super::{AlertsService, Secret};
use crate::traces::TraceSpan as _;

/// So many messages are under way side by side, to whatever channels.
const AT_ONCE: usize = 16;
/// So many of them to one channel: one that does not answer holds up nobody else.
const TO_ONE: usize = 2;
/// A try takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Whoever took a message has so long to send it; then it is anybody's again.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Why a message did not get through. Says nothing secret: no address of a hook, no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub(super) struct Unsent {
    pub(super) says: String,
    /// The channel wants to be left alone for so long.
    pub(super) asked: Option<TimeDelta>,
}

impl Unsent {
    pub(super) fn new(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            asked: None,
        }
    }
}

impl AlertsService {
    /// Sends what is due, also what becomes due meanwhile, until nothing is, or until `stop`: then what is under way comes to its end. A message that was sent while this
    /// process died is sent once more, under the same id.
    pub(super) async fn send_due(&self, stop: &CancellationToken) -> Result<(), store::Error> {
        let _sending = self.sending.under_way.lock().await;
        let (mut under_way, mut done) = (FuturesUnordered::new(), Ok(()));
        let mut busy = Vec::<ChannelId>::new();
        loop {
            let mut has_more = done.is_ok() && !stop.is_cancelled();
            while has_more && under_way.len() + TO_ONE <= AT_ONCE {
                match self.take(&busy).await {
                    Ok(due) => {
                        has_more = !due.is_empty();
                        busy.extend(due.iter().map(|delivery| delivery.channel));
                        let sending = due.into_iter().map(|delivery| async move {
                            (delivery.channel, self.send(delivery).await)
                        });
                        under_way.extend(sending);
                    }
                    Err(error) => (has_more, done) = (false, Err(error)),
                }
            }
            let ended = tokio::select! {
                ended = under_way.next() => ended,
                () = self.sending.looked.notified() => continue,
            };
            let Some((channel, sent)) = ended else {
                return done;
            };
            if let Some(place) = busy.iter().position(|one| *one == channel) {
                busy.swap_remove(place);
            }
            done = done.and(sent);
        }
    }

    /// What is due for channels that nothing is under way to.
    async fn take(&self, busy: &[ChannelId]) -> Result<Vec<Delivery>, store::Error> {
        let (now, most) = (self.clock.now(), u32::try_from(TO_ONE).unwrap_or(1));
        self.store
            .take_deliveries(most, busy, now, now + LEASE)
            .await
    }

    async fn send(&self, delivery: Delivery) -> Result<(), store::Error> {
        let span = tracing::info_span!(
            "alert send",
            otel.kind = "client",
            hangar.channel.id = %delivery.channel,
            hangar.delivery.id = %delivery.id,
            hangar.tries = i64::from(delivery.tries) + 1,
        );
        self.send_in_trace(delivery).instrument(span).await
    }

    async fn send_in_trace(&self, delivery: Delivery) -> Result<(), store::Error> {
        let attempt = match self.try_to_send(&delivery).await {
            Ok(()) => Attempt::Sent,
            Err(unsent) => {
                let (now, chance) = (self.clock.now(), self.rng.share());
                let wait = retry_after(delivery.made_at, delivery.tries, unsent.asked, chance, now);
                Attempt::Failed {
                    error: unsent.says,
                    again_at: wait.map(|wait| now + wait),
                }
            }
        };
        let (id, channel) = (delivery.id, delivery.channel);
        match &attempt {
            Attempt::Sent => info!(delivery = %id, %channel, "an alert was sent"),
            Attempt::Failed { error, again_at } => {
                Span::current().fail("not_taken");
                warn!(delivery = %id, %channel, error, again = again_at.is_some(), "an alert could not be sent");
            }
        }
        self.store
            .end_delivery(&delivery, &attempt, self.clock.now())
            .await
    }

    /// One try, to a channel as it is now.
    pub(super) async fn try_to_send(&self, delivery: &Delivery) -> Result<(), Unsent> {
        let found = self.store.sealed_channel(delivery.channel).await;
        let found = found.map_err(|_| Unsent::new("The database could not be read."))?;
        let Some(sealed) = found.filter(|one| one.channel.is_on) else {
            return Err(Unsent::new("The channel is switched off, or gone."));
        };
        let secret = Secret::open(&self.vault, &sealed)
            .map_err(|_| Unsent::new("Its secret can’t be opened; enter it again."))?;
        let message: &Message = &delivery.message;
        let sending = async {
            let kind = sealed.channel.kind.slug();
            Span::current().say("hangar.channel.kind", kind);
            match &sealed.channel.settings {
                ChannelSettings::Mail { .. } => {
                    self.send_mail(&sealed.channel, &secret, message, delivery.id)
                        .await
                }
                ChannelSettings::Hook { .. } => {
                    self.send_hook(sealed.channel.kind, &secret, message, delivery.id)
                        .await
                }
            }
        };
        tokio::time::timeout(PATIENCE, sending)
            .await
            .unwrap_or_else(|_| Err(Unsent::new("There was no answer within 20 seconds.")))
    }
}
