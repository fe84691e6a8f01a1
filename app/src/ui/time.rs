use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use leptos::prelude::*;

use crate::visit;

/// "3 min ago", against the time of the request; the exact time is its title.
#[component]
pub fn Ago(at: DateTime<Utc>) -> impl IntoView {
    view! { <Timed at says=ago(at, visit().now)/> }
}

/// "3 min", where it is clear that it is an age; the exact time is its title.
#[component]
pub fn Age(at: DateTime<Utc>) -> impl IntoView {
    view! { <Timed at says=one_unit(visit().now - at)/> }
}

/// An exact time: "24 Nov 2026, 10:27:05 UTC".
#[component]
pub fn Moment(at: DateTime<Utc>) -> impl IntoView {
    view! { <Timed at says=moment(at)/> }
}

#[component]
fn Timed(at: DateTime<Utc>, says: String) -> impl IntoView {
    let datetime = at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    view! { <time datetime=datetime title=moment(at)>{says}</time> }
}

/// How long ago, in one unit.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let age = now - at;
    if age.abs() < TimeDelta::seconds(5) {
        "just now".to_owned()
    } else if age > TimeDelta::days(60) {
        date(at.date_naive())
    } else if age < TimeDelta::zero() {
        format!("in {}", one_unit(-age))
    } else {
        format!("{} ago", one_unit(age))
    }
}

/// A length of time in its two largest units: "45 s", "3 min 20 s", "2 h", "3 d 4 h".
pub fn duration_words(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    if seconds == 0 {
        let ms = length.num_milliseconds().max(0);
        return if ms == 0 {
            "0 s".to_owned()
        } else {
            format!("{ms} ms")
        };
    }
    let (large, large_unit, small, small_unit) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3600 => (seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => (seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => (seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    };
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// A length of time in its largest unit: "47 min"; days from two on.
pub fn one_unit(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// "24 Nov 2026, 10:27:05 UTC".
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %b %Y, %H:%M:%S UTC").to_string()
}

/// "24 Nov 2026".
pub fn date(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_past_is_told_in_one_unit() {
        let check = |seconds_ago: i64, says: &str| assert_eq!(ago(at(-seconds_ago), at(0)), says);
        check(0, "just now");
        check(42, "42 s ago");
        check(180, "3 min ago");
        check(7200, "2 h ago");
        check(86_400 * 3, "3 d ago");
        check(86_400 * 61, "18 Sep 2026");
        check(-600, "in 10 min");
    }

    #[test]
    fn lengths_have_two_units_at_most() {
        let check =
            |ms: i64, says: &str| assert_eq!(duration_words(TimeDelta::milliseconds(ms)), says);
        check(0, "0 s");
        check(-5000, "0 s");
        check(84, "84 ms");
        check(45_900, "45 s");
        check(200_000, "3 min 20 s");
        check(7_200_000, "2 h");
        check(86_400_000 * 3 + 3_600_000 * 4, "3 d 4 h");
    }
}
