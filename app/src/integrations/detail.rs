use chrono::{DateTime, Utc};
use domain::{
    audit::AuditEntry,
    connection_test::ConnectionTest,
    ids::IntegrationId,
    integration::{Integration, IntegrationRow, Standing},
    mirror::{ProjectFilter, ProjectRow},
    run::{Outcome, RunFilter, SyncRun},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api,
    history::HistoryTable,
    list::TagChips,
    param,
    pieces::{KeyMark, LAST_TEST, LiveTest, Report, TestButton, TestResult, crumbs},
    schedule::{PauseMenu, PausedNotice, ScheduleFacts},
    words,
};
use crate::{
    paths,
    query::Query,
    sync,
    ui::{
        badge::{CopyBadge, FreshnessBadge, ShapeMark, TestBadge, outcome_look},
        form::{Button, ButtonForm, LinkButton},
        frame::Frame,
        head::{Crumbs, PageHead},
        number::{count, number},
        page::{loaded, signed_in},
        panel::{Fact, Figure, Figures, Panel},
        table::TableRegion,
        time::{Ago, ago, date},
    },
    visit,
};

const PROJECTS: usize = 20;
const RUNS: usize = 14;
const TESTS: usize = 6;
const CHANGES: usize = 5;

/// One integration: its state in a sentence, and everything near it.
#[component]
pub fn DetailPage() -> impl IntoView {
    let id = param::<IntegrationId>("id");
    loaded(
        async move {
            let viewer = signed_in()?;
            let id = id?;
            let backend = crate::backend();
            let now = visit().now;
            let row = backend.integrations.get(&viewer, id).await?;
            let filter = RunFilter {
                integration: Some(id),
                ..RunFilter::default()
            };
            let of_it = ProjectFilter {
                integration: Some(id),
                ..ProjectFilter::default()
            };
            Ok(Detail {
                row,
                projects: backend.mirror.projects(&viewer, &of_it, None).await?.rows,
                runs: backend.runs.runs(&viewer, &filter, None).await?.rows,
                tests: backend
                    .integrations
                    .tests(&viewer, id, false, None)
                    .await?
                    .rows,
                changes: backend.integrations.history(&viewer, id, None).await?.rows,
                is_admin: viewer.is_admin(),
                now,
            })
        },
        |detail| view! { <DetailView detail/> },
    )
}

struct Detail {
    row: IntegrationRow,
    projects: Vec<ProjectRow>,
    runs: Vec<SyncRun>,
    tests: Vec<ConnectionTest>,
    changes: Vec<AuditEntry>,
    is_admin: bool,
    now: DateTime<Utc>,
}

#[component]
fn DetailView(detail: Detail) -> impl IntoView {
    let Detail {
        row,
        projects,
        runs,
        tests,
        changes,
        is_admin,
        now,
    } = detail;
    let id = row.integration.id;
    let name = row.integration.settings.integration_name.to_string();
    let running = runs.iter().find(|run| run.outcome.is_none()).cloned();
    let is_running = running.is_some();
    let freshness = row.freshness;
    let sentence = words::state_sentence(&row, now);
    let rest = sentence
        .strip_prefix(freshness.word())
        .unwrap_or(&sentence)
        .to_owned();
    let integration = row.integration.clone();
    let actions = is_admin.then(|| view! { <Actions integration=integration.clone() is_running/> });
    let paused = integration
        .paused
        .clone()
        .filter(|_| integration.standing() == Standing::Paused);
    let settings = row.clone();
    view! {
        <Frame title=name.clone() islands=is_admin || is_running>
            <Crumbs items=crumbs(None)/>
            <PageHead title=name says=move || view! { <FreshnessBadge freshness/> {rest} }>
                <LinkButton label="Over time" href=paths::trends(id)/>
                <LinkButton label="Timeline" href=paths::timeline(id)/>
                <LinkButton label="Health" href=paths::health(id)/>
                {actions}
            </PageHead>
            {paused.map(|pause| view! { <PausedNotice id pause is_admin/> })}
            <Totals row=row.clone()/>
            {running.map(|run| view! { <Running run now/> })}
            <div class="panels">
                <Settings row=settings is_admin now/>
                <Tests tests integration is_admin/>
            </div>
            <Projects now projects total=row.visible_projects id/>
            <div class="panels">
                <Runs runs id now/>
                <Changes changes id/>
            </div>
        </Frame>
    }
}

