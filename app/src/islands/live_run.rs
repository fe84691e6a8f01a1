use std::time::Duration;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use super::{
    live_parts::Parts,
    run_events::{field, follow, is_finished, lost_note},
};

/// Where a run is, in plain values: the page's first picture, then the latest event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunNow {
    /// The server's clock, in seconds: the browser's may be wrong.
    pub at: u32,
    /// `domain::run::Phase` as JSON has it.
    pub phase: String,
    /// The project that is being copied; empty between projects.
    pub project: String,
    pub projects_done: u32,
    pub projects_total: u32,
    pub page: u32,
    /// 0: not known yet, here and below.
    pub pages: u32,
    pub items_done: u32,
    pub items_total: u32,
    pub items: u32,
    pub created: u32,
    pub updated: u32,
    pub unchanged: u32,
    pub requests: u32,
    /// Seconds left to wait for Plane's limit.
    pub wait: u32,
    pub is_cancelling: bool,
}

/// The time bar grows at this pace while nothing is told.
const GROWS: Duration = Duration::from_secs(5);

/// A run under way, kept up to date by server-sent events from `address`. Shows `initial` when they don't come.
/// Loads the page once more when the run has ended: the final words are the server's.
#[island]
pub fn LiveRun(address: String, initial: RunNow) -> impl IntoView {
    let run = RwSignal::new(initial);
    let is_lost = RwSignal::new(false);
    Effect::new(move || watch(address.clone(), run, is_lost));

    view! {
        <div class="live-run">
            {lost_note(is_lost)}
            <p class="live-run-headline" role="status">{move || run.with(headline)}</p>
            <p class="live-run-place">
                <span>{move || run.with(place)}</span>
                <span>{move || run.with(items_of_project)}</span>
            </p>
            <progress class="bar" aria-label="Projects copied" max="1000" value=move || run.with(permille)></progress>
            <dl class="facts counts">
                <div><dt>"Projects"</dt><dd>{move || run.with(projects)}</dd></div>
                <div><dt>"Work items read"</dt><dd>{move || run.with(|r| grouped(r.items))}</dd></div>
                <div><dt>"Created · updated · unchanged"</dt><dd>{move || run.with(written)}</dd></div>
                <div><dt>"Requests to Plane"</dt><dd>{move || run.with(|r| grouped(r.requests))}</dd></div>
                <div><dt>"Waiting for the limit"</dt><dd>{move || run.with(|r| format!("{} s", r.wait))}</dd></div>
            </dl>
        </div>
    }
}

/// What is happening, in one sentence; said aloud when it changes, so it holds no fast number.
pub fn headline(run: &RunNow) -> String {
    if run.is_cancelling {
        let so_far = match run.projects_total {
            0 => String::new(),
            total => format!(" after {} of {total} projects", run.projects_done),
        };
        return format!("Cancelling{so_far}. What was copied stays; the next run resumes there.");
    }
    if run.wait > 0 {
        return "Waiting for Plane’s rate limit, then going on.".to_owned();
    }
    let what = words(&run.phase);
    match (what, run.project.is_empty()) {
        ("", _) => "Starting.".to_owned(),
        (what, true) => format!("Copying {what}."),
        (what, false) => format!("Copying {what} of {}.", run.project),
    }
}

/// Project and page.
pub fn place(run: &RunNow) -> String {
    let project = match run.projects_total {
        0 => String::new(),
        total => format!("Project {} of {total}", (run.projects_done + 1).min(total)),
    };
    let page = match (run.page, run.pages) {
        (0, _) => String::new(),
        (page, 0) => format!(", page {page}"),
        (page, pages) => format!(", page {page} of {pages}"),
    };
    project + &page
}

fn items_of_project(run: &RunNow) -> String {
    match (run.items_done, run.items_total) {
        (0, 0) => String::new(),
        (done, 0) => format!("{} work items", grouped(done)),
        (done, total) => format!("{} of {} work items", grouped(done), grouped(total)),
    }
}

fn projects(run: &RunNow) -> String {
    match run.projects_total {
        0 => "–".to_owned(),
        total => format!("{} of {total}", run.projects_done),
    }
}

fn written(run: &RunNow) -> String {
    [run.created, run.updated, run.unchanged]
        .map(grouped)
        .join(" · ")
}

/// Thousandths of the projects; the one under way counts by its items, or else by its pages.
pub fn permille(run: &RunNow) -> Option<u32> {
    let of = |done: u32, total: u32| match total {
        0 => 0,
        total => u64::from(done.min(total)) * 1000 / u64::from(total),
    };
    let total = u64::from(run.projects_total);
    if total == 0 {
        return None;
    }
    let current = if run.items_total > 0 {
        of(run.items_done, run.items_total)
    } else {
        of(run.page, run.pages)
    };
    let done = u64::from(run.projects_done) * 1000 + current;
    Some((done / total).min(1000) as u32)
}

/// `20114` as `20,114`.
pub fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 4);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn words(phase: &str) -> &'static str {
    match phase {
        "projects" => "projects",
        "members" => "members",
        "states" => "states",
        "labels" => "labels",
        "work_items" => "work items",
        "deletions" => "deletions",
        _ => "",
    }
}

