use domain::{
    NaiveDate,
    page::Cursor,
    run::{Outcome, RunFilter, RunTime, TriggerKind},
};

use super::words::outcome_code;
use crate::{paths, query::Query};

/// What the filter by time offers: word in the address and label.
pub const TIMES: [(RunTime, &str, &str); 5] = [
    (RunTime::Any, "", "Any time"),
    (RunTime::Today, "today", "Today (UTC)"),
    (RunTime::Hours24, "24h", "Last 24 hours"),
    (RunTime::Days7, "7d", "Last 7 days"),
    (RunTime::Days30, "30d", "Last 30 days"),
];

/// What the filter by what set a run off offers.
pub const TRIGGERS: [(TriggerKind, &str); 2] = [
    (TriggerKind::Schedule, "The schedule"),
    (TriggerKind::Person, "A person"),
];

/// The filter in an address. What this version does not know counts as not set; days outdo a time by name.
pub fn read(query: &Query) -> RunFilter {
    let (from, to) = (query.parsed("from"), query.parsed("to"));
    let named = query.get("time").and_then(|word| {
        TIMES
            .into_iter()
            .find_map(|(time, w, _)| (w == word).then_some(time))
    });
    RunFilter {
        integration: query.parsed("integration"),
        outcome: query
            .get("outcome")
            .and_then(|code| Outcome::ALL.into_iter().find(|o| outcome_code(*o) == code)),
        trigger: query.get("trigger").and_then(|word| {
            TRIGGERS
                .into_iter()
                .find_map(|(kind, _)| (kind.word() == word).then_some(kind))
        }),
        time: if from.is_some() || to.is_some() {
            RunTime::Between { from, to }
        } else {
            named.unwrap_or_default()
        },
    }
}

/// The list of runs with this filter, after this row.
pub fn address(filter: &RunFilter, after: Option<&Cursor>) -> String {
    let (from, to) = days(filter.time);
    Query::default()
        .with("integration", filter.integration)
        .with("outcome", filter.outcome.map(outcome_code))
        .with("trigger", filter.trigger.map(TriggerKind::word))
        .with("time", Some(time_word(filter.time)))
        .with("from", from)
        .with("to", to)
        .with("after", after.map(|cursor| &cursor.0))
        .on(paths::RUNS)
}

/// The word of a time by name.
pub fn time_word(time: RunTime) -> &'static str {
    TIMES
        .into_iter()
        .find_map(|(known, word, _)| (known == time).then_some(word))
        .unwrap_or_default()
}

/// The days of a time from one to another.
pub fn days(time: RunTime) -> (Option<NaiveDate>, Option<NaiveDate>) {
    match time {
        RunTime::Between { from, to } => (from, to),
        _ => (None, None),
    }
}

/// The same filter with this outcome, or with every outcome.
pub fn with_outcome(filter: &RunFilter, outcome: Option<Outcome>) -> RunFilter {
    RunFilter {
        outcome,
        ..filter.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::IntegrationId;
    use proptest::{option, prelude::*, sample::select};
    use uuid::Uuid;

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(
            integration in option::of(any::<u128>()),
            outcome in option::of(select(&Outcome::ALL[..])),
            trigger in option::of(select(vec![TriggerKind::Person, TriggerKind::Schedule])),
            named in select(TIMES.map(|(time, ..)| time).to_vec()),
            days in option::of((option::of(0i32..100_000), option::of(0i32..100_000))),
            after in "\\PC{0,20}",
        ) {
            let day = |n: Option<i32>| n.and_then(NaiveDate::from_num_days_from_ce_opt);
            let time = match days {
                Some((from, to)) if from.or(to).and_then(|n| day(Some(n))).is_some() => {
                    RunTime::Between { from: day(from), to: day(to) }
                }
                _ => named,
            };
            let integration = integration.map(|n| IntegrationId(Uuid::from_u128(n)));
            let filter = RunFilter { integration, outcome, trigger, time };
            let address = address(&filter, Some(&Cursor(after.clone())));
            let query = Query::parse(address.trim_start_matches(paths::RUNS));
            prop_assert_eq!(read(&query), filter);
            prop_assert_eq!(query.get("after").unwrap_or(""), after.trim());
        }
    }

    #[test]
    fn unknown_values_count_as_not_set() {
        assert_eq!(
            read(&Query::parse(
                "outcome=great&integration=acme&trigger=moon&time=never&from=soon"
            )),
            RunFilter::default()
        );
        assert_eq!(address(&RunFilter::default(), None), paths::RUNS);
    }
}
