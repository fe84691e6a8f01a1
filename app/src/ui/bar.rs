use leptos::prelude::*;

use super::badge::Tone;

/// How much of something is done. Without `max` it is under way, nobody knows how far.
#[component]
pub fn Bar(
    #[prop(into)] label: String,
    value: u64,
    #[prop(default = None)] max: Option<u64>,
    #[prop(default = Tone::Accent)] tone: Tone,
) -> impl IntoView {
    let class = format!("bar bar-{}", tone.word());
    match max {
        Some(max) => {
            let max = max.max(1);
            view! { <progress class=class aria-label=label value=value.min(max).to_string() max=max.to_string()></progress> }
                .into_any()
        }
        None => view! { <progress class=class aria-label=label></progress> }.into_any(),
    }
}
