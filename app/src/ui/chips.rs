use leptos::prelude::*;

use super::number::number;

/// One filter: a word, where it leads, how many there are.
#[derive(Clone, Debug)]
pub struct Chip {
    pub label: String,
    pub href: String,
    pub is_current: bool,
    pub count: Option<u64>,
}

/// Filters as links: they work without JavaScript, can be shared, and the browser's way back undoes them.
#[component]
pub fn Chips(#[prop(into)] label: String, chips: Vec<Chip>) -> impl IntoView {
    let chips = chips
        .into_iter()
        .map(|chip| {
            view! {
                <li>
                    <a class="chip" href=chip.href aria-current=chip.is_current.then_some("true")>
                        {chip.label}
                        {chip.count.map(|n| view! { " " <span class="chip-count">{number(n)}</span> })}
                    </a>
                </li>
            }
        })
        .collect_view();
    view! { <nav class="chips" aria-label=label><ul>{chips}</ul></nav> }.into_any()
}
