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
