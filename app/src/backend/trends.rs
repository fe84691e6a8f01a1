use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, MaintenanceId, ProjectId},
    objective::{Maintenance, ObjectiveState},
    range::Range,
    trend::{Copies, Happening, Runs, Trend, Webhooks},
    usage::Usage,
};

use crate::failure::Failure;

/// How syncing went over time, and what is promised. Nothing of it asks Plane.
#[async_trait]
pub trait Trends: Send + Sync {
    /// What the overview begins with.
    async fn figures(&self, viewer: &Viewer) -> Result<OverviewNumbers, Failure>;
    /// What is drawn of an integration, or of all together.
    async fn charts(
        &self,
        viewer: &Viewer,
        of: Option<IntegrationId>,
        range: Range,
    ) -> Result<Arc<Charts>, Failure>;
    /// How the objectives of all integrations stand, the worst first.
    async fn objectives(&self, viewer: &Viewer) -> Result<Vec<IntegrationObjectives>, Failure>;
    async fn set_targets(
        &self,
        admin: &Admin,
        id: IntegrationId,
        form: TargetsForm,
    ) -> Result<(), Failure>;
    /// What goes on, is to come, or was over lately, the first to begin first.
    async fn maintenance(&self, viewer: &Viewer) -> Result<Vec<MaintenanceRow>, Failure>;
    async fn announce(&self, admin: &Admin, form: MaintenanceForm) -> Result<(), Failure>;
    /// Ends it now; one that did not begin is forgotten.
    async fn end_maintenance(&self, admin: &Admin, id: MaintenanceId) -> Result<(), Failure>;
}

/// The five numbers of the overview, each with what it was before.
#[derive(Clone, Debug, Default)]
pub struct OverviewNumbers {
    /// How old the copies are right now.
    pub copies: Copies,
    /// A day before, within an hour; `None`: it was not looked at.
    pub copies_before: Option<Copies>,
    /// The oldest copy that should be younger.
    pub oldest: Option<OldestCopy>,
    /// Of the last seven days, and the seven before.
    pub runs: Runs,
    pub runs_before: Runs,
    /// Of the last 24 hours, and the 24 before.
    pub webhooks: Webhooks,
    pub webhooks_before: Webhooks,
    /// The error budget of which the least is left.
    pub budget: Option<LeastBudget>,
}

#[derive(Clone, Debug)]
pub struct OldestCopy {
    pub integration: IntegrationId,
    pub integration_name: String,
    pub project: ProjectId,
    pub project_name: String,
    pub age: TimeDelta,
}

#[derive(Clone, Debug)]
pub struct LeastBudget {
    pub integration_name: String,
    pub state: ObjectiveState,
    /// What was left a week before.
    pub before: Option<f64>,
}

/// What the charts of a time are drawn from.
#[derive(Clone, Debug)]
pub struct Charts {
    /// `None`: of all integrations together.
    pub of: Option<IntegrationId>,
    pub range: Range,
    /// When it was read: the range ends there.
    pub now: DateTime<Utc>,
    /// Up to when there is something.
    pub until: DateTime<Utc>,
    /// One for each bar of the range, the oldest first; `None`: nothing was looked at.
    pub bars: Vec<(DateTime<Utc>, Option<Trend>)>,
    /// The calls to Plane of the same bars.
    pub calls: Vec<(DateTime<Utc>, Usage)>,
    /// How often most of it is to be synced.
    pub schedule: Option<TimeDelta>,
    /// What may explain it, the oldest first.
    pub happenings: Vec<Happening>,
    /// Their HTML, once a page has drawn it: the next one has but to show it.
    pub drawn: OnceLock<String>,
}

/// How the objectives of an integration stand.
#[derive(Clone, Debug)]
pub struct IntegrationObjectives {
    pub integration: IntegrationId,
    pub name: String,
    /// Freshness, success, coverage.
    pub states: [ObjectiveState; 3],
    /// In maintenance right now.
    pub is_excused: bool,
}

/// What is promised of an integration, as it was typed, in percent.
#[derive(Clone, Debug, Default)]
pub struct TargetsForm {
    pub freshness: String,
    pub success: String,
    pub coverage: String,
}

/// A maintenance with the name of its integration.
#[derive(Clone, Debug)]
pub struct MaintenanceRow {
    pub maintenance: Maintenance,
    /// `None`: of all integrations.
    pub integration_name: Option<String>,
}

/// A maintenance as it was typed. Times are those of UTC, as on all pages.
#[derive(Clone, Debug, Default)]
pub struct MaintenanceForm {
    /// Empty: all integrations.
    pub integration: String,
    /// `2026-11-24T10:00`; empty: now.
    pub from: String,
    pub minutes: String,
    pub reason: String,
}
