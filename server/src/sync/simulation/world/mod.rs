//! What is simulated: a Plane and a portal beside it.

/// What must be true of the copy.
mod checks;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use app::{IntegrationForm, Integrations as _};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Role, User, Viewer},
    ids::{ProjectId, RunId, UserId, WorkItemId},
    integration::Integration,
    mirror::{Restore, WorkItem},
    run::{Outcome, Trigger},
};
use fake_plane::FakePlane;
use plane::Plane;
use store::{NewRun, OpenOptions, Start, Store};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    plan::{Edit, End, Run},
    webhooks::Arriving,
};
use crate::{
    budgets::Budgets,
    clock::Clock,
    egress::{Egress, Policy},
    health::usage::UsageLog,
    integrations::IntegrationsService,
    rng::Rng,
    sync::{LEASE, SyncService},
    timing::Timing,
    trends::LagLog,
    vault::{MasterKeySource, Vault},
};

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A store with its services. Many worlds, one after the other, live in it: opening a database takes longer than a run.
pub(super) struct Ground {
    integrations: IntegrationsService,
}

impl Ground {
    pub(super) async fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let clock = Clock::manual(start_of_time());
        let rng = Rng::seeded(1);
        let store = Store::open(OpenOptions::new("mem://"), clock.now())
            .await
            .unwrap();
        let master = MasterKeySource::given("7f".repeat(32));
        let vault = Vault::open(&store, &master, &rng, clock.now())
            .await
            .unwrap();
        let egress = Egress::new(Policy {
            allow: vec!["127.0.0.1".to_owned()],
            allow_http: vec!["127.0.0.1".to_owned()],
            ..Policy::default()
        });
        let timing = Timing {
            // The breaker goes by real time, which does not pass here.
            breaker_rest: Duration::ZERO,
            ..Timing::default()
        };
        let integrations = IntegrationsService {
            background: Handle::current(),
            budgets: budgets(&timing, &store, &clock, &rng),
            usage: UsageLog::new(
                store.clone(),
                clock.clone(),
                rng.clone(),
                Default::default(),
            ),
            metrics: Default::default(),
            lags: LagLog::new(&rng),
            timing,
            store,
            vault: Arc::new(vault),
            egress: Arc::new(egress.unwrap()),
            clock,
            rng,
        };
        Self { integrations }
    }
}

/// Everything that a copy says, to be compared as a whole.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Copied {
    pub(super) items: BTreeMap<(Uuid, Uuid), WorkItem>,
    deleted: BTreeSet<(Uuid, Uuid)>,
    kept: BTreeSet<(Uuid, Uuid)>,
}

/// One simulation: its Plane, its integration, and what it has done so far.
pub(super) struct World {
    pub(super) integrations: IntegrationsService,
    /// Anew after each crash, as a process is.
    pub(super) service: SyncService,
    options: plane::Options,
    pub(super) plane: FakePlane,
    /// Plane's own clock, which never jumps.
    planes_clock: Clock,
    pub(super) integration: Integration,
    user: Uuid,
    pub(super) projects: [Uuid; 2],
    admin: Admin,
    viewer: Viewer,
    /// Items that were archived or back from there, in projects that were too: their `updated_at` tells nothing of it.
    pub(super) hidden: BTreeSet<Uuid>,
    /// Bodies of webhooks that have not arrived, or will arrive once more.
    pub(super) on_their_way: Vec<String>,
    /// What webhooks brought into the copy: the latest of each work item.
    pub(super) told: BTreeMap<(Uuid, Uuid), DateTime<Utc>>,
    /// The latest time that Hangar's clock has shown.
    latest: DateTime<Utc>,
    /// Of admins, for the history.
    acts: usize,
    /// What happened, for telling two simulations apart.
    pub(super) trace: Vec<String>,
}

