use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use chrono::{DateTime, Utc};
use domain::mirror::{Priority, StateGroup, WorkItemSort};
use serde::Deserialize;
use uuid::Uuid;

use super::{Wanted, bucket_of, words_of};
use crate::error::Error;

/// What lists need of a project's work items, as of one revision or a little later.
#[derive(Default)]
pub(crate) struct Table {
    pub(super) revision: i64,
    pub(super) groups: HashMap<Uuid, StateGroup>,
    buckets: BTreeMap<i64, Vec<Entry>>,
    /// In which bucket each item is.
    places: HashMap<Uuid, i64>,
    /// All in the order of the latest change, which most lists have.
    latest: BTreeSet<Place>,
}

/// So many items are looked at in the order of a list before all are looked at in the order in which they lie.
/// Few in tests, so that these see both ways.
const WALK: usize = if cfg!(test) { 40 } else { 2_000 };

pub(crate) struct Entry {
    pub(crate) id: Uuid,
    pub(crate) number: u64,
    pub(crate) name: Box<str>,
    pub(crate) priority: Priority,
    pub(crate) state: Option<Uuid>,
    pub(crate) labels: Box<[Uuid]>,
    pub(crate) assignees: Box<[Uuid]>,
    pub(crate) updated_at: DateTime<Utc>,
    /// The words of the name, each behind a space, and a space at the end.
    pub(super) words: Box<str>,
}

/// Where an item stands in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    rank: u8,
    first: u64,
    id: Uuid,
}

/// A bucket's text, read for what lists need alone.
#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    item: ListedItem<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedItem<'a> {
    id: Uuid,
    sequence_id: u64,
    #[serde(borrow)]
    name: Cow<'a, str>,
    priority: Priority,
    state: Option<Uuid>,
    labels: Vec<Uuid>,
    assignees: Vec<Uuid>,
    updated_at: DateTime<Utc>,
}

/// The items of a bucket's text, as lists need them.
pub(super) fn read_bucket(text: &str) -> Result<Vec<Entry>, Error> {
    let listed: Vec<Listed<'_>> =
        serde_json::from_str(text).map_err(|error| Error::Query(error.to_string()))?;
    Ok(listed.into_iter().map(|row| Entry::new(row.item)).collect())
}

impl Table {
    /// How many work items there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, id: Uuid) -> Option<&Entry> {
        let bucket = self.buckets.get(self.places.get(&id)?)?;
        bucket.iter().find(|entry| entry.id == id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.buckets.values().flatten()
    }

    pub(crate) fn has_number(&self, number: u64) -> bool {
        let bucket = self.buckets.get(&bucket_of(number));
        bucket.is_some_and(|bucket| bucket.iter().any(|entry| entry.number == number))
    }

    /// Takes in a bucket as it is now.
    pub(super) fn set(&mut self, bucket: i64, entries: Vec<Entry>) {
        for old in self.buckets.remove(&bucket).into_iter().flatten() {
            self.places.remove(&old.id);
            self.latest.remove(&Place::of(&old, WorkItemSort::Updated));
        }
        for entry in &entries {
            self.places.insert(entry.id, bucket);
            self.latest.insert(Place::of(entry, WorkItemSort::Updated));
        }
        if !entries.is_empty() {
            self.buckets.insert(bucket, entries);
        }
    }

    /// The first `limit` of what is wanted behind `after`, each with its place.
    pub(crate) fn list(
        &self,
        wanted: &Wanted,
        sort: WorkItemSort,
        after: Option<Place>,
        limit: usize,
    ) -> Vec<(Place, &Entry)> {
        let holds = |entry: &Entry| wanted.holds(entry, &self.groups);
        if let Some(number) = wanted.number {
            let bucket = self.buckets.get(&bucket_of(number));
            return first(bucket.into_iter().flatten(), holds, sort, after, limit);
        }
        match sort {
            // Buckets lie in the order of numbers.
            WorkItemSort::Oldest => {
                let buckets = self.buckets.values();
                bucket_by_bucket(buckets, holds, sort, after, limit)
            }
            WorkItemSort::Newest => {
                let buckets = self.buckets.values().rev();
                bucket_by_bucket(buckets, holds, sort, after, limit)
            }
            WorkItemSort::Updated => match self.latest(holds, after, limit) {
                Some(found) => found,
                None => first(self.all(), holds, sort, after, limit),
            },
            WorkItemSort::Priority => first(self.all(), holds, sort, after, limit),
        }
    }

    /// Walks along the latest changes; `None` if what is wanted is too far apart for that.
    fn latest(
        &self,
        holds: impl Fn(&Entry) -> bool,
        after: Option<Place>,
        limit: usize,
    ) -> Option<Vec<(Place, &Entry)>> {
        let mut found = Vec::new();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut walk = self.latest.range((from, Bound::Unbounded));
        for place in walk.by_ref().take(WALK) {
            let entry = self.get(place.id).filter(|entry| holds(entry));
            found.extend(entry.map(|entry| (*place, entry)));
            if found.len() == limit {
                return Some(found);
            }
        }
        walk.next().is_none().then_some(found)
    }
}

/// The first `limit` behind `after` of buckets that come in the list's order.
fn bucket_by_bucket<'a>(
    buckets: impl Iterator<Item = &'a Vec<Entry>>,
    holds: impl Fn(&Entry) -> bool,
    sort: WorkItemSort,
    after: Option<Place>,
    limit: usize,
) -> Vec<(Place, &'a Entry)> {
    let mut found = Vec::new();
    for bucket in buckets {
        if found.len() >= limit {
            break;
        }
        found.extend(first(bucket.iter(), &holds, sort, after, limit));
    }
    found.truncate(limit);
    found
}

