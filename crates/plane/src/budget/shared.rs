use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Lane,
    window::{LARGEST_LIMIT, Window},
};

/// What all processes on one database know of one key: kept there, read at a start, and agreed on before calls are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Goes up with every change; who writes names the one that it read.
    #[serde(skip)]
    pub revision: u64,
    pub limit: u32,
    pub frozen_until: Option<DateTime<Utc>>,
    pub shares: Vec<Share>,
}

/// One process's part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub owner: Uuid,
    /// Goes up with every change: a share that does not change any more belongs to nobody.
    pub number: u64,
    pub at: DateTime<Utc>,
    /// How many calls ended so many milliseconds before `at`.
    pub calls: Vec<(u64, u32)>,
    /// Calls that are under way, or may be made without another word.
    pub open: u32,
}

/// Another process, as its share tells.
#[derive(Debug)]
pub(super) struct Other {
    number: u64,
    calls: Vec<(Instant, u32)>,
    open: u32,
    /// It can't be alive.
    is_dead: bool,
    seen: Instant,
}

/// The calls that this process may make without another word: at most a few, so that little is unknown after a crash.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Whether calls have to be claimed at all: nobody keeps a budget that stands alone.
    pub(super) needed: bool,
    left: u32,
    until: Option<Instant>,
    taken_since_draft: u32,
    taken_at: Option<Instant>,
    /// Since when the database does not know all.
    changed_at: Option<Instant>,
    /// What the database has.
    record: Option<Record>,
    written: Option<Instant>,
    read: Option<Instant>,
    number: u64,
}

/// What is to be written, and what it gives once it is.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) record: Record,
    claim: u32,
    at: Instant,
}

impl Claims {
    pub(super) fn cover(&self, now: Instant) -> bool {
        !self.needed || (self.left > 0 && self.until.is_some_and(|until| now < until))
    }

    pub(super) fn take(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.taken_since_draft += 1;
        self.taken_at = Some(now);
        self.changed(now);
    }

    pub(super) fn changed(&mut self, now: Instant) {
        self.changed_at.get_or_insert(now);
    }

    /// Reads again before writing.
    pub(super) fn forget_record(&mut self) {
        self.record = None;
    }
}

impl Other {
    fn of(
        share: &Share,
        is_dead: bool,
        span: Duration,
        clock: DateTime<Utc>,
        now: Instant,
    ) -> Self {
        // A clock that is behind the writer's makes calls look younger than they are, never older.
        let age = (clock - share.at).to_std().unwrap_or_default();
        let calls = share.calls.iter().filter_map(|(ms, count)| {
            let age = age.saturating_add(Duration::from_millis(*ms));
            let at = now.checked_sub(age)?;
            (age < span).then_some((at, *count))
        });
        Self {
            number: share.number,
            calls: calls.collect(),
            open: share.open,
            is_dead,
            seen: now,
        }
    }

    pub(super) fn used(&self, span: Duration, now: Instant) -> u32 {
        let open = if now < self.open_until(span) {
            self.open
        } else {
            0
        };
        self.made(span, now) + open
    }

    pub(super) fn made(&self, span: Duration, now: Instant) -> u32 {
        let calls = self.calls.iter();
        let calls = calls.filter(|(at, _)| *at + span > now);
        calls.map(|(_, count)| count).sum()
    }

    /// Nothing of what was open is still on its way to Plane: who is dead sends nothing, and who lives lets claims lapse.
    pub(super) fn is_settled(&self, span: Duration, now: Instant) -> bool {
        self.settles_at(span) <= now
    }

    fn settles_at(&self, span: Duration) -> Instant {
        self.seen + if self.is_dead { span / 12 } else { span / 4 }
    }

    /// Of what was open, Plane knows no more than this.
    pub(super) fn opened_at_most(&mut self, count: u32) {
        self.open = self.open.min(count);
    }

