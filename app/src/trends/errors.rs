use chrono::{DateTime, Utc};
use domain::{ids::IntegrationId, problems::Class, range::Range, usage::Usage};
use leptos::prelude::*;

use crate::{
    paths,
    query::Query,
    ui::{
        badge::Tone,
        bar::Bar,
        number::{count, number},
        table::TableRegion,
    },
};

/// So many kinds of errors are listed.
const ERRORS: usize = 8;

/// Calls that failed, by what kind of failure it was, the most frequent first.
#[component]
pub fn Errors(
    usage: Vec<(DateTime<Utc>, Usage)>,
    range: Range,
    of: Option<IntegrationId>,
) -> impl IntoView {
    let errors = errors(&usage);
    let all: u64 = errors.iter().map(|(_, times)| times).sum();
    let says = match all {
        0 => format!("No call to Plane failed in {}.", range.label()),
        all => format!("{} failed.", count(all, "call", "calls")),
    };
    let lines = errors
        .into_iter()
        .take(ERRORS)
        .map(|(error, times)| {
            let (name, href) = match error {
                Error::Class(class) => {
                    let problems = Query::default()
                        .with("integration", of)
                        .with("class", Some(class.word()))
                        .on(paths::PROBLEMS);
                    (class.name().to_owned(), Some(problems))
                }
                Error::Code(code) => (code.replace('_', " "), None),
            };
            let label = format!("{name}: share of all");
            let name = match href {
                Some(href) => view! { <a href=href>{name}</a> }.into_any(),
                None => name.into_any(),
            };
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    <td class="number">{number(times)}</td>
                    <td class="errors-share"><Bar label value=times max=Some(all) tone=Tone::Bad/></td>
                </tr>
            }
        })
        .collect_view();
    let table = (all > 0).then(|| {
        view! {
            <TableRegion label="Calls that failed, by reason">
                <table>
                    <caption class="visually-hidden">"Calls that failed, by reason"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Reason"</th>
                            <th scope="col" class="number">"Calls"</th>
                            <th scope="col">"Share"</th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </TableRegion>
        }
    });
    view! {
        <figure class="chart">
            <figcaption><strong>"Errors by kind"</strong> " " <span class="quiet">{says}</span></figcaption>
            {table}
        </figure>
    }
    .into_any()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Error {
    Class(Class),
    Code(String),
}

/// How many calls failed for which reason, the most frequent first. What nobody waited for any more did not fail.
fn errors(usage: &[(DateTime<Utc>, Usage)]) -> Vec<(Error, u64)> {
    let mut all = Usage::default();
    usage.iter().for_each(|(_, one)| all.merge(one));
    let mut errors = std::collections::BTreeMap::<Error, u64>::new();
    for (code, times) in all.total().failed {
        let error = Class::of_code(&code).map_or(Error::Code(code), Error::Class);
        *errors.entry(error).or_default() += times;
    }
    let mut errors: Vec<_> = errors.into_iter().collect();
    errors.sort_by_key(|(error, times)| (std::cmp::Reverse(*times), error.clone()));
    errors
}

#[cfg(test)]
mod tests {
    use domain::usage::{CallTally, Purpose};

    use super::*;

    #[test]
    fn failures_of_one_kind_are_counted_together() {
        let mut usage = Usage::default();
        let tally = usage
            .by_purpose
            .entry(Purpose::Sync)
            .or_insert_with(CallTally::default);
        for (code, times) in [("refused", 3), ("network", 2), ("timeout", 4), ("odd", 1)] {
            tally.failed.insert(code.to_owned(), times);
        }
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(
            errors(&[(start, usage)]),
            [
                (Error::Class(Class::NetworkConnect), 5),
                (Error::Class(Class::NetworkTimeout), 4),
                (Error::Code("odd".to_owned()), 1),
            ]
        );
    }
}