impl World {
    /// `seed` names the integration; `page_size` rows make a page of Plane's lists.
    pub(super) async fn new(ground: &Ground, seed: u64, page_size: u32, items: [u32; 2]) -> Self {
        let planes_clock = Clock::manual(start_of_time());
        let clock = planes_clock.clone();
        let plane = FakePlane::start(fake_plane::Options {
            rate_limit: None,
            seed,
            clock: fake_plane::Clock::new(move || clock.now()),
            hold_webhooks: true,
            ..Default::default()
        })
        .await;
        let (user, key, projects) = plane.given(|state| {
            state.add_workspace("acme", "Acme");
            state.add_webhook("acme", "https://hangar.example/api/webhooks/plane");
            let user = state.add_user("Inge", "Gration");
            state.join_workspace("acme", user, fake_plane::Role::Member);
            let key = state.add_key(user, "hangar");
            let projects = [("Web", "WEB", items[0]), ("Mobile", "MOB", items[1])];
            let projects = projects.map(|(name, identifier, items)| {
                let project = state.add_project("acme", name, identifier);
                state.join_project(project, user, fake_plane::Role::Member);
                state.add_usual_labels(project);
                state.add_items(project, items);
                project
            });
            (user, key, projects)
        });
        // The clock may stand before the last world's end: a portal with its own history, like any other.
        let (clock, rng) = (Clock::manual(start_of_time()), Rng::seeded(seed));
        let ground = ground.integrations.clone();
        let integrations = IntegrationsService {
            background: Handle::current(),
            budgets: budgets(&ground.timing, &ground.store, &clock, &rng),
            usage: UsageLog::new(
                ground.store.clone(),
                clock.clone(),
                rng.clone(),
                ground.metrics.clone(),
            ),
            clock,
            rng,
            ..ground
        };
        let admin = admin();
        let viewer = admin.clone().viewer();
        let form = IntegrationForm {
            integration_name: format!("Seed {seed}"),
            base_url: plane.url(),
            workspace: "acme".to_owned(),
            auth_scheme: "api_key".to_owned(),
            interval_minutes: "15".to_owned(),
            api_key: key,
            ..IntegrationForm::default()
        };
        let id = integrations.create(&admin, form).await.unwrap();
        let integration = integrations.get(&viewer, id).await.unwrap().integration;
        let options = plane::Options {
            page_size,
            ..plane::Options::default()
        };
        Self {
            service: SyncService::with_options(integrations.clone(), options.clone()),
            integrations,
            options,
            plane,
            planes_clock,
            integration,
            user,
            projects,
            admin,
            viewer,
            hidden: BTreeSet::new(),
            on_their_way: Vec::new(),
            told: BTreeMap::new(),
            latest: start_of_time(),
            acts: 0,
            trace: Vec::new(),
        }
    }

    /// Time goes by, on both sides.
    pub(super) fn wait(&mut self, time: TimeDelta) {
        self.planes_clock.advance(time);
        self.jump(time);
    }

    /// Hangar's clock alone is set on, or back.
    pub(super) fn jump(&mut self, time: TimeDelta) {
        self.integrations.clock.advance(time);
        self.latest = self.latest.max(self.integrations.clock.now());
    }

    /// Changes something in Plane. Items are named by their place among all that ever were.
    pub(super) fn edit(&mut self, edit: Edit) {
        self.planes_clock.advance(TimeDelta::milliseconds(250));
        let (project, user) = (self.projects[edit.project()], self.user);
        let hidden = &mut self.hidden;
        self.plane.given(|state| {
            let items: Vec<Uuid> = state
                .project(project)
                .map(|p| p.items.all().iter().map(|item| item.id).collect())
                .unwrap_or_default();
            let item = |n: usize| items.get(n % items.len().max(1)).copied();
            let labels: Vec<(Uuid, String)> = state
                .project(project)
                .map(|p| p.labels.iter().map(|l| (l.id, l.name.clone())).collect())
                .unwrap_or_default();
            let label = |n: usize| labels.get(n % labels.len().max(1)).cloned();
            match edit {
                Edit::Create(_, n) => {
                    state.create_item(project, &format!("Made {n}"));
                }
                Edit::Rename(_, n, to) => {
                    item(n).into_iter().for_each(|id| {
                        state.edit_item(id, |item| item.name = format!("Renamed {to}"));
                    });
                }
                Edit::Move(_, n, to) => {
                    let to = ["Backlog", "Todo", "In Progress", "Done"][to % 4];
                    item(n).into_iter().for_each(|id| state.move_to(id, to));
                }
                Edit::Relabel(_, n, to) => {
                    if let (Some(id), Some((_, name))) = (item(n), label(to)) {
                        state.relabel(id, &[&name]);
                    }
                }
                Edit::Delete(_, n) => item(n).into_iter().for_each(|id| {
                    hidden.insert(id);
                    state.delete_item(id);
                }),
                Edit::Archive(_, n) => item(n).into_iter().for_each(|id| {
                    hidden.insert(id);
                    state.archive_item(id);
                }),
                Edit::Unarchive(_, n) => item(n).into_iter().for_each(|id| {
                    hidden.insert(id);
                    state.unarchive_item(id);
                }),
                Edit::AddLabel(_, n) => {
                    if !labels.iter().any(|(_, name)| *name == format!("label {n}")) {
                        state.add_label(project, &format!("label {n}"), "#336699");
                    }
                }
                Edit::RenameLabel(_, n, to) => {
                    if let Some((id, _)) = label(n) {
                        state.rename_label(id, &format!("renamed label {n} {to}"));
                    }
                }
                Edit::DeleteLabel(_, n) => {
                    if let Some((id, _)) = label(n) {
                        state.delete_label(id);
                    }
                }
                Edit::Cycle(_, n, to) => {
                    let some: Vec<Uuid> = items
                        .iter()
                        .copied()
                        .skip(n % 7)
                        .step_by(1 + to % 3)
                        .collect();
                    let project = state.project_mut(project).unwrap();
                    let known = project.cycles.len();
                    if n % 2 == 0 && known < 3 {
                        let name = format!("Sprint {known}");
                        let id = project.id;
                        state.add_cycle(id, &name, None, &some);
                    } else if let Some(cycle) = project.cycles.get_mut(to % known.max(1)) {
                        cycle.items = some;
                    }
                }
                Edit::ArchiveProject(_) => {
                    hidden.extend(items);
                    state.archive_project(project);
                }
                Edit::UnarchiveProject(_) => {
                    hidden.extend(items);
                    state.unarchive_project(project);
                }
                Edit::Leave(_) => {
                    hidden.extend(items);
                    state.leave_project(project, user);
                }
                Edit::Join(_) => {
                    hidden.extend(items);
                    state.join_project(project, user, fake_plane::Role::Member);
                }
            }
        });
    }

