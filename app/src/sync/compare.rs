use chrono::TimeDelta;
use domain::run::SyncRun;
use leptos::prelude::*;

use super::words;
use crate::{
    paths,
    ui::{
        number::{bytes, number},
        panel::Panel,
        table::TableRegion,
        time::{Ago, duration_words},
    },
};

/// A run beside the one before it, counter by counter.
#[component]
pub fn Compared(run: SyncRun, before: SyncRun) -> impl IntoView {
    let rows = rows(&run, &before)
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">{row.label}</th>
                    <td class="number">{row.now}</td>
                    <td class="number">{row.before}</td>
                    <td class="number">{row.difference}</td>
                </tr>
            }
        })
        .collect_view();
    let (address, at) = (paths::run(before.id), before.started_at);
    view! {
        <Panel title="Compared with the run before" aside=move || view! { <a href=address>"Run of " <Ago at/></a> }>
            <TableRegion label="This run and the one before">
                <table class="dense">
                    <caption class="visually-hidden">"Counters of this run and of the one before it"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Counter"</th>
                            <th scope="col" class="number">"This run"</th>
                            <th scope="col" class="number">"Before"</th>
                            <th scope="col" class="number">"Difference"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        </Panel>
    }
    .into_any()
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    label: &'static str,
    now: String,
    before: String,
    difference: String,
}

fn rows(run: &SyncRun, before: &SyncRun) -> Vec<Row> {
    let row = |label, now: u64, then: u64, words: &dyn Fn(u64) -> String| Row {
        label,
        now: words(now),
        before: words(then),
        difference: difference(now, then, words),
    };
    let ms =
        |run: &SyncRun| words::took(run).map_or(0, |took| took.num_milliseconds().max(0) as u64);
    let long = |ms: u64| duration_words(TimeDelta::milliseconds(ms as i64));
    let (a, b) = (&run.counts, &before.counts);
    vec![
        row("Duration", ms(run), ms(before), &long),
        row(
            "Waited for the limit",
            u64::from(a.waited_seconds) * 1000,
            u64::from(b.waited_seconds) * 1000,
            &long,
        ),
        row(
            "Requests to Plane",
            a.requests.into(),
            b.requests.into(),
            &number,
        ),
        row(
            "Refused by the limit",
            a.rate_limited.into(),
            b.rate_limited.into(),
            &number,
        ),
        row("Read from Plane", a.bytes, b.bytes, &bytes),
        row("Projects", a.projects.into(), b.projects.into(), &number),
        row("Work items read", a.items, b.items, &number),
        row("Created", a.created, b.created, &number),
        row("Updated", a.updated, b.updated, &number),
        row("Unchanged", a.unchanged, b.unchanged, &number),
        row("Missing in Plane", a.suspected, b.suspected, &number),
        row("Deleted", a.deleted, b.deleted, &number),
    ]
}

fn difference(now: u64, then: u64, words: &dyn Fn(u64) -> String) -> String {
    match now.abs_diff(then) {
        0 => "same".to_owned(),
        by if now > then => format!("+{}", words(by)),
        by => format!("−{}", words(by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_sign_or_is_none() {
        let of = |now, then| difference(now, then, &number);
        assert_eq!(of(5, 5), "same");
        assert_eq!(of(1500, 200), "+1,300");
        assert_eq!(of(0, 12), "−12");
    }
}
