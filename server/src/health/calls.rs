use app::Failure;
use chrono::{DateTime, TimeDelta};
use domain::{
    actor::Viewer,
    ids::IntegrationId,
    page::{Cursor, Page},
    usage::CallRecord,
};

use super::HealthService;
use crate::failure::from_store;

const PAGE: u32 = 100;
/// So many pages at most are looked through for calls that failed; the next one goes on behind them.
const LOOKED_THROUGH: usize = 50;

impl HealthService {
    /// A page ends with whole seconds of calls, so it may be longer than a hundred; one of failed calls may be shorter.
    pub(super) async fn calls_of(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        only_failed: bool,
        mut after: Option<Cursor>,
    ) -> Result<Page<CallRecord>, Failure> {
        let until = self.clock.now() + TimeDelta::minutes(1);
        let mut rows = Vec::new();
        for _ in 0..LOOKED_THROUGH {
            let from = DateTime::UNIX_EPOCH;
            let page = self
                .store
                .call_records(viewer, Some(id), from, until, after.as_ref(), PAGE)
                .await
                .map_err(from_store)?;
            let is_shown = |call: &CallRecord| !only_failed || call.error.is_some();
            rows.extend(page.rows.into_iter().filter(is_shown));
            after = page.next;
            if after.is_none() || rows.len() >= PAGE as usize {
                break;
            }
        }
        Ok(Page { rows, next: after })
    }
}
