use chrono::{DateTime, TimeDelta, Utc};
use domain::range::Range;

use crate::ui::time::{duration_words, one_unit};

/// "99.6 %" of thousandths; whole only if it is.
pub fn percent(per_mille: u64) -> String {
    match (per_mille / 10, per_mille % 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}

/// The same of two counts, cut, so that 100 % is all of them; `None`: there are none.
pub fn share(part: u64, all: u64) -> Option<String> {
    let per_mille = u128::from(part) * 1000 / u128::from(all.max(1));
    (all > 0).then(|| percent(u64::try_from(per_mille).unwrap_or(1000)))
}

/// Seconds as people read them.
pub fn seconds(seconds: u64) -> String {
    one_unit(TimeDelta::seconds(
        i64::try_from(seconds).unwrap_or(i64::MAX / 1000),
    ))
}

/// Milliseconds as people read them.
pub fn milliseconds(ms: u64) -> String {
    duration_words(TimeDelta::milliseconds(
        i64::try_from(ms).unwrap_or(i64::MAX / 1000),
    ))
}

/// What stands below a bar.
pub fn bar_label(start: DateTime<Utc>, range: Range) -> String {
    let format = match range {
        Range::Hours6 | Range::Hours24 => "%H:%M",
        Range::Days7 | Range::Days30 | Range::Days90 => "%-d %b",
    };
    start.format(format).to_string()
}

/// When a bar begins, exactly.
pub fn bar_moment(start: DateTime<Utc>) -> String {
    start.format("%-d %b %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_whole_only_if_nothing_is_missing() {
        assert_eq!(share(99_999, 100_000).unwrap(), "99.9 %");
        assert_eq!(share(3, 3).unwrap(), "100 %");
        assert_eq!(share(0, 3).unwrap(), "0 %");
        assert_eq!(share(0, 0), None);
    }

    #[test]
    fn lengths_are_told_in_fitting_units() {
        assert_eq!(
            (seconds(250).as_str(), milliseconds(84).as_str()),
            ("4 min", "84 ms")
        );
    }
}
