use domain::{
    ids::{IntegrationId, ProblemId, ProjectId},
    page::{Cursor, Page},
    problems::{Problem, ProblemEvent, ProblemState, Remedy, Round, Turn},
};
use leptos::prelude::*;
use server_fn::ServerFn;

use super::{
    api,
    list::StateBadge,
    words::{place, standing, trend},
};
use crate::{
    ProblemReport, ProblemRow,
    integrations::{api as integrations, param},
    paths,
    query::Query,
    sync::api as sync,
    ui::{
        chart::BarChartView,
        form::{Button, ButtonForm, Hidden, LinkButton, SelectField, Submit, TextArea},
        frame::Frame,
        head::{Crumbs, PageHead},
        notice::Notice,
        number::{count, number},
        page::{loaded, signed_in},
        pager::Pager,
        panel::{Fact, Panel},
        time::Ago,
    },
    visit,
    webhooks::api as webhooks,
};

/// What a problem is, what to do about it, and who is on it.
#[component]
pub fn ProblemPage() -> impl IntoView {
    let id = param::<ProblemId>("id");
    let query = Query::of_page();
    let after = query.get("after").map(|after| Cursor(after.to_owned()));
    let is_first = after.is_none();
    loaded(
        async move {
            let viewer = signed_in()?;
            let report = crate::backend().problems.get(&viewer, id?, after).await?;
            Ok((report, viewer.is_admin()))
        },
        move |(report, is_admin)| view! { <View report is_admin is_first/> },
    )
}

#[component]
fn View(report: ProblemReport, is_admin: bool, is_first: bool) -> impl IntoView {
    let now = visit().now;
    let problem = report.row.problem.clone();
    let state = problem.state(now).unwrap_or(ProblemState::Resolved);
    let title = problem.class.name();
    let says = standing(&problem, state, now);
    let crumbs = vec![("Problems".to_owned(), paths::PROBLEMS.to_owned())];
    let cause = report.row.cause.map(|(id, class)| {
        view! {
            <Notice title="This comes of something else">
                <p>"As long as that lasts, nobody has to see to this: " <a href=paths::problem(id)>{class.name()}</a> "."</p>
            </Notice>
        }
    });
    let (id, level) = (problem.id, problem.level);
    let ProblemReport {
        effects,
        projects,
        story,
        ..
    } = report.clone();
    let acts = (is_admin && state != ProblemState::Resolved)
        .then(|| view! { <Acts problem=problem.clone() state/> });
    let chart = trend(&problem, now);
    let of = (problem.integration, report.row.integration_name.clone());
    let people = people(&report.people);
    let next = story.next.clone();
    view! {
        <Frame title>
            <Crumbs items=crumbs/>
            <PageHead title says=move || view! { <StateBadge state level/> " " {says} }>
                {acts}
            </PageHead>
            {cause}
            <div class="problem">
                <div class="problem-main">
                    <WhatToDo report is_admin state/>
                    <Effects effects/>
                    <Panel title="How often">
                        <BarChartView chart/>
                    </Panel>
                    <Story story/>
                    <Pager next is_first base=paths::problem(id)/>
                </div>
                <div class="problem-side">
                    <Facts problem=problem.clone() integration=of projects/>
                    <WhoIsOnIt problem people is_admin/>
                </div>
            </div>
        </Frame>
    }
}

fn people(people: &[domain::actor::User]) -> Vec<(String, String)> {
    let people = people
        .iter()
        .map(|person| (person.id.to_string(), person.name.to_string()));
    [(String::new(), "Nobody".to_owned())]
        .into_iter()
        .chain(people)
        .collect()
}

