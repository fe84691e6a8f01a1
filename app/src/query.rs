use std::str::FromStr;

use chrono::{DateTime, Utc};
use leptos::prelude::GetUntracked;

use crate::ui::failure_view::urlencode;

/// The query of an address: read tolerantly, written with what is set alone.
/// Not the router's map: that decodes twice, so a search for `%41` would turn into one for `A`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The query of the page that is being rendered.
    pub fn of_page() -> Self {
        Self::parse(&leptos_router::hooks::use_location().search.get_untracked())
    }

    /// Reads `a=1&b=2`, with or without a leading `?`. What is not text reads as the replacement character.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('?').unwrap_or(text);
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        };
        Self(
            text.split('&')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect(),
        )
    }

    /// The last value of this name; `None` when it is missing or blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rfind(|(n, _)| n == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The value of this name, if it is one; anything else counts as not set.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// A time from one moment until before another.
    pub fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.parsed("since").zip(self.parsed("until"))
    }

    /// With such a time.
    #[must_use]
    pub fn with_span(self, span: Option<(DateTime<Utc>, DateTime<Utc>)>) -> Self {
        let written = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.with("since", span.map(|(from, _)| written(from)))
            .with("until", span.map(|(_, until)| written(until)))
    }

    /// With this value; `None` and blank values are left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.0.retain(|(n, _)| n != name);
        if let Some(value) = value
            .map(|v| v.to_string())
            .filter(|v| !v.trim().is_empty())
        {
            self.0.push((name.to_owned(), value));
        }
        self
    }

    /// `path` with this query.
    pub fn on(&self, path: &str) -> String {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(n, v)| format!("{}={}", urlencode(n), urlencode(v)))
            .collect();
        if pairs.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", pairs.join("&"))
        }
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(hex(*high) * 16 + hex(*low));
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_is_read_as_the_browser_sends_it() {
        let query = Query::parse("?q=log+in+100%25&label=&page=2&bad=%zz%2");
        assert_eq!(query.get("q"), Some("log in 100%"));
        assert_eq!(query.get("label"), None);
        assert_eq!(query.parsed::<u32>("page"), Some(2));
        assert_eq!(query.parsed::<u32>("q"), None);
        assert_eq!(query.get("bad"), Some("%zz%2"));
        assert_eq!(Query::parse("").get("q"), None);
    }

    #[test]
    fn the_rest_is_kept_when_one_value_changes() {
        let query = Query::parse("q=a&state=started");
        assert_eq!(
            query.clone().with("state", Some("backlog")).on("/p"),
            "/p?q=a&state=backlog"
        );
        assert_eq!(
            query.clone().with("state", None::<String>).on("/p"),
            "/p?q=a"
        );
        assert_eq!(
            query
                .with("state", None::<&str>)
                .with("q", Some(" "))
                .on("/p"),
            "/p"
        );
    }

    proptest! {
        #[test]
        fn any_text_survives_the_address(name in "[a-z]{1,8}", value in "\\PC{1,40}") {
            let address = Query::default().with(&name, Some(&value)).on("");
            prop_assert!(address.is_ascii());
            let read = Query::parse(&address);
            prop_assert_eq!(read.get(&name).unwrap_or(""), value.trim());
        }

        #[test]
        fn no_query_panics(text in ".{0,80}") {
            Query::parse(&text).get("q");
        }
    }
}
