use domain::{
    inbox::{BurstFilter, BurstState, Effect},
    page::Cursor,
    webhook::Subject,
};

use crate::{paths, query::Query};

/// What the filter by result offers: states that are not done, then what was done. Word in the address and label.
pub const RESULTS: [(&str, &str); 9] = [
    ("waiting", "Waiting"),
    ("dead", "Given up"),
    ("created", "Created"),
    ("updated", "Updated"),
    ("removed", "Removed"),
    ("unchanged", "Unchanged"),
    ("stale", "Copy was newer"),
    ("noted", "Noted"),
    ("ignored", "Ignored"),
];

/// What the filter by subject offers.
pub const SUBJECTS: [(Subject, &str); 5] = [
    (Subject::WorkItem, "Work items"),
    (Subject::Project, "Projects"),
    (Subject::Cycle, "Cycles"),
    (Subject::Module, "Modules"),
    (Subject::Comment, "Comments"),
];

/// The filter in an address. What this version does not know counts as not set.
pub fn read(query: &Query) -> BurstFilter {
    let result = query.get("result").unwrap_or_default();
    let subject = |word: &&str| {
        SUBJECTS
            .iter()
            .any(|(subject, _)| subject.word() == Some(*word))
    };
    BurstFilter {
        integration: query.parsed("integration"),
        state: BurstState::from_word(result).filter(|state| *state != BurstState::Done),
        effect: Effect::from_word(result),
        subject: query.get("about").filter(subject).map(str::to_owned),
        q: query.get("q").unwrap_or_default().to_owned(),
        from: query.parsed("from"),
        to: query.parsed("to"),
        span: query.span(),
    }
}

/// The word of the filter by result.
pub fn result(filter: &BurstFilter) -> &'static str {
    let state = filter.state.map(BurstState::word);
    state
        .or(filter.effect.map(Effect::word))
        .unwrap_or_default()
}

/// The log with this filter, after this row.
pub fn address(filter: &BurstFilter, after: Option<&Cursor>) -> String {
    Query::default()
        .with("integration", filter.integration)
        .with("result", Some(result(filter)))
        .with("about", filter.subject.as_ref())
        .with("q", Some(&filter.q))
        .with("from", filter.from)
        .with("to", filter.to)
        .with_span(filter.span)
        .with("after", after.map(|cursor| &cursor.0))
        .on(paths::WEBHOOKS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{NaiveDate, ids::IntegrationId};
    use proptest::{option, prelude::*, sample::select};
    use uuid::Uuid;

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(
            integration in option::of(any::<u128>()),
            result in select(RESULTS.map(|(word, _)| word).to_vec()),
            about in option::of(select(SUBJECTS.map(|(subject, _)| subject).to_vec())),
            q in "[a-zA-Z0-9 %&=]{0,12}",
            days in (option::of(0i32..100_000), option::of(0i32..100_000)),
            span in option::of((0i64..4_000_000_000, 0i64..4_000_000_000)),
        ) {
            let day = |n: Option<i32>| n.and_then(NaiveDate::from_num_days_from_ce_opt);
            let at = |second| DateTime::from_timestamp(second, 0).unwrap();
            let filter = BurstFilter {
                integration: integration.map(|n| IntegrationId(Uuid::from_u128(n))),
                state: BurstState::from_word(result),
                effect: Effect::from_word(result),
                subject: about.and_then(Subject::word).map(str::to_owned),
                q: q.trim().to_owned(),
                from: day(days.0),
                to: day(days.1),
                span: span.map(|(from, until)| (at(from), at(until))),
            };
            let address = address(&filter, None);
            let query = Query::parse(address.trim_start_matches(paths::WEBHOOKS));
            prop_assert_eq!(read(&query), filter);
        }
    }

    #[test]
    fn unknown_values_count_as_not_set() {
        let query = Query::parse("result=great&integration=acme&about=moon");
        assert_eq!(read(&query), BurstFilter::default());
        assert_eq!(address(&BurstFilter::default(), None), paths::WEBHOOKS);
    }
}
