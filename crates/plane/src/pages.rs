use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    error::{AnswerFlaw, Error},
    wire::{self, Envelope, FromWire},
};

/// One page of one of Plane's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage<T> {
    pub rows: Vec<T>,
    /// Where the next page starts; `None` on the last one. Can be kept, and resumed from by another process.
    pub next: Option<Cursor>,
    /// Rows over all pages, as Plane counts them now.
    pub total: u64,
    /// This page's number, from 1.
    pub page: u32,
    pub pages: u32,
    /// Rows of this page that lacked what makes them one, and were left out.
    pub undecodable: u32,
    /// The total fell since the page before: as many rows may have been skipped, so read that page again
    /// (plane-api.md section 3, "under concurrent change").
    pub shifted: bool,
}

/// A whole small list, such as a project's labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    pub rows: Vec<T>,
    pub undecodable: u32,
}

impl<T> List<T> {
    pub(crate) fn map<U>(self, f: impl FnMut(T) -> U) -> List<U> {
        List {
            rows: self.rows.into_iter().map(f).collect(),
            undecodable: self.undecodable,
        }
    }
}

/// Where a page of a list starts, with what the guards against endless lists need to know. Opaque text outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor {
    /// Plane's own cursor, `pageSize:pageIndex:isPrev`.
    plane: String,
    /// Rows per page; Plane computes the offset with the request's size, so it must stay the same.
    size: u32,
    /// Pages read before.
    read: u32,
    total: u64,
    /// The total when the walk began: it bounds the walk even if the total grows with every page.
    first_total: u64,
    /// The first row of the page before.
    first_row: Option<Uuid>,
}

/// A text that is not a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl Cursor {
    pub(crate) fn plane(&self) -> &str {
        &self.plane
    }

    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// The same place for smaller pages: at or before it, since reading a row twice is harmless and skipping one is not.
    pub(crate) fn resized(&self, size: u32) -> Option<Cursor> {
        let index: u64 = self.plane.split(':').nth(1)?.parse().ok()?;
        let index =
            u32::try_from(index.checked_mul(u64::from(self.size))? / u64::from(size.max(1)))
                .ok()?;
        (index > 0).then(|| Cursor {
            plane: format!("{size}:{index}:0"),
            size,
            read: index,
            first_row: None,
            ..self.clone()
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cursor {
            plane,
            size,
            read,
            total,
            first_total,
            first_row,
        } = self;
        write!(f, "{plane};{size};{read};{total};{first_total};")?;
        first_row.map_or(Ok(()), |id| id.fmt(f))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let parts: Vec<&str> = text.split(';').collect();
        let [plane, size, read, total, first_total, first_row] = parts[..] else {
            return Err(NotACursor);
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| NotACursor);
        let small = |text: &str| text.parse::<u32>().map_err(|_| NotACursor);
        let size = small(size)?;
        if size == 0 || !sound(plane) {
            return Err(NotACursor);
        }
        let first_row = match first_row {
            "" => None,
            id => Some(id.parse().map_err(|_| NotACursor)?),
        };
        let (read, total, first_total) = (small(read)?, number(total)?, number(first_total)?);
        Ok(Cursor {
            plane: plane.to_owned(),
            size,
            read,
            total,
            first_total,
            first_row,
        })
    }
}

impl TryFrom<String> for Cursor {
    type Error = NotACursor;

    fn try_from(text: String) -> Result<Self, NotACursor> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> String {
        cursor.to_string()
    }
}

/// Reads the answer to a request for the page at `cursor` with `size` rows, and judges whether the walk may go on.
pub(crate) fn read<T: FromWire>(
    json: &str,
    size: u32,
    cursor: Option<&Cursor>,
) -> Result<ListPage<T>, Error> {
    // Members and a few more lists come as a bare array (plane-api.md section 3).
    if json.trim_start().starts_with('[') {
        let rows: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| NOT_UNDERSTOOD)?;
        let (rows, undecodable) = decode(&rows);
        let total = rows.len() as u64 + u64::from(undecodable);
        return Ok(ListPage {
            rows,
            next: None,
            total,
            page: 1,
            pages: 1,
            undecodable,
            shifted: false,
        });
    }
    let envelope: Envelope<'_> = serde_json::from_str(json).map_err(|_| NOT_UNDERSTOOD)?;
    let came = envelope.results.len() as u64;
    let read_before = cursor.map_or(0, |cursor| u64::from(cursor.read) * u64::from(cursor.size));
    let total = envelope
        .total_count
        .or(envelope.total_results)
        .unwrap_or(read_before + came);
    let page = cursor.map_or(0, |cursor| cursor.read).saturating_add(1);
    let next = next(&envelope, size, page, total, cursor)?;
    let (rows, undecodable) = decode(&envelope.results);
    let size = next.as_ref().map_or(size, Cursor::size);
    let pages = u32::try_from(total.div_ceil(u64::from(size)))
        .unwrap_or(u32::MAX)
        .max(page);
    let shifted = cursor.is_some_and(|cursor| total < cursor.total);
    Ok(ListPage {
        rows,
        next,
        total,
        page,
        pages,
        undecodable,
        shifted,
    })
}

