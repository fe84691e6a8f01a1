use domain::page::Cursor;
use leptos::prelude::*;

use super::query::with_param;

/// The way on through a list, and back to its start. `base` is the list's address with its filters; its place in it is ignored.
#[component]
pub fn Pager(next: Option<Cursor>, is_first: bool, #[prop(into)] base: String) -> impl IntoView {
    if next.is_none() && is_first {
        return ().into_any();
    }
    let first = (!is_first).then(|| with_param(&base, "after", None));
    let next = next.map(|cursor| with_param(&base, "after", Some(&cursor.0)));
    view! {
        <nav class="pager" aria-label="Pages">
            {first.map(|href| view! { <a class="button" href=href>"First page"</a> })}
            {match next {
                Some(href) => view! { <a class="button" rel="next" href=href>"Next page"</a> }.into_any(),
                None => view! { <span class="quiet">"This is the last page."</span> }.into_any(),
            }}
        </nav>
    }
    .into_any()
}
