use std::time::Duration;

use app::Failure;
use domain::{
    actor::Admin,
    drift::{DriftCheck, Thoroughness},
    ids::{IntegrationId, ProjectId},
    usage::Purpose,
};
use plane::{Error, Lane};
use uuid::Uuid;

use super::SyncService;
use crate::failure::{from_plane, from_store};

/// So many work items are compared field by field; each is a request.
pub(super) const SAMPLE: usize = 5;
/// Whoever asked waits for the answer.
const PATIENCE: Duration = Duration::from_secs(20);

impl SyncService {
    /// Compares a project's copy with Plane now: its count, and some work items field by field. What Plane changed since
    /// the last walk is not held against the copy.
    pub(super) async fn compare_now(
        &self,
        admin: &Admin,
        id: IntegrationId,
        project: ProjectId,
    ) -> Result<(), Failure> {
        let (store, rng) = (self.store(), &self.0.integrations.rng);
        let integration = store.integration_for_work(id).await.map_err(from_store)?;
        let integration = integration.ok_or(Failure::NotFound)?;
        let viewer = admin.clone().viewer();
        let known = store.project(&viewer, id, project).await;
        known.map_err(from_store)?.ok_or(Failure::NotFound)?;
        let options = plane::Options {
            lane: Lane::Interactive,
            max_wait: PATIENCE,
            ..self.0.options.clone()
        };
        let plane = self
            .plane_with(&integration, options, Purpose::Compare)
            .await?;

        let planes = plane.count_work_items(project).await;
        let planes = planes.map_err(|error| from_plane(&error))?;
        let (walked, ours, _) = store.walked(id, project).await.map_err(from_store)?;
        let kept = store.kept_items(id, project).await.map_err(from_store)?;
        let ours = ours - kept.len() as u64;
        let places: Vec<Uuid> = (0..SAMPLE).map(|_| rng.uuid_v4()).collect();
        let sample = store.items_at(id, project, &places).await;
        let (mut compared, mut gone, mut different) = (0, 0, 0);
        for stored in sample.map_err(from_store)? {
            if kept.contains(&stored.id) {
                continue;
            }
            compared += 1;
            match plane.work_item(project, stored.id).await {
                Ok(there) => {
                    let is_older = Some(there.updated_at) <= walked.watermark;
                    different += u64::from(is_older && there != stored);
                }
                Err(Error::NotFound) => gone += 1,
                Err(error) => return Err(from_plane(&error)),
            }
        }
        let check = DriftCheck {
            at: self.0.integrations.clock.now(),
            thoroughness: Thoroughness::Sampled,
            planes,
            compared,
            missing: planes.saturating_sub(ours),
            extra: ours.saturating_sub(planes).max(gone),
            different,
        };
        store
            .save_drift_check(admin, id, project, &check)
            .await
            .map_err(from_store)
    }
}
