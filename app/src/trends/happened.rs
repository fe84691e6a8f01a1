use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    range::Range,
    trend::{Happening, HappeningKind, Place},
};

use crate::{
    paths,
    ui::{
        chart::{ChartMark, MarkKind},
        number::number,
        time::{moment, one_unit},
    },
};

/// Where all that happened is told.
pub(super) const ID: &str = "happened";

/// What happened as marks: those of a kind that begin in the same bar as one, for charts, and each by itself, for the list. Both in
/// the order of what happened, the oldest first.
pub(super) fn marks(
    happenings: &[Happening],
    range: Range,
    now: DateTime<Utc>,
) -> (Vec<ChartMark>, Vec<ChartMark>) {
    let mut bundles: Vec<(Option<usize>, Vec<&Happening>)> = Vec::new();
    for one in happenings {
        let bar = range.bar_of(one.from, now);
        let known = bundles.iter_mut().rev();
        let mut known = known.take_while(|(of, _)| *of == bar);
        match known.find(|(_, bundle)| bundle.iter().any(|other| other.kind == one.kind)) {
            Some((_, bundle)) => bundle.push(one),
            None => bundles.push((bar, vec![one])),
        }
    }
    let bundles = bundles.iter();
    let bundles = bundles.filter_map(|(_, bundle)| mark_of(bundle, range, now));
    let all = happenings.iter();
    let all = all.filter_map(|one| mark_of(&[one], range, now));
    (bundles.collect(), all.collect())
}

/// One mark of what is of one kind and began in the same bar; `None` of nothing.
fn mark_of(bundle: &[&Happening], range: Range, now: DateTime<Utc>) -> Option<ChartMark> {
    let first = *bundle.first()?;
    let until = bundle.iter().filter_map(|one| one.until).max();
    let (kind, words) = look(first.kind);
    let (says, href) = match bundle {
        [one] => (one.says.clone(), address(one.place)),
        many => {
            let many = number(many.len() as u64);
            let within = one_unit(range.bar());
            let says = format!("{many} {words} within {within}");
            (says, Some(format!("#{ID}")))
        }
    };
    Some(ChartMark {
        kind,
        from: share(first.from, range, now),
        to: until.map(|until| share(until, range, now)),
        says: format!("{}, {says}", moment(first.from)),
        href,
    })
}

/// How a kind is drawn, and what several are called.
fn look(kind: HappeningKind) -> (MarkKind, &'static str) {
    match kind {
        HappeningKind::Key => (MarkKind::Key, "replaced keys"),
        HappeningKind::Change => (MarkKind::Change, "changes"),
        HappeningKind::Upgrade => (MarkKind::Upgrade, "upgrades"),
        HappeningKind::Outage => (MarkKind::Outage, "outages"),
        HappeningKind::Maintenance => (MarkKind::Maintenance, "times of maintenance"),
    }
}

fn address(place: Place) -> Option<String> {
    match place {
        Place::Nowhere => None,
        Place::Integration(id) => Some(paths::timeline(id)),
        Place::Problem(id) => Some(paths::problem(id)),
    }
}

/// Where a time is in the range, as a share of its width.
fn share(at: DateTime<Utc>, range: Range, now: DateTime<Utc>) -> f64 {
    let since = (at - range.start(now)).max(TimeDelta::zero());
    let width = range.bar() * range.bars();
    (since.as_seconds_f64() / width.as_seconds_f64()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range::Hours24;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// Minutes since the range begins.
    fn at(minute: i64) -> DateTime<Utc> {
        RANGE.start(now()) + TimeDelta::minutes(minute)
    }

    fn one(kind: HappeningKind, from: i64, until: Option<i64>) -> Happening {
        Happening {
            kind,
            from: at(from),
            until: until.map(at),
            says: "Maya renamed it".to_owned(),
            place: Place::Nowhere,
        }
    }

    #[test]
    fn marks_lie_within_the_chart() {
        let outages = [(-3 * 1440, Some(1440)), (12 * 60, None)];
        let outages = outages.map(|(from, until)| one(HappeningKind::Outage, from, until));
        let (found, _) = marks(&outages, RANGE, now());
        assert!(found[0].from == 0.0 && found[0].to.is_some_and(|to| to <= 1.0));
        assert!((found[1].from - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_is_of_a_kind_and_begins_in_the_same_bar_is_one_mark_that_leads_to_the_list() {
        use HappeningKind::{Change, Outage};
        let happenings = [
            one(Change, 61, None),
            one(Outage, 62, Some(70)),
            one(Change, 63, None),
            one(Outage, 100, Some(400)),
            one(Change, 119, None),
            one(Change, 120, None),
        ];
        let (bundles, all) = marks(&happenings, RANGE, now());
        let told = |marks: &[ChartMark]| -> Vec<String> {
            let told = marks.iter().map(|mark| {
                let (_, says) = mark.says.split_once(", ").unwrap();
                let (_, says) = says.split_once(", ").unwrap();
                format!("{says} {}", mark.href.as_deref().unwrap_or_default())
            });
            told.collect()
        };
        assert_eq!(
            told(&bundles),
            [
                "3 changes within 1 h #happened",
                "2 outages within 1 h #happened",
                "Maya renamed it "
            ]
        );
        let end = share(at(400), RANGE, now());
        assert!((bundles[1].to.unwrap() - end).abs() < 1e-9, "the longest");
        assert_eq!((all.len(), told(&all)[1].as_str()), (6, "Maya renamed it "));
    }
}