/// What an admin can do here; a lead sees none of it.
#[component]
fn Actions(integration: Integration, is_running: bool) -> impl IntoView {
    let id = integration.id;
    let hidden = vec![("id", id.to_string())];
    let switch = |label: &'static str, to: &str| {
        view! {
            <ButtonForm
                action=api::SetIntegrationActive::PATH label=label
                hidden=vec![("id", id.to_string()), ("is_active", to.to_owned())]
            />
        }
    };
    view! {
        {(integration.is_active && !is_running).then(|| view! {
            <ButtonForm action=sync::api::StartSync::PATH label="Sync now" hidden kind=Button::Primary/>
        })}
        <TestButton id label="Test connection"/>
        {(integration.standing() == Standing::Active).then(|| view! { <PauseMenu id/> })}
        <LinkButton label="Webhook" href=paths::webhook(id)/>
        <LinkButton label="Edit" href=paths::edit_integration(id)/>
        <LinkButton label="Replace key" href=paths::replace_key(id)/>
        {if integration.is_active { switch("Deactivate", "false") } else { switch("Activate", "true") }}
        <LinkButton label="Delete" href=paths::delete_integration(id) kind=Button::Danger/>
    }
}

#[component]
fn Totals(row: IntegrationRow) -> impl IntoView {
    let members = words::member_projects(&row);
    let unreadable = row.visible_projects.saturating_sub(row.member_projects);
    let last_run = row.last_run.map(|run| {
        let (tone, _) = outcome_look(run.outcome);
        let value = run.outcome.map_or("Running", Outcome::word);
        view! { <Figure label="Last run" value tone><Ago at=run.started_at/></Figure> }
    });
    view! {
        <Figures>
            <Figure label="Member projects" value=members>
                {(unreadable > 0).then(|| format!("The key’s owner does not belong to {}.", count(unreadable.into(), "project", "projects")))}
            </Figure>
            <Figure label="Work items" value=number(row.total_work_items)/>
            {last_run}
        </Figures>
    }
}

#[component]
fn Running(run: SyncRun, now: DateTime<Utc>) -> impl IntoView {
    let address = paths::run(run.id);
    view! {
        <Panel title="Running now" aside=move || view! { <a href=address>"Open run"</a> }>
            <sync::live::RunUnderWay run now/>
        </Panel>
    }
}

#[component]
fn Settings(row: IntegrationRow, is_admin: bool, now: DateTime<Utc>) -> impl IntoView {
    let Integration {
        id,
        settings,
        key,
        created_at,
        updated_at,
        ..
    } = row.integration.clone();
    let projects = settings
        .project_id
        .map_or("Every project the key can read".to_owned(), |id| {
            format!("Only {id}")
        });
    let expires = settings.key_expires_on.map(date);
    let description = settings.description;
    let tags = settings.tags;
    let is_tagged = !tags.is_empty();
    let described = !description.is_empty();
    let fingerprint = key.fingerprint.clone();
    view! {
        <Panel title="Settings" aside=move || is_admin.then(|| view! { <a href=paths::edit_integration(id)>"Edit"</a> })>
            <dl class="facts">
                <Fact label="Plane’s address"><span class="mono">{settings.base_url.to_string()}</span></Fact>
                <Fact label="Workspace"><span class="mono">{settings.workspace.to_string()}</span></Fact>
                <Fact label="Projects">{projects}</Fact>
                <ScheduleFacts row now/>
                <Fact label="Tested every">{format!("{} min", settings.test_minutes)}</Fact>
                {is_tagged.then(|| view! { <Fact label="Tags"><TagChips tags/></Fact> })}
                <Fact label="API key">
                    <KeyMark last_four=key.last_four fingerprint=key.fingerprint/> ", since " <Ago at=key.replaced_at/>
                </Fact>
                {expires.map(|day| view! { <Fact label="Last day of the key">{day}</Fact> })}
                <Fact label="Key fingerprint"><span class="mono">{fingerprint}</span></Fact>
                <Fact label="Key is sent as">{words::scheme(settings.auth_scheme)}</Fact>
                <Fact label="Added"><Ago at=created_at/></Fact>
                <Fact label="Changed"><Ago at=updated_at/></Fact>
                {described.then(|| view! { <Fact label="Description"><span class="description">{description}</span></Fact> })}
            </dl>
        </Panel>
    }
}

