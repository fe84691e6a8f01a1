use leptos::prelude::*;

use super::{badge::Tone, slot::Slot};

/// A box with a heading; `aside` stands small at the heading's right.
#[component]
pub fn Panel(
    #[prop(into)] title: String,
    /// Small, at the heading's right.
    #[prop(optional, into)]
    aside: Slot,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="panel">
            <div class="panel-head">
                <h2>{title}</h2>
                {aside.0.map(|aside| view! { <div class="panel-aside">{aside}</div> })}
            </div>
            {children()}
        </section>
    }
    .into_any()
}

/// Figures side by side.
#[component]
pub fn Figures(children: Children) -> impl IntoView {
    view! { <dl class="figures">{children()}</dl> }.into_any()
}

/// One number with its name, its unit and a sentence; inside [`Figures`].
#[component]
pub fn Figure(
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    #[prop(optional, into)] unit: String,
    #[prop(default = Tone::Idle)] tone: Tone,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="figure">
            <dt>{label}</dt>
            <dd class=format!("figure-value tone-figure-{}", tone.word())>
                {value}
                {(!unit.is_empty()).then(|| view! { <span class="figure-unit">" " {unit}</span> })}
            </dd>
            {children.map(|children| view! { <dd class="figure-says">{children()}</dd> })}
        </div>
    }
    .into_any()
}

/// A name and its value in a `<dl class="facts">`.
#[component]
pub fn Fact(#[prop(into)] label: String, children: Children) -> impl IntoView {
    view! { <div><dt>{label}</dt><dd>{children()}</dd></div> }.into_any()
}
