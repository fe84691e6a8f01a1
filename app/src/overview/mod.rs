use chrono::{DateTime, Utc};
use domain::{
    integration::{IntegrationList, IntegrationRow},
    problems::{Class, ProblemFilter, ProblemState},
    run::{RunSummary, SyncRun},
};
use leptos::prelude::*;

use crate::{
    ProblemRow, SilentWebhook, Totals, paths,
    problems::list::StateBadge,
    sync::live::run_now,
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
        time::{Age, Ago, moment},
    },
    visit,
    webhooks::words,
};

/// The numbers above the list.
pub mod figures;
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
}

/// Can today's numbers be trusted, and if not, which?
#[component]
pub fn OverviewPage() -> impl IntoView {
    loaded(
        async move {
            let viewer = signed_in()?;
            let backend = crate::backend();
            Ok(Overview {
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
                <Frame title="Overview">
                    <PageHead title="Overview" says=move || totals>
                        {has_any.then(|| view! { <LinkButton label="API budget" href=paths::BUDGET kind=Button::Quiet/> })}
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
        ..
    } = overview;
    let verdict = trust::verdict(&integrations.rows, now);
    let is_all = integrations.next.is_none();
    let rows = integrations.rows.clone();
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
        <figures::OverviewFigures rows is_all totals now/>
        {(!running.is_empty()).then(|| view! { <Running running now/> })}
        <OpenProblems problems/>
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

/// So many problems stand on the overview.
const PROBLEMS: usize = 5;

/// What fails, as far as nothing else explains it, and who is on it.
#[component]
fn OpenProblems(problems: Vec<ProblemRow>) -> impl IntoView {
    // Silent webhooks have a notice of their own.
    let is_shown =
        |row: &ProblemRow| row.cause.is_none() && row.problem.class != Class::WebhookSilent;
    let roots: Vec<ProblemRow> = problems.into_iter().filter(is_shown).collect();
    if roots.is_empty() {
        return ().into_any();
    }
    let all = count(roots.len() as u64, "problem", "problems");
    let lines = roots
        .into_iter()
        .take(PROBLEMS)
        .map(|row| {
            let problem = row.problem;
            let state = problem.state(visit().now).unwrap_or(ProblemState::Open);
            let owner = problem.owner.map_or_else(
                || "nobody is on it".to_owned(),
                |owner| format!("{} is on it", owner.name),
            );
            let since = problem.opened_at.unwrap_or(problem.first_at);
            view! {
                <li>
                    <StateBadge state level=problem.level/>
                    " " <a href=paths::problem(problem.id)>{problem.class.name()}</a>
                    <span class="row-says">{row.integration_name} ", for " <Age at=since/> ", " {owner}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel overview-problems" aria-labelledby="open-problems">
            <div class="section-head">
                <h2 id="open-problems">"Problems"</h2>
                <p class="quiet"><a href=paths::PROBLEMS>{all}</a></p>
            </div>
            <ul class="plain-list">{lines}</ul>
        </section>
    }
    .into_any()
}

/// Webhooks that have stopped, most likely in Plane.
#[component]
fn SilentWebhooks(silent: Vec<SilentWebhook>) -> impl IntoView {
    let title = match silent.len() {
        1 => "A webhook has gone silent".to_owned(),
        n => format!("{n} webhooks have gone silent"),
    };
    let lines = silent
        .into_iter()
        .map(|webhook| {
            view! {
                <li>
                    <a href=paths::webhook(webhook.integration)>{webhook.integration_name}</a> ", since " <Ago at=webhook.since/> ". "
                    {words::silence(webhook.silence)}
                </li>
            }
        })
        .collect_view();
    view! {
        <Notice kind=Tone::Bad title>
            <ul>{lines}</ul>
            <p>"Plane has probably switched it off. Until it is on again the schedule finds what changed, so the numbers are late, not wrong."</p>
        </Notice>
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
