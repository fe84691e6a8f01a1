use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Class, HOURS_KEPT, PROJECTS_MOST, Problem, ProblemEvent, Round, Sighting, Turn, hour_of,
};
use crate::{
    checks::{Finding, Level},
    ids::{IntegrationId, ProblemId},
};

/// What was seen of an integration since the last look.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub integration: IntegrationId,
    pub sightings: &'a [Sighting],
    /// How things stand that are looked at.
    pub stands: &'a [Stands],
    /// Its latest runs that have ended, and its latest tests: those since the last look at least.
    pub runs: &'a [Ended],
    pub tests: &'a [Ended],
}

/// How something stands that is looked at again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    pub class: Class,
    pub endpoint: Option<String>,
    pub level: Level,
    pub says: String,
}

impl Stands {
    /// What a check says; `None`: its reasons are told as they happen.
    pub fn of(finding: &Finding) -> Option<Self> {
        Some(Self {
            class: Class::of_check(finding.check)?,
            endpoint: None,
            level: finding.level,
            says: finding.says.clone(),
        })
    }
}

/// Something that ended, well or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub started_at: DateTime<Utc>,
    pub is_good: bool,
}

/// A problem that is another one than before, and what happened to it, if that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    pub problem: Problem,
    pub event: Option<ProblemEvent>,
}

/// So many rounds without it, and it is resolved.
const CLEAN: u32 = 2;
/// What may pass is a problem if it happens often within this time.
const PENDING: TimeDelta = TimeDelta::hours(1);
/// Looks that are closer to each other are one.
const LOOKS_APART: TimeDelta = TimeDelta::seconds(20);

/// What the problems of an integration become: failures are put with their like, and what did not happen for two rounds is resolved.
/// `before` are all of its problems that are known; those that stay as they were are not answered.
pub fn round(before: &[Problem], seen: &Seen, now: DateTime<Utc>) -> Vec<Turned> {
    let mut after = before.to_vec();
    for sighting in seen.sightings {
        at(&mut after, seen.integration, sighting).see(sighting);
    }
    for stands in seen.stands {
        let known = after
            .iter_mut()
            .find(|problem| problem.class == stands.class && problem.endpoint == stands.endpoint);
        match stands.level {
            Level::Bad | Level::Warning => match known {
                Some(problem) if problem.is_unresolved() => problem.still(stands),
                _ => {
                    let sighting = Sighting {
                        class: stands.class,
                        endpoint: stands.endpoint.clone(),
                        project: None,
                        at: now,
                        times: 1,
                        is_end: true,
                    };
                    let problem = at(&mut after, seen.integration, &sighting);
                    problem.see(&sighting);
                    problem.still(stands);
                }
            },
            Level::Good => {
                if let Some(problem) = known {
                    problem.clean(now, LOOKS_APART, now);
                }
            }
            Level::Unknown => {}
        }
    }
    for problem in &mut after {
        let (runs, tests) = match problem.class.round() {
            Round::Look => (&[][..], &[][..]),
            Round::Run => (seen.runs, &[][..]),
            Round::RunOrTest => (seen.runs, seen.tests),
        };
        let mut good: Vec<DateTime<Utc>> = runs
            .iter()
            .chain(tests)
            .filter(|ended| ended.is_good)
            .map(|ended| ended.started_at)
            .collect();
        good.sort();
        for started_at in good {
            problem.clean(started_at, TimeDelta::zero(), now);
        }
    }
    let old = |id: ProblemId| before.iter().find(|problem| problem.id == id);
    after
        .into_iter()
        .filter(|problem| old(problem.id) != Some(problem))
        .map(|problem| {
            let event = event(old(problem.id), &problem, now);
            Turned { problem, event }
        })
        .collect()
}