const NOT_UNDERSTOOD: Error = Error::BadAnswer(AnswerFlaw::NotUnderstood);
const ENDLESS: Error = Error::BadAnswer(AnswerFlaw::Endless);

fn decode<T: FromWire>(rows: &[&RawValue]) -> (Vec<T>, u32) {
    let decoded: Vec<T> = rows
        .iter()
        .filter_map(|row| wire::decode(row.get()))
        .collect();
    let undecodable = (rows.len() - decoded.len()) as u32;
    (decoded, undecodable)
}

/// Where the next page starts. Plane's `next_cursor` is never null: only `next_page_results` tells the last page.
fn next(
    envelope: &Envelope<'_>,
    size: u32,
    page: u32,
    total: u64,
    cursor: Option<&Cursor>,
) -> Result<Option<Cursor>, Error> {
    let first_row = envelope.results.first().and_then(|row| wire::row_id(row));
    if first_row.is_some() && first_row == cursor.and_then(|cursor| cursor.first_row) {
        return Err(ENDLESS);
    }
    let more = envelope
        .next_page_results
        .unwrap_or(envelope.results.len() as u64 >= u64::from(size));
    if !more {
        return Ok(None);
    }
    let plane = envelope
        .next_cursor
        .as_deref()
        .filter(|plane| sound(plane))
        .ok_or(NOT_UNDERSTOOD)?;
    let first_total = cursor.map_or(total, |cursor| cursor.first_total);
    let expected = |rows: u64| rows.div_ceil(u64::from(size));
    let most = expected(total)
        .saturating_add(2)
        .min(expected(first_total).saturating_mul(2).saturating_add(10));
    let stands_still = cursor.is_some_and(|cursor| cursor.plane == plane);
    if envelope.results.is_empty() || stands_still || u64::from(page) >= most {
        return Err(ENDLESS);
    }
    // A server that gives less than was asked for says so in its cursor.
    let told = plane.split(':').next().and_then(|told| told.parse().ok());
    let size = told.filter(|told| (1..size).contains(told)).unwrap_or(size);
    Ok(Some(Cursor {
        plane: plane.to_owned(),
        size,
        read: page,
        total,
        first_total,
        first_row,
    }))
}

