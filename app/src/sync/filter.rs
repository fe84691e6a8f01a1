use domain::{
    page::Cursor,
    run::{Outcome, RunFilter},
};

use super::words::outcome_code;
use crate::{paths, query::Query};

/// The filter in an address. What this version does not know counts as not set.
pub fn read(query: &Query) -> RunFilter {
    RunFilter {
        integration: query.parsed("integration"),
        outcome: query
            .get("outcome")
            .and_then(|code| Outcome::ALL.into_iter().find(|o| outcome_code(*o) == code)),
    }
}

/// The list of runs with this filter, after this row.
pub fn address(filter: &RunFilter, after: Option<&Cursor>) -> String {
    Query::default()
        .with("integration", filter.integration)
        .with("outcome", filter.outcome.map(outcome_code))
        .with("after", after.map(|cursor| &cursor.0))
        .on(paths::RUNS)
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
            after in "\\PC{0,20}",
        ) {
            let filter = RunFilter { integration: integration.map(|n| IntegrationId(Uuid::from_u128(n))), outcome };
            let address = address(&filter, Some(&Cursor(after.clone())));
            let query = Query::parse(address.trim_start_matches(paths::RUNS));
            prop_assert_eq!(read(&query), filter);
            prop_assert_eq!(query.get("after").unwrap_or(""), after.trim());
        }
    }

    #[test]
    fn unknown_values_count_as_not_set() {
        assert_eq!(
            read(&Query::parse("outcome=great&integration=acme")),
            RunFilter::default()
        );
        assert_eq!(address(&RunFilter::default(), None), paths::RUNS);
    }
}