/// The problem that a failure belongs to; made where it is the first of its kind.
fn at<'a>(
    all: &'a mut Vec<Problem>,
    integration: IntegrationId,
    sighting: &Sighting,
) -> &'a mut Problem {
    let endpoint = sighting
        .endpoint
        .clone()
        .filter(|_| sighting.class.has_endpoint());
    let id = ProblemId::of(integration, sighting.class.word(), endpoint.as_deref());
    let place = all.iter().position(|problem| problem.id == id);
    let place = place.unwrap_or_else(|| {
        all.push(Problem {
            id,
            integration,
            class: sighting.class,
            says: says(sighting.class, endpoint.as_deref()),
            endpoint,
            level: sighting.class.level(),
            first_at: sighting.at,
            last_at: sighting.at,
            count: 0,
            opened_at: None,
            resolved_at: None,
            spells: 0,
            hours: Default::default(),
            projects: Default::default(),
            clean: 0,
            clean_at: None,
            pending: None,
            acknowledged: None,
            snoozed_until: None,
            owner: None,
            note: String::new(),
        });
        all.len() - 1
    });
    &mut all[place]
}

fn says(class: Class, endpoint: Option<&str>) -> String {
    match endpoint {
        Some(endpoint) => format!("{}: {endpoint}.", class.name()),
        None => format!("{}.", class.name()),
    }
}

impl Problem {
    /// It happened, perhaps once more.
    fn see(&mut self, sighting: &Sighting) {
        let at = sighting.at;
        self.first_at = self.first_at.min(at);
        self.last_at = self.last_at.max(at);
        self.count += u64::from(sighting.times);
        *self.hours.entry(hour_of(at)).or_default() += sighting.times;
        self.hours = self.hours.split_off(&(hour_of(self.last_at) - HOURS_KEPT));
        if !self.is_unresolved() {
            let (since, seen) = self
                .pending
                .filter(|(since, _)| at - *since <= PENDING)
                .unwrap_or((at, 0));
            let seen = seen + sighting.times;
            if seen < self.class.opens_after() && !sighting.is_end {
                self.pending = Some((since, seen));
                return;
            }
            self.opened_at = Some(since);
            self.spells += 1;
            self.pending = None;
            self.resolved_at = None;
            self.acknowledged = None;
            self.projects.clear();
        }
        (self.clean, self.clean_at) = (0, None);
        if self.projects.len() < PROJECTS_MOST {
            self.projects.extend(sighting.project);
        }
    }

    /// How it stands now.
    fn still(&mut self, stands: &Stands) {
        self.level = stands.level;
        self.says.clone_from(&stands.says);
        (self.clean, self.clean_at) = (0, None);
    }

    /// A round went well, if it began after the last time and is another one than the last that did.
    fn clean(&mut self, started_at: DateTime<Utc>, apart: TimeDelta, now: DateTime<Utc>) {
        let is_new = self.clean_at.is_none_or(|last| started_at > last + apart);
        if !self.is_unresolved() || started_at <= self.last_at || !is_new {
            return;
        }
        self.clean += 1;
        self.clean_at = Some(started_at);
        if self.clean >= CLEAN {
            self.resolved_at = Some(now);
            self.snoozed_until = None;
        }
    }
}

fn event(old: Option<&Problem>, new: &Problem, now: DateTime<Utc>) -> Option<ProblemEvent> {
    let was = old.is_some_and(Problem::is_unresolved);
    let (turn, says) = match (was, new.is_unresolved()) {
        (false, true) if new.spells > 1 => (Turn::Back, new.says.clone()),
        (false, true) => (Turn::Opened, new.says.clone()),
        (true, false) => {
            let rounds = match new.class.round() {
                Round::Look => "Twice in a row it was not so any more.",
                Round::Run => "Two runs went well.",
                Round::RunOrTest => "Two runs or tests went well.",
            };
            (Turn::Resolved, rounds.to_owned())
        }
        _ => return None,
    };
    Some(ProblemEvent {
        problem: new.id,
        integration: new.integration,
        class: new.class,
        level: new.level,
        at: now,
        turn,
        actor_name: None,
        says,
    })
}
