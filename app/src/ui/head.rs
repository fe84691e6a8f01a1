use leptos::prelude::*;

use super::slot::Slot;

/// A page's heading: its name, a line below it, and what can be done here (children, at the right).
#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    #[prop(optional, into)] says: Slot,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="page-head">
            <div>
                <h1>{title}</h1>
                {says.0.map(|says| view! { <p class="page-says">{says}</p> })}
            </div>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
    .into_any()
}

/// Where a page stands: the pages above it, as (name, address).
#[component]
pub fn Crumbs(items: Vec<(String, String)>) -> impl IntoView {
    let items = items
        .into_iter()
        .map(|(name, href)| view! { <li><a href=href>{name}</a></li> })
        .collect_view();
    view! { <nav class="crumbs" aria-label="Breadcrumb"><ol>{items}</ol></nav> }.into_any()
}