#[component]
fn Acts(problem: Problem, state: ProblemState) -> impl IntoView {
    let id = || ("id", problem.id.to_string());
    let acknowledge = match problem.acknowledged {
        None => view! {
            <ButtonForm action=api::AcknowledgeProblem::PATH label="Acknowledge" hidden=vec![id()] kind=Button::Primary/>
        },
        Some(_) => view! {
            <ButtonForm
                action=api::AcknowledgeProblem::PATH label="No longer acknowledged"
                hidden=vec![id(), ("reopen", "true".to_owned())]
            />
        },
    };
    let lengths = [
        ("1", "For an hour"),
        ("4", "For 4 hours"),
        ("24", "For a day"),
        ("168", "For a week"),
    ];
    let lengths = lengths.map(|(hours, label)| (hours.to_owned(), label.to_owned()));
    let snooze = match state {
        ProblemState::Snoozed => view! {
            <ButtonForm action=api::SnoozeProblem::PATH label="Wake" hidden=vec![id(), ("hours", "0".to_owned())]/>
        }
        .into_any(),
        _ => view! {
            <form class="problem-snooze" method="post" action=api::SnoozeProblem::PATH>
                <Hidden fields=vec![id()]/>
                <SelectField label="Snooze" name="hours" options=lengths.to_vec() value="24"/>
                <Submit label="Snooze" kind=Button::Plain/>
            </form>
        }
        .into_any(),
    };
    view! { {snooze} {acknowledge} }.into_any()
}

#[component]
fn WhatToDo(report: ProblemReport, is_admin: bool, state: ProblemState) -> impl IntoView {
    let problem = report.row.problem;
    let (class, integration) = (problem.class, problem.integration);
    let hidden = || vec![("id", integration.to_string())];
    let is_open = is_admin && state != ProblemState::Resolved;
    let act = is_open.then(|| match class.remedy() {
        Remedy::Test => view! {
            <ButtonForm action=integrations::TestIntegration::PATH label="Test the connection" hidden=hidden()/>
        }
        .into_any(),
        Remedy::Sync => {
            let cost = report.cost.map(|cost| {
                let calls = count(cost.count.into(), "call", "calls");
                match cost.is_at_least {
                    true => format!("At least {calls} to Plane."),
                    false => format!("About {calls} to Plane."),
                }
            });
            view! {
                <ButtonForm action=sync::StartSync::PATH label="Sync now" hidden=hidden()/>
                <span class="quiet small">{cost}</span>
            }
            .into_any()
        }
        Remedy::Replay => {
            let filter = format!("integration={integration}&state=dead");
            view! {
                <ButtonForm
                    action=webhooks::PlanReplay::PATH label="Replay all that were given up"
                    hidden=vec![("filter", filter), ("all", "true".to_owned())]
                />
                <span class="quiet small">"You see what it would change before it begins."</span>
            }
            .into_any()
        }
        Remedy::Decide => ().into_any(),
    });
    let resolves = match class.round() {
        Round::Look => "It is resolved by itself once it is not so any more.",
        Round::Run => "It is resolved by itself after two runs that go well.",
        Round::RunOrTest => "It is resolved by itself after two runs or tests that go well.",
    };
    let (label, href) = place(class, integration, is_admin);
    view! {
        <Panel title="What to do">
            <p>{problem.says}</p>
            <p><strong>{class.advice()}</strong></p>
            <div class="actions">
                {act}
                <LinkButton label href/>
            </div>
            {(state != ProblemState::Resolved).then(|| view! { <p class="quiet small">{resolves}</p> })}
        </Panel>
    }
    .into_any()
}

#[component]
fn Effects(effects: Vec<ProblemRow>) -> impl IntoView {
    if effects.is_empty() {
        return ().into_any();
    }
    let items = effects
        .into_iter()
        .map(|effect| {
            let problem = effect.problem;
            view! {
                <li><a href=paths::problem(problem.id)>{problem.class.name()}</a> <span class="row-says">{problem.says}</span></li>
            }
        })
        .collect_view();
    view! {
        <Panel title="What comes of it"><ul class="plain-list">{items}</ul></Panel>
    }
    .into_any()
}

