use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, Finding, Level};
use crate::{
    freshness::Freshness,
    health::ConnectionState,
    inbox::Webhook,
    integration::{IntegrationRow, Standing},
    mirror::{CopyState, ProjectRow},
    run::Outcome,
    silence::Silence,
};

/// What is known of an integration, as far as its checks go by it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub row: &'a IntegrationRow,
    pub projects: &'a [&'a ProjectRow],
    pub webhook: Option<&'a Webhook>,
    pub backlog: Backlog,
    /// `None`: its key was not used in each of the last minutes.
    pub busy: Option<Busy>,
}

/// What was received for an integration and is not applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Since when the one that is due for longest is.
    pub due_since: Option<DateTime<Utc>>,
    /// So many were given up; counted to a hundred.
    pub given_up: u32,
}

/// How much a key was used, whoever used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Calls of the quietest of the last [`Busy::MINUTES`].
    pub least: u64,
    /// Calls a minute that Plane allows.
    pub limit: u32,
}

impl Busy {
    /// So many minutes in a row make it a matter.
    pub const MINUTES: i64 = 15;
    /// Of the limit.
    const PER_CENT: u64 = 80;

    /// Whether somebody should look.
    pub fn is_high(self) -> bool {
        self.least * 100 >= u64::from(self.limit) * Self::PER_CENT
    }
}

/// The counting of what was given up ends here.
pub const GIVEN_UP_MOST: u32 = 100;

/// What is due for so long should have been applied.
const BACKLOG: TimeDelta = TimeDelta::minutes(5);
/// So many days before a certificate runs out somebody should see to it.
const CERTIFICATE_SOON: i32 = 21;
/// And so many before, quickly.
const CERTIFICATE_VERY_SOON: i32 = 7;
/// The same for a key.
const KEY_SOON: i64 = 14;
const KEY_VERY_SOON: i64 = 1;
/// More projects than these are not named.
const NAMED: usize = 3;

/// What all checks of an integration say now, in their order.
pub fn findings(known: &Known, now: DateTime<Utc>) -> Vec<Finding> {
    Check::ALL
        .into_iter()
        .map(|check| {
            let (level, says) = match check {
                Check::Freshness => freshness(known, now),
                Check::Connection => connection(known),
                Check::Key => key(known),
                Check::Expiry => expiry(known, now),
                Check::Budget => budget(known),
                Check::Certificate => certificate(known),
                Check::Webhook => webhook(known),
                Check::Signature => signature(known, now),
                Check::Backlog => backlog(known, now),
                Check::Drift => drift(known),
                Check::Held => held(known),
            };
            Finding { check, level, says }
        })
        .collect()
}

type Says = (Level, String);

fn freshness(known: &Known, now: DateTime<Utc>) -> Says {
    let integration = &known.row.integration;
    match integration.standing() {
        Standing::Active => {}
        Standing::Paused => return (Level::Unknown, "Its schedule is paused.".to_owned()),
        Standing::Inactive => return (Level::Unknown, "It is switched off.".to_owned()),
    }
    let minutes = integration.settings.interval_minutes;
    let of = |wanted: Freshness| -> Vec<&str> {
        let is = |row: &&&ProjectRow| row.state(now) == CopyState::Copied(wanted);
        let found = known.projects.iter().filter(is);
        found.map(|row| row.project.name.as_str()).collect()
    };
    let stale = of(Freshness::Stale);
    if !stale.is_empty() {
        let says = format!(
            "Older than twice the schedule of {minutes} min: {}.",
            names(&stale)
        );
        return (Level::Bad, says);
    }
    if known.row.freshness == Freshness::Stale {
        let says = format!(
            "No run has copied everything for more than twice the schedule of {minutes} min."
        );
        return (Level::Bad, says);
    }
    let never = of(Freshness::Never);
    let is_new = now - integration.created_at < TimeDelta::minutes(i64::from(minutes) * 2);
    if known.row.freshness == Freshness::Never || !never.is_empty() {
        return match is_new {
            true => (Level::Unknown, "The first sync is to come.".to_owned()),
            false if never.is_empty() => (Level::Bad, "It was never copied whole.".to_owned()),
            false => (
                Level::Bad,
                format!("Never copied whole: {}.", names(&never)),
            ),
        };
    }
    // Late is what every copy is for a moment before its next run.
    (
        Level::Good,
        format!("All of it is younger than twice the schedule of {minutes} min."),
    )
}

