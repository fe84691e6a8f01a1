use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{ProjectId, RunId},
    mirror::Project,
    run::{Counts, Outcome, Phase, Progress},
    walk::{Held, Walk},
};
use plane::{Error, ListPage, Plane, Usage, error::AnswerFlaw};
use store::{RunRef, Store};
use tokio::{sync::broadcast, time::Instant};
use tracing::{debug, info};

use super::recorder::Recorder;
use crate::{clock::Clock, rng::Rng, timing::Timing};

/// How often a call that failed for a reason that may pass is tried again.
const TRIES: u32 = 4;
/// After so many projects in a row that could not be read, Plane itself is taken to be in trouble.
const PATIENCE: u32 = 3;
/// One look at everything that the key can read.
pub(super) struct Copy<'a> {
    pub(super) store: &'a Store,
    pub(super) plane: &'a Plane,
    pub(super) clock: &'a Clock,
    pub(super) rng: &'a Rng,
    pub(super) timing: &'a Timing,
    pub(super) run: &'a RunRef,
    /// Copy this project alone.
    pub(super) only: Option<ProjectId>,
    pub(super) live: &'a Live,
    /// Told when there is something new to show.
    pub(super) changes: &'a broadcast::Sender<RunId>,
}

/// How a walk ended.
pub(super) enum Ended {
    /// Everything was read but what is named here.
    Copied {
        left_out: Vec<LeftOut>,
    },
    /// Plane, or the way there, is in trouble.
    Plane(Error),
    /// Nothing moved for too long.
    Stuck,
    Store(store::Error),
    Cancelled,
}

/// A project that could not be copied whole, and why.
pub(super) struct LeftOut {
    pub(super) project: String,
    pub(super) why: String,
    /// It waits for somebody to look, rather than for the next run.
    pub(super) is_held: bool,
}

impl LeftOut {
    fn partly(project: &Project, why: String) -> Self {
        Self {
            project: project.name.clone(),
            why,
            is_held: false,
        }
    }
}

/// What happens to one step: a failure of Plane may be this project's alone, one of the store never is.
pub(super) enum Stop {
    Plane(Error),
    Store(store::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Plane(error)
    }
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        Stop::Store(error)
    }
}

/// Where the walk is, for whoever watches.
pub(super) struct Live {
    now: Mutex<(Progress, Counts)>,
    pub(super) record: Recorder,
    /// Held by whoever writes for the run. A page and a heartbeat both write its record: side by side they would only
    /// make each other start over, and a page that takes longer than a heartbeat would never be done.
    writing: tokio::sync::Mutex<()>,
}

