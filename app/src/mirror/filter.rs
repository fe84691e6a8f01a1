use domain::{
    ids::{IntegrationId, ProjectId},
    mirror::{Priority, StateGroup, WorkItemFilter, WorkItemSort},
    page::Cursor,
};

use crate::{paths, query::Query};

/// The orders of the table, with their words in the address and on the page.
pub const SORTS: [(WorkItemSort, &str, &str); 4] = [
    (WorkItemSort::Updated, "updated", "Updated"),
    (WorkItemSort::Newest, "newest", "Newest"),
    (WorkItemSort::Oldest, "oldest", "Oldest"),
    (WorkItemSort::Priority, "priority", "Priority"),
];

/// A filter of the table that can be taken away on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Q,
    StateGroup,
    Label,
    Assignee,
    Collection,
    Priority,
}

/// The filter in an address. What this version does not know counts as not set.
pub fn read(query: &Query) -> WorkItemFilter {
    WorkItemFilter {
        state_group: query
            .get("state")
            .and_then(|word| StateGroup::LISTED.into_iter().find(|g| g.word() == word)),
        label: query.parsed("label"),
        assignee: query.parsed("assignee"),
        collection: query.parsed("in"),
        priority: query
            .get("priority")
            .and_then(|word| Priority::ALL.into_iter().find(|p| p.word() == word)),
        q: query.get("q").unwrap_or_default().to_owned(),
        sort: query
            .get("sort")
            .and_then(|word| SORTS.iter().find(|(_, w, _)| *w == word))
            .map_or(WorkItemSort::default(), |(sort, ..)| *sort),
    }
}

/// The filter as an address has it; what is not set stays out.
pub fn write(filter: &WorkItemFilter) -> Query {
    Query::default()
        .with("q", Some(&filter.q))
        .with("state", filter.state_group.map(StateGroup::word))
        .with("label", filter.label)
        .with("assignee", filter.assignee)
        .with("in", filter.collection)
        .with("priority", filter.priority.map(Priority::word))
        .with(
            "sort",
            Some(sort_word(filter.sort)).filter(|_| filter.sort != WorkItemSort::default()),
        )
}

/// The table of this project with this filter, after this row.
pub fn address(
    integration: IntegrationId,
    project: ProjectId,
    filter: &WorkItemFilter,
    after: Option<&Cursor>,
) -> String {
    write(filter)
        .with("after", after.map(|cursor| &cursor.0))
        .on(&paths::project(integration, project))
}

/// The same filter without this part.
pub fn without(filter: &WorkItemFilter, part: Part) -> WorkItemFilter {
    let mut rest = filter.clone();
    match part {
        Part::Q => rest.q.clear(),
        Part::StateGroup => rest.state_group = None,
        Part::Label => rest.label = None,
        Part::Assignee => rest.assignee = None,
        Part::Collection => rest.collection = None,
        Part::Priority => rest.priority = None,
    }
    rest
}

/// Whether anything is left out; the order leaves nothing out.
pub fn is_narrow(filter: &WorkItemFilter) -> bool {
    *filter
        != WorkItemFilter {
            sort: filter.sort,
            ..WorkItemFilter::default()
        }
}

/// The word of an order in the address.
pub fn sort_word(sort: WorkItemSort) -> &'static str {
    SORTS
        .iter()
        .find(|(s, ..)| *s == sort)
        .map_or("", |(_, word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::{CollectionId, LabelId, MemberId};
    use proptest::{option, prelude::*, sample::select};
    use uuid::Uuid;

    fn filters() -> impl Strategy<Value = WorkItemFilter> {
        (
            option::of(select(&StateGroup::LISTED[..])),
            option::of(any::<u128>()),
            option::of(any::<u128>()),
            option::of(any::<u128>()),
            option::of(select(&Priority::ALL[..])),
            "\\PC{0,30}",
            select(&SORTS[..]),
        )
            .prop_map(
                |(state_group, label, assignee, collection, priority, q, (sort, ..))| {
                    WorkItemFilter {
                        state_group,
                        label: label.map(|n| LabelId(Uuid::from_u128(n))),
                        assignee: assignee.map(|n| MemberId(Uuid::from_u128(n))),
                        collection: collection.map(|n| CollectionId(Uuid::from_u128(n))),
                        priority,
                        q: q.trim().to_owned(),
                        sort,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(filter in filters()) {
            let address = write(&filter).on("/x");
            prop_assert_eq!(read(&Query::parse(address.trim_start_matches("/x"))), filter);
        }

        #[test]
        fn without_its_six_parts_a_filter_is_wide(filter in filters()) {
            let parts = [Part::Q, Part::StateGroup, Part::Label, Part::Assignee, Part::Collection, Part::Priority];
            let wide = parts.into_iter().fold(filter.clone(), |f, part| without(&f, part));
            prop_assert!(!is_narrow(&wide));
            prop_assert_eq!(wide.sort, filter.sort);
        }

        #[test]
        fn no_address_panics(text in ".{0,80}") {
            read(&Query::parse(&text));
        }
    }

    #[test]
    fn unknown_values_count_as_not_set() {
        let query =
            Query::parse("state=triage&label=bug&assignee=7&priority=huge&sort=name&q=+&more=1");
        assert_eq!(read(&query), WorkItemFilter::default());
    }

    #[test]
    fn the_plain_table_has_a_plain_address() {
        let (integration, project) = (IntegrationId(Uuid::nil()), ProjectId(Uuid::nil()));
        let plain = WorkItemFilter::default();
        assert_eq!(
            address(integration, project, &plain, None),
            paths::project(integration, project)
        );
        let page = address(integration, project, &plain, Some(&Cursor("a b".into())));
        assert!(page.ends_with("?after=a%20b"), "{page}");
    }
}