    /// An admin lets go what is held, and puts back what was deleted.
    pub(super) async fn admin_acts(&mut self) {
        let (store, now) = (&self.integrations.store, self.integrations.clock.now());
        for project in self.projects.map(ProjectId) {
            let id = self.integration.id;
            let released = store
                .release_held(&self.admin, id, project, now)
                .await
                .unwrap();
            self.acts += usize::from(released.is_some());
        }
        self.trace.push(format!("acts {}", self.acts));
    }

    /// An admin puts everything back that was deleted in a project.
    pub(super) async fn restore(&mut self, project: usize) {
        let (store, now) = (&self.integrations.store, self.integrations.clock.now());
        let project = ProjectId(self.projects[project]);
        let known = store
            .project(&self.viewer, self.integration.id, project)
            .await
            .unwrap();
        if known.is_none() {
            return;
        }
        let restored = store
            .restore_items(&self.admin, self.integration.id, project, Restore::All, now)
            .await
            .unwrap();
        self.acts += usize::from(restored > 0);
        self.trace.push(format!("restored {restored}"));
    }

    /// One run, as the plan has it; then everything that must be true after any run. How it ended, if it did.
    pub(super) async fn run(&mut self, run: Run) -> Option<Outcome> {
        let alive = self.alive();
        let before = self.copied().await;
        self.plane.forget_requests();
        let (id, mut running) = self.open().await;
        let touched = self.drive(&mut running, &run).await;
        let ended = match (&run.end, touched.ended) {
            (_, true) | (End::Whole, _) => {
                running.await;
                self.outcome(id).await
            }
            (End::Crash { .. }, false) => {
                drop(running);
                self.restart().await;
                self.outcome(id).await
            }
            (End::Stall { .. }, false) => {
                self.stalled(running).await;
                self.outcome(id).await
            }
        };
        let requests = self.plane.requests();
        self.trace.push(format!(
            "{ended:?} after {} requests, last {:?}",
            requests.len(),
            requests.last().map(|seen| (seen.path.clone(), seen.status)),
        ));
        assert!(ended.is_some(), "I8: a run is left without an end");
        self.check(&alive, &before, &touched.items).await;
        ended
    }

    /// A run that stood still until another one had taken over writes nothing when it goes on.
    async fn stalled(&mut self, running: Running) {
        self.jump(LEASE + TimeDelta::seconds(1));
        self.service.end_lost_runs().await.unwrap();
        let (_, other) = self.open().await;
        other.await;
        let there = self.copied().await;
        running.await;
        assert_eq!(self.copied().await, there, "I4: a fenced run has written");
    }

    async fn open(&self) -> (RunId, Running) {
        let now = self.integrations.clock.now();
        let new = NewRun {
            id: RunId(self.integrations.rng.uuid_v7(now)),
            integration: self.integration.id,
            trigger: Trigger::Schedule,
            owner: self.service.0.owner,
            follows: None,
        };
        let started = self.integrations.store.start_run(new, now, LEASE);
        let Start::Started(run) = started.await.unwrap() else {
            panic!("I8: the lease was not given back");
        };
        let (id, service, integration) = (run.id, self.service.clone(), self.integration.clone());
        let plane: Plane = service.plane(&integration).await.unwrap();
        let running = async move {
            let cancel = CancellationToken::new();
            service.run_to_end(run, integration, plane, cancel).await;
        };
        (id, Box::pin(running))
    }

