//! Kept events, applied once more.

use std::time::Duration;

use app::Failure;
use chrono::TimeDelta;
use domain::{
    inbox::Burst,
    replay::{ReplayLine, ReplayScope, Replayed},
};
use store::ClaimedReplay;
use tracing::{info, warn};

use super::{
    InboxService,
    apply::{INACTIVE, LEASE, LOOK},
};
use crate::failure::from_store;

/// Bursts that are looked at between two looks at whether it was cancelled.
const PAGE: u32 = 50;
/// Whoever does not write for so long how far it is loses it to the next one, which may be the same one after an error. A page
/// takes longer only when Plane is slow to answer for many: then two may be at it for a while, and the first one ends when it
/// writes. What both apply changes nothing twice.
const HELD: TimeDelta = TimeDelta::minutes(2);

impl InboxService {
    /// Does what is to be replayed, or waits until something may be.
    pub(super) async fn replay_when_told(&self) {
        match self.replay_next().await {
            Ok(true) => {}
            Ok(false) => {
                tokio::select! {
                    () = self.0.replay.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            Err(error) => {
                warn!(code = error.code(), %error, "a replay could not go on");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }

    /// Does one replay to its end. Whether there was one.
    pub(super) async fn replay_next(&self) -> Result<bool, store::Error> {
        let claim = self.0.integrations.rng.uuid_v4();
        let claimed = self.store().claim_replay(claim, self.now(), HELD).await?;
        let Some(mut claimed) = claimed else {
            return Ok(false);
        };
        loop {
            let page = self.store().bursts_to_replay(&claimed, PAGE).await?;
            if page.is_empty() {
                claimed.replay.ended_at = Some(self.now());
            }
            for (burst, keys) in page {
                let is_in = match &claimed.replay.scope {
                    ReplayScope::Matching(filter) => filter.holds(&burst),
                    ReplayScope::Chosen(_) => true,
                };
                if is_in && burst.first_at <= claimed.replay.started_at {
                    let line = self.replay_one(&claimed, &burst, &keys).await?;
                    claimed.replay.add(line);
                }
                claimed.replay.looked_at += 1;
                claimed.after = Some((burst.integration, burst.id));
            }
            let goes_on = self.store().save_replay(&claimed, self.now(), HELD).await?;
            self.changed();
            if !goes_on || claimed.replay.ended_at.is_some() {
                info!(replay = %claimed.replay.id, matched = claimed.replay.matched(), "a replay ended");
                return Ok(true);
            }
        }
    }

    async fn replay_one(
        &self,
        claimed: &ClaimedReplay,
        burst: &Burst,
        keys: &[String],
    ) -> Result<ReplayLine, store::Error> {
        let line = |replayed: Replayed, says: Option<String>| ReplayLine {
            integration: burst.integration,
            burst: burst.id,
            title: burst.called(None),
            event: burst.event.clone(),
            replayed,
            says,
        };
        if let Some(replayed) = Replayed::before(burst) {
            return Ok(line(replayed, None));
        }
        if claimed.replay.is_dry {
            return Ok(match self.foresee(burst, keys).await {
                Ok((replayed, says)) => line(replayed, says.map(str::to_owned)),
                Err(failure) => line(Replayed::Failed, Some(failure.to_string())),
            });
        }
        let claim = self.0.integrations.rng.uuid_v4();
        let until = self.now() + LEASE;
        let turn = self.0.bursts.lock().await;
        let again = self
            .store()
            .claim_again(claim, burst.integration, burst.id, until)
            .await?;
        drop(turn);
        let Some(again) = again else {
            return Ok(line(Replayed::Waiting, None));
        };
        Ok(match self.apply(&again).await? {
            Some(applied) => line(applied.effect.into(), applied.says.map(str::to_owned)),
            None => line(Replayed::Failed, None),
        })
    }

    async fn foresee(
        &self,
        burst: &Burst,
        keys: &[String],
    ) -> Result<(Replayed, Option<&'static str>), Failure> {
        let id = burst.integration;
        let integration = self.store().integration_for_work(id).await;
        let integration = integration.map_err(from_store)?.ok_or(Failure::NotFound)?;
        if !integration.is_active {
            return Ok((Replayed::Ignored, Some(INACTIVE)));
        }
        let events = self.events(id, keys).await.map_err(from_store)?;
        self.0.sync.foresee(&integration, &events).await
    }
}
