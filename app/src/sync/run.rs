use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    page::Page,
    run::{Counts, Outcome, SyncRun},
    run_log::ApiCall,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use server_fn::ServerFn;

use super::{
    api::{CancelRun, StartSync},
    calls::CallsPanel,
    compare::Compared,
    live::{LivePart, RunUnderWay},
    timeline::TimelinePanel,
    words,
};
use crate::{
    Failure, RunRecord, paths,
    ui::{
        badge::{OutcomeBadge, outcome_look},
        form::{Button, ButtonForm, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::{bytes, number},
        page::{loaded, signed_in},
        panel::{Fact, Panel},
        time::{Ago, Moment, duration_words},
    },
    visit,
};

struct Shown {
    is_admin: bool,
    run: SyncRun,
    trigger: String,
    record: RunRecord,
    calls: Page<ApiCall>,
}

/// One sync run: under way, or how it ended.
#[component]
pub fn RunPage() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("id"));
    loaded(
        async move {
            let viewer = signed_in()?;
            let id = id.and_then(|id| id.parse().ok()).ok_or(Failure::NotFound)?;
            let backend = crate::backend();
            let run = backend.runs.run(&viewer, id).await?;
            let people = words::names(backend.accounts.people(&viewer).await?);
            Ok(Shown {
                is_admin: viewer.is_admin(),
                trigger: words::trigger(run.trigger, &people),
                record: backend.runs.record(&viewer, &run).await?,
                calls: backend.runs.calls(&viewer, &run, None).await?,
                run,
            })
        },
        |Shown {
             is_admin,
             run,
             trigger,
             record,
             calls,
         }| {
            let now = visit().now;
            let is_running = run.finished_at.is_none();
            let title = format!("Sync of {}", run.integration_name);
            let says = view! { <OutcomeBadge outcome=run.outcome/> " · started " <Ago at=run.started_at/> };
            let actions = view! { <Actions run=run.clone() is_admin/> };
            let ending = run
                .outcome
                .map(|outcome| view! { <Ending run=run.clone() outcome is_admin/> });
            let numbers = if is_running {
                view! { <UnderWay run=run.clone() now/> }.into_any()
            } else {
                view! { <Copied counts=run.counts/> }.into_any()
            };
            let compared = record
                .before
                .map(|before| view! { <Compared run=run.clone() before/> });
            let calls = view! { <CallsPanel run=run.clone() calls/> };
            let crumbs = vec![
                ("Sync runs".to_owned(), paths::RUNS.to_owned()),
                (
                    run.integration_name.clone(),
                    paths::integration(run.integration),
                ),
            ];
            view! {
                <Frame title=title.clone() islands=is_running>
                    <Crumbs items=crumbs/>
                    <PageHead title says=move || says>{actions}</PageHead>
                    {ending}
                    <div class="panels">{numbers}<About run trigger/></div>
                    <LivePart><TimelinePanel timeline=record.timeline/></LivePart>
                    {compared}
                    <LivePart>{calls}</LivePart>
                </Frame>
            }
        },
    )
}

#[component]
fn Actions(run: SyncRun, is_admin: bool) -> impl IntoView {
    if run.finished_at.is_some() {
        let again = is_admin.then(|| view! {
            <ButtonForm action=StartSync::PATH label="Sync again" hidden=vec![("id", run.integration.to_string())]/>
        });
        return again.into_any();
    }
    let cancel = (is_admin && !run.cancel_requested).then(|| view! {
        <ButtonForm action=CancelRun::PATH label="Cancel" kind=Button::Danger hidden=vec![("id", run.id.to_string())]/>
    });
    view! { <LinkButton label="Refresh" href=paths::run(run.id)/> {cancel} }.into_any()
}

#[component]
fn UnderWay(run: SyncRun, now: DateTime<Utc>) -> impl IntoView {
    view! { <Panel title="Under way"><RunUnderWay run now/></Panel> }.into_any()
}

/// How it ended, why, and what to do.
#[component]
fn Ending(run: SyncRun, outcome: Outcome, is_admin: bool) -> impl IntoView {
    let says = run
        .reason
        .unwrap_or_else(|| words::meaning(outcome).to_owned());
    let advice = words::advice(outcome).filter(|_| is_admin);
    view! {
        <Notice kind=outcome_look(Some(outcome)).0 title=says>
            {advice.map(|advice| view! { <p>{advice}</p> })}
        </Notice>
    }
    .into_any()
}

/// What was copied, in numbers.
#[component]
fn Copied(counts: Counts) -> impl IntoView {
    let of = |n: u32| number(u64::from(n));
    view! {
        <Panel title="Copied">
            <dl class="facts counts">
                <Fact label="Projects">{of(counts.projects)}</Fact>
                <Fact label="Members">{of(counts.members)}</Fact>
                <Fact label="States">{of(counts.states)}</Fact>
                <Fact label="Labels">{of(counts.labels)}</Fact>
                <Fact label="Cycles and modules">{of(counts.collections)}</Fact>
                <Fact label="Work items read">{number(counts.items)}</Fact>
                <Fact label="Created">{number(counts.created)}</Fact>
                <Fact label="Updated">{number(counts.updated)}</Fact>
                <Fact label="Unchanged">{number(counts.unchanged)}</Fact>
                <Fact label="Missing in Plane">{number(counts.suspected)}</Fact>
                <Fact label="Deleted">{number(counts.deleted)}</Fact>
            </dl>
        </Panel>
    }
    .into_any()
}

/// Who, when, how long. What moves while a run is under way is left to its live part.
#[component]
fn About(run: SyncRun, trigger: String) -> impl IntoView {
    let counts = run.counts;
    let of = |n: u32| number(u64::from(n));
    let waited = duration_words(TimeDelta::seconds(i64::from(counts.waited_seconds)));
    let ended = run.finished_at.zip(words::took(&run)).map(|(at, took)| {
        view! {
            <Fact label="Finished"><Moment at/></Fact>
            <Fact label="Took">{duration_words(took)}</Fact>
            <Fact label="Requests to Plane">{of(counts.requests)}</Fact>
            <Fact label="Read from Plane">{bytes(counts.bytes)}</Fact>
            <Fact label="Refused by the limit">{of(counts.rate_limited)}</Fact>
            <Fact label="Waited for the limit">{waited}</Fact>
        }
    });
    view! {
        <Panel title="Run">
            <dl class="facts">
                <Fact label="Integration"><a href=paths::integration(run.integration)>{run.integration_name}</a></Fact>
                <Fact label="Started by">{trigger}</Fact>
                <Fact label="Started"><Moment at=run.started_at/></Fact>
                {ended}
                <Fact label="Id"><span class="mono small">{run.id.to_string()}</span></Fact>
            </dl>
        </Panel>
    }
    .into_any()
}
