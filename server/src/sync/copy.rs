use domain::{
    freshness::Kind,
    ids::{ProjectId, RunId},
    mirror::Project,
    problems::Class,
    run::Phase,
    walk::{Held, Walk},
};
use plane::{Error, ListPage, Plane, error::AnswerFlaw};
use store::{KindsRead, RunRef, Store};
use tokio::{sync::broadcast, time::Instant};
use tracing::{debug, info};

use super::{
    ended::{Ended, Failed, LeftOut},
    live::Live,
};
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
                    let last = self.plane.last_failed();
                    left_out.push(LeftOut {
                        project: project.name.clone(),
                        why: error.sentence(),
                        is_held: false,
                        failure: Failed::of(&error, last.as_ref(), Some(project.id)),
                    });
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
                failure: Some(Failed::here(Class::Forbidden, self.only)),
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
        let (walked, _, left) = self.store.walked(self.run.integration, id).await?;
        let now = self.clock.now();
        let walk = walked.next(now);
        let mut undecodable = 0;
        if walk == Walk::Full || walked.wants_around(now) {
            undecodable += self.around(project).await?;
        }
        let found = self.work_items(project, &walked, walk, left).await?;
        undecodable += found.undecodable;
        if walk == Walk::Full || walked.wants_collections(now) {
            undecodable += self.collections(project).await?;
        }
        if undecodable > 0 {
            left_out.push(LeftOut {
                project: project.name.clone(),
                why: format!("{undecodable} rows of Plane's answers could not be understood."),
                is_held: false,
                failure: Some(Failed::here(Class::BadAnswer, Some(id))),
            });
        }
        if let Some(Held { absent, of, .. }) = found.held {
            left_out.push(LeftOut {
                project: project.name.clone(),
                why: format!("Plane no longer lists {absent} of its {of} work items."),
                is_held: true,
                failure: None,
            });
        }
        Ok(())
    }

    /// Reads what work items refer to: members, states and labels. Answers how many rows were not understood.
    pub(super) async fn around(&self, project: &Project) -> Result<u32, Stop> {
        let id = project.id;
        let mut read = KindsRead {
            at: self.clock.now(),
            ..Default::default()
        };
        self.phase(Phase::Members, Some(project));
        match try_often!(self, self.plane.members(id)) {
            Ok(members) => {
                self.writing()
                    .await
                    .apply_members(self.run, id, &members.rows, self.clock.now())
                    .await?;
                if members.undecodable == 0 {
                    read.whole.push(Kind::Members);
                }
                self.live
                    .update(|_, counts| counts.members += members.rows.len() as u32);
            }
            // A guest's key may not list members, and Plane before v0.28 has no such list: names stay unknown, no more.
            Err(Error::NoAccess | Error::NotSupported) => {
                debug!(project = %id, "members can't be listed");
                read.refused.push(Kind::Members);
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
        for (kind, undecodable) in [
            (Kind::States, states.undecodable),
            (Kind::Labels, labels.undecodable),
        ] {
            if undecodable == 0 {
                read.whole.push(kind);
            }
        }
        self.writing()
            .await
            .finish_around(self.run, id, &read, self.clock.now())
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
        let share = self.rng.share();
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
