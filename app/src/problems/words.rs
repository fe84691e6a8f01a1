use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::IntegrationId,
    problems::{Class, Problem, ProblemState, Round},
};

use crate::{
    paths,
    query::Query,
    ui::{
        chart::{BarChart, ChartBar, Series},
        number::{count, number},
        time::{ago, moment, one_unit},
    },
};

/// Bars of the trend, each a quarter of a day.
const BARS: usize = 28;
const BAR: TimeDelta = TimeDelta::hours(6);

/// Since when, and for how long, in a sentence.
pub(super) fn standing(problem: &Problem, state: ProblemState, now: DateTime<Utc>) -> String {
    let since = problem.opened_at.unwrap_or(problem.first_at);
    match (state, problem.resolved_at, problem.snoozed_until) {
        (ProblemState::Resolved, Some(at), _) => {
            format!("{}, after {}.", ago(at, now), one_unit(at - since))
        }
        (ProblemState::Snoozed, _, Some(until)) => format!(
            "Since {}; nobody is told of it until {}.",
            one_unit(now - since),
            moment(until)
        ),
        (ProblemState::Acknowledged, ..) => {
            let by = problem.acknowledged.as_ref();
            let by = by.map(|by| format!("; {} has taken note of it", by.name));
            format!("Since {}{}.", one_unit(now - since), by.unwrap_or_default())
        }
        _ => format!("Since {}.", one_unit(now - since)),
    }
}

/// Where more of it stands.
pub(super) fn place(class: Class, id: IntegrationId, is_admin: bool) -> (&'static str, String) {
    let of = |path: &str, more: Option<(&str, &str)>| {
        let query = Query::default().with("integration", Some(id));
        let query = match more {
            Some((name, value)) => query.with(name, Some(value)),
            None => query,
        };
        query.on(path)
    };
    match class {
        Class::CopyStale | Class::CopyDrift | Class::DeleteBrake => {
            ("Its projects", of(paths::PROJECTS, None))
        }
        Class::WebhookSilent | Class::WebhookSignature => ("Its webhook", paths::webhook(id)),
        Class::WebhookGivenUp => (
            "What was given up",
            of(paths::WEBHOOKS, Some(("state", "dead"))),
        ),
        Class::RateLimited | Class::BudgetHigh => ("The API budget", paths::BUDGET.to_owned()),
        Class::ChannelFailing => ("The channels", paths::ALERTS.to_owned()),
        Class::KeyInvalid | Class::KeyExpiring if is_admin => {
            ("Replace the key", paths::replace_key(id))
        }
        Class::KeyExpiring => ("Its settings", paths::integration(id)),
        Class::NotPlane | Class::Policy | Class::NotFound | Class::NoCredentials if is_admin => {
            ("Edit its settings", paths::edit_integration(id))
        }
        _ if class.round() == Round::RunOrTest || class == Class::CertificateExpiring => {
            ("Tests of its connection", paths::connection(id))
        }
        _ if class.has_endpoint() => (
            "Its calls that failed",
            format!("{}?show=failed", paths::calls(id)),
        ),
        _ => ("Its sync runs", of(paths::RUNS, None)),
    }
}

/// How often it happened in the last week.
pub(super) fn trend(problem: &Problem, now: DateTime<Utc>) -> BarChart {
    let parts = problem.trend(BARS, now);
    let bars = (0..).zip(parts).map(|(n, times)| {
        let from = now - BAR * (i32::try_from(BARS).unwrap_or(i32::MAX) - n);
        ChartBar {
            label: from.format("%-d %b").to_string(),
            moment: format!("Six hours from {}", from.format("%-d %b %Y, %H:%M UTC")),
            parts: vec![times],
            href: None,
        }
    });
    let bars: Vec<ChartBar> = bars.collect();
    let all: u64 = bars.iter().flat_map(|bar| &bar.parts).sum();
    BarChart {
        title: "Times in each six hours".to_owned(),
        says: format!("{} in the last seven days.", count(all, "time", "times")),
        series: vec![Series {
            word: "Times".to_owned(),
            look: "bad",
        }],
        bars,
        format: number,
        marks: vec![],
        time: "Six hours from".to_owned(),
    }
}
