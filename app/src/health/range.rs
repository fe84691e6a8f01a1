use domain::range::Range;
use leptos::prelude::*;

use crate::{
    query::Query,
    ui::{
        chips::{Chip, Chips},
        query::with_param,
    },
    visit,
};

/// The range in the page's address; a day if there is none, or none that is known.
pub fn of_page() -> Range {
    Query::of_page().parsed("range").unwrap_or_default()
}

/// The ranges, as links to the same page.
#[component]
pub fn RangeChips(range: Range) -> impl IntoView {
    let path = visit().path;
    let chips = Range::ALL
        .into_iter()
        .map(|one| {
            let word = (one != Range::default()).then_some(one.word());
            Chip {
                label: one.label().to_owned(),
                href: with_param(&path, "range", word),
                is_current: one == range,
                count: None,
            }
        })
        .collect();
    view! { <Chips label="How far back" chips/> }.into_any()
}
