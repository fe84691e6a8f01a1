use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Lane, Lasts,
    lanes::Lanes,
    shared::{Claims, Other},
};

/// What Plane allows until its headers say otherwise.
pub(super) const USUAL_LIMIT: u32 = 60;
/// More than this in a window is as good as no limit, and is not worth remembering call by call.
pub(super) const LARGEST_LIMIT: u32 = 10_000;
/// A smaller limit is believed after so many answers that all agree.
const AGREEING: u32 = 8;

/// The calls of a connection test.
const AT_ONCE: u32 = 2;

/// When a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    /// It is not the limit that is in the way: somebody goes first, or the call must be claimed. Whatever ends that wakes.
    Soon,
    /// Not before then.
    At(Instant),
}

/// A call that ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) sent: Instant,
    /// Later than Plane counted it, so never too early.
    pub(super) ended: Instant,
}

/// Plane's sliding log of one key, as far as it is known here. All times are arguments.
#[derive(Debug)]
pub(super) struct Window {
    /// Plane's window: calls of the last 60 seconds count (plane-api.md section 6).
    pub(super) span: Duration,
    pub(super) longest_freeze: Duration,
    pub(super) limit: u32,
    pub(super) ended: VecDeque<Call>,
    pub(super) in_flight: u32,
    /// Plane answered 429 although no answer tells what is left: a proxy drops the headers, or the limit is its own.
    pub(super) limit_untold: bool,
    /// Calls of others with the same key, as the latest answer's header implied, and when.
    pub(super) foreign: Option<(u32, Instant)>,
    pub(super) frozen_until: Option<Instant>,
    /// How much is free is not known before one answer tells: after a freeze, and after a start.
    pub(super) must_probe: bool,
    pub(super) remaining: Option<u32>,
    pub(super) lanes: Lanes,
    pub(super) claims: Claims,
    /// What other processes on the same database told.
    pub(super) others: HashMap<Uuid, Other>,
    evidence: Option<Evidence>,
}

/// What answers since then allow the limit to be at most.
#[derive(Debug)]
struct Evidence {
    since: Instant,
    at_most: u32,
    answers: u32,
}

impl Window {
    pub(super) fn new(lasts: Lasts) -> Self {
        Self {
            span: lasts.window,
            longest_freeze: lasts.freeze,
            limit: USUAL_LIMIT,
            ended: VecDeque::new(),
            in_flight: 0,
            limit_untold: false,
            foreign: None,
            frozen_until: None,
            must_probe: false,
            remaining: None,
            lanes: Lanes::default(),
            claims: Claims::default(),
            others: HashMap::new(),
            evidence: None,
        }
    }

    /// Whether the owner of this ticket may make its call.
    pub(super) fn turn(&self, lane: Lane, ticket: u64, now: Instant) -> Turn {
        if let Some(until) = self.frozen_until {
            return Turn::At(until);
        }
        if self.must_probe && self.in_flight > 0 {
            return Turn::Soon;
        }
        if self.free(now) > self.kept_from(lane, now) {
            let first = self.lanes.next(self.limit) == Some((lane, ticket));
            return if first && self.is_covered(now) {
                Turn::Now
            } else {
                Turn::Soon
            };
        }
        Turn::At(self.frees_at(lane, now))
    }

    /// A call is made.
    pub(super) fn take(&mut self, lane: Lane, now: Instant) {
        self.lanes.made(lane, now);
        self.in_flight += 1;
        self.claims.take(now);
    }

    /// A call ended.
    pub(super) fn end(&mut self, sent: Instant, counted: bool, answered: bool, now: Instant) {
        self.in_flight -= 1;
        if counted {
            self.must_probe &= self.frozen_until.is_some();
            // What nobody waits for any more may still be on its way.
            let ended = if answered { now } else { now + self.span / 12 };
            let place = self.ended.iter().rposition(|call| call.ended <= ended);
            let place = place.map_or(0, |before| before + 1);
            self.ended.insert(place, Call { sent, ended });
            if self.ended.len() > LARGEST_LIMIT as usize {
                self.ended.pop_front();
            }
        }
        self.claims.changed(now);
    }

