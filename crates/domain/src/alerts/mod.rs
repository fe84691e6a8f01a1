/// Where messages go.
mod channel;
/// When a rule tells of what.
mod decide;
/// What is told.
mod message;
/// How often a rule would have told.
mod preview;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use channel::{
    Channel, ChannelHealth, ChannelKind, ChannelSettings, MailSecurity, parse_addresses,
};
pub use decide::{Alertable, Decision, decide, group_of};
pub use message::{Delivery, DeliveryState, Message, MessageKind, retry_after};
pub use preview::{PREVIEW_DAYS, preview};

use crate::{
    checks::Level,
    ids::{ChannelId, IntegrationId, ProblemId, RuleId},
    problems::Class,
    quiet::QuietHours,
    tag::{Tag, Tags},
    text::{Name, TextError},
};

/// Who is told of which problems, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub id: RuleId,
    pub name: Name,
    pub is_on: bool,
    /// Empty: of every kind.
    pub classes: BTreeSet<Class>,
    pub pressing: Pressing,
    pub scope: Scope,
    /// Empty: nobody is told.
    pub channels: BTreeSet<ChannelId>,
    /// Whoever sees to a problem is told as well, by the channels that send e-mail.
    pub to_owner: bool,
    /// Told once it has lasted for so many minutes.
    pub after_minutes: u32,
    /// Told again after so many hours; 0: never.
    pub remind_hours: u32,
    /// Whether its end is told.
    pub tells_end: bool,
    /// What begins then waits until they are over, if it lasts as long.
    pub quiet_hours: Option<QuietHours>,
    /// Goes up with every change.
    pub version: u32,
}

/// How pressing a problem is that a rule tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pressing {
    Broken,
    /// Nothing is wrong yet, but somebody should look.
    ToLookAt,
    Both,
}

impl Pressing {
    pub const ALL: [Pressing; 3] = [Pressing::Broken, Pressing::ToLookAt, Pressing::Both];

    /// The word in forms.
    pub fn slug(self) -> &'static str {
        match self {
            Pressing::Broken => "broken",
            Pressing::ToLookAt => "to_look_at",
            Pressing::Both => "both",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.slug() == slug)
    }

    /// The words a person reads.
    pub fn word(self) -> &'static str {
        match self {
            Pressing::Broken => "What is broken",
            Pressing::ToLookAt => "What somebody should look at",
            Pressing::Both => "Both",
        }
    }

    fn holds(self, level: Level) -> bool {
        match self {
            Pressing::Broken => level == Level::Bad,
            Pressing::ToLookAt => level == Level::Warning,
            Pressing::Both => level <= Level::Warning,
        }
    }
}

/// Of which integrations a rule tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "of")]
pub enum Scope {
    #[default]
    All,
    Integrations(BTreeSet<IntegrationId>),
    Tag(Tag),
}

impl Rule {
    /// The shortest time after which somebody is reminded, in hours.
    pub const REMIND_LEAST: u32 = 4;

    /// The two that every portal begins with: what is broken, at once; and what somebody should look at, once.
    pub fn built_in(broken: RuleId, look: RuleId) -> Result<[Rule; 2], TextError> {
        let rule = |id, name: &str, pressing, remind_hours, tells_end| {
            Ok(Rule {
                id,
                name: name.parse()?,
                is_on: true,
                classes: BTreeSet::new(),
                pressing,
                scope: Scope::All,
                channels: BTreeSet::new(),
                to_owner: true,
                after_minutes: 0,
                remind_hours,
                tells_end,
                quiet_hours: None,
                version: 1,
            })
        };
        Ok([
            rule(broken, "What is broken", Pressing::Broken, 24, true)?,
            rule(look, "What to look at", Pressing::ToLookAt, 0, false)?,
        ])
    }

    /// Whether it tells of such a problem in this integration.
    pub fn concerns(
        &self,
        class: Class,
        level: Level,
        integration: IntegrationId,
        tags: &Tags,
    ) -> bool {
        let is_of = match &self.scope {
            Scope::All => true,
            Scope::Integrations(chosen) => chosen.contains(&integration),
            Scope::Tag(tag) => tags.contains(tag),
        };
        is_of
            && self.pressing.holds(level)
            && (self.classes.is_empty() || self.classes.contains(&class))
    }

    /// Minutes in a form: 0 to 1440.
    pub fn parse_after(text: &str) -> Result<u32, TextError> {
        number(text, 0..=1440).ok_or(TextError("Enter a number of minutes between 0 and 1440."))
    }

    /// Hours in a form: 0, or 4 to 168.
    pub fn parse_reminder(text: &str) -> Result<u32, TextError> {
        number(text, 0..=168)
            .filter(|hours| *hours == 0 || *hours >= Self::REMIND_LEAST)
            .ok_or(TextError(
                "Enter 0 for no reminder, or a number of hours between 4 and 168.",
            ))
    }
}

fn number(text: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    match text.trim() {
        "" => Some(0),
        text => text.parse().ok(),
    }
    .filter(|number| range.contains(number))
}

/// Problems that a rule tells of together, from the first message to the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    pub rule: RuleId,
    /// What they have in common.
    pub group: String,
    /// The how-manieth of this group it is.
    pub number: u32,
    pub opened_at: DateTime<Utc>,
    /// What was told to be part of it.
    pub members: BTreeSet<ProblemId>,
    /// What was told to be wrong, where, and how badly.
    pub title: String,
    pub level: Level,
    pub integrations: BTreeMap<IntegrationId, String>,
    /// When it was told of last.
    pub told_at: DateTime<Utc>,
    /// So many messages told of it.
    pub messages: u32,
    pub closed_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests;
