use domain::{
    ids::UserId,
    problems::{Class, ProblemFilter, ProblemState},
};

use crate::{paths, query::Query};

/// The word for whoever looks.
const ME: &str = "me";

/// The filter in an address, for this person. What this version does not know counts as not set.
pub fn read(query: &Query, me: UserId) -> ProblemFilter {
    ProblemFilter {
        state: query.get("state").and_then(ProblemState::from_slug),
        integration: query.parsed("integration"),
        class: query.get("class").and_then(Class::from_word),
        owner: match query.get("owner") {
            Some(ME) => Some(me),
            _ => query.parsed("owner"),
        },
    }
}

/// The list with this filter, or what ends like its address: `.csv`, `.json`.
pub fn address(filter: &ProblemFilter, me: UserId, ending: &str) -> String {
    Query::default()
        .with("state", filter.state.map(ProblemState::slug))
        .with("integration", filter.integration)
        .with("class", filter.class.map(Class::word))
        .with("owner", owner_word(filter, me))
        .on(&format!("{}{ending}", paths::PROBLEMS))
}

/// Whose problems it shows, as it stands in an address.
pub fn owner_word(filter: &ProblemFilter, me: UserId) -> Option<String> {
    let owner = filter.owner?;
    Some(match owner == me {
        true => ME.to_owned(),
        false => owner.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::IntegrationId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn a_filter_comes_back_from_its_address(
            state in 0..=ProblemState::ALL.len(),
            integration: Option<u128>,
            class in 0..=Class::ALL.len(),
            owner in prop::option::of(0u128..3),
        ) {
            let filter = ProblemFilter {
                state: ProblemState::ALL.get(state).copied(),
                integration: integration.map(|id| IntegrationId(Uuid::from_u128(id))),
                class: Class::ALL.get(class).copied(),
                owner: owner.map(|id| UserId(Uuid::from_u128(id))),
            };
            let me = UserId(Uuid::from_u128(1));
            let address = address(&filter, me, "");
            let query = Query::parse(address.trim_start_matches(paths::PROBLEMS));
            prop_assert_eq!(read(&query, me), filter);
        }
    }
}
