use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};

use crate::text::TextError;

/// A daily window in which no scheduled run starts, by the clocks of a time zone: it follows their summer time. What the
/// clocks there show decides alone, so an hour that they skip is skipped, and one that they show twice is quiet twice.
///
/// As text, in JSON and in the store: `22:00-06:00 Europe/Berlin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    from: NaiveTime,
    /// The first minute after them; before `from` when they go past midnight.
    to: NaiveTime,
    zone: Tz,
}

impl QuietHours {
    /// `None` when they would be empty, or the whole day: that is a pause.
    pub fn new(from: NaiveTime, to: NaiveTime, zone: Tz) -> Option<Self> {
        let whole = |time: NaiveTime| {
            time.with_second(0)
                .and_then(|time| time.with_nanosecond(0))
                .unwrap_or(time)
        };
        let (from, to) = (whole(from), whole(to));
        (from != to).then_some(Self { from, to, zone })
    }

    /// The three fields of a form: two times of day and a time zone, UTC if it is empty. `None`: both times are empty. Or the field
    /// that is wrong, and why.
    pub fn parse(
        from: &str,
        to: &str,
        zone: &str,
    ) -> Result<Option<Self>, (&'static str, TextError)> {
        let time = |name, text: &str| match text.trim() {
            "" => Ok(None),
            text => NaiveTime::parse_from_str(text, "%H:%M")
                .or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"))
                .map(Some)
                .map_err(|_| (name, TextError("Enter a time of day such as 22:00."))),
        };
        let (from, to) = (time("quiet_from", from)?, time("quiet_to", to)?);
        let zone = match zone.trim() {
            "" => Tz::UTC,
            name => time_zone(name).ok_or((
                "quiet_zone",
                TextError("Enter the name of a time zone, such as Europe/Berlin or UTC."),
            ))?,
        };
        match (from, to) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err((
                "quiet_from",
                TextError("Enter when the quiet hours begin, or leave both times empty."),
            )),
            (Some(_), None) => Err((
                "quiet_to",
                TextError("Enter when the quiet hours end, or leave both times empty."),
            )),
            (Some(from), Some(to)) => Self::new(from, to, zone).map(Some).ok_or((
                "quiet_to",
                TextError(
                    "Quiet hours end at another time than they begin; for all day, switch it off or pause it.",
                ),
            )),
        }
    }

    /// `22:00`
    pub fn from(&self) -> String {
        self.from.format("%H:%M").to_string()
    }

    /// `06:00`
    pub fn to(&self) -> String {
        self.to.format("%H:%M").to_string()
    }

    /// `Europe/Berlin`
    pub fn zone(&self) -> &'static str {
        self.zone.name()
    }

    pub fn contain(&self, at: DateTime<Utc>) -> bool {
        let time = at.with_timezone(&self.zone).time();
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }

    /// The end of the quiet hours that contain `at`.
    pub fn until(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.contain(at) {
            return None;
        }
        let minute = at
            - TimeDelta::seconds(i64::from(at.second()))
            - TimeDelta::nanoseconds(i64::from(at.nanosecond()));
        // Minute by minute: where clocks are set forward or back is then nothing special. No window is two days long.
        (1..=2 * 24 * 60)
            .map(|minutes| minute + TimeDelta::minutes(minutes))
            .find(|at| !self.contain(*at))
    }
}

/// A time zone by its name in the IANA database, in any case.
pub fn time_zone(name: &str) -> Option<Tz> {
    let name = name.trim();
    TZ_VARIANTS
        .iter()
        .find(|zone| zone.name().eq_ignore_ascii_case(name))
        .copied()
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{} {}", self.from(), self.to(), self.zone())
    }
}

impl FromStr for QuietHours {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        const BAD: TextError = TextError("Quiet hours look like 22:00-06:00 Europe/Berlin.");
        let (window, zone) = text.split_once(' ').ok_or(BAD)?;
        let (from, to) = window.split_once('-').ok_or(BAD)?;
        let time = |text| NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| BAD);
        Self::new(time(from)?, time(to)?, time_zone(zone).ok_or(BAD)?).ok_or(BAD)
    }
}

