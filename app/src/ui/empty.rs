use leptos::prelude::*;

/// A list with nothing in it: why, and what to do next (links or buttons as children).
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(into)] says: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{says}</p>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </div>
    }
    .into_any()
}