    /// Polls a run until it ends or is to be left, and edits Plane between its requests.
    async fn drive(&mut self, running: &mut Running, run: &Run) -> Touched {
        let mut edits = run.edits.iter().peekable();
        let mut deliveries = run.deliveries.iter().peekable();
        let mut arriving: Vec<Arriving> = Vec::new();
        let mut items = BTreeSet::new();
        let (after, mut polls) = match run.end {
            End::Whole => (usize::MAX, 0),
            End::Crash { after, polls } | End::Stall { after, polls } => (after, polls),
        };
        let ended = std::future::poll_fn(|cx| {
            let asked = self.plane.requests().len();
            while let Some((at, edit)) = edits.next_if(|(at, _)| *at <= asked) {
                let _ = at;
                let before = self.alive();
                self.edit(edit.clone());
                items.extend(before.symmetric_difference(&self.alive()).copied());
            }
            while let Some((_, which)) = deliveries.next_if(|(at, _)| *at <= asked) {
                arriving.extend(self.arrival(*which));
            }
            // Dealt with before the run goes on: Plane would answer two who ask at once in any order, and no seed would replay.
            while let Some((_, arrival)) = arriving.first_mut() {
                if arrival.as_mut().poll(cx).is_pending() {
                    return std::task::Poll::Pending;
                }
                drop(arriving.remove(0));
            }
            if asked >= after {
                match polls {
                    0 => return std::task::Poll::Ready(false),
                    _ => polls -= 1,
                }
            }
            running.as_mut().poll(cx).map(|()| true)
        })
        .await;
        // What had not been dealt with when the process died comes again.
        let again = arriving.into_iter().map(|(body, _)| body);
        self.on_their_way.extend(again);
        if ended {
            // Polled to its end: what is left of it does nothing.
            *running = Box::pin(async {});
        }
        Touched { ended, items }
    }

    /// As after a kill -9: the next process finds what the dead one left.
    async fn restart(&mut self) {
        self.service = SyncService::with_options(self.integrations.clone(), self.options.clone());
        self.service.end_dead_runs().await.unwrap();
    }

    async fn outcome(&self, id: RunId) -> Option<Outcome> {
        let run = self.integrations.store.run(&self.viewer, id).await.unwrap();
        run.unwrap().outcome
    }

    /// The work items that Plane would show to the key, by project and id.
    fn alive(&self) -> BTreeSet<(Uuid, Uuid)> {
        self.plane.given(|state| {
            let projects = self.projects.iter().filter_map(|id| state.project(*id));
            let readable =
                projects.filter(|p| p.archived_at.is_none() && p.role(self.user).is_some());
            readable
                .flat_map(|p| p.items.all().iter().map(|item| (p.id, item)))
                .filter(|(_, item)| item.is_visible())
                .map(|(project, item)| (project, item.id))
                .collect()
        })
    }

    async fn copied(&self) -> Copied {
        let (store, id) = (&self.integrations.store, self.integration.id);
        let mut copied = Copied::default();
        for project in self.projects {
            let of = |item: WorkItemId| (project, item.0);
            let ids = store.item_ids(id, ProjectId(project)).await.unwrap();
            let items = store
                .items_named(id, ProjectId(project), &ids)
                .await
                .unwrap();
            copied
                .items
                .extend(items.into_iter().map(|item| (of(item.id), item)));
            let mut after = None;
            loop {
                let page = store
                    .deleted_items(&self.viewer, id, ProjectId(project), after.as_ref(), 50)
                    .await
                    .unwrap();
                copied
                    .deleted
                    .extend(page.rows.into_iter().map(|row| of(row.id)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let kept = store.kept_items(id, ProjectId(project)).await.unwrap();
            copied.kept.extend(kept.into_iter().map(of));
        }
        copied
    }
}

/// What became of a run while it was driven.
struct Touched {
    ended: bool,
    /// What came or went in Plane meanwhile.
    items: BTreeSet<(Uuid, Uuid)>,
}

fn budgets(timing: &Timing, store: &Store, clock: &Clock, rng: &Rng) -> Arc<Budgets> {
    let me = rng.uuid_v4();
    Arc::new(Budgets::new(timing, store.clone(), clock.clone(), me))
}

fn admin() -> Admin {
    let user = User {
        id: UserId(Uuid::from_u128(1)),
        email: "maya@example.com".parse().unwrap(),
        name: "Maya".parse().unwrap(),
        role: Role::Admin,
        is_active: true,
        created_at: start_of_time(),
        last_sign_in_at: None,
    };
    user.admin().unwrap()
}

fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}
