/// What closed stretches say, for all who look.
mod board;
/// What charts are drawn from.
mod charts;
/// Stretches of time, measured and closed.
mod closing;
/// From a change in Plane to the copy, as this process measured it.
mod lags;
/// What is promised, and when nothing counts.
mod promises;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use app::{
    Charts, Failure, IntegrationObjectives, LeastBudget, MaintenanceForm, MaintenanceRow,
    OldestCopy, OverviewNumbers, TargetsForm, Trends,
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    freshness::{Freshness, Kind},
    ids::{IntegrationId, MaintenanceId},
    mirror::{CopyState, ProjectRow},
    problems::Stands,
    range::Range,
    trend::{Stretch, sample},
};
use store::{ProjectRows, Store};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use lags::LagLog;

use self::board::Board;
use crate::{clock::Clock, failure::from_store, rng::Rng, timing::every};

/// How often it is looked whether a stretch is over.
const LOOK: Duration = Duration::from_secs(10);
/// How often what is old is forgotten.
const TIDY: Duration = Duration::from_secs(3600);

/// What a chart is drawn from, and when it was read.
type KnownCharts = HashMap<(Option<IntegrationId>, Range), (DateTime<Utc>, Arc<Charts>)>;

/// How syncing goes over time: measured every five minutes, and kept.
#[derive(Clone)]
pub struct TrendsService {
    pub store: Store,
    pub clock: Clock,
    pub rng: Rng,
    pub lags: LagLog,
    board: Arc<RwLock<Option<Arc<Board>>>>,
    charts: Arc<Mutex<KnownCharts>>,
}

impl TrendsService {
    pub fn new(store: Store, clock: Clock, rng: Rng, lags: LagLog) -> Self {
        Self {
            store,
            clock,
            rng,
            lags,
            board: Arc::default(),
            charts: Arc::default(),
        }
    }

    /// Remembers which version of Hangar runs.
    pub async fn begin(&self) -> Result<(), store::Error> {
        let version = env!("CARGO_PKG_VERSION");
        self.store.note_version(version, self.clock.now()).await
    }

    /// Closes stretches of time as they are over, until `stop`.
    pub async fn keep_measuring(&self, stop: CancellationToken) {
        let (mut look, mut tidy) = (every(LOOK), every(TIDY));
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.keep_up().await,
                _ = tidy.tick() => self.store.forget_trends(self.clock.now()).await,
            };
            if let Err(error) = done {
                warn!(code = error.code(), %error, "trends could not be written down");
            }
        }
    }

    /// Closes all stretches that are over, and reads the board anew if there were any.
    pub async fn keep_up(&self) -> Result<(), store::Error> {
        while self.close_some().await? {}
        let until = self.store.trends_closed_until().await?;
        let known = self.known_board();
        if known.is_none_or(|board| board.until != until) {
            self.read_board().await?;
        }
        Ok(())
    }

    fn known_board(&self) -> Option<Arc<Board>> {
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        board.clone()
    }

    async fn board(&self) -> Result<Arc<Board>, store::Error> {
        match self.known_board() {
            Some(board) => Ok(board),
            None => self.read_board().await,
        }
    }

    async fn read_board(&self) -> Result<Arc<Board>, store::Error> {
        let board = Arc::new(Board::read(&self.store, self.clock.now()).await?);
        *self.board.write().unwrap_or_else(PoisonError::into_inner) = Some(board.clone());
        self.charts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        Ok(board)
    }

    /// What the watch has to know of an integration's objectives.
    pub async fn promises(&self, id: IntegrationId) -> Result<[Stands; 3], store::Error> {
        let states = self.board().await?.objectives(id);
        Ok(states.map(|state| state.stands()))
    }

    async fn numbers(&self, viewer: &Viewer) -> Result<OverviewNumbers, store::Error> {
        let now = self.clock.now();
        let (board, projects) = (self.board().await?, self.store.all_projects(now).await?);
        let mut numbers = OverviewNumbers {
            oldest: oldest(&projects, now),
            ..OverviewNumbers::default()
        };
        for copies in sample(projects.iter(), now).values() {
            numbers.copies.merge(copies);
        }
        let hour = TimeDelta::hours(1);
        let day_before = Stretch::Hour.start(now - TimeDelta::days(1));
        let before = board.sum(Stretch::Hour, day_before, day_before + hour);
        numbers.copies_before = Some(before.copies).filter(|copies| copies.looked_at > 0);

        let sum = |from: i64, to: i64| {
            let at = |hours| now - TimeDelta::hours(hours);
            board.sum(Stretch::Hour, at(from), at(to))
        };
        let week = 7 * 24;
        numbers.runs = sum(week, 0).runs;
        numbers.runs_before = sum(2 * week, week).runs;
        numbers.webhooks = sum(24, 0).webhooks;
        numbers.webhooks_before = sum(48, 24).webhooks;

        let names = self.store.integration_names(viewer).await?;
        let mut least: Option<(f64, LeastBudget)> = None;
        for (id, name) in names.iter() {
            for state in board.objectives(*id) {
                let Some(left) = state.left() else { continue };
                if least.as_ref().is_none_or(|(known, _)| left < *known) {
                    let before = board.left_before(*id, state.objective);
                    let integration_name = name.clone();
                    let budget = LeastBudget {
                        integration_name,
                        state,
                        before,
                    };
                    least = Some((left, budget));
                }
            }
        }
        numbers.budget = least.map(|(_, budget)| budget);
        Ok(numbers)
    }
}