    /// What `X-RateLimit-Remaining` of an allowed answer to the call sent at `sent` teaches: others use the key too, or
    /// the limit is another one.
    pub(super) fn learn(&mut self, remaining: u32, sent: Instant, now: Instant) {
        self.remaining = Some(remaining);
        self.must_probe = false;
        // Counted by Plane before this call for certain: ended before it was sent, and sent so late that it still counts.
        let before = self.ended.iter();
        let certain = before
            .filter(|call| call.ended <= sent && call.sent + self.span > now)
            .count() as u32
            + 1;
        let known = self.own() + self.others_used(now);
        let at_least = remaining.saturating_add(certain).min(LARGEST_LIMIT);
        self.limit = self.limit.max(at_least);
        self.learn_of_a_smaller_limit(remaining.saturating_add(known), now);

        let used = self.limit.saturating_sub(remaining);
        let ours = certain + self.others_counted(now);
        let span = self.span;
        let others = self.others.values_mut();
        others
            .filter(|other| other.is_settled(span, now))
            .for_each(|other| other.opened_at_most(used.saturating_sub(ours)));
        // Our log forgets later than Plane's, so what it does not explain is somebody else's. How much is theirs is not
        // certain while calls are under way: the most is assumed.
        self.foreign = (used > known).then(|| (used.saturating_sub(ours), now));
    }

    /// Others who use the key come and go; a limit that was lowered never lets an answer say more.
    fn learn_of_a_smaller_limit(&mut self, at_most: u32, now: Instant) {
        let evidence = self.evidence.get_or_insert(Evidence {
            since: now,
            at_most,
            answers: 0,
        });
        evidence.at_most = evidence.at_most.max(at_most);
        evidence.answers += 1;
        if now - evidence.since >= self.span * 2 {
            if evidence.answers >= AGREEING && evidence.at_most < self.limit {
                self.limit = evidence.at_most.max(1);
            }
            self.evidence = None;
        }
    }

    /// An allowed answer that tells nothing: this Plane has no limit, until a 429 says otherwise. Whether that is news.
    pub(super) fn learn_of_no_limit(&mut self) -> bool {
        let is_news = !self.limit_untold && self.remaining.is_none() && self.limit < LARGEST_LIMIT;
        if is_news {
            (self.limit, self.must_probe) = (LARGEST_LIMIT, false);
        }
        is_news
    }

    /// A 429.
    pub(super) fn freeze(&mut self, until: Instant) {
        self.frozen_until = self.frozen_until.max(Some(until));
        if self.remaining.is_none() && self.limit >= LARGEST_LIMIT {
            (self.limit, self.limit_untold) = (USUAL_LIMIT, true);
        }
        self.must_probe = true;
    }

    /// Calls that may be made now, by all who use the key here.
    pub(super) fn free(&self, now: Instant) -> u32 {
        self.limit
            .saturating_sub(self.own())
            .saturating_sub(self.others_used(now))
            .saturating_sub(self.foreign.map_or(0, |(count, _)| count))
    }

    pub(super) fn is_unlimited(&self) -> bool {
        self.limit >= LARGEST_LIMIT
    }

    /// Calls of the free ones that this lane leaves alone.
    pub(super) fn kept_from(&self, lane: Lane, now: Instant) -> u32 {
        if self.must_probe || lane == Lane::Interactive || self.is_starving(lane, now) {
            return 0;
        }
        self.reserve(now)
    }

    /// Whether a lane stood back for as long as it has to: then it stands back for one call less.
    pub(super) fn is_starving(&self, lane: Lane, now: Instant) -> bool {
        self.lanes.is_passed_over(lane, self.limit)
            || self.lanes.is_out_of_patience(lane, self.span, now)
    }

