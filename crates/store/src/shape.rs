//! Record ids, sort keys and the shapes that several tables share.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use domain::page::{Cursor, Page};
use serde::{Serialize, de::DeserializeOwned};
use surrealdb::types::{
    Array, Bytes, Number, RecordId, RecordIdKey, RecordIdKeyRange, Uuid as DbUuid, Value,
};
use uuid::Uuid;

use crate::error::Error;

/// `table:u'…'`
pub(crate) fn record(table: &'static str, id: Uuid) -> RecordId {
    RecordId::new(table, RecordIdKey::Uuid(DbUuid::from(id)))
}

/// `table:[u'…', u'…']`: sorts by its first part first, so that all of a parent's rows are one range.
pub(crate) fn record_of(table: &'static str, parts: &[Uuid]) -> RecordId {
    RecordId::new(table, RecordIdKey::Array(array(parts)))
}

/// All records of `table` whose ids begin with `parts`.
pub(crate) fn records_under(table: &'static str, parts: &[Uuid]) -> RecordId {
    records_between(table, Bound::Included(array(parts)), parts)
}

/// Those of them whose ids are behind `after`.
pub(crate) fn records_behind(
    table: &'static str,
    parts: &[Uuid],
    after: Option<[Uuid; 2]>,
) -> RecordId {
    let from = after.map_or(Bound::Included(array(parts)), |after| {
        Bound::Excluded(array(&after))
    });
    records_between(table, from, parts)
}

/// All records of `table` whose ids are behind `after`; all of them if there is none.
pub(crate) fn records_all(table: &'static str, after: Option<[Uuid; 2]>) -> RecordId {
    let from = after.map_or(Bound::Unbounded, |after| {
        Bound::Excluded(RecordIdKey::Array(array(&after)))
    });
    let range = RecordIdKeyRange::from((from, Bound::Unbounded));
    RecordId::new(table, RecordIdKey::Range(Box::new(range)))
}

fn records_between(table: &'static str, from: Bound<Array>, parts: &[Uuid]) -> RecordId {
    let mut end = array(parts);
    // An array sorts after every uuid.
    end.push(Value::Array(Array::new()));
    let range = RecordIdKeyRange::from((
        from.map(RecordIdKey::Array),
        Bound::Excluded(RecordIdKey::Array(end)),
    ));
    RecordId::new(table, RecordIdKey::Range(Box::new(range)))
}

fn array(parts: &[Uuid]) -> Array {
    Array::from(
        parts
            .iter()
            .map(|id| Value::Uuid(DbUuid::from(*id)))
            .collect::<Vec<_>>(),
    )
}

/// `table:[u'…', 7]`: a parent's rows by number.
pub(crate) fn numbered(table: &'static str, parts: &[Uuid], number: i64) -> RecordId {
    RecordId::new(table, RecordIdKey::Array(with_number(parts, number)))
}

/// The rows of [`numbered`] behind a number, in order.
pub(crate) fn records_after(table: &'static str, parts: &[Uuid], number: i64) -> RecordId {
    let after = with_number(parts, number);
    records_between(table, Bound::Excluded(after), parts)
}

/// `table:[u'…', 7, u'…']`: a parent's rows by number, and many to a number.
pub(crate) fn numbered_one(table: &'static str, parent: Uuid, number: i64, id: Uuid) -> RecordId {
    let mut key = with_number(&[parent], number);
    key.push(Value::Uuid(DbUuid::from(id)));
    RecordId::new(table, RecordIdKey::Array(key))
}

/// The rows of [`numbered_one`] from a number until before another, in order.
pub(crate) fn records_from_to(table: &'static str, parent: Uuid, from: i64, to: i64) -> RecordId {
    let bound = |number| RecordIdKey::Array(with_number(&[parent], number));
    let range = RecordIdKeyRange::from((Bound::Included(bound(from)), Bound::Excluded(bound(to))));
    RecordId::new(table, RecordIdKey::Range(Box::new(range)))
}

/// The rows of [`numbered_one`] behind a place until before a number, in order.
pub(crate) fn records_after_one(
    table: &'static str,
    parent: Uuid,
    (number, id): (i64, Uuid),
    to: i64,
) -> RecordId {
    let mut after = with_number(&[parent], number);
    after.push(Value::Uuid(DbUuid::from(id)));
    let range = RecordIdKeyRange::from((
        Bound::Excluded(RecordIdKey::Array(after)),
        Bound::Excluded(RecordIdKey::Array(with_number(&[parent], to))),
    ));
    RecordId::new(table, RecordIdKey::Range(Box::new(range)))
}