fn connection(known: &Known) -> Says {
    let health = &known.row.health;
    let failed = health.connection.failed;
    match health.connection.state {
        ConnectionState::Unknown => (Level::Unknown, "It was not tested yet.".to_owned()),
        ConnectionState::Works => (Level::Good, "The latest test passed.".to_owned()),
        ConnectionState::Unsteady => (
            Level::Warning,
            "The latest test failed; after three in a row the connection counts as failing."
                .to_owned(),
        ),
        ConnectionState::Failing if failed == 0 => (
            Level::Bad,
            "The latest test passed after several that failed; one more makes it working again."
                .to_owned(),
        ),
        ConnectionState::Failing => (
            Level::Bad,
            format!(
                "The latest {failed} tests failed. The result of the last one says at which step, and what to do."
            ),
        ),
    }
}

/// What a test is called that Plane refused the key of.
const BAD_KEY: &str = "bad_key";

fn key(known: &Known) -> Says {
    let health = &known.row.health;
    let tests_refused = health
        .recent
        .iter()
        .take_while(|test| test.status == BAD_KEY);
    let run = known.row.last_run.as_ref();
    let is_run_refused = run.is_some_and(|run| {
        let is_later = health
            .latest()
            .is_none_or(|test| run.started_at > test.started_at);
        is_later && run.outcome == Some(Outcome::Rejected)
    });
    if tests_refused.count() > 0 || is_run_refused {
        let says = "Plane refuses the key: it was deleted, has expired, or its owner was removed. Make a new one in Plane, and replace this one.";
        return (Level::Bad, says.to_owned());
    }
    match health.recent.iter().find(|test| test.success) {
        Some(_) => (Level::Good, "Plane takes it.".to_owned()),
        None => (
            Level::Unknown,
            "No test got as far as to use it.".to_owned(),
        ),
    }
}

fn expiry(known: &Known, now: DateTime<Utc>) -> Says {
    let Some(last_day) = known.row.integration.settings.key_expires_on else {
        return (
            Level::Unknown,
            "Nobody entered the key’s last day.".to_owned(),
        );
    };
    let days = (last_day - now.date_naive()).num_days();
    let left = match days {
        ..0 => format!("Its last day was {last_day}."),
        0 => "Today is its last day.".to_owned(),
        1 => "Tomorrow is its last day.".to_owned(),
        days => format!("Its last day, {last_day}, is in {days} days."),
    };
    let level = if days <= KEY_VERY_SOON {
        Level::Bad
    } else if days <= KEY_SOON {
        Level::Warning
    } else {
        return (Level::Good, left);
    };
    (
        level,
        format!("{left} Make a new one in Plane, and replace this one."),
    )
}

fn budget(known: &Known) -> Says {
    match known.busy.filter(|busy| busy.is_high()) {
        Some(busy) => (
            Level::Warning,
            format!(
                "For {} minutes its key made at least {} of the {} calls a minute that Plane allows. Syncs will have to wait.",
                Busy::MINUTES,
                busy.least,
                busy.limit
            ),
        ),
        None => (Level::Good, "Its key has calls to spare.".to_owned()),
    }
}

fn certificate(known: &Known) -> Says {
    let Some(days) = known.row.health.certificate_days_left() else {
        return (Level::Unknown, "No test has seen one.".to_owned());
    };
    let left = match days {
        ..1 => "The certificate of Plane’s server has run out: nothing gets through.".to_owned(),
        1 => "The certificate of Plane’s server runs out in a day.".to_owned(),
        _ => format!("The certificate of Plane’s server runs out in {days} days."),
    };
    match certificate_level(days) {
        Level::Good => (Level::Good, left),
        level => (level, format!("{left} Renew it there.")),
    }
}

/// How pressing it is to renew a certificate with so many days left.
pub fn certificate_level(days: i32) -> Level {
    if days <= CERTIFICATE_VERY_SOON {
        Level::Bad
    } else if days <= CERTIFICATE_SOON {
        Level::Warning
    } else {
        Level::Good
    }
}

