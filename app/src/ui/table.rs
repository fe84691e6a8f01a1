use leptos::prelude::*;

/// Around a `<table>`: scrolls sideways by itself when the screen is narrow, also by keyboard.
#[component]
pub fn TableRegion(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! { <div class="table-region" role="region" aria-label=label tabindex="0">{children()}</div> }.into_any()
}

/// Which way a table is sorted by a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sorted {
    No,
    Up,
    Down,
}

/// A column's header that sorts by it.
#[component]
pub fn SortHeader(
    #[prop(into)] label: String,
    #[prop(into)] href: String,
    sorted: Sorted,
    #[prop(optional)] is_number: bool,
) -> impl IntoView {
    let (aria, arrow) = match sorted {
        Sorted::No => (None, ""),
        Sorted::Up => (Some("ascending"), " ↑"),
        Sorted::Down => (Some("descending"), " ↓"),
    };
    view! {
        <th scope="col" role="columnheader" aria-sort=aria class=is_number.then_some("number")>
            <a href=href>{label}<span aria-hidden="true">{arrow}</span></a>
        </th>
    }
    .into_any()
}