/// Runs in the browser alone.
fn watch(address: String, run: RwSignal<RunNow>, is_lost: RwSignal<bool>) {
    let ahead = js_sys::Date::now() / 1000.0 - f64::from(run.with_untracked(|r| r.at));
    let deadline = StoredValue::new(run.with_untracked(|r| f64::from(r.at + r.wait)));
    let wait = move || {
        let left = deadline.get_value() - (js_sys::Date::now() / 1000.0 - ahead);
        left.ceil().max(0.0) as u32
    };

    let tick = move || {
        let wait = wait();
        if run.with_untracked(|r| r.wait != wait) {
            run.update(|r| r.wait = wait);
        }
    };
    set_interval(tick, Duration::from_secs(1));

    let parts = Parts::default();
    let grown = parts.clone();
    set_interval(move || grown.refresh(), GROWS);

    follow(address, is_lost, move |json| {
        deadline.set_value(waiting_until(json));
        let mut now = read(json);
        now.wait = wait();
        run.set(now);
        if is_finished(json) {
            // Nothing helps when even reloading is refused; the page has a link for it.
            let _ = window().location().reload();
        } else {
            parts.refresh();
        }
    });
}

/// A `domain::run::SyncRun` as it stands in an event.
fn read(run: &JsValue) -> RunNow {
    let progress = field(run, "progress");
    let counts = field(run, "counts");
    RunNow {
        at: 0,
        phase: field(&progress, "phase").as_string().unwrap_or_default(),
        project: field(&progress, "projectName")
            .as_string()
            .unwrap_or_default(),
        projects_done: number(&progress, "projectsDone"),
        projects_total: number(&progress, "projectsTotal"),
        page: number(&progress, "page"),
        pages: number(&progress, "pages"),
        items_done: number(&progress, "itemsDone"),
        items_total: number(&progress, "itemsTotal"),
        items: number(&counts, "items"),
        created: number(&counts, "created"),
        updated: number(&counts, "updated"),
        unchanged: number(&counts, "unchanged"),
        requests: number(&counts, "requests"),
        wait: 0,
        is_cancelling: field(run, "cancelRequested").is_truthy(),
    }
}

/// Seconds since the epoch; 0 when the run does not wait.
fn waiting_until(run: &JsValue) -> f64 {
    let until = field(&field(run, "progress"), "waitingUntil").as_string();
    until.map_or(0.0, |time| js_sys::Date::parse(&time) / 1000.0)
}

fn number(object: &JsValue, name: &str) -> u32 {
    field(object, name).as_f64().unwrap_or_default() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copying() -> RunNow {
        RunNow {
            phase: "work_items".into(),
            project: "Firmware".into(),
            projects_done: 2,
            projects_total: 4,
            page: 8,
            pages: 21,
            items_done: 7_612,
            items_total: 20_114,
            ..RunNow::default()
        }
    }

    #[test]
    fn a_run_says_what_it_does() {
        let check = |run: RunNow, says: &str| assert_eq!(headline(&run), says);
        check(RunNow::default(), "Starting.");
        check(
            RunNow {
                phase: "projects".into(),
                ..RunNow::default()
            },
            "Copying projects.",
        );
        check(copying(), "Copying work items of Firmware.");
        check(
            RunNow {
                wait: 23,
                ..copying()
            },
            "Waiting for Plane’s rate limit, then going on.",
        );
        check(
            RunNow {
                wait: 23,
                is_cancelling: true,
                ..copying()
            },
            "Cancelling after 2 of 4 projects. What was copied stays; the next run resumes there.",
        );
        check(
            RunNow {
                phase: "cycles".into(),
                ..RunNow::default()
            },
            "Starting.",
        );
    }

    #[test]
    fn a_run_says_where_it_is() {
        assert_eq!(place(&copying()), "Project 3 of 4, page 8 of 21");
        assert_eq!(
            place(&RunNow {
                pages: 0,
                ..copying()
            }),
            "Project 3 of 4, page 8"
        );
        assert_eq!(
            place(&RunNow {
                projects_done: 4,
                page: 0,
                ..copying()
            }),
            "Project 4 of 4"
        );
        assert_eq!(place(&RunNow::default()), "");
        assert_eq!(items_of_project(&copying()), "7,612 of 20,114 work items");
        assert_eq!(
            items_of_project(&RunNow {
                items_total: 0,
                ..copying()
            }),
            "7,612 work items"
        );
        assert_eq!(projects(&copying()), "2 of 4");
    }

    #[test]
    fn the_bar_never_runs_over_or_divides_by_nothing() {
        assert_eq!(permille(&RunNow::default()), None);
        assert_eq!(permille(&copying()), Some(594));
        assert_eq!(
            permille(&RunNow {
                items_total: 0,
                pages: 0,
                ..copying()
            }),
            Some(500)
        );
        assert_eq!(
            permille(&RunNow {
                projects_done: 9,
                items_done: u32::MAX,
                ..copying()
            }),
            Some(1000)
        );
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 20_114, 1_000_000].map(grouped),
            ["0", "999", "1,000", "20,114", "1,000,000"]
        );
    }
}