    /// Calls that are left to people: as many as they may need until enough come free by themselves, if they make a tenth
    /// of all calls, and a connection test's.
    pub(super) fn reserve(&self, now: Instant) -> u32 {
        let share = self.share_of_people();
        let frees = self.next_frees(share as usize + 1, now);
        let needed = frees.iter().zip(0u32..).map(|(at, before)| {
            let until = (*at - now).as_secs_f64() / self.span.as_secs_f64();
            ((until * f64::from(share)).ceil() as u32).saturating_sub(before)
        });
        let soon = now + self.reserve_delay();
        let soon = frees.iter().filter(|at| **at <= soon).count() as u32;
        (needed.max().unwrap_or(0) + AT_ONCE).saturating_sub(soon)
    }

    /// People's calls in a window.
    fn share_of_people(&self) -> u32 {
        let foreign = self.foreign.map_or(0, |(count, _)| count);
        self.limit.saturating_sub(foreign) / 10
    }

    /// What comes free within this time is as good as free: nobody waits longer for it.
    fn reserve_delay(&self) -> Duration {
        self.span / 30
    }

    /// When the next calls come free, so many; what is not used comes free with the window's end.
    fn next_frees(&self, count: usize, now: Instant) -> Vec<Instant> {
        let own = self.ended.iter().map(|call| call.ended + self.span);
        let foreign = self
            .foreign
            .map(|(count, seen)| std::iter::repeat_n(seen + self.span, count as usize));
        let others = self.others.values();
        let others = others.flat_map(|other| other.frees(self.span));
        let mut frees: Vec<Instant> = own
            .take(count)
            .chain(foreign.into_iter().flatten().take(count))
            .chain(others)
            .filter(|at| *at > now)
            .collect();
        frees.sort();
        frees.resize(count, now + self.span);
        frees
    }

    /// The earliest time at which more may be free for this lane.
    fn frees_at(&self, lane: Lane, now: Instant) -> Instant {
        let share = self.share_of_people();
        let frees = self.next_frees(share as usize + 1, now);
        let first = frees[0];
        if lane == Lane::Interactive {
            return first;
        }
        // When the reserve has become so small that one more may be made.
        let free = f64::from(self.free(now));
        let opens = frees.iter().zip(0u32..).map(|(at, before)| {
            let covered =
                (free + f64::from(before) - f64::from(AT_ONCE + 1)) / f64::from(share.max(1));
            at.checked_sub(self.span.mul_f64(covered.max(0.0)))
                .unwrap_or(*at)
        });
        let soon = first.checked_sub(self.reserve_delay());
        [opens.max(), soon, Some(first)]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
            .unwrap_or(first)
    }

    /// Whether the next call is claimed in the database, or needs no claim.
    pub(super) fn is_covered(&self, now: Instant) -> bool {
        self.is_unlimited() || self.claims.cover(now)
    }

    /// Calls that nobody waits for any more, and that Plane may not have seen yet.
    pub(super) fn unsettled(&self, now: Instant) -> u32 {
        let latest = self.ended.iter().rev();
        latest.take_while(|call| call.ended > now).count() as u32
    }

    pub(super) fn own(&self) -> u32 {
        self.ended.len() as u32 + self.in_flight
    }

    /// Made by other processes, or claimed by them.
    pub(super) fn others_used(&self, now: Instant) -> u32 {
        let others = self.others.values();
        others.map(|other| other.used(self.span, now)).sum()
    }

    /// Made by other processes, and counted by Plane for certain: when their calls were sent is not told.
    fn others_counted(&self, now: Instant) -> u32 {
        let others = self.others.values();
        others
            .map(|other| other.made(self.span - self.span / 12, now))
            .sum()
    }

    pub(super) fn forget(&mut self, now: Instant) {
        while self
            .ended
            .front()
            .is_some_and(|call| call.ended + self.span <= now)
        {
            self.ended.pop_front();
        }
        self.foreign = self.foreign.filter(|(_, seen)| *seen + self.span > now);
        self.frozen_until = self.frozen_until.filter(|until| *until > now);
    }
}