impl Live {
    /// Of a run that started then.
    pub(super) fn of(started_at: DateTime<Utc>) -> Self {
        Self {
            now: Mutex::default(),
            record: Recorder::new(started_at),
            writing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.lock().0.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().1
    }

    /// Takes over what the client counts.
    pub(super) fn note(&self, usage: Usage, waiting_until: Option<DateTime<Utc>>) {
        let mut live = self.lock();
        live.0.waiting_until = waiting_until;
        live.1.requests = usage.requests;
        live.1.rate_limited = usage.rate_limited;
        live.1.bytes = usage.bytes;
        live.1.waited_seconds = u32::try_from(usage.waited.as_secs()).unwrap_or(u32::MAX);
    }

    /// The right to write for the run, for as long as it is held.
    pub(super) async fn writing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    pub(super) fn update(&self, f: impl FnOnce(&mut Progress, &mut Counts)) {
        let mut live = self.lock();
        let (progress, counts) = &mut *live;
        f(progress, counts);
    }

    fn lock(&self) -> MutexGuard<'_, (Progress, Counts)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a call until it succeeds, fails for good, or has failed often enough. Not a function over closures: the
/// compiler can't see that futures made by borrowing closures may move between threads.
macro_rules! try_often {
    ($self:ident, $call:expr) => {{
        let (began, mut failed) = (tokio::time::Instant::now(), 0);
        loop {
            match $call.await {
                Err(error) => {
                    failed += 1;
                    if !$self.pause(&error, failed, began).await {
                        break Err(error);
                    }
                }
                answer => break answer,
            }
        }
    }};
}

pub(super) use try_often;

impl Copy<'_> {
    pub(super) async fn copy(self) -> Ended {
        let projects = match self.projects().await {
            Ok(projects) => projects,
            Err(Stop::Plane(error)) => return Ended::Plane(error),
            Err(Stop::Store(error)) => return Ended::Store(error),
        };
        // Others are listed in the copy, but Plane refuses or empties what is in them (plane-api.md section 4).
        let readable: Vec<Project> = projects
            .into_iter()
            .filter(|p| {
                p.is_member && p.archived_at.is_none() && self.only.is_none_or(|only| only == p.id)
            })
            .collect();
        self.live
            .update(|progress, _| progress.projects_total = readable.len() as u32);

        let mut left_out = Vec::new();
        let mut in_a_row = 0;
        for project in &readable {
            match self.project(project, &mut left_out).await {
                Ok(()) => in_a_row = 0,
                Err(Stop::Store(error)) => return Ended::Store(error),
                Err(Stop::Plane(error)) => {
                    in_a_row += 1;
                    if concerns_all(&error) || in_a_row >= PATIENCE {
                        return Ended::Plane(error);
                    }
                    info!(project = %project.id, code = error.code(), "a project was left out");
                    left_out.push(LeftOut::partly(project, error.sentence()));
                }
            }
            self.live.update(|progress, counts| {
                progress.projects_done += 1;
                counts.projects += 1;
            });
            self.changed();
        }
        if readable.is_empty() && self.only.is_some() {
            left_out.push(LeftOut {
                project: "The chosen project".to_owned(),
                why: "The key can't read it: it is archived, gone, or the key's owner is not a member.".to_owned(),
                is_held: false,
            });
        }
        Ended::Copied { left_out }
    }

    /// The list of projects, written whole: what is absent from it is marked, never removed.
    async fn projects(&self) -> Result<Vec<Project>, Stop> {
        self.phase(Phase::Projects, None);
        let mut projects: Vec<Project> = Vec::new();
        let mut cursor = None;
        let mut again = false;
        loop {
            let page: ListPage<Project> = try_often!(self, self.plane.projects(cursor.as_ref()))?;
            if page.undecodable > 0 {
                // Without these the list is not whole, and what is absent from it would be taken for gone.
                return Err(Stop::Plane(Error::BadAnswer(AnswerFlaw::NotUnderstood)));
            }
            if page.shifted && !again {
                projects.clear();
                (cursor, again) = (None, true);
                continue;
            }
            projects.extend(page.rows);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        projects.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        projects.dedup_by_key(|p| p.id);
        self.writing()
            .await
            .apply_projects(self.run, &projects, self.clock.now())
            .await?;
        Ok(projects)
    }

    async fn project(&self, project: &Project, left_out: &mut Vec<LeftOut>) -> Result<(), Stop> {
        let id = project.id;
        let (walked, total, left) = self.store.walked(self.run.integration, id).await?;
        let now = self.clock.now();
        let walk = walked.next(now);
        let mut undecodable = 0;
        if walk == Walk::Full || walked.wants_around(now) {
            undecodable += self.around(project).await?;
        }
        let found = self.work_items(project, &walked, walk, total, left).await?;
        undecodable += found.undecodable;
        if walk == Walk::Full || walked.wants_collections(now) {
            undecodable += self.collections(project).await?;
        }
        if undecodable > 0 {
            let why = format!("{undecodable} rows of Plane's answers could not be understood.");
            left_out.push(LeftOut::partly(project, why));
        }
        if let Some(Held { absent, of, .. }) = found.held {
            let why = format!("Plane no longer lists {absent} of its {of} work items.");
            left_out.push(LeftOut {
                is_held: true,
                ..LeftOut::partly(project, why)
            });
        }
        Ok(())
    }

    /// Reads what work items refer to: members, states and labels. Answers how many rows were not understood.
    pub(super) async fn around(&self, project: &Project) -> Result<u32, Stop> {
        let id = project.id;
        self.phase(Phase::Members, Some(project));
        match try_often!(self, self.plane.members(id)) {
            Ok(members) => {
                self.writing()
                    .await
                    .apply_members(self.run, id, &members.rows, self.clock.now())
                    .await?;
                self.live
                    .update(|_, counts| counts.members += members.rows.len() as u32);
            }
            // A guest's key may not list members, and Plane before v0.28 has no such list: names stay unknown, no more.
            Err(Error::NoAccess | Error::NotSupported) => {
                debug!(project = %id, "members can't be listed")
            }
            Err(error) => return Err(error.into()),
        }

        self.phase(Phase::States, Some(project));
        let states = try_often!(self, self.plane.states(id))?;
        self.writing()
            .await
            .apply_states(self.run, id, &states.rows, self.clock.now())
            .await?;
        self.live
            .update(|_, counts| counts.states += states.rows.len() as u32);

        self.phase(Phase::Labels, Some(project));
        let labels = try_often!(self, self.plane.labels(id))?;
        self.writing()
            .await
            .apply_labels(self.run, id, &labels.rows, self.clock.now())
            .await?;
        self.live
            .update(|_, counts| counts.labels += labels.rows.len() as u32);
        self.writing()
            .await
            .finish_around(self.run, id, self.clock.now())
            .await?;
        Ok(states.undecodable + labels.undecodable)
    }

    pub(super) fn phase(&self, phase: Phase, project: Option<&Project>) {
        self.live
            .record
            .enter(phase, project.map(|project| project.name.as_str()));
        self.live.update(|progress, _| {
            let moved = progress.project != project.map(|p| p.id);
            progress.phase = phase;
            progress.project = project.map(|p| p.id);
            progress.project_name = project.map(|p| p.name.clone());
            if moved {
                (
                    progress.page,
                    progress.pages,
                    progress.items_done,
                    progress.items_total,
                ) = (0, None, 0, None);
            }
        });
        self.changed();
    }

    /// Whether a failed call is to be made again; if so, after a random pause that may be twice as long each time
    /// (full jitter).
    pub(super) async fn pause(&self, error: &Error, failed: u32, began: Instant) -> bool {
        if failed >= TRIES || !may_pass(error) || began.elapsed() > self.timing.patience {
            return false;
        }
        debug!(code = error.code(), "a call failed and is repeated");
        let share = f64::from(u32::from_le_bytes(self.rng.bytes())) / f64::from(u32::MAX);
        let most = self.timing.first_pause * 2_u32.pow(failed - 1);
        let pause = most.min(self.timing.longest_pause).mul_f64(share);
        self.clock.sleep(pause).await;
        true
    }

    /// The store, when it is this walk's turn to write.
    pub(super) async fn writing(&self) -> Writing<'_> {
        Writing {
            store: self.store,
            _turn: self.live.writing().await,
        }
    }

    pub(super) fn changed(&self) {
        // Nobody may be watching.
        let _ = self.changes.send(self.run.run);
    }
}

/// Held until what is written is written.
pub(super) struct Writing<'a> {
    store: &'a Store,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

impl std::ops::Deref for Writing<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        self.store
    }
}

