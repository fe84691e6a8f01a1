use leptos::prelude::*;

use super::number::number;

/// A small row of bars, the oldest first, in place of a word. `says` is read instead: what each bar counts, such as "Each quarter of
/// a day of the last week".
#[component]
pub fn Spark(#[prop(into)] says: String, bars: Vec<u64>) -> impl IntoView {
    const TALL: u64 = 20;
    const WIDE: usize = 4;
    let most = bars.iter().copied().max().unwrap_or(0);
    let numbers: Vec<String> = bars.iter().map(|n| number(*n)).collect();
    let label = format!("{says}: {}", numbers.join(", "));
    let width = bars.len() * WIDE;
    let drawn = bars
        .into_iter()
        .enumerate()
        .map(|(at, times)| {
            // What happened once can be seen beside what happened a thousand times.
            let tall = match times {
                0 => 1,
                _ => (times * TALL / most.max(1)).max(3),
            };
            let class = if times == 0 { "spark-none" } else { "spark-bar" };
            view! {
                <rect class=class x=(at * WIDE).to_string() y=(TALL - tall).to_string() width="3" height=tall.to_string()/>
            }
        })
        .collect_view();
    view! {
        <svg
            class="spark" role="img" aria-label=label viewBox=format!("0 0 {width} {TALL}")
            width=width.to_string() height=TALL.to_string()
        >
            {drawn}
        </svg>
    }
    .into_any()
}