#[component]
fn Tests(tests: Vec<ConnectionTest>, integration: Integration, is_admin: bool) -> impl IntoView {
    let id = integration.id;
    let mut tests = tests.into_iter();
    let last = tests.next();
    let link = last
        .as_ref()
        .map(|test| paths::connection_test(id, test.id));
    let earlier = tests
        .take(TESTS - 1)
        .map(|test| view! {
            <li>
                <a href=paths::connection_test(id, test.id)><TestBadge success=test.success/></a>
                " " <span class="quiet small"><Ago at=test.started_at/></span>
            </li>
        })
        .collect::<Vec<_>>();
    let body = match last {
        None => view! { <p class="quiet">"Never tested."</p> }.into_any(),
        Some(test) => {
            view! { <TestResult test=test.clone()/> <Report test integration/> }.into_any()
        }
    };
    view! {
        <Panel title="Connection test" aside=move || view! {
            {link.map(|link| view! { <a href=link>"Open result"</a> " · " })}
            <a href=paths::connection(id)>"All tests"</a>
        }>
            {is_admin.then(|| view! { <LiveTest id/> })}
            <div id=LAST_TEST class="stack">{body}</div>
            {(!earlier.is_empty()).then(|| view! {
                <h3>"Earlier tests"</h3>
                <ul class="plain-list">{earlier}</ul>
            })}
        </Panel>
    }
}

#[component]
fn Projects(
    projects: Vec<ProjectRow>,
    total: u32,
    id: IntegrationId,
    now: DateTime<Utc>,
) -> impl IntoView {
    let all = Query::default()
        .with("integration", Some(id))
        .on(paths::PROJECTS);
    if projects.is_empty() {
        return view! {
            <Panel title="Projects">
                <p class="quiet">"Nothing was copied yet. The first sync brings the projects that the key can read."</p>
            </Panel>
        }
        .into_any();
    }
    let rows = projects
        .into_iter()
        .take(PROJECTS)
        .map(|row| view! {
            <tr>
                <th scope="row">
                    <a href=paths::project(id, row.project.id)>{row.project.name.clone()}</a>
                    " " <span class="quiet small mono">{row.project.identifier.clone()}</span>
                </th>
                <td><CopyBadge state=row.state(now) access=row.access/></td>
                <td class="number">{number(row.total_work_items)}</td>
                <td class="number">{number(row.total_labels.into())}</td>
                <td class="number">{row.fresh_as_of().map(|at| view! { <Ago at/> }.into_any()).unwrap_or_else(|| "–".into_any())}</td>
            </tr>
        })
        .collect_view();
    view! {
        <Panel title="Projects" aside=move || view! { <a href=all>{format!("All {}", count(total.into(), "project", "projects"))}</a> }>
            <TableRegion label="Projects of this integration">
                <table>
                    <caption class="visually-hidden">"Projects with their totals, worst first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Project"</th>
                            <th scope="col">"State"</th>
                            <th scope="col" class="number">"Work items"</th>
                            <th scope="col" class="number">"Labels"</th>
                            <th scope="col" class="number">"Fresh as of"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </TableRegion>
        </Panel>
    }
    .into_any()
}

/// The last runs as marks, oldest first, and what the latest one says.
#[component]
fn Runs(runs: Vec<SyncRun>, id: IntegrationId, now: DateTime<Utc>) -> impl IntoView {
    let filter = RunFilter {
        integration: Some(id),
        ..RunFilter::default()
    };
    let all = sync::filter::address(&filter, None);
    let latest = runs.first().map(|run| view! {
        <p class="quiet">{run_line(run, now)} {run.reason.clone().map(|reason| format!(" {reason}"))}</p>
    });
    let marks = runs
        .iter()
        .take(RUNS)
        .rev()
        .map(|run| {
            let (tone, shape) = outcome_look(run.outcome);
            let says = run_line(run, now);
            let title = says.clone();
            view! {
                <li>
                    <a class=format!("run-mark tone-{}", tone.word()) href=paths::run(run.id) title=title>
                        <ShapeMark shape/>
                        <span class="visually-hidden">{says}</span>
                    </a>
                </li>
            }
        })
        .collect::<Vec<_>>();
    let body = if marks.is_empty() {
        view! { <p class="quiet">"Never synced."</p> }.into_any()
    } else {
        view! { <ol class="run-strip" aria-label="Last runs, oldest first">{marks}</ol> {latest} }
            .into_any()
    };
    view! { <Panel title="Sync runs" aside=move || view! { <a href=all>"All runs"</a> }>{body}</Panel> }
}

fn run_line(run: &SyncRun, now: DateTime<Utc>) -> String {
    let word = run.outcome.map_or("Running", Outcome::word);
    format!("{word}, started {}.", ago(run.started_at, now))
}

#[component]
fn Changes(changes: Vec<AuditEntry>, id: IntegrationId) -> impl IntoView {
    let body = if changes.is_empty() {
        view! { <p class="quiet">"Nothing has changed since it was added."</p> }.into_any()
    } else {
        let entries = changes.into_iter().take(CHANGES).collect();
        view! { <HistoryTable entries/> }.into_any()
    };
    view! { <Panel title="History" aside=move || view! { <a href=paths::history(id)>"All changes"</a> }>{body}</Panel> }
}
