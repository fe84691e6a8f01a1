use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::WorkItemId;

/// Work items that Plane no longer lists, too many at once to be taken out before an admin has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    pub absent: u32,
    /// So many were stored.
    pub of: u32,
    /// When the walk began that did not see them.
    pub at: DateTime<Utc>,
}

/// What earlier walks over a project's work items left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// Everything that Plane changed up to here is in the copy; Plane's time.
    pub watermark: Option<DateTime<Utc>>,
    /// When the last complete walk over everything began.
    pub full_at: Option<DateTime<Utc>>,
    /// When members, states and labels were last read.
    pub around_at: Option<DateTime<Utc>>,
    /// When cycles and modules were last read.
    pub collections_at: Option<DateTime<Utc>>,
    /// A walk over everything was left before its end.
    pub is_unfinished: bool,
    /// By how much the copy's total and Plane's still differed after the last complete walk.
    pub gap: i64,
    /// What waits for an admin since the last complete walk.
    pub held: Option<Held>,
    /// An admin has released what was held: up to so many may be taken out at once.
    pub released: Option<u32>,
}

/// How a project's work items are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// All of them, oldest first.
    Full,
    /// The latest changes, back to here.
    Recent { since: DateTime<Utc> },
}

/// What `updated_at` does not show, such as items moved by an import, is found this late at most.
const FULL_EVERY: TimeDelta = TimeDelta::hours(24);
/// Members, states, labels, cycles and modules change rarely, and asking for them costs five requests.
pub(crate) const AROUND_EVERY: TimeDelta = TimeDelta::hours(1);
/// How far back of the watermark is read again: rows are committed a little later than they are stamped.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);

impl Walked {
    pub fn next(&self, now: DateTime<Utc>) -> Walk {
        match (self.watermark, self.full_at) {
            (Some(watermark), Some(full_at))
                if !self.is_unfinished
                    && self.released.is_none()
                    && is_within(full_at, FULL_EVERY, now) =>
            {
                Walk::Recent {
                    since: watermark - OVERLAP,
                }
            }
            _ => Walk::Full,
        }
    }

    /// Whether members, states and labels are to be read, though nothing else asks for them.
    pub fn wants_around(&self, now: DateTime<Utc>) -> bool {
        !self
            .around_at
            .is_some_and(|at| is_within(at, AROUND_EVERY, now))
    }

    /// Whether a difference of the totals is what the last complete walk left, so that nothing else is missing on either
    /// side. What is held must still be missing: a list that was empty by mistake is read again.
    pub fn explains(&self, gap: i64) -> bool {
        gap == self.gap && self.held.is_none_or(|held| gap == i64::from(held.absent))
    }

    /// Whether cycles and modules are to be read: no work item's time tells when they change.
    pub fn wants_collections(&self, now: DateTime<Utc>) -> bool {
        !self
            .collections_at
            .is_some_and(|at| is_within(at, AROUND_EVERY, now))
    }
}

/// A time in the future means that the clock was set back: it is not to be relied on.
fn is_within(then: DateTime<Utc>, age: TimeDelta, now: DateTime<Utc>) -> bool {
    then <= now && now - then < age
}

/// What a complete walk says of the stored items that it did not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Each may be deleted or archived: Plane has to confirm it one by one.
    Suspected(Vec<WorkItemId>),
    /// So many at once that somebody has to look first; nothing is to be removed.
    Held { absent: usize, of: usize },
}

/// Up to so many may always disappear at once.
const FEW: usize = 10;

