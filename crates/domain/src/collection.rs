use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::CollectionId;

/// What puts work items together: in Plane a cycle is for a time, a module for a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectionKind {
    Cycle,
    Module,
}

impl CollectionKind {
    pub const ALL: [CollectionKind; 2] = [CollectionKind::Cycle, CollectionKind::Module];

    /// Plane's word.
    pub fn word(self) -> &'static str {
        match self {
            CollectionKind::Cycle => "cycle",
            CollectionKind::Module => "module",
        }
    }

    /// The kind of Plane's word.
    pub fn from_word(word: &str) -> Option<Self> {
        CollectionKind::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// A cycle or a module, as Plane lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    pub kind: CollectionKind,
    pub id: CollectionId,
    pub name: String,
    /// A module's state in Plane's word, such as `in-progress`; empty for a cycle.
    pub status: String,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
    /// How many work items Plane says it has.
    pub total_work_items: u64,
    pub updated_at: DateTime<Utc>,
}

/// What was known of a collection when its work items were last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemsRead {
    pub at: DateTime<Utc>,
    pub total_work_items: u64,
    /// The collection's own last change.
    pub updated_at: DateTime<Utc>,
}

/// A work item that takes another one's place moves neither the total nor any time: it is found this late at most.
const ITEMS_EVERY: TimeDelta = TimeDelta::hours(24);

impl Collection {
    /// Whether its work items are to be read: that is a request or more each, and mostly nothing has changed.
    pub fn wants_items(&self, read: Option<ItemsRead>, now: DateTime<Utc>) -> bool {
        read.is_none_or(|read| {
            read.total_work_items != self.total_work_items
                || read.updated_at != self.updated_at
                || read.at > now
                || now - read.at >= ITEMS_EVERY
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn sprint(total_work_items: u64, updated: i64) -> Collection {
        Collection {
            kind: CollectionKind::Cycle,
            id: CollectionId(Uuid::from_u128(1)),
            name: "Sprint 1".into(),
            status: String::new(),
            starts_on: None,
            ends_on: None,
            total_work_items,
            updated_at: at(updated),
        }
    }

    #[test]
    fn work_items_are_read_when_something_tells_of_a_change_or_a_day_has_passed() {
        let read = |seconds| ItemsRead {
            at: at(seconds),
            total_work_items: 20,
            updated_at: at(5),
        };
        let check = |collection: Collection, read, expected| {
            assert_eq!(
                collection.wants_items(read, at(1000)),
                expected,
                "{collection:?} {read:?}"
            );
        };
        check(sprint(20, 5), None, true);
        check(sprint(20, 5), Some(read(900)), false);
        check(sprint(21, 5), Some(read(900)), true);
        check(sprint(20, 6), Some(read(900)), true);
        check(sprint(20, 5), Some(read(1000 - 24 * 3600)), true);
        check(sprint(20, 5), Some(read(1001)), true);
    }

    proptest! {
        #[test]
        fn what_was_just_read_is_not_read_again(total in 0u64..9, updated in 0i64..9, now in 0i64..1_000_000) {
            let collection = sprint(total, updated);
            let read = ItemsRead { at: at(now), total_work_items: total, updated_at: at(updated) };
            prop_assert!(!collection.wants_items(Some(read), at(now)));
            let other = ItemsRead { total_work_items: total + 1, ..read };
            prop_assert!(collection.wants_items(Some(other), at(now)));
        }
    }

    #[test]
    fn kinds_come_back_from_their_words() {
        for kind in CollectionKind::ALL {
            assert_eq!(CollectionKind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(CollectionKind::from_word("epic"), None);
    }
}
