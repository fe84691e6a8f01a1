use chrono::TimeDelta;
use domain::{
    run::Phase,
    run_log::{Span, Timeline},
};
use leptos::prelude::*;

use crate::ui::{panel::Panel, table::TableRegion, time::duration_words};

/// What a run did when: a bar for the eye, and the same as tables.
#[component]
pub fn TimelinePanel(timeline: Timeline) -> impl IntoView {
    if timeline.spans.is_empty() || timeline.length_ms() == 0 {
        return ().into_any();
    }
    let mut groups: Vec<_> = timeline
        .spans
        .iter()
        .map(|span| group(span.phase))
        .collect();
    groups.extend((!timeline.waits.is_empty()).then_some("wait"));
    let says = summary(&timeline);
    let steps = timeline.clone();
    let cut = timeline.is_cut.then(|| view! {
        <p class="quiet small">"There were more steps than are kept: the last one stands for all that followed."</p>
    });
    view! {
        <Panel title="Where the time went" aside=move || says.clone()>
            <Bar timeline=timeline.clone()/>
            <Legend groups/>
            <ByPhase timeline/>
            <details class="steps">
                <summary>"Step by step"</summary>
                {cut}
                <Steps timeline=steps/>
            </details>
        </Panel>
    }
    .into_any()
}

/// `Took 3 min 20 s, 40 s of it waiting for Plane’s limit.`
fn summary(timeline: &Timeline) -> String {
    let took = words(timeline.length_ms());
    match timeline.waited_ms(0, u64::MAX) {
        0 => took,
        waited => format!("{took}, {} of it waiting for Plane’s limit", words(waited)),
    }
}

/// The bar: drawn in shares of its width, so that it fits any.
#[component]
fn Bar(timeline: Timeline) -> impl IntoView {
    let length = timeline.length_ms().max(1);
    let share = move |ms: u64| format!("{:.3}%", ms as f64 * 100.0 / length as f64);
    // Thinner than this nothing would be seen.
    let width = move |from: u64, to: u64| share((to - from).max(length / 500));
    let spans = timeline
        .spans
        .iter()
        .map(|span| {
            let class = format!("phase phase-{}", group(span.phase));
            let says = step_words(span);
            view! {
                <rect class=class x=share(span.from_ms) y="0" width=width(span.from_ms, span.to_ms) height="28">
                    <title>{says}</title>
                </rect>
            }
        })
        .collect_view();
    let waits = timeline
        .waits
        .iter()
        .map(|wait| {
            view! {
                <rect class="wait" x=share(wait.from_ms) y="0" width=width(wait.from_ms, wait.to_ms) height="28" fill="url(#waits)">
                    <title>{format!("Waiting for Plane’s limit: {}", words(wait.to_ms - wait.from_ms))}</title>
                </rect>
            }
        })
        .collect_view();
    let ticks = [
        (0, "start"),
        (1, "middle"),
        (2, "middle"),
        (3, "middle"),
        (4, "end"),
    ]
    .map(|(quarter, anchor)| {
        let at = length * quarter / 4;
        view! { <text x=share(at) y="44" text-anchor=anchor>{words(at)}</text> }
    });
    view! {
        <svg class="timeline" width="100%" height="50" role="img" aria-label="The run’s phases over time; the tables below say the same">
            <defs>
                <pattern id="waits" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect class="hatch-ground" width="7" height="7"/>
                    <rect class="hatch-line" width="3" height="7"/>
                </pattern>
            </defs>
            <g aria-hidden="true">{spans}{waits}{ticks}</g>
        </svg>
    }
    .into_any()
}

#[component]
fn Legend(groups: Vec<&'static str>) -> impl IntoView {
    let entry = |group: &'static str, class: &'static str, word: &'static str| {
        groups.contains(&group).then(|| view! {
            <li>
                <svg class="timeline" width="14" height="14" aria-hidden="true">
                    <rect class=class width="14" height="14" fill=(class == "wait").then_some("url(#waits)")/>
                </svg>
                {word}
            </li>
        })
    };
    view! {
        <ul class="legend">
            {entry("lists", "phase phase-lists", "Lists of projects")}
            {entry("around", "phase phase-around", "Members, states, labels")}
            {entry("items", "phase phase-items", "Work items")}
            {entry("gone", "phase phase-gone", "Deletions")}
            {entry("wait", "wait", "Waiting for Plane’s limit")}
        </ul>
    }
    .into_any()
}

