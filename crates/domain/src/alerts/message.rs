use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Incident;
use crate::{
    checks::Level,
    ids::{ChannelId, DeliveryId, IntegrationId, RuleId, fnv},
};

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    Opened,
    /// More is affected.
    Updated,
    /// It still lasts.
    Reminder,
    Closed,
    /// Somebody wanted to see what it looks like.
    Test,
}

impl MessageKind {
    /// The word in the store, in exports and in webhooks.
    pub fn word(self) -> &'static str {
        match self {
            MessageKind::Opened => "opened",
            MessageKind::Updated => "updated",
            MessageKind::Reminder => "reminder",
            MessageKind::Closed => "closed",
            MessageKind::Test => "test",
        }
    }

    /// What a subject begins with.
    pub fn name(self) -> &'static str {
        match self {
            MessageKind::Opened => "Problem",
            MessageKind::Updated => "More affected",
            MessageKind::Reminder => "Still a problem",
            MessageKind::Closed => "Resolved",
            MessageKind::Test => "Test",
        }
    }
}

/// What is told, whatever the channel makes of it. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub kind: MessageKind,
    pub rule: RuleId,
    pub rule_name: String,
    /// Names the incident: the same in all messages of it.
    pub incident: String,
    pub level: Level,
    /// What is wrong, as a headline.
    pub title: String,
    /// In a sentence or two.
    pub says: String,
    pub advice: String,
    /// What is affected.
    pub integrations: Vec<(IntegrationId, String)>,
    pub since: DateTime<Utc>,
    pub at: DateTime<Utc>,
    /// Who sees to it.
    pub owner: Option<String>,
    /// Who is told beside the channel's own addresses, by e-mail.
    pub owner_addresses: Vec<String>,
    /// Where it stands.
    pub url: String,
}

impl Message {
    /// "Problem: Plane can’t be reached (Acme and 2 more)".
    pub fn subject(&self) -> String {
        let affected = match self.integrations.as_slice() {
            [] => String::new(),
            [(_, one)] => format!(" ({one})"),
            [(_, first), rest @ ..] => format!(" ({first} and {} more)", rest.len()),
        };
        format!("{}: {}{affected}", self.kind.name(), self.title)
    }
}

impl Incident {
    /// What its messages name it by.
    pub fn name(&self) -> String {
        let number = self.number.to_string();
        let hash = fnv([
            self.rule.0.as_bytes(),
            self.group.as_bytes(),
            number.as_bytes(),
        ]);
        format!("{hash:032x}")
    }

    /// The id of its latest message to a channel: the same, whoever writes it and how often.
    pub fn delivery(&self, channel: ChannelId) -> DeliveryId {
        let (name, messages) = (self.name(), self.messages.to_string());
        let hash = fnv([name.as_bytes(), messages.as_bytes(), channel.0.as_bytes()]);
        DeliveryId(uuid::Uuid::from_u128(hash))
    }
}

/// A message on its way to a channel, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub id: DeliveryId,
    pub channel: ChannelId,
    pub message: Message,
    pub state: DeliveryState,
    pub made_at: DateTime<Utc>,
    /// When it is tried next, while it waits.
    pub due_at: DateTime<Utc>,
    pub tries: u32,
    /// Why the last try failed.
    pub error: Option<String>,
    pub sent_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Waiting,
    Sent,
    /// Tried for a day in vain, or refused for good.
    Failed,
}

impl DeliveryState {
    pub const ALL: [DeliveryState; 3] = [
        DeliveryState::Waiting,
        DeliveryState::Sent,
        DeliveryState::Failed,
    ];

    /// The word in addresses and the store.
    pub fn slug(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Sent => "sent",
            DeliveryState::Failed => "failed",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.slug() == slug)
    }

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "On its way",
            DeliveryState::Sent => "Sent",
            DeliveryState::Failed => "Failed",
        }
    }
}

/// For so long a message is tried; what is older is news no more.
const TRIED_FOR: TimeDelta = TimeDelta::hours(24);

/// When a message is tried again after so many tries that failed, once or more: never sooner than the channel asks for. `None`: it is
/// given up. `chance` is from 0 to 1.
pub fn retry_after(
    made_at: DateTime<Utc>,
    tries: u32,
    asked: Option<TimeDelta>,
    chance: f64,
    now: DateTime<Utc>,
) -> Option<TimeDelta> {
    let bound = 10_000_i64.saturating_mul(3_i64.saturating_pow(tries.saturating_sub(1)));
    let bound = bound.min(TimeDelta::hours(1).num_milliseconds());
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "at most an hour in milliseconds"
    )]
    let jittered = (bound as f64 * (0.5 + chance.clamp(0.0, 1.0) / 2.0)) as i64;
    let wait = TimeDelta::milliseconds(jittered).max(asked.unwrap_or_default());
    (now + wait - made_at <= TRIED_FOR).then_some(wait)
}
