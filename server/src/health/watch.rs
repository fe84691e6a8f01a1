use std::{collections::HashMap, time::Duration};

use app::{CheckNow, Failure};
use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    checks::{Check, Finding, HealthChange, Known, Level, changes, findings},
    ids::IntegrationId,
    inbox::Webhook,
    integration::IntegrationRow,
    mirror::ProjectRow,
    page::{Cursor, Page},
    problems::Stands,
};
use store::Levels;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::HealthService;
use crate::{failure::from_store, timing::every};

/// How often all checks are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// How often what was resolved long ago is forgotten.
const TIDY: Duration = Duration::from_secs(3600);
const PAGE: u32 = 50;

impl HealthService {
    /// Looks at all checks again and again, until `stop`.
    pub async fn keep_watch(&self, stop: CancellationToken) {
        let (mut look, mut tidy) = (every(LOOK), every(TIDY));
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => self.watch().await.map(drop),
                _ = tidy.tick() => self.forget_problems().await,
            };
            if let Err(error) = done {
                warn!(code = error.code(), %error, "the checks could not be looked at");
            }
        }
    }

    /// Looks at all checks of all integrations, writes down what says something else than before, and groups what failed. How many
    /// checks do.
    pub async fn watch(&self) -> Result<usize, store::Error> {
        let now = self.clock.now();
        let (all, projects) = (
            self.store.all_integrations(now).await?,
            self.store.all_projects(now).await?,
        );
        let webhooks = self.store.webhooks().await?.into_iter();
        let webhooks: HashMap<IntegrationId, Webhook> =
            webhooks.map(|one| (one.integration, one)).collect();
        let mut of = HashMap::<IntegrationId, Vec<&ProjectRow>>::new();
        for row in projects.iter() {
            of.entry(row.integration).or_default().push(row);
        }
        let levels = self.store.all_levels().await?;
        let mut sightings = self.new_sightings().await?;
        let troubled = self.store.integrations_with_problems().await?;
        let (new, mut told) = (Levels::default(), 0);
        for row in &all {
            let id = row.integration.id;
            let projects = of.get(&id).map_or(&[][..], Vec::as_slice);
            let found = self.findings(row, projects, webhooks.get(&id), now).await?;
            let before = levels.get(&id).unwrap_or(&new);
            told += self.write_down(id, before, &found, now).await?;
            let seen = sightings.remove(&id).unwrap_or_default();
            let asks = |finding: &Finding| finding.level < Level::Unknown;
            let promises = self.trends.promises(id).await?;
            let burns = promises.iter().any(|one| one.level < Level::Unknown);
            if !seen.is_empty() || troubled.contains(&id) || found.iter().any(asks) || burns {
                let found = found.iter().filter_map(Stands::of);
                let stands: Vec<Stands> = found.chain(promises).collect();
                self.group(row, &seen, &stands, now).await?;
            }
        }
        self.let_go(sightings).await?;
        self.group_own(now).await?;
        Ok(told)
    }

    async fn findings(
        &self,
        row: &IntegrationRow,
        projects: &[&ProjectRow],
        webhook: Option<&Webhook>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Finding>, store::Error> {
        let backlog = match webhook {
            Some(_) => self.store.backlog(row.integration.id, now).await?,
            None => Default::default(),
        };
        let known = Known {
            row,
            projects,
            webhook,
            backlog,
            busy: self.busy(row, now).await?,
        };
        Ok(findings(&known, now))
    }

    async fn write_down(
        &self,
        id: IntegrationId,
        before: &Levels,
        found: &[Finding],
        now: DateTime<Utc>,
    ) -> Result<usize, store::Error> {
        let (after, changes) = changes(id, &before.levels, found, now);
        if after == before.levels {
            return Ok(0);
        }
        // Another portal on this database may have been faster, and wrote the same.
        let is_ours = self.store.save_levels(id, before, &after, &changes).await?;
        if !is_ours {
            return Ok(0);
        }
        for change in &changes {
            let (check, level) = (change.check.word(), change.level.word());
            info!(integration = %id, check, level, says = change.says, "a check says something else");
        }
        Ok(changes.len())
    }

    /// What all checks of an integration say now, and since when.
    pub(super) async fn checks_now(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
    ) -> Result<Vec<CheckNow>, Failure> {
        let now = self.clock.now();
        let row = self.store.integration_row(viewer, id, now).await;
        let row = row.map_err(from_store)?.ok_or(Failure::NotFound)?;
        let projects = self.store.all_projects(now).await.map_err(from_store)?;
        let of = projects.iter().filter(|row| row.integration == id);
        let of: Vec<&ProjectRow> = of.collect();
        let webhook = self.store.webhook(viewer, id).await.map_err(from_store)?;
        let found = self.findings(&row, &of, webhook.as_ref(), now).await;
        let levels = self.store.levels(id).await.map_err(from_store)?.levels;
        let since = |finding: &Finding| {
            let same = levels.iter().find(|since| {
                since.check == finding.check
                    && since.level == finding.level
                    && finding.level != Level::Unknown
            });
            same.map(|since| since.at)
        };
        Ok(found
            .map_err(from_store)?
            .into_iter()
            .map(|finding| CheckNow {
                since: since(&finding),
                finding,
            })
            .collect())
    }

    pub(super) async fn log_of(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        check: Option<Check>,
        after: Option<Cursor>,
    ) -> Result<Page<HealthChange>, Failure> {
        self.store
            .health_log(viewer, id, check, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }
}
