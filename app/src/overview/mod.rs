use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{
    integration::{IntegrationList, IntegrationRow},
    mirror::{ProjectFilter, ProjectList},
    problems::ProblemFilter,
    range::Range,
    run::{RunSummary, SyncRun},
};
use leptos::prelude::*;

use self::attention::{OpenProblems, SilentWebhooks};
use crate::{
    Charts, OverviewNumbers, ProblemRow, SilentWebhook, Totals,
    health::range::{RangeChips, of_page},
    paths,
    sync::live::run_now,
    trends::charts::ChartsView,
    ui::{
        badge::{FreshnessBadge, OutcomeBadge, Tone},
        bar::Bar,
        form::{Button, LinkButton},
        frame::Frame,
        head::PageHead,
        notice::Notice,
        number::{count, number},
        page::{loaded, signed_in},
        panel::Panel,
        table::TableRegion,
        time::{Ago, moment},
    },
    visit,
};

/// What fails, and which webhooks are silent.
pub mod attention;
/// The numbers above the list.
pub mod figures;
/// How old the copy of each kind of each project is.
pub mod matrix;
/// The verdict: what it says and why.
pub mod trust;

struct Overview {
    is_admin: bool,
    totals: Totals,
    /// Worst first; the first page of them.
    integrations: IntegrationList,
    running: Vec<SyncRun>,
    silent: Vec<SilentWebhook>,
    problems: Vec<ProblemRow>,
    numbers: OverviewNumbers,
    /// Worst first; the first page of them.
    projects: ProjectList,
    range: Range,
    charts: Arc<Charts>,
}

/// Can today's numbers be trusted, and if not, which?
#[component]
pub fn OverviewPage() -> impl IntoView {
    let range = of_page();
    loaded(
        async move {
            let viewer = signed_in()?;
            let backend = crate::backend();
            let everything = ProjectFilter::default();
            Ok(Overview {
                numbers: backend.trends.figures(&viewer).await?,
                projects: backend.mirror.projects(&viewer, &everything, None).await?,
                charts: backend.trends.charts(&viewer, None, range).await?,
                range,
                is_admin: viewer.is_admin(),
                totals: backend.mirror.totals(&viewer).await?,
                integrations: backend
                    .integrations
                    .list(&viewer, &Default::default(), None)
                    .await?,
                running: backend.runs.running(&viewer).await?,
                silent: backend.inbox.silent_webhooks(&viewer).await?,
                problems: backend
                    .problems
                    .list(&viewer, &ProblemFilter::default(), None)
                    .await?
                    .page
                    .rows,
            })
        },
        |overview| {
            let now = visit().now;
            let totals = totals(overview.totals, now);
            let has_any = !overview.integrations.rows.is_empty();
            view! {
                <Frame title="Overview" islands=has_any>
                    <PageHead title="Overview" says=move || totals>
                        {has_any.then(|| view! {
                            <LinkButton label="Objectives" href=paths::OBJECTIVES kind=Button::Quiet/>
                            <LinkButton label="API budget" href=paths::BUDGET kind=Button::Quiet/>
                        })}
                    </PageHead>
                    {if overview.integrations.rows.is_empty() {
                        view! { <FirstSteps is_admin=overview.is_admin/> }.into_any()
                    } else {
                        view! { <Trust overview now/> }.into_any()
                    }}
                </Frame>
            }
        },
    )
}

fn totals(totals: Totals, now: DateTime<Utc>) -> String {
    let Totals {
        integrations,
        projects,
        work_items,
    } = totals;
    if integrations == 0 {
        return "Nothing is connected yet.".to_owned();
    }
    format!(
        "{} · {} · {} · as of {}",
        count(u64::from(integrations), "integration", "integrations"),
        count(u64::from(projects), "project", "projects"),
        count(work_items, "work item", "work items"),
        moment(now),
    )
}

/// What a brand-new portal says.
#[component]
fn FirstSteps(is_admin: bool) -> impl IntoView {
    view! {
        <section class="first-steps" aria-labelledby="first-steps">
            <h2 id="first-steps">"Three steps to your first numbers"</h2>
            <ol>
                <li>
                    <strong>"Add an integration."</strong>
                    <p>"The address of your Plane, a workspace and an API key. The key is stored encrypted and never shown again."</p>
                </li>
                <li>
                    <strong>"Test the connection."</strong>
                    <p>"Hangar looks at each step, from the address to the rate limit, and says what to do where one fails."</p>
                </li>
                <li>
                    <strong>"Sync."</strong>
                    <p>"Projects, work items and labels are copied as fast as Plane’s rate limit allows. You can watch."</p>
                </li>
            </ol>
            {if is_admin {
                view! { <LinkButton label="Add an integration" href=paths::NEW_INTEGRATION kind=Button::Primary/> }.into_any()
            } else {
                view! { <p class="quiet">"An admin has to add the first integration. You will see it here."</p> }.into_any()
            }}
        </section>
    }
    .into_any()
}

