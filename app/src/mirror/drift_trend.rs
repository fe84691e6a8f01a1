use domain::drift::DriftCheck;
use leptos::prelude::*;

use super::drift::difference;
use crate::ui::{
    number::{count, number},
    panel::Panel,
    time::{date, moment},
};

/// How much the copy differed at each of these comparisons, given the latest first: for the eye, the table says the same.
#[component]
pub fn DriftTrend(checks: Vec<DriftCheck>) -> impl IntoView {
    let oldest_first: Vec<_> = checks.into_iter().rev().collect();
    match &oldest_first[..] {
        [] => ().into_any(),
        [_] => view! {
            <Panel title="Trend">
                <p class="quiet">"There is one comparison here so far; a trend shows from the second one on."</p>
            </Panel>
        }
        .into_any(),
        [first, .., last] => {
            let says = summary(&oldest_first);
            let about = says.clone();
            let ends = [first, last].map(|check| date(check.at.date_naive()));
            view! {
                <Panel title="Trend" aside=move || about>
                    <Chart checks=oldest_first says ends/>
                    <Legend/>
                </Panel>
            }
            .into_any()
        }
    }
}

/// "30 comparisons: 27 equal, 3 differed, at most by 12 work items."
fn summary(checks: &[DriftCheck]) -> String {
    let all = count(checks.len() as u64, "comparison", "comparisons");
    let differed = checks.iter().filter(|check| !check.is_equal()).count();
    match differed {
        0 => format!("{all}, all equal"),
        _ => format!(
            "{all}: {} equal, {differed} differed, at most by {}",
            checks.len() - differed,
            count(most(checks), "work item", "work items"),
        ),
    }
}

fn most(checks: &[DriftCheck]) -> u64 {
    checks.iter().map(total).max().unwrap_or(0)
}

fn total(check: &DriftCheck) -> u64 {
    check.missing + check.extra + check.different
}

/// Pixels from the ground to the largest difference, and from the top to the ground.
const TALL: u64 = 80;
const GROUND: u64 = 100;

/// A column a comparison, placed in shares of the width, so that they fit any.
#[component]
fn Chart(checks: Vec<DriftCheck>, says: String, ends: [String; 2]) -> impl IntoView {
    let (most, columns) = (most(&checks), checks.len());
    let width = if columns > 24 { 4 } else { 12 };
    let columns = checks
        .iter()
        .enumerate()
        .map(|(at, check)| {
            let middle = (at as f64 + 0.5) * 100.0 / columns as f64;
            view! {
                <svg x=format!("{middle:.2}%") overflow="visible">
                    <title>{format!("{}: {}", moment(check.at), difference(check))}</title>
                    {if check.is_equal() {
                        view! { <circle class="trend-equal" cy=GROUND r={width / 3}/> }.into_any()
                    } else {
                        column(check, most, width).into_any()
                    }}
                </svg>
            }
        })
        .collect_view();
    let [first, last] = ends;
    let scale = (most > 0).then(|| {
        view! {
            <line class="trend-most" x2="100%" y1={GROUND - TALL} y2={GROUND - TALL}/>
            <text y={GROUND - TALL - 6}>{number(most)}</text>
        }
    });
    view! {
        <svg class="trend" width="100%" height={GROUND + 24} role="img" aria-labelledby="trend-title" aria-describedby="trend-says">
            <title id="trend-title">"Difference from Plane over time"</title>
            <desc id="trend-says">{format!("From {first} to {last}. {says}. The table below says the same.")}</desc>
            <g aria-hidden="true">
                {scale}
                <line class="trend-ground" x2="100%" y1=GROUND y2=GROUND/>
                {columns}
                <text y={GROUND + 20}>{first}</text>
                <text x="100%" y={GROUND + 20} text-anchor="end">{last}</text>
            </g>
        </svg>
    }
    .into_any()
}

/// What differed, stacked; whatever there is can be seen.
fn column(check: &DriftCheck, most: u64, width: u64) -> impl IntoView + use<> {
    let mut top = GROUND;
    [
        ("trend-missing", check.missing),
        ("trend-extra", check.extra),
        ("trend-different", check.different),
    ]
    .into_iter()
    .filter(|(_, part)| *part > 0)
    .map(|(class, part)| {
        let height = (part * TALL / most).max(3);
        top = top.saturating_sub(height);
        let left = -(width as i64) / 2;
        view! { <rect class=class x=left y=top width=width height=height/> }
    })
    .collect_view()
}

#[component]
fn Legend() -> impl IntoView {
    let entry = |class: &'static str, word: &'static str| {
        view! {
            <li><svg class="trend" width="14" height="14" aria-hidden="true"><rect class=class width="14" height="14"/></svg> {word}</li>
        }
    };
    view! {
        <ul class="legend">
            {entry("trend-missing", "Missing here")}
            {entry("trend-extra", "Not in Plane")}
            {entry("trend-different", "Different")}
            <li>
                <svg class="trend" width="14" height="14" aria-hidden="true"><circle class="trend-equal" cx="7" cy="7" r="4"/></svg>
                "Equal"
            </li>
        </ul>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use domain::{DateTime, drift::Thoroughness};

    use super::*;

    #[test]
    fn a_trend_is_summed_up_in_a_sentence() {
        let check = |missing, different| DriftCheck {
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            thoroughness: Thoroughness::Whole,
            planes: 1_204,
            compared: 1_204,
            missing,
            extra: 0,
            different,
        };
        assert_eq!(
            summary(&[check(0, 0), check(0, 0)]),
            "2 comparisons, all equal"
        );
        assert_eq!(
            summary(&[check(0, 0), check(3, 1_200), check(1, 0)]),
            "3 comparisons: 1 equal, 2 differed, at most by 1,203 work items"
        );
    }
}
