use std::time::Duration;

use app::Failure;
use chrono::TimeDelta;
use domain::ids::IntegrationId;
use futures::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{failure::from_store, integrations::IntegrationsService, timing::every};

/// How often it is looked which connections are to be tested.
const LOOK: Duration = Duration::from_secs(5);
/// Tests at a time: each waits for a network most of the time.
const AT_ONCE: usize = 8;
/// A portal that has taken a test and not ended it by then is gone. More than a test may take.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// Tests connections by themselves, so that nobody has to find out that one is broken.
#[derive(Clone)]
pub struct Checks(IntegrationsService);

impl Checks {
    pub fn new(integrations: IntegrationsService) -> Self {
        Self(integrations)
    }

    /// Tests what is due, until `stop`.
    pub async fn keep_going(&self, stop: CancellationToken) {
        let mut look = every(LOOK);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = async {
                    look.tick().await;
                    self.check_due().await
                } => done,
            };
            if let Err(error) = done {
                warn!(code = error.code(), %error, "it could not be looked which connections are to be tested");
            }
        }
    }

    /// Tests what is due now, the longest overdue first; of several portals on one database each test is one's. How many.
    pub async fn check_due(&self) -> Result<usize, store::Error> {
        let now = self.0.clock.now();
        let mut due = self.0.store.checked().await?;
        due.retain(|one| one.due_at(now) <= now);
        due.sort_by_key(|one| one.due_at(now));
        let tested = stream::iter(due)
            .map(|one| self.check(one.integration))
            .buffer_unordered(AT_ONCE)
            .filter(|is_done| std::future::ready(*is_done));
        Ok(tested.count().await)
    }

    /// Whether it was tested here.
    async fn check(&self, id: IntegrationId) -> bool {
        match self.try_to_check(id).await {
            Ok(is_done) => is_done,
            Err(failure) => {
                warn!(integration = %id, %failure, "a connection could not be tested");
                false
            }
        }
    }

    async fn try_to_check(&self, id: IntegrationId) -> Result<bool, Failure> {
        let now = self.0.clock.now();
        let is_ours = self.0.store.claim_check(id, now, now + LEASE).await;
        if !is_ours.map_err(from_store)? {
            return Ok(false);
        }
        let Some(test) = self.0.prepare_check(id).await? else {
            return Ok(false);
        };
        let test = self.0.run_test(test, |_| {}).await?;
        if !test.success {
            info!(integration = %id, status = test.status, "a connection does not work");
        }
        Ok(true)
    }
}