/// How long each phase took in all.
#[component]
fn ByPhase(timeline: Timeline) -> impl IntoView {
    let rows = by_phase(&timeline)
        .into_iter()
        .map(|(phase, took, waited)| {
            view! {
                <tr>
                    <th scope="row">{phase_words(phase)}</th>
                    <td class="number">{words(took)}</td>
                    <td class="number">{waited_words(waited)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <TableRegion label="Time by phase">
            <table class="dense">
                <caption class="visually-hidden">"How long each phase took in all"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Phase"</th>
                        <th scope="col" class="number">"Took"</th>
                        <th scope="col" class="number">"Of it waiting"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

/// Every span of the bar.
#[component]
fn Steps(timeline: Timeline) -> impl IntoView {
    let rows = timeline
        .spans
        .iter()
        .map(|span| view! {
            <tr>
                <td class="number">{format!("+{}", words(span.from_ms))}</td>
                <th scope="row">{phase_words(span.phase)}</th>
                <td>{span.project.clone().unwrap_or_else(|| "–".to_owned())}</td>
                <td class="number">{words(span.to_ms - span.from_ms)}</td>
                <td class="number">{waited_words(timeline.waited_ms(span.from_ms, span.to_ms))}</td>
            </tr>
        })
        .collect_view();
    view! {
        <TableRegion label="The run step by step">
            <table class="dense">
                <caption class="visually-hidden">"Each step of the run, in order"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="number">"After"</th>
                        <th scope="col">"Phase"</th>
                        <th scope="col">"Project"</th>
                        <th scope="col" class="number">"Took"</th>
                        <th scope="col" class="number">"Of it waiting"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

const PHASES: [Phase; 9] = [
    Phase::Starting,
    Phase::Projects,
    Phase::Members,
    Phase::States,
    Phase::Labels,
    Phase::WorkItems,
    Phase::Deletions,
    Phase::Cycles,
    Phase::Modules,
];

/// Phases that took place, with their time and how much of it was waiting.
fn by_phase(timeline: &Timeline) -> Vec<(Phase, u64, u64)> {
    PHASES
        .into_iter()
        .map(|phase| {
            let of = timeline.spans.iter().filter(|span| span.phase == phase);
            let (mut took, mut waited, mut is_there) = (0, 0, false);
            for span in of {
                is_there = true;
                took += span.to_ms - span.from_ms;
                waited += timeline.waited_ms(span.from_ms, span.to_ms);
            }
            (is_there, (phase, took, waited))
        })
        .filter_map(|(is_there, row)| is_there.then_some(row))
        .collect()
}

fn group(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting | Phase::Projects => "lists",
        Phase::Members | Phase::States | Phase::Labels | Phase::Cycles | Phase::Modules => "around",
        Phase::WorkItems => "items",
        Phase::Deletions => "gone",
    }
}

fn phase_words(phase: Phase) -> String {
    crate::ui::badge::capitalised(phase.word())
}

fn step_words(span: &Span) -> String {
    let took = words(span.to_ms - span.from_ms);
    match &span.project {
        Some(project) => format!("{} of {project}: {took}", phase_words(span.phase)),
        None => format!("{}: {took}", phase_words(span.phase)),
    }
}

fn waited_words(ms: u64) -> String {
    if ms == 0 { "–".to_owned() } else { words(ms) }
}

/// Tenths of a second while they matter.
fn words(ms: u64) -> String {
    if (1_000..20_000).contains(&ms) && !ms.is_multiple_of(1_000) {
        return format!("{}.{} s", ms / 1_000, ms % 1_000 / 100);
    }
    duration_words(TimeDelta::milliseconds(
        i64::try_from(ms).unwrap_or(i64::MAX / 2),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_summed_up_with_their_waits() {
        let mut timeline = Timeline::default();
        timeline.enter(Phase::Projects, None, 0);
        timeline.enter(Phase::WorkItems, Some("Web"), 1_000);
        timeline.enter(Phase::States, Some("Ops"), 41_000);
        timeline.enter(Phase::WorkItems, Some("Ops"), 42_000);
        timeline.reach(50_000);
        timeline.wait(30_000, 45_000);
        assert_eq!(
            by_phase(&timeline),
            [
                (Phase::Projects, 1_000, 0),
                (Phase::States, 1_000, 1_000),
                (Phase::WorkItems, 48_000, 14_000),
            ]
        );
        assert_eq!(
            summary(&timeline),
            "50 s, 15 s of it waiting for Plane’s limit"
        );
        assert_eq!(
            [947, 1_270, 3_000, 61_500].map(words),
            ["947 ms", "1.2 s", "3 s", "1 min 1 s"]
        );
    }
}