/// The copy of work items that is the oldest of those that should be young.
fn oldest(projects: &ProjectRows, now: DateTime<Utc>) -> Option<OldestCopy> {
    let is_active = |row: &&ProjectRow| {
        let state = row.state(now);
        matches!(state, CopyState::Copied(state) if !state.is_resting() && state != Freshness::Unknown)
    };
    let aged = projects.iter().filter(is_active);
    let aged = aged.filter_map(|row| Some((row.copied.at(Kind::WorkItems)?, row)));
    let (copied_at, row) = aged.min_by_key(|(copied_at, row)| (*copied_at, row.project.id))?;
    Some(OldestCopy {
        integration: row.integration,
        integration_name: row.integration_name.clone(),
        project: row.project.id,
        project_name: row.project.name.clone(),
        age: now - copied_at,
    })
}

#[async_trait]
impl Trends for TrendsService {
    async fn figures(&self, viewer: &Viewer) -> Result<OverviewNumbers, Failure> {
        self.numbers(viewer).await.map_err(from_store)
    }

    async fn charts(
        &self,
        viewer: &Viewer,
        of: Option<IntegrationId>,
        range: Range,
    ) -> Result<Arc<Charts>, Failure> {
        self.charts_of(viewer, of, range).await.map_err(from_store)
    }

    async fn objectives(&self, viewer: &Viewer) -> Result<Vec<IntegrationObjectives>, Failure> {
        self.all_objectives(viewer).await.map_err(from_store)
    }

    async fn set_targets(
        &self,
        admin: &Admin,
        id: IntegrationId,
        form: TargetsForm,
    ) -> Result<(), Failure> {
        self.promise(admin, id, &form).await
    }

    async fn maintenance(&self, viewer: &Viewer) -> Result<Vec<MaintenanceRow>, Failure> {
        self.announced(viewer).await.map_err(from_store)
    }

    async fn announce(&self, admin: &Admin, form: MaintenanceForm) -> Result<(), Failure> {
        self.announce_one(admin, form).await
    }

    async fn end_maintenance(&self, admin: &Admin, id: MaintenanceId) -> Result<(), Failure> {
        let ended = self
            .store
            .end_maintenance(admin, id, self.clock.now())
            .await;
        ended
            .map_err(from_store)?
            .then_some(())
            .ok_or(Failure::NotFound)
    }
}