/// Whether Plane's cursor can be sent back and kept: short, and nothing that means something in a URL or in our text.
fn sound(plane: &str) -> bool {
    (1..=100).contains(&plane.len())
        && plane
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ":-_.=+/".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::mirror::Label;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn rows(from: u128, count: u128) -> Vec<Value> {
        (from..from + count)
            .map(|n| json!({ "id": Uuid::from_u128(n), "name": format!("label {n}") }))
            .collect()
    }

    fn envelope(total: u64, next: &str, more: bool, results: Vec<Value>) -> String {
        json!({ "total_count": total, "next_cursor": next, "next_page_results": more, "results": results }).to_string()
    }

    fn read_labels(
        json: &str,
        size: u32,
        cursor: Option<&Cursor>,
    ) -> Result<ListPage<Label>, Error> {
        read(json, size, cursor)
    }

    #[test]
    fn a_walk_ends_where_plane_says_so_and_not_at_a_null_cursor() {
        let first = read_labels(&envelope(3, "2:1:0", true, rows(1, 2)), 2, None).unwrap();
        assert_eq!(
            (first.rows.len(), first.total, first.page, first.pages),
            (2, 3, 1, 2)
        );
        let next = first.next.unwrap();
        assert_eq!((next.plane(), next.size()), ("2:1:0", 2));
        let last = read_labels(&envelope(3, "2:2:0", false, rows(3, 1)), 2, Some(&next)).unwrap();
        assert_eq!(
            (last.rows.len(), last.page, last.pages, last.next),
            (1, 2, 2, None)
        );
    }

    #[test]
    fn a_kept_cursor_is_resumed_from() {
        let first = read_labels(&envelope(3, "2:1:0", true, rows(1, 2)), 2, None)
            .unwrap()
            .next
            .unwrap();
        let kept: Cursor = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert_eq!(kept, first);
        assert!("".parse::<Cursor>().is_err());
        assert!("2:1:0;0;1;3;3;".parse::<Cursor>().is_err());
        assert!("2:1:0&x=y;2;1;3;3;".parse::<Cursor>().is_err());
    }

    #[test]
    fn a_page_that_comes_again_is_noticed() {
        let next = read_labels(&envelope(9, "2:1:0", true, rows(1, 2)), 2, None)
            .unwrap()
            .next
            .unwrap();
        let again = read_labels(&envelope(9, "2:2:0", true, rows(1, 2)), 2, Some(&next));
        assert_eq!(again, Err(ENDLESS));
        let stands_still = read_labels(&envelope(9, "2:1:0", true, rows(3, 2)), 2, Some(&next));
        assert_eq!(stands_still, Err(ENDLESS));
        let promises = read_labels(&envelope(9, "2:2:0", true, vec![]), 2, Some(&next));
        assert_eq!(promises, Err(ENDLESS));
    }

    #[test]
    fn a_total_that_fell_is_told() {
        let next = read_labels(&envelope(5, "2:1:0", true, rows(1, 2)), 2, None)
            .unwrap()
            .next
            .unwrap();
        assert!(
            read_labels(&envelope(4, "2:2:0", false, rows(4, 2)), 2, Some(&next))
                .unwrap()
                .shifted
        );
        assert!(
            !read_labels(&envelope(6, "2:2:0", true, rows(3, 2)), 2, Some(&next))
                .unwrap()
                .shifted
        );
    }

    #[test]
    fn a_bad_row_costs_itself_alone() {
        let mut results = rows(1, 2);
        results.insert(1, json!({ "name": "no id" }));
        results.push(json!("not an object"));
        let page = read_labels(&envelope(4, "9:1:0", false, results), 9, None).unwrap();
        assert_eq!((page.rows.len(), page.undecodable), (2, 2));
    }

    #[test]
    fn a_smaller_page_size_never_skips() {
        let cursor: Cursor = "1000:3:0;1000;3;9999;9999;".parse().unwrap();
        let resized = cursor.resized(300).unwrap();
        assert_eq!((resized.plane(), resized.size()), ("300:10:0", 300));
        assert_eq!(
            "x;1000;3;9999;9999;"
                .parse::<Cursor>()
                .unwrap()
                .resized(100),
            None
        );
        let server_caps =
            read_labels(&envelope(500, "100:1:0", true, rows(1, 100)), 1000, None).unwrap();
        assert_eq!(server_caps.next.unwrap().size(), 100);
    }

    #[test]
    fn a_bare_array_is_one_page() {
        let page = read_labels(&Value::Array(rows(1, 3)).to_string(), 1000, None).unwrap();
        assert_eq!(
            (page.rows.len(), page.total, page.pages, page.next),
            (3, 3, 1, None)
        );
    }

    proptest! {
        #[test]
        fn no_sequence_of_pages_is_followed_for_ever(
            size in 1u32..50,
            pages in prop::collection::vec((0u64..5_000, 0u64..4, any::<bool>(), 0u128..6), 1..30),
            grows in 0u64..200,
        ) {
            let mut cursor: Option<Cursor> = None;
            let mut count = 0u64;
            let mut first_total = None;
            loop {
                let (total, index, more, came) = pages[count as usize % pages.len()];
                let total = total + grows * count;
                first_total.get_or_insert(total);
                let next = format!("{size}:{}:0", index * count);
                let json = envelope(total, &next, more || grows > 100, rows(u128::from(count) * 10, came));
                count += 1;
                prop_assert!(count <= 2 * first_total.unwrap_or(0).div_ceil(u64::from(size)) + 11);
                match read_labels(&json, size, cursor.as_ref()) {
                    Ok(ListPage { next: Some(next), .. }) => cursor = Some(next),
                    Ok(_) | Err(_) => break,
                }
            }
        }

        #[test]
        fn nothing_that_arrives_panics(text in ".{0,200}", size in 1u32..2000) {
            let _ = read_labels(&text, size, None);
            let _ = text.parse::<Cursor>();
        }
    }
}