impl From<QuietHours> for String {
    fn from(hours: QuietHours) -> String {
        hours.to_string()
    }
}

impl TryFrom<String> for QuietHours {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn quiet(text: &str) -> QuietHours {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn they_go_past_midnight() {
        let night = quiet("22:00-06:00 UTC");
        for (time, is_quiet) in [
            ("21:59:59", false),
            ("22:00:00", true),
            ("23:59:59", true),
            ("00:00:00", true),
            ("05:59:59", true),
            ("06:00:00", false),
        ] {
            let at = utc(&format!("2026-11-24T{time}Z"));
            assert_eq!(night.contain(at), is_quiet, "{time}");
        }
        let end = night.until(utc("2026-11-24T22:30:10Z"));
        assert_eq!(end, Some(utc("2026-11-25T06:00:00Z")));
        assert_eq!(night.until(utc("2026-11-24T12:00:00Z")), None);
    }

    #[test]
    fn they_follow_the_summer_time_of_their_place() {
        let night = quiet("22:00-06:00 Europe/Berlin");
        let ends = |from: &str| night.until(utc(from)).unwrap();
        assert_eq!(ends("2026-01-10T21:00:00Z"), utc("2026-01-11T05:00:00Z"));
        assert_eq!(ends("2026-07-10T20:00:00Z"), utc("2026-07-11T04:00:00Z"));
        // The night in which clocks go forward is an hour shorter, the one in which they go back an hour longer.
        assert_eq!(ends("2026-03-28T21:00:00Z"), utc("2026-03-29T04:00:00Z"));
        assert_eq!(ends("2026-10-24T20:00:00Z"), utc("2026-10-25T05:00:00Z"));
        // An end within the hour that is skipped: the clocks go from 2:00 to 3:00.
        let skipped = quiet("22:00-02:30 Europe/Berlin");
        let end = skipped.until(utc("2026-03-28T23:00:00Z"));
        assert_eq!(end, Some(utc("2026-03-29T01:00:00Z")));
        // One within the hour that comes twice: it is quiet again when the clocks show it again.
        let twice = quiet("22:00-02:30 Europe/Berlin");
        assert_eq!(
            twice.until(utc("2026-10-24T23:00:00Z")),
            Some(utc("2026-10-25T00:30:00Z"))
        );
        assert!(twice.contain(utc("2026-10-25T01:15:00Z")));
        assert!(!twice.contain(utc("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "22:00-06:00",
            "22:00-22:00 UTC",
            "25:00-06:00 UTC",
            "22:00-06:00 Nowhere",
            "22-6 UTC",
        ] {
            assert!(text.parse::<QuietHours>().is_err(), "{text}");
        }
        assert_eq!(
            quiet("22:00-06:00 europe/berlin").to_string(),
            "22:00-06:00 Europe/Berlin"
        );
    }

    const ZONES: [Tz; 7] = [
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::Australia__Lord_Howe, // summer time of half an hour
        Tz::Asia__Kathmandu,
        Tz::Pacific__Apia,
        Tz::Africa__Casablanca, // winter time during Ramadan
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_window_is_told_by_the_clocks_alone_and_ends(
            from in 0u32..1440, length in 1u32..1440, zone in select(&ZONES[..]), second in 0i64..900_000_000,
        ) {
            let time = |minute: u32| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
            let hours = QuietHours::new(time(from), time((from + length) % 1440), zone).unwrap();
            let at = DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap();
            let clock = zone.from_utc_datetime(&at.naive_utc());
            let since = (clock.hour() * 60 + clock.minute() + 1440 - from) % 1440;
            prop_assert_eq!(hours.contain(at), since < length);
            match hours.until(at) {
                None => prop_assert!(!hours.contain(at)),
                Some(end) => {
                    prop_assert!(end > at && end - at <= TimeDelta::hours(26));
                    prop_assert!(!hours.contain(end));
                    prop_assert!(hours.contain(end - TimeDelta::seconds(1)));
                }
            }
            prop_assert_eq!(hours.to_string().parse::<QuietHours>().unwrap(), hours);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<QuietHours>();
        }
    }
}
