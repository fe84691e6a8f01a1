use leptos::prelude::*;

use crate::ui::page::{loaded, signed_in};

/// Can today's numbers be trusted, and if not, which?
#[component]
pub fn OverviewPage() -> impl IntoView {
    loaded(
        async move {
            let viewer = signed_in()?;
            let backend = crate::backend();
            backend.mirror.totals(&viewer).await
        },
        |totals| view! { <main><h1>"Overview"</h1><p>{totals.projects} " projects"</p></main> },
    )
}