/// Compares the stored ids with those that a complete, undisturbed walk over everything has seen. Up to `released` were
/// released by an admin; 0 if nothing was.
///
/// An empty list never says that all are gone: an archived project and a lost membership look like that, too
/// (plane-api.md section 12).
pub fn absent(stored: &[WorkItemId], seen: &HashSet<WorkItemId>, released: usize) -> Absent {
    let absent: Vec<WorkItemId> = stored
        .iter()
        .filter(|id| !seen.contains(id))
        .copied()
        .collect();
    let is_large = absent.len() > FEW && absent.len() * 5 > stored.len();
    if (is_large || seen.is_empty()) && absent.len() > released {
        return Absent::Held {
            absent: absent.len(),
            of: stored.len(),
        };
    }
    Absent::Suspected(absent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn ids(range: std::ops::Range<u128>) -> Vec<WorkItemId> {
        range.map(|n| WorkItemId(Uuid::from_u128(n))).collect()
    }

    #[test]
    fn only_a_recent_complete_walk_spares_the_next_one() {
        let walked = Walked {
            watermark: Some(at(500)),
            full_at: Some(at(1000)),
            around_at: Some(at(1000)),
            ..Walked::default()
        };
        assert_eq!(walked.next(at(2000)), Walk::Recent { since: at(380) });
        assert_eq!(walked.next(at(1000 + 24 * 3600)), Walk::Full);
        assert_eq!(walked.next(at(0)), Walk::Full, "the clock was set back");
        let unfinished = Walked {
            is_unfinished: true,
            ..walked.clone()
        };
        assert_eq!(unfinished.next(at(2000)), Walk::Full);
        let released = Walked {
            released: Some(12),
            ..walked.clone()
        };
        assert_eq!(released.next(at(2000)), Walk::Full);
        assert_eq!(Walked::default().next(at(0)), Walk::Full);
        assert!(!walked.wants_around(at(1001)));
        assert!(walked.wants_around(at(1000 + 3600)));
        assert!(Walked::default().wants_around(at(0)));
    }

    #[test]
    fn a_difference_that_was_there_before_is_explained_unless_what_is_held_is_back() {
        let walked = |gap, absent: Option<u32>| Walked {
            gap,
            held: absent.map(|absent| Held {
                absent,
                of: 100,
                at: at(0),
            }),
            ..Walked::default()
        };
        assert!(walked(0, None).explains(0));
        assert!(!walked(0, None).explains(1));
        assert!(
            walked(-2, None).explains(-2),
            "rows that are not understood"
        );
        assert!(walked(30, Some(30)).explains(30));
        assert!(!walked(30, Some(30)).explains(0), "they are back");
        assert!(
            !walked(0, Some(30)).explains(0),
            "the list was empty, its total was not"
        );
    }

    #[test]
    fn many_at_once_are_held_and_few_are_asked_for() {
        let check_released = |stored, seen, released, expected| {
            let seen: HashSet<WorkItemId> = ids(0..seen).into_iter().collect();
            let found = match absent(&ids(0..stored), &seen, released) {
                Absent::Suspected(ids) => Ok(ids.len()),
                Absent::Held { absent, of } => Err((absent, of)),
            };
            assert_eq!(found, expected, "{stored} stored, {} seen", seen.len());
        };
        let check = |stored, seen, expected| check_released(stored, seen, 0, expected);
        check(100, 100, Ok(0));
        check(100, 80, Ok(20));
        check(100, 79, Err((21, 100)));
        check(12, 2, Ok(10));
        check(12, 1, Err((11, 12)));
        check(3, 0, Err((3, 3)));
        check(0, 0, Ok(0));
        check(0, 5, Ok(0));

        // What an admin has released may go, and not one more.
        check_released(100, 79, 21, Ok(21));
        check_released(100, 78, 21, Err((22, 100)));
        check_released(3, 0, 3, Ok(3));
        check_released(3, 0, 2, Err((3, 3)));
    }

    proptest! {
        #[test]
        fn nothing_that_was_seen_is_suspected(stored in prop::collection::vec(0u128..40, 0..60), seen in prop::collection::hash_set(0u128..40, 0..40), released in 0usize..30) {
            let stored: Vec<WorkItemId> = stored.into_iter().map(|n| WorkItemId(Uuid::from_u128(n))).collect();
            let seen: HashSet<WorkItemId> = seen.into_iter().map(|n| WorkItemId(Uuid::from_u128(n))).collect();
            match absent(&stored, &seen, released) {
                Absent::Suspected(suspected) => {
                    prop_assert!(suspected.iter().all(|id| stored.contains(id) && !seen.contains(id)));
                    prop_assert!(suspected.len() <= FEW.max(released) || suspected.len() * 5 <= stored.len());
                    prop_assert!(!seen.is_empty() || suspected.len() <= released);
                }
                Absent::Held { absent, of } => {
                    prop_assert_eq!(absent, stored.iter().filter(|id| !seen.contains(id)).count());
                    prop_assert_eq!(of, stored.len());
                    prop_assert!(absent > released);
                }
            }
        }

        #[test]
        fn the_next_walk_reaches_back_behind_the_watermark(watermark in 0i64..1_000_000, full in 0i64..1_000_000, now in 0i64..1_000_000) {
            let walked = Walked { watermark: Some(at(watermark)), full_at: Some(at(full)), ..Walked::default() };
            if let Walk::Recent { since } = walked.next(at(now)) {
                prop_assert!(since < at(watermark));
            }
        }
    }
}
