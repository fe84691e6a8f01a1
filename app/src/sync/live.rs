use chrono::{DateTime, Utc};
use domain::run::{Phase, SyncRun};
use leptos::prelude::*;

use crate::{
    islands::live_run::{LiveRun, RunNow},
    paths,
};

/// A run under way. Its page's frame says `islands=true`.
#[component]
pub fn RunUnderWay(run: SyncRun, now: DateTime<Utc>) -> impl IntoView {
    view! { <LiveRun address=paths::live_run(run.id) initial=run_now(&run, now)/> }
}

/// A part of a page that follows what it is about while `LiveParts` or `LiveRun` is on the page, without jumping: what is alike
/// stays as it was.
#[component]
pub fn LivePart(children: Children) -> impl IntoView {
    view! { <div class="live-part" data-live="">{children()}</div> }.into_any()
}

/// The run in the island's plain values.
pub fn run_now(run: &SyncRun, now: DateTime<Utc>) -> RunNow {
    let progress = &run.progress;
    let counts = &run.counts;
    let wait = progress
        .waiting_until
        .map_or(0, |until| (until - now).num_milliseconds().max(0) as u64);
    RunNow {
        at: small(now.timestamp().max(0) as u64),
        phase: phase_code(progress.phase).to_owned(),
        project: progress.project_name.clone().unwrap_or_default(),
        projects_done: progress.projects_done,
        projects_total: progress.projects_total,
        page: progress.page,
        pages: progress.pages.unwrap_or_default(),
        items_done: small(progress.items_done),
        items_total: small(progress.items_total.unwrap_or_default()),
        items: small(counts.items),
        created: small(counts.created),
        updated: small(counts.updated),
        unchanged: small(counts.unchanged),
        requests: counts.requests,
        wait: small(wait.div_ceil(1000)),
        is_cancelling: run.cancel_requested,
    }
}

fn phase_code(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "starting",
        Phase::Projects => "projects",
        Phase::Members => "members",
        Phase::States => "states",
        Phase::Labels => "labels",
        Phase::WorkItems => "work_items",
        Phase::Deletions => "deletions",
        Phase::Cycles => "cycles",
        Phase::Modules => "modules",
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::islands::live_run::headline;

    #[test]
    fn every_phase_has_the_code_of_json_and_words_in_the_island() {
        use Phase::{Deletions, Labels, Members, Projects, Starting, States, WorkItems};
        let phases = [
            Starting, Projects, Members, States, Labels, WorkItems, Deletions,
        ];
        for phase in phases {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase_code(phase));
            let run = RunNow {
                phase: phase_code(phase).into(),
                ..RunNow::default()
            };
            let says = if phase == Starting {
                "Starting.".to_owned()
            } else {
                format!("Copying {}.", phase.word())
            };
            assert_eq!(headline(&run), says);
        }
    }
}