fn webhook(known: &Known) -> Says {
    let Some(webhook) = known.webhook else {
        return (
            Level::Unknown,
            "There is none: changes are found by polling.".to_owned(),
        );
    };
    match (webhook.silence, webhook.last_at) {
        (Some((silence, _)), _) => {
            let why = match silence {
                Silence::Missed(n) => {
                    format!("the schedule found {n} changes that it should have told of")
                }
                Silence::Quiet(n) => {
                    format!("about {n} deliveries should have come since the last one")
                }
            };
            let says = format!(
                "It is silent: {why}. Plane has probably switched it off; switch it on there."
            );
            (Level::Bad, says)
        }
        (None, None) => (Level::Unknown, "Nothing was delivered yet.".to_owned()),
        (None, Some(_)) => (Level::Good, "It tells of changes as usual.".to_owned()),
    }
}

fn signature(known: &Known, now: DateTime<Utc>) -> Says {
    let Some(webhook) = known.webhook else {
        return (Level::Unknown, "There is no webhook.".to_owned());
    };
    if webhook.rotation_until.is_some_and(|until| until > now) {
        return (
            Level::Unknown,
            "The secret is being replaced: what is not believed is held back.".to_owned(),
        );
    }
    match (webhook.refused_at, webhook.last_at) {
        (Some(refused), last) if last.is_none_or(|last| last < refused) => (
            Level::Bad,
            "The latest delivery was not believed. Compare the secret with the one in Plane; the webhook’s page says why."
                .to_owned(),
        ),
        (_, None) => (Level::Unknown, "Nothing was delivered yet.".to_owned()),
        (_, Some(_)) => (Level::Good, "The latest delivery was believed.".to_owned()),
    }
}

fn backlog(known: &Known, now: DateTime<Utc>) -> Says {
    if known.webhook.is_none() {
        return (Level::Unknown, "There is no webhook.".to_owned());
    }
    let Backlog {
        due_since,
        given_up,
    } = known.backlog;
    if given_up > 0 {
        let so_many = match given_up {
            1 => "One change was".to_owned(),
            GIVEN_UP_MOST.. => format!("{GIVEN_UP_MOST} changes or more were"),
            n => format!("{n} changes were"),
        };
        let says = format!(
            "{so_many} given up after eight tries. Look at why in the webhook’s log, and replay."
        );
        return (Level::Warning, says);
    }
    match due_since.filter(|since| now - *since > BACKLOG) {
        Some(_) => (
            Level::Warning,
            "What Plane told of waits for more than five minutes to be applied.".to_owned(),
        ),
        None => (Level::Good, "What Plane told of is applied.".to_owned()),
    }
}

fn drift(known: &Known) -> Says {
    // What waits for a decision differs for that reason alone.
    let checks = known.projects.iter().filter(|row| row.held.is_none());
    let checks: Vec<_> = checks.filter_map(|row| Some((row, row.drift?))).collect();
    if checks.is_empty() && known.projects.iter().any(|row| row.held.is_some()) {
        return (
            Level::Unknown,
            "It tells nothing while deletions wait for a decision.".to_owned(),
        );
    }
    if checks.is_empty() {
        return (Level::Unknown, "The copy was not compared yet.".to_owned());
    }
    let differ = checks.iter().filter(|(_, check)| !check.is_equal());
    let differ: Vec<&str> = differ.map(|(row, _)| row.project.name.as_str()).collect();
    match differ.is_empty() {
        true => (
            Level::Good,
            "When last compared, the copy was what Plane has.".to_owned(),
        ),
        false => (
            Level::Warning,
            format!(
                "When last compared, the copy was not what Plane has, and was put right: {}.",
                names(&differ)
            ),
        ),
    }
}

fn held(known: &Known) -> Says {
    let held = known.projects.iter().filter(|row| row.held.is_some());
    let held: Vec<&str> = held.map(|row| row.project.name.as_str()).collect();
    match held.is_empty() {
        true => (Level::Good, "Nothing waits for a decision.".to_owned()),
        false => {
            let says = format!(
                "Plane no longer lists many work items at once. Look at them and decide, in {}.",
                names(&held)
            );
            (Level::Warning, says)
        }
    }
}

/// "Web, Mobile and 3 more".
fn names(all: &[&str]) -> String {
    match all.len() {
        0..=NAMED => all.join(", "),
        n => format!("{} and {} more", all[..NAMED].join(", "), n - NAMED),
    }
}

#[cfg(test)]
mod tests;
