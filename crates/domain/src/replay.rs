use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{BurstId, IntegrationId, ReplayId},
    inbox::{Burst, BurstFilter, BurstState, Effect},
};

/// Kept events that are applied once more, the oldest first, or that are only looked at for what that would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    pub id: ReplayId,
    /// Who started it, by name.
    pub by: String,
    pub scope: ReplayScope,
    /// Whether it only looks.
    pub is_dry: bool,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub is_cancelled: bool,
    /// Bursts to look through, and how many of them it has looked at.
    pub all: u64,
    pub looked_at: u64,
    /// What became, or would become, of those that are in its scope.
    pub counts: BTreeMap<Replayed, u64>,
    /// Some of them, for whoever wants to see examples; those that are settled already are left out.
    pub lines: Vec<ReplayLine>,
}

/// So many lines of a replay are kept.
pub const REPLAY_LINES: usize = 100;
/// So many bursts may be chosen one by one.
pub const MOST_CHOSEN: usize = 500;

impl Replay {
    /// Counts what became of a burst, and keeps its line if there is room.
    pub fn add(&mut self, line: ReplayLine) {
        *self.counts.entry(line.replayed).or_default() += 1;
        if line.replayed != Replayed::Settled && self.lines.len() < REPLAY_LINES {
            self.lines.push(line);
        }
    }

    /// How many bursts were in its scope so far.
    pub fn matched(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// Which bursts a replay is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayScope {
    /// All that the filter lets through and that were received before it started.
    Matching(BurstFilter),
    Chosen(Vec<(IntegrationId, BurstId)>),
}

/// A burst in a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayLine {
    pub integration: IntegrationId,
    pub burst: BurstId,
    /// What it is about, in short.
    pub title: String,
    pub event: String,
    pub replayed: Replayed,
    /// Why, as a sentence.
    pub says: Option<String>,
}

/// What became of a burst in a replay, or would become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replayed {
    Created,
    Updated,
    Removed,
    /// Plane would be asked, with one call; only a look says so.
    Asks,
    Noted,
    Unchanged,
    Stale,
    /// It was applied before.
    Settled,
    /// It waits for its turn already.
    Waiting,
    Ignored,
    /// It is tried again later.
    Failed,
}

impl Replayed {
    /// What is known before the events are looked at: whether a burst has nothing to be done again.
    pub fn before(burst: &Burst) -> Option<Self> {
        let effect = burst.result.as_ref().map(|result| result.effect);
        match burst.state {
            BurstState::Waiting => Some(Replayed::Waiting),
            BurstState::Done if effect.is_some_and(Effect::is_settled) => Some(Replayed::Settled),
            _ => None,
        }
    }
}

impl From<Effect> for Replayed {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Created => Replayed::Created,
            Effect::Updated => Replayed::Updated,
            Effect::Removed => Replayed::Removed,
            Effect::Unchanged => Replayed::Unchanged,
            Effect::Stale => Replayed::Stale,
            Effect::Noted => Replayed::Noted,
            Effect::Ignored => Replayed::Ignored,
        }
    }
}