/// The parent and the number of [`numbered`].
pub(crate) fn parent_and_number(record: &RecordId) -> Result<(Uuid, i64), Error> {
    if let RecordIdKey::Array(key) = &record.key
        && let [Value::Uuid(parent), Value::Number(Number::Int(number))] = key.as_slice()
    {
        return Ok((Uuid::from(*parent), *number));
    }
    Err(Error::Query("a record's id has no number".to_owned()))
}

/// The place of [`numbered_one`].
pub(crate) fn place_of(record: &RecordId) -> Result<(i64, Uuid), Error> {
    if let RecordIdKey::Array(key) = &record.key
        && let [_, Value::Number(Number::Int(number)), Value::Uuid(id)] = key.as_slice()
    {
        return Ok((*number, Uuid::from(*id)));
    }
    Err(Error::Query("a record's id has no place".to_owned()))
}

fn with_number(parts: &[Uuid], number: i64) -> Array {
    let mut key = array(parts);
    key.push(Value::Number(Number::Int(number)));
    key
}

/// The uuid of `table:u'…'`.
pub(crate) fn id_of(record: &RecordId) -> Result<Uuid, Error> {
    match &record.key {
        RecordIdKey::Uuid(id) => Ok(Uuid::from(*id)),
        _ => Err(Error::Query("a record's id is not a uuid".to_owned())),
    }
}

/// Sorts the latest first, and equal times by id: hex of the time counted down, then the id.
/// One text holds the whole order, so that a cursor is one comparison on the last column of an index.
pub(crate) fn latest_first(at: DateTime<Utc>, id: Uuid) -> String {
    // Below 2^53 until the year 2255; times before 1970 sort as 1970.
    let micros = u64::try_from(at.timestamp_micros()).unwrap_or(0);
    format!(
        "{:014x}{}",
        (1u64 << 53).saturating_sub(micros),
        id.simple()
    )
}

/// One page out of `limit + 1` fetched rows, each with its sort key.
pub(crate) fn page<T>(mut rows: Vec<(String, T)>, limit: u32) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows
        .last()
        .filter(|_| more)
        .map(|(key, _)| write_cursor(key));
    Page {
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        next,
    }
}

/// A sort key as a cursor: hex, so that a URL carries it unchanged.
pub(crate) fn write_cursor(key: &str) -> Cursor {
    Cursor(hex::encode(key))
}

/// The sort key of a cursor; the empty text, which is before all keys, if there is none or it makes no sense.
pub(crate) fn read_cursor(cursor: Option<&Cursor>) -> String {
    cursor
        .and_then(|cursor| hex::decode(&cursor.0).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_default()
}

/// Ids as one text of bytes, for what is always read and written whole.
pub(crate) fn pack(ids: impl IntoIterator<Item = Uuid>) -> Bytes {
    let bytes: Vec<u8> = ids.into_iter().flat_map(|id| *id.as_bytes()).collect();
    Bytes::from(bytes)
}

/// The ids in such a text.
pub(crate) fn unpack(bytes: &Bytes) -> impl Iterator<Item = Uuid> {
    bytes
        .as_ref()
        .chunks_exact(16)
        .filter_map(|id| Uuid::from_slice(id).ok())
}

/// A value that the store keeps as a whole and never looks into.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value).map_err(|e| Error::Query(e.to_string()))
}

/// The other way.
pub(crate) fn from_json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|e| Error::Query(e.to_string()))
}

/// Such a value as one text, which costs the database far less than an object.
pub(crate) fn to_text<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| Error::Query(e.to_string()))
}

/// The other way.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|e| Error::Query(e.to_string()))
}

/// A domain value out of its stored text; it was checked before it was stored.
pub(crate) fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Error>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|e: T::Err| Error::Query(e.to_string()))
}

/// A count out of its stored number.
pub(crate) fn count<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number.max(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_latest_sorts_first(a in 0i64..4_000_000_000_000_000, b in 0i64..4_000_000_000_000_000, id: u128) {
            let key = |micros| latest_first(DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(id));
            prop_assert_eq!(key(a).cmp(&key(b)), b.cmp(&a));
        }

        #[test]
        fn a_cursor_comes_back_as_it_went(key in ".{0,80}") {
            prop_assert_eq!(read_cursor(Some(&write_cursor(&key))), key);
        }

        #[test]
        fn a_cursor_from_a_stranger_is_harmless(text in ".{0,80}") {
            read_cursor(Some(&Cursor(text)));
        }

        #[test]
        fn pages_have_each_row_once(n in 0usize..40, limit in 1u32..10) {
            let all: Vec<(String, usize)> = (0..n).map(|i| (format!("{i:04}"), i)).collect();
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let from = read_cursor(after.as_ref());
                let fetched = all.iter().filter(|(key, _)| *key > from).take(limit as usize + 1).cloned().collect();
                let page = page(fetched, limit);
                seen.extend(page.rows);
                after = page.next;
                if after.is_none() { break }
            }
            prop_assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }
    }
}
