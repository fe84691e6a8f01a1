/// What is used of Plane's limit, key by key.
mod budgets;
/// Whether keys are close to Plane's limit.
pub mod busy;
/// Calls to Plane, one by one.
mod calls;
/// Connections, tested by themselves.
pub mod checks;
/// What failed is put with its like.
mod grouping;
/// Failures that are grouped, and what people say to each group.
mod problems;
/// Every call to Plane, written down and counted.
pub mod usage;
/// What is looked at of every integration, and the health log.
mod watch;

use std::sync::Arc;

use app::{CheckNow, Failure, Health, KeyBudget};
use async_trait::async_trait;
use domain::{
    actor::Viewer,
    checks::{Check, HealthChange},
    ids::IntegrationId,
    page::{Cursor, Page},
    range::Range,
    timeline::{TimelineEntry, TimelineKind},
    usage::CallRecord,
};
use store::Store;

use crate::{
    backup::BackupService, budgets::Budgets, clock::Clock, disk::DataDisk, failure::from_store,
    trends::TrendsService,
};

/// Whose problem it is that is no integration's.
pub(crate) const ITSELF: &str = "Hangar itself";
/// Entries of a page of a timeline.
const TIMELINE: u32 = 50;

/// What dashboards ask for. Nothing here ever calls Plane.
#[derive(Clone)]
pub struct HealthService {
    pub store: Store,
    pub trends: TrendsService,
    pub budgets: Arc<Budgets>,
    pub usage: usage::UsageLog,
    pub busy: busy::BusyKeys,
    pub disk: DataDisk,
    pub backups: BackupService,
    pub clock: Clock,
}

#[async_trait]
impl Health for HealthService {
    async fn budgets(&self, viewer: &Viewer, range: Range) -> Result<Vec<KeyBudget>, Failure> {
        self.key_budgets(viewer, range).await
    }

    async fn checks(&self, viewer: &Viewer, id: IntegrationId) -> Result<Vec<CheckNow>, Failure> {
        self.checks_now(viewer, id).await
    }

    async fn calls(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        only_failed: bool,
        after: Option<Cursor>,
    ) -> Result<Page<CallRecord>, Failure> {
        self.calls_of(viewer, id, only_failed, after).await
    }

    async fn timeline(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        only: Option<TimelineKind>,
        after: Option<Cursor>,
    ) -> Result<Page<TimelineEntry>, Failure> {
        self.store
            .happened(viewer, id, only, after.as_ref(), TIMELINE)
            .await
            .map_err(from_store)
    }

    async fn log(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        check: Option<Check>,
        after: Option<Cursor>,
    ) -> Result<Page<HealthChange>, Failure> {
        self.log_of(viewer, id, check, after).await
    }
}
