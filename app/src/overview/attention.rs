use domain::problems::{Class, ProblemState};
use leptos::prelude::*;

use crate::{
    ProblemRow, SilentWebhook, paths,
    problems::list::StateBadge,
    ui::{
        badge::Tone,
        link::Link,
        notice::Notice,
        number::count,
        time::{Age, Ago},
    },
    visit,
    webhooks::words,
};

/// So many problems stand on the overview.
const PROBLEMS: usize = 5;

/// What fails, as far as nothing else explains it, and who is on it.
#[component]
pub fn OpenProblems(problems: Vec<ProblemRow>) -> impl IntoView {
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
                    " " <Link href=paths::problem(problem.id)>{problem.class.name()}</Link>
                    <span class="row-says">{row.integration_name} ", for " <Age at=since/> ", " {owner}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel overview-problems" aria-labelledby="open-problems">
            <div class="section-head">
                <h2 id="open-problems">"Problems"</h2>
                <p class="quiet"><Link href=paths::PROBLEMS>{all}</Link></p>
            </div>
            <ul class="plain-list">{lines}</ul>
        </section>
    }
    .into_any()
}

/// Webhooks that have stopped, most likely in Plane.
#[component]
pub fn SilentWebhooks(silent: Vec<SilentWebhook>) -> impl IntoView {
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