/// Whether the same call may well succeed a little later.
fn may_pass(error: &Error) -> bool {
    match error {
        // Once more would only cost as much again.
        Error::BadAnswer(AnswerFlaw::TooLarge | AnswerFlaw::Endless) => false,
        Error::BadAnswer(_) | Error::NotPlane => true,
        error => error.is_outage() && !matches!(error, Error::Tls(_)),
    }
}

/// Whether going on with the next project would only meet the same.
fn concerns_all(error: &Error) -> bool {
    !matches!(
        error,
        Error::NoAccess
            | Error::NotFound
            | Error::NotSupported
            | Error::Timeout
            | Error::Network
            | Error::PlaneFault { .. }
            | Error::BadRequest { .. }
            | Error::BadAnswer(_)
            | Error::NotPlane
    )
}

/// The outcome of a run that this error ended.
pub(super) fn outcome_of(error: &Error) -> Outcome {
    match error {
        Error::BadKey
        | Error::NoCredentials
        | Error::NoAccess
        | Error::NotFound
        | Error::Policy(_) => Outcome::Rejected,
        Error::Dns
        | Error::Refused
        | Error::Timeout
        | Error::Tls(_)
        | Error::Network
        | Error::Resting { .. } => Outcome::Unreachable,
        Error::RateLimited { .. } => Outcome::RateLimited,
        _ => Outcome::Failed,
    }
}

/// Why this error ended a run; with the time from when Plane may be asked again, if it is known.
pub(super) fn reason_of(error: &Error, now: DateTime<Utc>) -> String {
    let Some(until) = error
        .retry_after()
        .and_then(|wait| Some(now + TimeDelta::from_std(wait).ok()?))
    else {
        return error.sentence();
    };
    // Whole seconds, and not before.
    let until = (until + TimeDelta::milliseconds(999)).format("%H:%M:%S");
    match error {
        Error::Resting { .. } => {
            format!("Plane failed five times in a row; the next try is at {until} UTC.")
        }
        _ => format!("Plane's rate limit for this key is used up until {until} UTC."),
    }
}

/// What a partial run says of what it left out: the first three by name.
pub(super) fn left_out_sentence(left_out: &[LeftOut]) -> String {
    let named: Vec<String> = left_out
        .iter()
        .take(3)
        .map(|l| format!("{}: {}", l.project, l.why))
        .collect();
    let more = left_out.len().saturating_sub(3);
    let rest = if more > 0 {
        format!(" And {more} more.")
    } else {
        String::new()
    };
    format!("{}{rest}", named.join(" "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_outcome_names_whose_fault_it_is() {
        assert_eq!(outcome_of(&Error::BadKey), Outcome::Rejected);
        assert_eq!(outcome_of(&Error::Timeout), Outcome::Unreachable);
        assert_eq!(
            outcome_of(&Error::PlaneFault { status: 502 }),
            Outcome::Failed
        );
    }

    #[test]
    fn a_wait_is_told_by_its_end() {
        let now = DateTime::from_timestamp(1_800_000_000, 400_000_000).unwrap();
        let wait = Duration::from_secs(57);
        let limited = Error::RateLimited { retry_after: wait };
        assert_eq!(
            reason_of(&limited, now),
            "Plane's rate limit for this key is used up until 08:00:58 UTC."
        );
        let resting = Error::Resting { retry_after: wait };
        assert!(reason_of(&resting, now).ends_with("the next try is at 08:00:58 UTC."));
        assert_eq!(reason_of(&Error::BadKey, now), Error::BadKey.sentence());
    }

    #[test]
    fn three_are_named_and_the_rest_is_counted() {
        let left_out: Vec<LeftOut> = (1..=5)
            .map(|n| LeftOut {
                project: format!("P{n}"),
                why: "Plane answered 500.".to_owned(),
                is_held: false,
            })
            .collect();
        let sentence = left_out_sentence(&left_out);
        assert!(
            sentence.contains("P3")
                && !sentence.contains("P4")
                && sentence.ends_with("And 2 more."),
            "{sentence}"
        );
    }
}