/// The first `limit` behind `after`, in order. One pass: what is too far behind is let go again and again, some at a time.
fn first<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    holds: impl Fn(&Entry) -> bool,
    sort: WorkItemSort,
    after: Option<Place>,
    limit: usize,
) -> Vec<(Place, &'a Entry)> {
    let room = limit.saturating_mul(8).max(64);
    let mut best: Vec<(Place, &Entry)> = Vec::new();
    let mut worst: Option<Place> = None;
    for entry in entries {
        let place = Place::of(entry, sort);
        let is_in =
            after.is_none_or(|after| place > after) && worst.is_none_or(|worst| place < worst);
        if !is_in || !holds(entry) {
            continue;
        }
        best.push((place, entry));
        if best.len() == room && limit > 0 {
            best.select_nth_unstable_by_key(limit - 1, |(place, _)| *place);
            best.truncate(limit);
            worst = best.last().map(|(place, _)| *place);
        }
    }
    best.sort_unstable_by_key(|(place, _)| *place);
    best.truncate(limit);
    best
}

impl Entry {
    fn new(item: ListedItem<'_>) -> Self {
        let mut words = String::from(" ");
        for word in words_of(&item.name) {
            words.push_str(&word);
            words.push(' ');
        }
        Self {
            id: item.id,
            number: item.sequence_id,
            name: item.name.into(),
            priority: item.priority,
            state: item.state,
            labels: item.labels.into(),
            assignees: item.assignees.into(),
            updated_at: item.updated_at,
            words: words.into(),
        }
    }
}

impl Place {
    fn of(entry: &Entry, sort: WorkItemSort) -> Self {
        let latest = || u64::MAX - u64::try_from(entry.updated_at.timestamp_micros()).unwrap_or(0);
        let (rank, first) = match sort {
            WorkItemSort::Updated => (0, latest()),
            WorkItemSort::Newest => (0, u64::MAX - entry.number),
            WorkItemSort::Oldest => (0, entry.number),
            WorkItemSort::Priority => (entry.priority.rank(), latest()),
        };
        Self {
            rank,
            first,
            id: entry.id,
        }
    }

    /// As a cursor carries it.
    pub(crate) fn text(self) -> String {
        format!("{:02x}{:016x}{}", self.rank, self.first, self.id.simple())
    }

    /// The place in a cursor; `None` if it makes no sense.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Some(Self {
            rank: u8::from_str_radix(text.get(..2)?, 16).ok()?,
            first: u64::from_str_radix(text.get(2..18)?, 16).ok()?,
            id: text.get(18..)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::mirror::WorkItemFilter;
    use proptest::{collection::vec, prelude::*, sample::select};

    const SORTS: [WorkItemSort; 4] = [
        WorkItemSort::Updated,
        WorkItemSort::Newest,
        WorkItemSort::Oldest,
        WorkItemSort::Priority,
    ];

    fn entry(number: u64, micros: i64, priority: usize) -> Entry {
        Entry::new(ListedItem {
            id: Uuid::from_u128(u128::from(number) * 7 % 1009),
            sequence_id: number,
            name: Cow::Owned(format!("Fix export {number}")),
            priority: Priority::ALL[priority % Priority::ALL.len()],
            state: None,
            labels: Vec::new(),
            assignees: Vec::new(),
            updated_at: DateTime::from_timestamp_micros(micros).unwrap(),
        })
    }

    fn table(entries: Vec<Entry>) -> Table {
        let mut table = Table::default();
        for entry in entries {
            let bucket = bucket_of(entry.number);
            table.places.insert(entry.id, bucket);
            table
                .latest
                .insert(Place::of(&entry, WorkItemSort::Updated));
            table.buckets.entry(bucket).or_default().push(entry);
        }
        table
    }

    proptest! {
        #[test]
        fn pages_go_through_all_in_order(
            rows in vec((0i64..50, 0usize..5), 0..300),
            sort in select(&SORTS[..]),
            priority in proptest::option::of(select(&Priority::ALL[..])),
            limit in 1usize..20,
        ) {
            let entries = rows.iter().zip(1..).map(|((at, priority), n)| entry(n, *at, *priority)).collect();
            let table = table(entries);
            let wanted = Wanted::of(&WorkItemFilter { priority, ..WorkItemFilter::default() });
            let is_in = |entry: &&Entry| priority.is_none_or(|wanted| entry.priority == wanted);
            let mut all: Vec<Place> =
                table.all().filter(is_in).map(|entry| Place::of(entry, sort)).collect();
            all.sort();
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = table.list(&wanted, sort, after, limit);
                paged.extend(page.iter().map(|(place, _)| *place));
                match page.last() {
                    Some((last, _)) => after = Place::read(&last.text()),
                    None => break,
                }
            }
            prop_assert_eq!(paged, all);
        }

        #[test]
        fn a_place_from_a_stranger_is_harmless(text in ".{0,60}") {
            Place::read(&text);
        }
    }

    #[test]
    fn words_are_whole_but_for_the_one_that_is_typed() {
        let table = table(vec![entry(7, 0, 0), entry(17, 0, 0), entry(170, 0, 0)]);
        let found = |q: &str| {
            let mut wanted = Wanted::default();
            wanted.search(q);
            let found = table.list(&wanted, WorkItemSort::Oldest, None, 10);
            found
                .iter()
                .map(|(_, entry)| entry.number)
                .collect::<Vec<_>>()
        };
        assert_eq!(found("export fix"), [7, 17, 170]);
        assert_eq!(found("FIX 17"), [17, 170]);
        assert_eq!(found("fix 17 "), [17]);
        assert_eq!(found("fi 17 "), [0u64; 0]);
        assert_eq!(found("xport"), [0u64; 0]);
    }
}
