use leptos::prelude::*;
use leptos_meta::Title;
use server_fn::ServerFn;

use super::{form::Hidden, query::path_of};
use crate::{
    Theme, Visit,
    accounts::api,
    islands::{chart_keys::ChartKeys, local_time::LocalTimes},
    paths, visit,
};

/// Around every page of somebody signed in. `islands` loads the WASM: without it the page has no script at all.
#[component]
pub fn Frame(
    #[prop(into)] title: String,
    #[prop(optional)] islands: bool,
    children: Children,
) -> impl IntoView {
    let visit = visit();
    view! {
        <Title text=title/>
        <a class="skip" href="#main">"Skip to the content"</a>
        <div class="frame">
            <header class="side">
                <Brand/>
                <Navigation visit=visit.clone()/>
            </header>
            <header class="top">
                <Brand/>
                <details class="menu">
                    <summary>"Menu"</summary>
                    <div class="menu-body"><Navigation visit=visit.clone()/></div>
                </details>
            </header>
            <main id="main" tabindex="-1">{children()}</main>
        </div>
        {islands.then(|| view! { <LocalTimes/> <ChartKeys/> <Scripts visit/> })}
    }
    .into_any()
}

/// Around pages for somebody who is not signed in.
#[component]
pub fn PlainFrame(#[prop(into)] title: String, children: Children) -> impl IntoView {
    let visit = visit();
    view! {
        <Title text=title/>
        <div class="plain">
            <header class="plain-head"><Brand/></header>
            <main id="main">{children()}</main>
            <footer class="plain-foot"><ThemeSwitch visit/></footer>
        </div>
    }
    .into_any()
}

#[component]
fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href=paths::OVERVIEW>
            <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
                <path class="brand-arch" d="M4 21V12a8 8 0 0 1 16 0v9h-4v-9a4 4 0 0 0-8 0v9z"/>
                <path class="brand-door" d="M9.5 16h5v5h-5z"/>
            </svg>
            "Hangar"
        </a>
    }
    .into_any()
}

/// The pages of the navigation: name, address.
const PAGES: [(&str, &str); 8] = [
    ("Overview", paths::OVERVIEW),
    ("Integrations", paths::INTEGRATIONS),
    ("Projects", paths::PROJECTS),
    ("Sync runs", paths::RUNS),
    ("Webhooks", paths::WEBHOOKS),
    ("Problems", paths::PROBLEMS),
    ("Alerts", paths::ALERTS),
    ("Settings", paths::SETTINGS),
];

#[component]
fn Navigation(visit: Visit) -> impl IntoView {
    let here = path_of(&visit.path).to_owned();
    let section = section_of(&here);
    let links = PAGES
        .into_iter()
        .map(|(name, address)| {
            let current = if here == address {
                Some("page")
            } else if section == address {
                Some("true")
            } else {
                None
            };
            view! { <li><a href=address aria-current=current>{name}</a></li> }
        })
        .collect_view();
    view! {
        <nav class="nav" aria-label="Main"><ul>{links}</ul></nav>
        <div class="who">
            {visit.user.clone().map(|user| view! {
                <div class="who-person">
                    <span class="initials" aria-hidden="true">{initials(user.name.as_str())}</span>
                    <a href=paths::PROFILE>{user.name.to_string()}</a>
                    <span class="quiet">{user.role.word()}</span>
                </div>
                <form method="post" action=api::SignOut::PATH>
                    <button type="submit" class="button button-quiet">"Sign out"</button>
                </form>
            })}
            <ThemeSwitch visit/>
        </div>
    }
    .into_any()
}

/// Light, dark, or as the system says; a plain form, so it works without JavaScript.
#[component]
pub fn ThemeSwitch(visit: Visit) -> impl IntoView {
    let choices = [(Theme::System, "Auto"), (Theme::Light, "Light"), (Theme::Dark, "Dark")]
        .into_iter()
        .map(|(theme, word)| {
            let pressed = if visit.theme == theme { "true" } else { "false" };
            view! { <button type="submit" name="theme" value=theme.word() aria-pressed=pressed>{word}</button> }
        })
        .collect_view();
    view! {
        <form method="post" action=api::SetTheme::PATH>
            <Hidden fields=vec![("next", visit.path.clone())]/>
            <div class="theme" role="group" aria-label="Colours">{choices}</div>
        </form>
    }
    .into_any()
}

/// Loads the WASM and wakes each island, as the framework's own script does, but from addresses with a hash in them.
#[component]
pub fn Scripts(visit: Visit) -> impl IntoView {
    let (Some(js), Some(wasm)) = (visit.assets.js, visit.assets.wasm) else {
        return ().into_any();
    };
    // The names are the framework's: where it would look for the data of resources, of which there are none (`crate::render`).
    // Islands are woken in the order of the document, so one that holds another is woken before it.
    let script = format!(
        r#"for (const name of ["RESOLVED_RESOURCES", "SERIALIZED_ERRORS", "PENDING_RESOURCES", "RESOURCE_RESOLVERS", "INCOMPLETE_CHUNKS"]) self[`__${{name}}`] = [];
import({js:?}).then(async mod => {{
await mod.default({{module_or_path: {wasm:?}}});
mod.hydrate();
for (const island of document.querySelectorAll("leptos-island")) await mod[island.dataset.component]?.(island);
}});"#
    );
    view! {
        <link rel="modulepreload" href=js nonce=use_nonce()/>
        <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=use_nonce()>{script}</script>
    }
    .into_any()
}

/// The navigation's page that a path belongs to; empty for an address where nothing is.
fn section_of(path: &str) -> &'static str {
    if path.starts_with(paths::INTEGRATIONS) && path.contains("/projects/") {
        return paths::PROJECTS;
    }
    if path.starts_with(paths::BUDGET) || path.starts_with(paths::OBJECTIVES) {
        return paths::OVERVIEW;
    }
    if path.starts_with(paths::BULK) {
        return paths::INTEGRATIONS;
    }
    PAGES
        .into_iter()
        .map(|(_, address)| address)
        .find(|address| match *address {
            paths::OVERVIEW => path == *address,
            _ => path.starts_with(address),
        })
        .unwrap_or_default()
}

/// "MK" of "Maya Keller".
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|w| w.chars().next());
    let last = words.next_back().and_then(|w| w.chars().next());
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_a_page_of_the_navigation() {
        let check = |path: &str, section: &str| assert_eq!(section_of(path), section, "{path}");
        check("/", paths::OVERVIEW);
        check("/integrations/new", paths::INTEGRATIONS);
        check("/integrations/1/projects/2/labels", paths::PROJECTS);
        check("/settings/people", paths::SETTINGS);
        check("/runs/1", paths::RUNS);
        check("/bulk/1", paths::INTEGRATIONS);
        check("/budget", paths::OVERVIEW);
        check("/objectives", paths::OVERVIEW);
        check("/webhooks/1/2", paths::WEBHOOKS);
        check("/integrations/1/webhook", paths::INTEGRATIONS);
        check("/nothing", "");
    }

    #[test]
    fn initials_are_of_the_first_and_last_name() {
        assert_eq!(initials("Maya van der Keller"), "MK");
        assert_eq!(initials("maya"), "M");
        assert_eq!(initials(""), "");
    }
}
