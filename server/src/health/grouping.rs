use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    alerts::Channel,
    checks::Level,
    disk::Space,
    ids::IntegrationId,
    integration::IntegrationRow,
    problems::{Class, Ended, PROBLEM_KEPT_DAYS, Problem, ProblemEvent, Seen, Stands, Turn, round},
    run::{Outcome, RunSummary},
};
use store::{KnownProblem, Sightings};
use tracing::{info, warn};

use super::HealthService;

/// So many of its latest runs are looked at.
const ROUNDS: u32 = 5;

impl HealthService {
    /// What failed since the last look, calls of this moment included.
    pub(super) async fn new_sightings(
        &self,
    ) -> Result<HashMap<IntegrationId, Sightings>, store::Error> {
        self.usage.flush().await?;
        self.store.sightings().await
    }

    /// Puts what failed in an integration with its like, and resolves what does not happen any more.
    pub(super) async fn group(
        &self,
        row: &IntegrationRow,
        sightings: &Sightings,
        stands: &[Stands],
        now: DateTime<Utc>,
    ) -> Result<(), store::Error> {
        let id = row.integration.id;
        let known = self.store.problems_of(id).await?;
        // More than one may have ended since the last look.
        let runs = self.store.latest_runs(id, ROUNDS).await?;
        let runs: Vec<Ended> = runs.into_iter().filter_map(ended).collect();
        let tests = row.health.recent.iter();
        let tests: Vec<Ended> = tests
            .map(|test| Ended {
                started_at: test.started_at,
                is_good: test.success,
            })
            .collect();
        let seen = Seen {
            integration: id,
            sightings: &sightings.all,
            stands,
            runs: &runs,
            tests: &tests,
        };
        self.look(&known, &seen, sightings, now).await
    }

    /// Groups, and keeps what came of it.
    async fn look(
        &self,
        known: &[KnownProblem],
        seen: &Seen<'_>,
        sightings: &Sightings,
        now: DateTime<Utc>,
    ) -> Result<(), store::Error> {
        let before: Vec<Problem> = known.iter().map(|known| known.problem.clone()).collect();
        let turned = round(&before, seen, now);
        if turned.is_empty() && sightings.is_empty() {
            return Ok(());
        }
        // What another portal or an admin was faster with is looked at again by the next look.
        if self
            .store
            .save_problems(seen.integration, known, sightings, &turned)
            .await?
        {
            for event in turned.iter().filter_map(|one| one.event.as_ref()) {
                tell(event);
            }
        }
        Ok(())
    }

    /// The same for what is looked at of Hangar itself: its channels, its disk and its backups.
    pub(super) async fn group_own(&self, now: DateTime<Utc>) -> Result<(), store::Error> {
        let channels = self.store.channels().await?;
        let mut stands: Vec<Stands> = channels.iter().map(channel_stands).collect();
        stands.extend(self.disk.space().map(Space::stands));
        stands.push(self.backups.stands(now).await?);
        let known = self.store.problems_of(IntegrationId::PORTAL).await?;
        if known.is_empty() && stands.iter().all(|one| one.level == Level::Good) {
            return Ok(());
        }
        for problem in known.iter().map(|known| &known.problem) {
            let is_same =
                |one: &Stands| one.class == problem.class && one.endpoint == problem.endpoint;
            if problem.class.has_endpoint() && !stands.iter().any(is_same) {
                // A channel that is gone has no problem any more.
                stands.push(Stands {
                    class: problem.class,
                    endpoint: problem.endpoint.clone(),
                    level: Level::Good,
                    says: String::new(),
                });
            }
        }
        let seen = Seen {
            integration: IntegrationId::PORTAL,
            sightings: &[],
            stands: &stands,
            runs: &[],
            tests: &[],
        };
        self.look(&known, &seen, &Sightings::default(), now).await
    }

    /// Lets go of what failed in integrations that are gone.
    pub(super) async fn let_go(
        &self,
        sightings: HashMap<IntegrationId, Sightings>,
    ) -> Result<(), store::Error> {
        for (integration, seen) in sightings {
            self.store
                .save_problems(integration, &[], &seen, &[])
                .await?;
        }
        Ok(())
    }

    /// Forgets problems that were resolved long ago.
    pub async fn forget_problems(&self) -> Result<(), store::Error> {
        let before = self.clock.now() - TimeDelta::days(PROBLEM_KEPT_DAYS);
        self.store.forget_problems(before).await
    }
}

/// A run as a round; `None`: it is under way.
fn ended(run: RunSummary) -> Option<Ended> {
    let outcome = run.outcome?;
    Some(Ended {
        started_at: run.started_at,
        is_good: matches!(
            outcome,
            Outcome::Succeeded | Outcome::Partial | Outcome::Held
        ),
    })
}

fn channel_stands(channel: &Channel) -> Stands {
    let health = &channel.health;
    let (level, says) = match health.failed {
        0 => (Level::Good, String::new()),
        _ if !channel.is_on => (Level::Good, String::new()),
        failed if failed >= Channel::FAILING_AFTER => {
            let why = health.error.as_deref().unwrap_or("no reason was given.");
            let says = format!(
                "The latest {failed} tries of “{}” failed: {why}",
                channel.name
            );
            (Level::Bad, says)
        }
        _ => (Level::Unknown, String::new()),
    };
    Stands {
        class: Class::ChannelFailing,
        endpoint: Some(channel.name.to_string()),
        level,
        says,
    }
}

fn tell(event: &ProblemEvent) {
    let (integration, problem) = (event.integration, event.problem);
    let (class, turn, says) = (event.class.word(), event.turn.word(), &event.says);
    match event.turn {
        Turn::Resolved => info!(%integration, %problem, class, turn, says, "a problem is resolved"),
        _ => warn!(%integration, %problem, class, turn, says, "there is a problem"),
    }
}
