use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::ChannelId,
    text::{Email, Name, TextError},
};

/// What a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// SMTP.
    Email,
    /// Slack's incoming webhooks.
    Slack,
    /// Discord's webhooks.
    Discord,
    /// Incoming webhooks that take `{"text": …}`: Mattermost, Rocket.Chat, Teams’ workflows.
    Text,
    /// JSON, signed as <https://www.standardwebhooks.com> says.
    Webhook,
}

impl ChannelKind {
    pub const ALL: [ChannelKind; 5] = [
        ChannelKind::Email,
        ChannelKind::Slack,
        ChannelKind::Discord,
        ChannelKind::Text,
        ChannelKind::Webhook,
    ];

    /// The word in forms and the store.
    pub fn slug(self) -> &'static str {
        match self {
            ChannelKind::Email => "email",
            ChannelKind::Slack => "slack",
            ChannelKind::Discord => "discord",
            ChannelKind::Text => "text",
            ChannelKind::Webhook => "webhook",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.slug() == slug)
    }

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            ChannelKind::Email => "E-mail",
            ChannelKind::Slack => "Slack",
            ChannelKind::Discord => "Discord",
            ChannelKind::Text => "Mattermost, Teams and the like",
            ChannelKind::Webhook => "Webhook",
        }
    }
}

/// How the connection to a mail server is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSecurity {
    /// Plain at first, then TLS before anything is said; never without.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: for a mail server on the same machine.
    Plain,
}

impl MailSecurity {
    pub const ALL: [MailSecurity; 3] = [
        MailSecurity::StartTls,
        MailSecurity::Tls,
        MailSecurity::Plain,
    ];

    /// The word in forms.
    pub fn slug(self) -> &'static str {
        match self {
            MailSecurity::StartTls => "start_tls",
            MailSecurity::Tls => "tls",
            MailSecurity::Plain => "plain",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.slug() == slug)
    }

    /// The word a person reads.
    pub fn word(self) -> &'static str {
        match self {
            MailSecurity::StartTls => "STARTTLS",
            MailSecurity::Tls => "TLS",
            MailSecurity::Plain => "None",
        }
    }
}

/// What may be shown of where a channel leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "to")]
pub enum ChannelSettings {
    Mail {
        host: String,
        port: u16,
        security: MailSecurity,
        /// Empty: nobody has to sign in there.
        user: String,
        from: Email,
        recipients: Vec<Email>,
    },
    /// The address itself is a secret; this is its host.
    Hook { host: String },
}

/// Where messages go. Never its secret: that is a password, or the address with the key to sign by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    pub id: ChannelId,
    pub name: Name,
    pub kind: ChannelKind,
    pub settings: ChannelSettings,
    pub is_on: bool,
    pub saved_at: DateTime<Utc>,
    /// Goes up with every change.
    pub version: u32,
    pub health: ChannelHealth,
}

impl Channel {
    /// So many tries in a row that failed are a problem.
    pub const FAILING_AFTER: u32 = 3;

    /// Where it leads, as far as may be shown.
    pub fn leads_to(&self) -> String {
        match &self.settings {
            ChannelSettings::Hook { host } => host.clone(),
            ChannelSettings::Mail { recipients, .. } => {
                let all: Vec<&str> = recipients.iter().map(Email::as_str).collect();
                all.join(", ")
            }
        }
    }
}

/// How its deliveries went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChannelHealth {
    /// So many tries in a row failed.
    pub failed: u32,
    pub error: Option<String>,
    pub failed_at: Option<DateTime<Utc>>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// So many addresses at most are told by one channel.
const ADDRESSES_MOST: usize = 20;

/// Addresses in a form, with commas, semicolons or spaces between them.
pub fn parse_addresses(text: &str) -> Result<Vec<Email>, TextError> {
    let mut addresses = Vec::new();
    let parts = text.split([',', ';', ' ', '\n', '\r', '\t']);
    for part in parts.filter(|part| !part.is_empty()) {
        let address: Email = part.parse()?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    match addresses.len() {
        0 => Err(TextError("Enter at least one e-mail address.")),
        n if n > ADDRESSES_MOST => Err(TextError("At most 20 addresses are told by one channel.")),
        _ => Ok(addresses),
    }
}
