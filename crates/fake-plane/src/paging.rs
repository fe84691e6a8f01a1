//! Plane's pages: plain offset paging behind cursors of the form `size:page:is_prev` (plane-api.md, section 3).

use serde::Serialize;

/// Plane's default, which is also its maximum.
pub(crate) const LARGEST: i64 = 1000;

/// Which page of which size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub size: usize,
    pub page: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageError {
    /// 400 with this `detail`.
    Refused(&'static str),
    /// 400: a page has at most so many rows.
    TooLarge(u32),
    /// 500: Plane does not expect it.
    Crash,
}

impl Window {
    /// Reads `per_page` and `cursor` as Plane does: the size in the cursor counts for nothing.
    pub(crate) fn read(
        per_page: Option<&str>,
        cursor: Option<&str>,
        default_size: i64,
        largest: u32,
    ) -> Result<Self, PageError> {
        let size = match per_page {
            None => default_size.min(largest.into()),
            Some(text) => {
                python_int(text).ok_or(PageError::Refused("Invalid per_page parameter."))?
            }
        };
        if size > largest.into() {
            return Err(PageError::TooLarge(largest));
        }
        let page = match cursor {
            None => 0,
            Some(text) => page_of(text).ok_or(PageError::Refused("Invalid cursor parameter."))?,
        };
        let page = usize::try_from(page).map_err(|_| PageError::Refused("Error in parsing"))?;
        match usize::try_from(size) {
            Ok(size) if size > 0 => Ok(Self { size, page }),
            _ => Err(PageError::Crash),
        }
    }

    /// The rows of this page among `total`.
    pub(crate) fn of(self, total: usize) -> std::ops::Range<usize> {
        let start = self.page.saturating_mul(self.size).min(total);
        start..start.saturating_add(self.size).min(total)
    }

    /// The envelope around this page's rows.
    pub(crate) fn envelope<T>(self, total: usize, results: Vec<T>) -> Page<T> {
        let Self { size, page } = self;
        Page {
            grouped_by: None,
            sub_grouped_by: None,
            total_count: total,
            next_cursor: format!("{size}:{}:0", page.saturating_add(1)),
            prev_cursor: format!("{size}:{}:1", i64::try_from(page).unwrap_or(i64::MAX) - 1),
            next_page_results: page.saturating_add(1).saturating_mul(size) < total,
            prev_page_results: page > 0,
            count: results.len(),
            total_pages: total.div_ceil(size),
            total_results: total,
            extra_stats: None,
            results,
        }
    }
}

/// The answer of every paged list.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    grouped_by: Option<()>,
    sub_grouped_by: Option<()>,
    total_count: usize,
    next_cursor: String,
    prev_cursor: String,
    next_page_results: bool,
    prev_page_results: bool,
    count: usize,
    total_pages: usize,
    total_results: usize,
    extra_stats: Option<()>,
    results: Vec<T>,
}

/// The page index that a cursor names.
pub(crate) fn page_of(cursor: &str) -> Option<i64> {
    let mut parts = cursor.split(':');
    let (size, page, previous) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    size.trim().parse::<f64>().ok()?;
    python_int(previous)?;
    python_int(page)
}

/// Python's `int(text)`, as far as a query string can reach it.
fn python_int(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(per_page: Option<&str>, cursor: Option<&str>) -> Result<Window, PageError> {
        Window::read(per_page, cursor, LARGEST, 1000)
    }

    #[test]
    fn the_size_of_the_request_wins_over_the_size_in_the_cursor() {
        assert_eq!(
            read(Some("10"), Some("50:1:0")),
            Ok(Window { size: 10, page: 1 })
        );
        assert_eq!(
            read(None, Some("10:1:0")),
            Ok(Window {
                size: 1000,
                page: 1
            })
        );
    }

    #[test]
    fn wrong_sizes_and_cursors_get_planes_own_words() {
        let refused = |detail| Err(PageError::Refused(detail));
        assert_eq!(read(Some("1001"), None), Err(PageError::TooLarge(1000)));
        assert_eq!(
            read(Some("abc"), None),
            refused("Invalid per_page parameter.")
        );
        assert_eq!(
            read(Some("10"), Some("")),
            refused("Invalid cursor parameter.")
        );
        assert_eq!(
            read(Some("10"), Some("garbage")),
            refused("Invalid cursor parameter.")
        );
        assert_eq!(
            read(Some("10"), Some("10:-1:1")),
            refused("Error in parsing")
        );
        assert_eq!(read(Some("0"), None), Err(PageError::Crash));
        assert_eq!(read(Some("-5"), None), Err(PageError::Crash));
    }

    #[test]
    fn the_cursors_are_never_null_and_the_flags_tell_the_ends() {
        let last = Window { size: 100, page: 3 }.envelope(348, vec![(); 48]);
        assert_eq!(
            (last.next_cursor.as_str(), last.next_page_results),
            ("100:4:0", false)
        );
        let first = Window { size: 100, page: 0 }.envelope(348, vec![(); 100]);
        assert_eq!(
            (first.prev_cursor.as_str(), first.prev_page_results),
            ("100:-1:1", false)
        );
        assert_eq!(first.total_pages, 4);
    }

    #[test]
    fn a_page_beyond_the_end_is_empty() {
        assert!(Window { size: 100, page: 9 }.of(348).is_empty());
        assert!(
            Window {
                size: 1000,
                page: usize::MAX
            }
            .of(5)
            .is_empty()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_parameter_panics_and_every_window_lies_within_the_rows(
            per_page in proptest::option::of(".{0,24}|-?[0-9]{1,22}"),
            cursor in proptest::option::of(".{0,24}|-?[0-9]{1,22}:-?[0-9]{1,22}:[01]"),
            total in 0usize..5000,
        ) {
            if let Ok(window) = read(per_page.as_deref(), cursor.as_deref()) {
                let rows = window.of(total);
                proptest::prop_assert!(rows.start <= rows.end && rows.end <= total);
                proptest::prop_assert!(rows.len() <= 1000);
                let page = window.envelope(total, vec![(); rows.len()]);
                proptest::prop_assert_eq!(page.next_page_results, rows.end < total && !rows.is_empty());
            }
        }

        #[test]
        fn following_the_cursors_gives_each_row_once(size in 1usize..=1000, total in 0usize..5000) {
            let (size_text, mut cursor, mut seen) = (size.to_string(), None, Vec::new());
            loop {
                let window = read(Some(&size_text), cursor.as_deref()).unwrap();
                let rows = window.of(total);
                seen.extend(rows.clone());
                let page = window.envelope(total, vec![(); rows.len()]);
                if !page.next_page_results {
                    break;
                }
                cursor = Some(page.next_cursor);
            }
            proptest::prop_assert_eq!(seen, (0..total).collect::<Vec<_>>());
        }
    }
}
