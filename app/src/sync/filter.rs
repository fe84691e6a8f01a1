use chrono::{DateTime, Utc};
use domain::{
    NaiveDate,
    page::Cursor,
    run::{Outcome, RunFilter, RunState, RunTime, TriggerKind},
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

/// The filter in an address. What this version does not know counts as not set; days outdo a time by name, and moments outdo days.
pub fn read(query: &Query) -> RunFilter {
    let (from, to) = (query.parsed("from"), query.parsed("to"));
    let named = query.get("time").and_then(|word| {
        TIMES
            .into_iter()
            .find_map(|(time, w, _)| (w == word).then_some(time))
    });
    RunFilter {
        integration: query.parsed("integration"),
        state: query
            .get("outcome")
            .and_then(|code| states().find(|state| state_code(*state) == code)),
        trigger: query.get("trigger").and_then(|word| {
            TRIGGERS
                .into_iter()
                .find_map(|(kind, _)| (kind.word() == word).then_some(kind))
        }),
        time: if let Some((from, until)) = query.span() {
            RunTime::Span { from, until }
        } else if from.is_some() || to.is_some() {
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
        .with("outcome", filter.state.map(state_code))
        .with("trigger", filter.trigger.map(TriggerKind::word))
        .with("time", Some(time_word(filter.time)))
        .with("from", from)
        .with("to", to)
        .with_span(span(filter))
        .with("after", after.map(|cursor| &cursor.0))
        .on(paths::RUNS)
}

/// The moments of a time from one until before another.
pub fn span(filter: &RunFilter) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    match filter.time {
        RunTime::Span { from, until } => Some((from, until)),
        _ => None,
    }
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

/// The same filter with runs in this state, or in any.
pub fn with_state(filter: &RunFilter, state: Option<RunState>) -> RunFilter {
    RunFilter {
        state,
        ..filter.clone()
    }
}

/// What the filter by outcome offers.
pub fn states() -> impl Iterator<Item = RunState> {
    std::iter::once(RunState::Running).chain(Outcome::ALL.map(RunState::Ended))
}

/// The word of a state in the address.
pub fn state_code(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Ended(outcome) => outcome_code(outcome),
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
            state in option::of(select(states().collect::<Vec<_>>())),
            trigger in option::of(select(vec![TriggerKind::Person, TriggerKind::Schedule])),
            named in select(TIMES.map(|(time, ..)| time).to_vec()),
            days in option::of((option::of(0i32..100_000), option::of(0i32..100_000))),
            span in option::of((0i64..4_000_000_000, 0i64..4_000_000_000)),
            after in "\\PC{0,20}",
        ) {
            let day = |n: Option<i32>| n.and_then(NaiveDate::from_num_days_from_ce_opt);
            let time = match days {
                Some((from, to)) if from.or(to).and_then(|n| day(Some(n))).is_some() => {
                    RunTime::Between { from: day(from), to: day(to) }
                }
                _ => named,
            };
            let at = |second| DateTime::from_timestamp(second, 0).unwrap();
            let time = span.map_or(time, |(from, until)| RunTime::Span { from: at(from), until: at(until) });
            let integration = integration.map(|n| IntegrationId(Uuid::from_u128(n)));
            let filter = RunFilter { integration, state, trigger, time };
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
