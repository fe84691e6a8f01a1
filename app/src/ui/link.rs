use leptos::prelude::*;

/// In the context of a page that nobody can press anything on, such as a screen on a wall: links are text there.
#[derive(Clone, Copy, Debug)]
pub struct Unpressed;

/// A link, or only its text where nothing can be pressed.
#[component]
pub fn Link(#[prop(into)] href: String, children: Children) -> impl IntoView {
    match use_context::<Unpressed>() {
        None => view! { <a href=href>{children()}</a> }.into_any(),
        Some(Unpressed) => view! { <span>{children()}</span> }.into_any(),
    }
}
