use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// Says that a list shows only what a chart's bar stands for, with the way to all of it.
#[component]
pub fn OnlySpan(
    /// "runs that started".
    what: &'static str,
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The same list of any time.
    all: String,
) -> impl IntoView {
    let written = |at: DateTime<Utc>| at.format("%-d %b %Y, %H:%M").to_string();
    span.map(|(from, until)| {
        let says = format!(
            "Only {what} from {} until {} UTC.",
            written(from),
            written(until)
        );
        view! { <p class="quiet">{says} " " <a href=all>"Show any time"</a></p> }
    })
}
