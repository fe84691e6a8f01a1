use leptos::prelude::*;

use super::badge::{Shape, ShapeMark, Tone};

/// A sentence that must not be overlooked; its tone is told by shape and colour. `title` is its headline.
#[component]
pub fn Notice(
    #[prop(default = Tone::Accent)] kind: Tone,
    #[prop(optional, into)] title: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let shape = match kind {
        Tone::Good | Tone::Accent => Shape::Dot,
        Tone::Late => Shape::Half,
        Tone::Bad => Shape::Triangle,
        Tone::Idle => Shape::Ring,
    };
    view! {
        <div class=format!("notice notice-{}", kind.word())>
            <ShapeMark shape/>
            <div class="notice-text">
                {(!title.is_empty()).then(|| view! { <p class="notice-title">{title}</p> })}
                {children.map(|children| children())}
            </div>
        </div>
    }
    .into_any()
}
