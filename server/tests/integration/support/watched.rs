use app::Health as _;
use chrono::TimeDelta;
use domain::{
    checks::{Check, Level},
    ids::IntegrationId,
};

use super::{Person, TestPortal};

/// A portal with one integration, that is looked after when a test says so.
pub struct Watched {
    pub portal: TestPortal,
    pub admin: Person,
    pub id: IntegrationId,
    pub page: String,
}

impl Watched {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With further command line arguments.
    pub async fn with(args: &[&str]) -> Self {
        let portal = TestPortal::start_with(args).await;
        let mut admin = portal.admin().await;
        let page = portal.connect(&mut admin, "Acme").await;
        Self {
            id: page.rsplit('/').next().unwrap().parse().unwrap(),
            page,
            portal,
            admin,
        }
    }

    /// So much later, what is due is tested and synced, and the checks are looked at. How many said something else.
    pub async fn later(&self, minutes: i64) -> usize {
        self.portal.clock.advance(TimeDelta::minutes(minutes));
        let portal = &self.portal.portal;
        portal.checks.check_due().await.unwrap();
        portal.sync.start_due().await.unwrap();
        portal.sync.idle().await;
        portal.health.watch().await.unwrap()
    }

    pub async fn level(&self, check: Check) -> Level {
        let viewer = self.portal.viewer().await;
        let health = &self.portal.portal.health;
        let checks = health.checks(&viewer, self.id).await.unwrap();
        let mut found = checks.iter().filter(|now| now.finding.check == check);
        found.next().unwrap().finding.level
    }
}