#[component]
fn Trust(overview: Overview, now: DateTime<Utc>) -> impl IntoView {
    let Overview {
        totals,
        integrations,
        running,
        silent,
        problems,
        numbers,
        projects,
        range,
        charts,
        ..
    } = overview;
    let verdict = trust::verdict(&integrations.rows, now);
    let all = integrations.next.is_some().then(|| {
        view! { <a href=paths::INTEGRATIONS>{format!("all {}", number(u64::from(totals.integrations)))}</a> }
    });
    view! {
        {verdict.map(|verdict| view! {
            <Notice kind=verdict.tone title=verdict.title>
                {(!verdict.says.is_empty()).then(|| view! { <p>{verdict.says}</p> })}
            </Notice>
        })}
        {(!silent.is_empty()).then(|| view! { <SilentWebhooks silent/> })}
        <figures::OverviewFigures numbers/>
        {(!running.is_empty()).then(|| view! { <Running running now/> })}
        <OpenProblems problems/>
        <matrix::Matrix projects total=totals.projects now/>
        <section>
            <div class="section-head">
                <h2>"Over time"</h2>
                <RangeChips range/>
            </div>
            <ChartsView charts/>
        </section>
        <section>
            <div class="section-head">
                <h2>"Trust by integration"</h2>
                <p class="quiet">"worst first" {all.map(|all| view! { " · " {all} })}</p>
            </div>
            <TableRegion label="Integrations, worst first">
                <table class="trust">
                    <caption class="visually-hidden">"Integrations, worst first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Integration"</th>
                            <th scope="col">"State"</th>
                            <th scope="col" class="number">"Fresh as of"</th>
                            <th scope="col" class="number">"Projects"</th>
                            <th scope="col" class="number">"Work items"</th>
                            <th scope="col">"Last run"</th>
                        </tr>
                    </thead>
                    <tbody>{integrations.rows.into_iter().map(|row| view! { <IntegrationLine row/> }).collect_view()}</tbody>
                </table>
            </TableRegion>
        </section>
    }
    .into_any()
}

#[component]
fn IntegrationLine(row: IntegrationRow) -> impl IntoView {
    let id = row.integration.id;
    let settings = row.integration.settings;
    let projects = if row.member_projects == row.visible_projects {
        number(u64::from(row.member_projects))
    } else {
        format!(
            "{} of {}",
            number(u64::from(row.member_projects)),
            number(u64::from(row.visible_projects))
        )
    };
    view! {
        <tr>
            <th scope="row">
                <a href=paths::integration(id)>{settings.integration_name.to_string()}</a>
                " " <span class="row-says">{format!("{} · {}", settings.workspace, settings.base_url.host())}</span>
            </th>
            <td><FreshnessBadge freshness=row.freshness/></td>
            <td class="number">{row.complete_at.map_or_else(|| "–".into_any(), |at| view! { <Ago at/> }.into_any())}</td>
            <td class="number">{projects}</td>
            <td class="number">{number(row.total_work_items)}</td>
            <td>{row.last_run.map_or_else(|| "–".into_any(), |run| view! { <LastRun run/> }.into_any())}</td>
        </tr>
    }
    .into_any()
}

#[component]
fn LastRun(run: RunSummary) -> impl IntoView {
    view! {
        <OutcomeBadge outcome=run.outcome/>
        " "
        <a class="row-says" href=paths::run(run.id)>
            <span class="visually-hidden">"Run of "</span><Ago at=run.finished_at.unwrap_or(run.started_at)/>
        </a>
    }
    .into_any()
}

/// Syncs under way: how far, and the way to watch.
#[component]
fn Running(running: Vec<SyncRun>, now: DateTime<Utc>) -> impl IntoView {
    let lines = running
        .into_iter()
        .map(|run| {
            let state = run_now(&run, now);
            let done = crate::islands::live_run::permille(&state).map(u64::from);
            let headline = crate::islands::live_run::headline(&state);
            view! {
                <li class="running">
                    <a href=paths::run(run.id)>{run.integration_name.clone()}</a>
                    <span class="quiet">{headline}</span>
                    <Bar
                        label=format!("{}: projects copied", run.integration_name)
                        value=done.unwrap_or_default()
                        max=done.map(|_| 1000)
                        tone=Tone::Accent
                    />
                </li>
            }
        })
        .collect_view();
    view! { <Panel title="Running now"><ul class="running-list">{lines}</ul></Panel> }.into_any()
}
