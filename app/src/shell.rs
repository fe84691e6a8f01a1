use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode, StaticSegment as Static,
    components::{Route, Router, Routes},
};

use crate::{
    Theme, overview,
    ui::failure_view::NotFound,
    visit,
};

/// The document around every page. The theme stands in the first tag, so no page flashes.
pub fn shell() -> impl IntoView {
    let visit = visit();
    let theme = (visit.theme != Theme::System).then(|| visit.theme.word());
    let css = visit.assets.css.clone().unwrap_or_else(|| "/pkg/main.css".to_owned());
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=css/>
                {visit.assets.dev_reload.then(|| view! { <script src="/__dev/reload.js" nonce=use_nonce()></script> })}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The route table. Every page is rendered whole before the first byte is sent (`SsrMode::Async`): right status, works without JavaScript.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let mode = SsrMode::Async;
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Hangar".to_owned() } else { format!("{title} · Hangar") }/>
        <Router>
            <Routes fallback=|| view! { <NotFound/> }>
                <Route path=Static("") view=overview::OverviewPage ssr=mode/>
            </Routes>
        </Router>
    }
}