    /// Who lives says so every few seconds; what was open when it died has reached Plane soon after at the latest.
    fn open_until(&self, span: Duration) -> Instant {
        self.settles_at(span) + span
    }

    /// When its calls come free, in no order.
    pub(super) fn frees(&self, span: Duration) -> impl Iterator<Item = Instant> {
        let open = std::iter::repeat_n(self.open_until(span), self.open as usize);
        let calls = self.calls.iter();
        let calls =
            calls.flat_map(move |(at, count)| std::iter::repeat_n(*at + span, *count as usize));
        calls.chain(open)
    }
}

/// What the keeper of a budget does, and when.
impl Window {
    /// How many calls are claimed at a time.
    fn block(&self) -> u32 {
        (self.limit / 15).max(1)
    }

    /// How long what is claimed may be used: so a process that was stopped for a while finds nothing left.
    fn claim_lasts(&self) -> Duration {
        self.span / 6
    }

    fn a_moment(&self) -> Duration {
        self.span / 60
    }

    /// When the database is to be asked or told next; `None` while there is nothing to say.
    pub(super) fn keep_at(&self, now: Instant) -> Option<Instant> {
        let claims = &self.claims;
        let Some(written) = claims.record.as_ref().and(claims.read) else {
            return Some(now);
        };
        let written = claims.written.map_or(written, |at| at.max(written));
        if self.is_unlimited() {
            let is_known = claims.record.as_ref().is_some_and(|record| {
                record.limit == self.limit
                    && record.frozen_until.is_some() == self.frozen_until.is_some()
            });
            return (!is_known).then_some(now);
        }
        let soon = self.a_moment();
        let waits = self.lanes.next(self.limit).map(|(lane, _)| lane);
        let claim = waits.and_then(|lane| {
            let may_be_made = self.frozen_until.is_none()
                && !(self.must_probe && self.in_flight > 0)
                && self.free(now) > self.kept_from(lane, now);
            match (may_be_made, claims.cover(now)) {
                (true, false) => Some(now),
                (true, true) => Some(now + soon),
                // Others may give back what they claimed.
                (false, _) if self.others.values().any(|other| other.open > 0) => {
                    Some(written + soon)
                }
                (false, _) => None,
            }
        });
        let runs_low = claims.taken_since_draft > 0
            && claims.left <= self.block() / 2
            && self.free(now) > claims.left + self.kept_from(Lane::Sync, now);
        let is_idle = claims.left > 0 && claim != Some(now);
        let is_open = claims.left > 0 || self.in_flight > 0 || self.unsettled(now) > 0;
        [
            is_idle.then(|| written + soon),
            claim,
            runs_low.then_some(now),
            claims.changed_at.map(|at| (at + soon).max(written + soon)),
            is_open.then(|| written + self.span / 12),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the database may have something new that matters now.
    pub(super) fn must_read(&self, now: Instant) -> bool {
        let is_held = |lane| self.free(now) <= self.kept_from(lane, now);
        self.claims.record.is_none()
            || (self.others.values().any(|other| other.open > 0)
                && self
                    .lanes
                    .next(self.limit)
                    .is_some_and(|(lane, _)| is_held(lane)))
    }

    /// Takes in what the database has. `is_alone`: no other process can be alive.
    pub(super) fn absorb(
        &mut self,
        record: Record,
        me: Uuid,
        is_alone: bool,
        clock: DateTime<Utc>,
        now: Instant,
    ) {
        if self.claims.read.is_none() {
            if record.limit > 0 {
                self.limit = record.limit.min(LARGEST_LIMIT);
            }
            // How much of what was open is made tells the first answer.
            self.must_probe = !record.shares.is_empty() && !self.is_unlimited();
        }
        let span = self.span;
        let shares = record.shares.iter().filter(|share| share.owner != me);
        let mut known = std::mem::take(&mut self.others);
        self.others = shares
            .map(|share| {
                let same = known.remove(&share.owner);
                let same = same.filter(|other| other.number == share.number);
                let other = same.unwrap_or_else(|| Other::of(share, is_alone, span, clock, now));
                (share.owner, other)
            })
            .collect::<HashMap<_, _>>();
        let frozen = record.frozen_until.map(|until| until - clock);
        if let Some(frozen) = frozen.and_then(|frozen| frozen.to_std().ok()) {
            self.freeze(now + frozen.min(self.longest_freeze));
        }
        self.claims.read = Some(now);
        self.claims.record = Some(record);
    }

    /// What to write now, if there is anything to say. `is_last`: nothing more will be called.
    pub(super) fn draft(
        &mut self,
        me: Uuid,
        is_last: bool,
        clock: DateTime<Utc>,
        now: Instant,
    ) -> Option<Draft> {
        let known = self.claims.record.as_ref()?;
        let span = self.span;
        let wants = !is_last
            && !self.is_unlimited()
            && (!self.lanes.is_empty()
                || self
                    .claims
                    .taken_at
                    .is_some_and(|at| now - at < self.a_moment()));
        let lane = self
            .lanes
            .next(self.limit)
            .map_or(Lane::Sync, |(lane, _)| lane);
        let free = self.free(now);
        let room = match lane {
            Lane::Interactive => free,
            lane if self.is_starving(lane, now) => {
                free.min(1).max(free.saturating_sub(self.reserve(now)))
            }
            _ => free.saturating_sub(self.kept_from(lane, now)),
        };
        let claim = if wants && self.frozen_until.is_none() {
            room.min(self.block())
        } else {
            0
        };
        let open = claim + self.in_flight + self.unsettled(now);
        let is_news = claim > 0
            || is_last
            || self.claims.changed_at.is_some()
            || known.limit != self.limit
            || known.frozen_until.is_some() != self.frozen_until.is_some()
            || known
                .shares
                .iter()
                .any(|share| share.owner == me && share.open > 0);
        if !is_news {
            return None;
        }

        let others = known.shares.iter().filter(|share| {
            let other = self.others.get(&share.owner);
            other.is_some_and(|other| other.used(span, now) > 0)
        });
        let mut shares: Vec<Share> = others.cloned().collect();
        let calls = self.coarse_calls(now);
        self.claims.number += 1;
        if open > 0 || !calls.is_empty() {
            shares.push(Share {
                owner: me,
                number: self.claims.number,
                at: clock,
                calls,
                open,
            });
        }
        let frozen_until = self
            .frozen_until
            .and_then(|until| Some(clock + TimeDelta::from_std(until - now).ok()?));
        let record = Record {
            revision: known.revision,
            limit: self.limit,
            frozen_until,
            shares,
        };
        self.claims.left = self.claims.left.min(claim);
        self.claims.taken_since_draft = 0;
        self.claims.changed_at = None;
        Some(Draft {
            record,
            claim,
            at: now,
        })
    }

    /// The draft is in the database.
    pub(super) fn confirm(&mut self, draft: Draft) {
        let claim_lasts = self.claim_lasts();
        let claims = &mut self.claims;
        claims.left = draft.claim.saturating_sub(claims.taken_since_draft);
        claims.until = Some(draft.at + claim_lasts);
        claims.written = Some(draft.at);
        claims.record = Some(Record {
            revision: draft.record.revision + 1,
            ..draft.record
        });
    }

    /// The calls of the window by age, the same ages taken together.
    fn coarse_calls(&self, now: Instant) -> Vec<(u64, u32)> {
        if self.is_unlimited() {
            return Vec::new();
        }
        let step = (self.span.as_millis() as u64 / 120).max(1);
        let mut calls: Vec<(u64, u32)> = Vec::new();
        for call in self.ended.iter().filter(|call| call.ended <= now) {
            let age = (now - call.ended).as_millis() as u64 / step * step;
            match calls.last_mut() {
                Some((last, count)) if *last == age => *count += 1,
                _ => calls.push((age, 1)),
            }
        }
        calls
    }
}
