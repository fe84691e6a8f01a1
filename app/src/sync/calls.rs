use domain::{
    page::{Cursor, Page},
    run::SyncRun,
    run_log::{ApiCall, CALLS_KEPT, FAILED_CALLS_KEPT, RECORD_KEPT_DAYS},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::live::LivePart;
use crate::{
    Failure,
    islands::live_parts::LiveParts,
    paths,
    query::Query,
    ui::{
        badge::{Badge, Shape, Tone},
        empty::Empty,
        form::LinkButton,
        frame::Frame,
        head::{Crumbs, PageHead},
        number::{bytes, number},
        page::{loaded, signed_in},
        pager::Pager,
        panel::Panel,
        table::TableRegion,
        time::moment,
    },
};

/// Rows on the run's own page.
const FIRST: usize = 10;

/// The calls that a run made to Plane, page by page.
#[component]
pub fn CallsPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id"));
    let query = Query::of_page();
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let id = id.and_then(|id| id.parse().ok()).ok_or(Failure::NotFound)?;
            let runs = crate::backend().runs;
            let run = runs.run(&viewer, id).await?;
            let calls = runs.calls(&viewer, &run, after).await?;
            Ok((run, calls))
        },
        move |(run, calls)| {
            let base = paths::run_calls(run.id);
            let title = format!("API calls of the sync of {}", run.integration_name);
            let crumbs = vec![
                ("Sync runs".to_owned(), paths::RUNS.to_owned()),
                (run.integration_name.clone(), paths::run(run.id)),
            ];
            let is_running = run.finished_at.is_none();
            let live = is_running
                .then(|| view! { <LiveParts address=paths::live_run(run.id) pauses=false/> });
            let more = (is_running && calls.next.is_none()).then(|| {
                view! { <p class="quiet">"The run is under way: further calls are added here."</p> }
            });
            let list = if calls.rows.is_empty() {
                view! { <NoCalls run is_first/> }.into_any()
            } else {
                view! { <CallTable calls=calls.rows/> }.into_any()
            };
            view! {
                <Frame title=title.clone() islands=is_running>
                    <Crumbs items=crumbs/>
                    <PageHead title says=|| kept()/>
                    {live}
                    <LivePart>
                        {list}
                        {more}
                        <Pager next=calls.next is_first base/>
                    </LivePart>
                </Frame>
            }
        },
    )
}

/// The first calls of a run, and the way to all of them.
#[component]
pub fn CallsPanel(run: SyncRun, calls: Page<ApiCall>) -> impl IntoView {
    if calls.rows.is_empty() {
        return ().into_any();
    }
    let (address, requests) = (paths::run_calls(run.id), run.counts.requests);
    let all = format!("All calls ({} made)", number(requests.into()));
    let first: Vec<_> = calls.rows.into_iter().take(FIRST).collect();
    view! {
        <Panel title="Calls to Plane" aside=move || view! { <a href=address>{all}</a> }>
            <CallTable calls=first/>
        </Panel>
    }
    .into_any()
}

fn kept() -> String {
    format!(
        "In the order in which they ended, without keys and bodies. The first {CALLS_KEPT} of a run are kept, and \
         {FAILED_CALLS_KEPT} failed ones after those, for {RECORD_KEPT_DAYS} days."
    )
}

#[component]
fn CallTable(calls: Vec<ApiCall>) -> impl IntoView {
    let rows = calls
        .into_iter()
        .map(|call| view! { <CallLine call/> })
        .collect_view();
    view! {
        <TableRegion label="Calls to Plane">
            <table class="calls dense">
                <caption class="visually-hidden">"Calls to Plane with their answers"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="number">"No."</th>
                        <th scope="col">"Call"</th>
                        <th scope="col">"Answer"</th>
                        <th scope="col" class="number">"Took"</th>
                        <th scope="col" class="number">"Waited before"</th>
                        <th scope="col" class="number">"Size"</th>
                        <th scope="col">"Sent"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </TableRegion>
    }
    .into_any()
}

#[component]
fn CallLine(call: ApiCall) -> impl IntoView {
    let (tone, shape, text) = answer(&call);
    let waited = match call.waited_ms {
        0 => "–".to_owned(),
        ms => format!("{} ms", number(ms)),
    };
    let sent = call.started_at.format("%H:%M:%S%.3f").to_string();
    view! {
        <tr>
            <td class="number">{number(call.number.into())}</td>
            <th scope="row" class="mono"><span class="quiet">{call.method}</span> " " {breakable(&call.path)}</th>
            <td><Badge tone shape text/></td>
            <td class="number">{number(call.took_ms)} " ms"</td>
            <td class="number">{waited}</td>
            <td class="number">{bytes(call.bytes)}</td>
            <td><time datetime=call.started_at.to_rfc3339() title=moment(call.started_at)>{sent}</time></td>
        </tr>
    }
    .into_any()
}

/// What Plane said.
fn answer(call: &ApiCall) -> (Tone, Shape, String) {
    let error = call.error.as_deref().map(|code| code.replace('_', " "));
    match (call.status, error) {
        (Some(429), _) => (Tone::Late, Shape::Half, "429 rate limited".to_owned()),
        (Some(status), None) => (Tone::Good, Shape::Dot, status.to_string()),
        (Some(status), Some(error)) => (Tone::Bad, Shape::Triangle, format!("{status} {error}")),
        (None, Some(error)) => (Tone::Bad, Shape::Triangle, error),
        (None, None) => (Tone::Idle, Shape::Question, "no answer".to_owned()),
    }
}

/// A path that may be broken behind each of its parts.
fn breakable(path: &str) -> Vec<AnyView> {
    path.split_inclusive(['/', '&', '?'])
        .map(|part| view! { {part.to_owned()} <wbr/> }.into_any())
        .collect()
}

#[component]
fn NoCalls(run: SyncRun, is_first: bool) -> impl IntoView {
    let says = if !is_first {
        "The list ends before this page.".to_owned()
    } else if run.counts.requests == 0 {
        "This run has asked Plane for nothing yet.".to_owned()
    } else {
        format!("Calls are kept for {RECORD_KEPT_DAYS} days; those of this run were forgotten.")
    };
    view! {
        <Empty title="No calls" says=says>
            <LinkButton label="To the run" href=paths::run(run.id)/>
        </Empty>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn only_an_answer_without_failure_is_green() {
        let tone = |status, error: Option<&str>| {
            let call = ApiCall {
                number: 1,
                method: "GET".into(),
                path: "/".into(),
                status,
                error: error.map(Into::into),
                started_at: DateTime::UNIX_EPOCH,
                took_ms: 1,
                waited_ms: 0,
                bytes: 0,
            };
            let (tone, _, text) = answer(&call);
            (tone, text)
        };
        assert_eq!(tone(Some(200), None), (Tone::Good, "200".into()));
        assert_eq!(
            tone(Some(429), None),
            (Tone::Late, "429 rate limited".into())
        );
        assert_eq!(
            tone(Some(200), Some("bad_answer")),
            (Tone::Bad, "200 bad answer".into())
        );
        assert_eq!(tone(None, Some("timeout")), (Tone::Bad, "timeout".into()));
    }
}
