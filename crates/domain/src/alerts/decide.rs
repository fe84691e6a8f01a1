use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Incident, MessageKind, Rule};
use crate::{
    ids::{IntegrationId, ProblemId},
    problems::{Class, Problem, ProblemState},
    tag::Tags,
};

/// An unresolved problem, with what rules go by.
#[derive(Clone, Debug)]
pub struct Alertable<'a> {
    pub problem: &'a Problem,
    pub integration_name: &'a str,
    pub tags: &'a Tags,
    /// Plane's server: scheme, host and port.
    pub origin: &'a str,
    /// Of the key.
    pub fingerprint: &'a str,
    /// It comes of another one.
    pub is_caused: bool,
}

/// What an incident becomes, and what is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub incident: Incident,
    /// `None`: nobody is told, but it is over.
    pub tells: Option<MessageKind>,
}

/// What joins an incident is told this often at most.
const UPDATE: TimeDelta = TimeDelta::hours(1);

/// What is told together: a server that is gone is one incident, however many integrations it has, and so is a key.
pub fn group_of(class: Class, problem: ProblemId, origin: &str, fingerprint: &str) -> String {
    match class {
        Class::NetworkDns
        | Class::NetworkConnect
        | Class::NetworkTls
        | Class::NetworkTimeout
        | Class::NotPlane
        | Class::PlaneResting
        | Class::PlaneFault => format!("server {}", origin),
        Class::CertificateExpiring => format!("certificate {}", origin),
        Class::KeyInvalid | Class::NoCredentials | Class::KeyExpiring => {
            format!("key {} {}", origin, fingerprint)
        }
        Class::RateLimited | Class::BudgetHigh => format!("limit {} {}", origin, fingerprint),
        _ => format!("problem {problem}"),
    }
}

/// What a rule tells of now. `incidents` are the last ones of each of its groups, `problems` all that are not resolved. While it is
/// `quiet`, everything waits.
pub fn decide(
    rule: &Rule,
    incidents: &[Incident],
    problems: &[Alertable<'_>],
    is_quiet: bool,
    now: DateTime<Utc>,
) -> Vec<Decision> {
    if !rule.is_on || is_quiet {
        return vec![];
    }
    let mut groups = BTreeMap::<String, Vec<&Alertable<'_>>>::new();
    for one in problems {
        let problem = one.problem;
        let (class, level) = (problem.class, problem.level);
        let concerns = rule.concerns(class, level, problem.integration, one.tags);
        if concerns && problem.is_unresolved() {
            let group = group_of(class, problem.id, one.origin, one.fingerprint);
            groups.entry(group).or_default().push(one);
        }
    }
    let last = |group: &str| incidents.iter().find(|one| one.group == group);
    let mut decisions = Vec::new();
    for (group, members) in &groups {
        let mut open: Vec<&Alertable<'_>> = members
            .iter()
            .copied()
            .filter(|one| is_to_be_told(rule, one, now))
            .collect();
        // What it is called by is what failed, not that it is left alone since.
        let is_left_alone = |one: &&Alertable<'_>| one.problem.class == Class::PlaneResting;
        open.sort_by_key(|one| {
            let problem = one.problem;
            (
                problem.level,
                is_left_alone(one),
                problem.opened_at,
                problem.id,
            )
        });
        let decision = match last(group) {
            Some(incident) if incident.closed_at.is_none() => goes_on(rule, incident, &open, now),
            before => begins(rule, group, before, &open, now),
        };
        decisions.extend(decision);
    }
    let over = incidents
        .iter()
        .filter(|one| one.closed_at.is_none() && !groups.contains_key(&one.group));
    decisions.extend(over.map(|incident| Decision {
        incident: Incident {
            told_at: now,
            messages: incident.messages + u32::from(rule.tells_end),
            closed_at: Some(now),
            ..incident.clone()
        },
        tells: rule.tells_end.then_some(MessageKind::Closed),
    }));
    decisions
}

/// Whether nobody has taken note of it yet, nothing else explains it, and it has lasted long enough.
fn is_to_be_told(rule: &Rule, one: &Alertable<'_>, now: DateTime<Utc>) -> bool {
    let problem = one.problem;
    let since = problem.opened_at.unwrap_or(now);
    problem.state(now) == Some(ProblemState::Open)
        && !one.is_caused
        && now - since >= TimeDelta::minutes(rule.after_minutes.into())
}

fn begins(
    rule: &Rule,
    group: &str,
    before: Option<&Incident>,
    open: &[&Alertable<'_>],
    now: DateTime<Utc>,
) -> Option<Decision> {
    let first = open.first()?.problem;
    let incident = Incident {
        rule: rule.id,
        group: group.to_owned(),
        number: before.map_or(1, |before| before.number + 1),
        opened_at: now,
        members: open.iter().map(|one| one.problem.id).collect(),
        title: first.class.name().to_owned(),
        level: first.level,
        integrations: named(open).collect(),
        told_at: now,
        messages: 1,
        closed_at: None,
    };
    Some(Decision {
        incident,
        tells: Some(MessageKind::Opened),
    })
}

fn goes_on(
    rule: &Rule,
    incident: &Incident,
    open: &[&Alertable<'_>],
    now: DateTime<Utc>,
) -> Option<Decision> {
    let is_new =
        |one: &&Alertable<'_>| !incident.integrations.contains_key(&one.problem.integration);
    let age = now - incident.told_at;
    let kind = if open.iter().any(is_new) && age >= UPDATE {
        MessageKind::Updated
    } else if rule.remind_hours > 0
        && age >= TimeDelta::hours(rule.remind_hours.into())
        && !open.is_empty()
    {
        MessageKind::Reminder
    } else {
        return None;
    };
    let mut incident = incident.clone();
    incident
        .members
        .extend(open.iter().map(|one| one.problem.id));
    incident.integrations.extend(named(open));
    incident.told_at = now;
    incident.messages += 1;
    Some(Decision {
        incident,
        tells: Some(kind),
    })
}

fn named<'a>(open: &'a [&Alertable<'_>]) -> impl Iterator<Item = (IntegrationId, String)> + 'a {
    open.iter()
        .map(|one| (one.problem.integration, one.integration_name.to_owned()))
}