#[component]
fn Facts(
    problem: Problem,
    integration: (IntegrationId, String),
    projects: Vec<(ProjectId, String)>,
) -> impl IntoView {
    let (id, name) = integration;
    let endpoint = problem
        .endpoint
        .clone()
        .map(|endpoint| view! { <Fact label="Where"><span class="mono">{endpoint}</span></Fact> });
    let concerned = problem.projects.len() as u64;
    let named = projects
        .into_iter()
        .take(20)
        .map(|(project, name)| view! { <li><a href=paths::project(id, project)>{name}</a></li> })
        .collect_view();
    let projects = (concerned > 0).then(|| {
        view! {
            <Fact label="Projects affected">{number(concerned)}<ul class="plain-list">{named}</ul></Fact>
        }
    });
    let spells = (problem.spells > 1).then(|| {
        let before = u64::from(problem.spells - 1);
        view! { <Fact label="Was there before">{count(before, "time", "times")}</Fact> }
    });
    view! {
        <Panel title="Facts">
            <dl class="facts">
                <Fact label="Integration">{whose(id, name)}</Fact>
                <Fact label="Kind"><span class="mono">{problem.class.word()}</span></Fact>
                <Fact label="Where the reason lies">{problem.class.side().word()}</Fact>
                {endpoint}
                <Fact label="First seen"><Ago at=problem.first_at/></Fact>
                <Fact label="Last seen"><Ago at=problem.last_at/></Fact>
                <Fact label="Times">{number(problem.count)}</Fact>
                {spells}
                {projects}
            </dl>
        </Panel>
    }
    .into_any()
}

/// The integration and the way to it; Hangar itself has no page of its own.
pub(super) fn whose(id: IntegrationId, name: String) -> AnyView {
    match id {
        IntegrationId::PORTAL => view! { {name} }.into_any(),
        id => view! { <a href=paths::integration(id)>{name}</a> }.into_any(),
    }
}

#[component]
fn WhoIsOnIt(problem: Problem, people: Vec<(String, String)>, is_admin: bool) -> impl IntoView {
    let (id, owner) = (problem.id.to_string(), problem.owner.as_ref());
    let id = move || vec![("id", id.clone())];
    if !is_admin {
        let who = owner.map_or_else(
            || "Nobody yet. Ask an admin to take it.".to_owned(),
            |owner| owner.name.clone(),
        );
        let note = (!problem.note.is_empty())
            .then(|| view! { <p class="problem-note">{problem.note.clone()}</p> });
        return view! { <Panel title="Who is on it"><p>{who}</p>{note}</Panel> }.into_any();
    }
    let value = owner.map(|owner| owner.id.to_string()).unwrap_or_default();
    view! {
        <Panel title="Who is on it">
            <form method="post" action=api::AssignProblem::PATH>
                <Hidden fields=id()/>
                <SelectField label="Owner" name="owner" options=people value/>
                <Submit label="Save owner" kind=Button::Plain/>
            </form>
            <form method="post" action=api::NoteProblem::PATH>
                <Hidden fields=id()/>
                <TextArea label="Note" name="note" value=problem.note.clone() max_length=Some(1000) hint="For whoever looks at this next."/>
                <Submit label="Save note" kind=Button::Plain/>
            </form>
        </Panel>
    }
    .into_any()
}

#[component]
fn Story(story: Page<ProblemEvent>) -> impl IntoView {
    let lines = story
        .rows
        .into_iter()
        .map(|event| {
            let word = match event.turn {
                Turn::Opened => "Opened",
                Turn::Told => "Told",
                Turn::Back => "Came back",
                Turn::Resolved => "Resolved",
                Turn::Acknowledged | Turn::Reopened => "State",
                Turn::Snoozed | Turn::Woken => "Snooze",
                Turn::Owner => "Owner",
                Turn::Note => "Note",
            };
            let by = event.actor_name.unwrap_or_else(|| "Hangar".to_owned());
            view! {
                <li>
                    <strong>{word}</strong> " " {event.says}
                    <span class="row-says"><Ago at=event.at/> ", " {by}</span>
                </li>
            }
        })
        .collect_view();
    view! { <Panel title="What happened"><ol class="plain-list">{lines}</ol></Panel> }.into_any()
}
