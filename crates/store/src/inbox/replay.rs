use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{BurstId, IntegrationId, ReplayId},
    inbox::Burst,
    replay::{Replay, ReplayLine, ReplayScope, Replayed},
};
use serde_json::Value as Json;
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{BurstRow, burst_record};
use crate::{
    Store,
    error::Error,
    shape::{count, from_json, latest_first, record, records_all, records_behind, to_json},
};

#[derive(SurrealValue)]
struct ReplayRow {
    id: RecordId,
    uid: Uuid,
    started_by: String,
    scope: Json,
    is_dry: bool,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    is_cancelled: bool,
    bursts: i64,
    looked_at: i64,
    counts: Json,
    lines: Vec<Json>,
    after_integration: Option<Uuid>,
    after_burst: Option<Uuid>,
    claim: Option<Uuid>,
    claimed_until: Option<DateTime<Utc>>,
    latest_key: String,
}

impl ReplayRow {
    fn replay(self) -> Result<Replay, Error> {
        let lines = self.lines.into_iter().map(from_json::<ReplayLine>);
        Ok(Replay {
            id: ReplayId(self.uid),
            by: self.started_by,
            scope: from_json(self.scope)?,
            is_dry: self.is_dry,
            started_at: self.started_at,
            ended_at: self.ended_at,
            is_cancelled: self.is_cancelled,
            all: count(self.bursts),
            looked_at: count(self.looked_at),
            counts: from_json::<BTreeMap<Replayed, u64>>(self.counts)?,
            lines: lines.collect::<Result<_, Error>>()?,
        })
    }
}

/// A replay in the hands of whoever does it.
#[derive(Clone, Debug)]
pub struct ClaimedReplay {
    pub replay: Replay,
    /// The last burst that is done with.
    pub after: Option<(IntegrationId, BurstId)>,
    claim: Uuid,
}

impl Store {
    /// Begins a replay, for whoever does it. Nothing is applied yet.
    pub async fn start_replay(
        &self,
        admin: &Admin,
        scope: &ReplayScope,
        is_dry: bool,
        now: DateTime<Utc>,
    ) -> Result<ReplayId, Error> {
        let id = self.new_id(now);
        let bursts = match scope {
            ReplayScope::Chosen(chosen) => i64::try_from(chosen.len()).unwrap_or(i64::MAX),
            ReplayScope::Matching(filter) => self
                .ask("return count(select value id from $range)")
                .bind("range", bursts_behind(filter.integration, None))
                .read()
                .await?
                .value(0)?,
        };
        let row = ReplayRow {
            id: replay_record(ReplayId(id)),
            uid: id,
            started_by: admin.user().name.to_string(),
            scope: to_json(scope)?,
            is_dry,
            started_at: now,
            ended_at: None,
            is_cancelled: false,
            bursts,
            looked_at: 0,
            counts: Json::Object(Default::default()),
            lines: Vec::new(),
            after_integration: None,
            after_burst: None,
            claim: None,
            claimed_until: None,
            latest_key: latest_first(now, id),
        };
        // A look changes nothing.
        let audit: Vec<_> = integrations_of(scope)
            .into_iter()
            .filter(|_| !is_dry)
            .map(|integration| {
                let says = "Replayed events of webhooks.";
                self.admin_entry(admin, "webhook.replayed", integration, says, now)
            })
            .collect();
        self.ask(
            "{
                if array::len($audit) > 0 { insert into audit $audit return none };
                create $row.id content $row return none;
                return none;
            }",
        )
        .bind("audit", audit)
        .bind("row", row)
        .write()
        .await?;
        Ok(ReplayId(id))
    }

    /// A replay that nobody is at, the oldest first, for `claim` until `until`.
    pub async fn claim_replay(
        &self,
        claim: Uuid,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Option<ClaimedReplay>, Error> {
        const FREE: &str = "select value id from webhook_replays
            where ended_at = none and (claim = none or claimed_until < $now) order by id limit 1";
        let free: Option<RecordId> = {
            let found: Vec<RecordId> = self.ask(FREE).bind("now", now).read().await?.rows(0)?;
            found.into_iter().next()
        };
        let Some(free) = free else {
            return Ok(None); // most looks are in vain, and cost no write
        };
        let row: Option<ReplayRow> = self
            .ask(
                "{
                    let $is = (select ended_at, claim, claimed_until from only $id);
                    if $is = none or $is.ended_at != none or ($is.claim != none and $is.claimed_until >= $now) {
                        return none;
                    };
                    update $id set claim = $claim, claimed_until = $until return none;
                    return (select * from only $id);
                }",
            )
            .bind("id", free)
            .bind("now", now)
            .bind("claim", claim)
            .bind("until", now + lease)
            .write()
            .await?
            .one(0)?;
        row.map(|row| {
            Ok(ClaimedReplay {
                after: row
                    .after_integration
                    .zip(row.after_burst)
                    .map(|(integration, burst)| (IntegrationId(integration), BurstId(burst))),
                replay: row.replay()?,
                claim,
            })
        })
        .transpose()
    }

    /// The next bursts that a replay looks at, each with the keys of its events: those of one thing in the order in which they
    /// came.
    pub async fn bursts_to_replay(
        &self,
        claimed: &ClaimedReplay,
        limit: u32,
    ) -> Result<Vec<(Burst, Vec<String>)>, Error> {
        let limit_rows = usize::try_from(limit).unwrap_or(usize::MAX);
        let ask = match &claimed.replay.scope {
            ReplayScope::Matching(filter) => self
                .ask("select * from $range limit $limit")
                .bind("range", bursts_behind(filter.integration, claimed.after)),
            ReplayScope::Chosen(chosen) => {
                let mut left = chosen.clone();
                left.sort_unstable();
                left.retain(|one| claimed.after.is_none_or(|after| *one > after));
                left.truncate(limit_rows);
                let left = left.iter().map(|(of, burst)| burst_record(*of, *burst));
                self.ask("select * from $ids")
                    .bind("ids", left.collect::<Vec<RecordId>>())
            }
        };
        let rows: Vec<BurstRow> = ask.bind("limit", i64::from(limit)).read().await?.rows(0)?;
        rows.into_iter()
            .map(|row| Ok((row.clone().burst()?, row.keys)))
            .collect()
    }

    /// Writes how far a replay is, behind `claimed.after`, and keeps it for longer; or that it has ended. `false`: it was
    /// cancelled, or somebody else is at it.
    pub async fn save_replay(
        &self,
        claimed: &ClaimedReplay,
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool, Error> {
        let replay = &claimed.replay;
        let lines = replay.lines.iter().map(to_json);
        self.ask(
            "{
                let $is = (select claim, ended_at from only $id);
                if $is = none or $is.claim != $claim or $is.ended_at != none { return false };
                update $id set looked_at = $looked_at, counts = $counts, lines = $lines, after_integration = $integration,
                    after_burst = $burst, ended_at = $ended_at, claimed_until = $until return none;
                return true;
            }",
        )
        .bind("id", replay_record(replay.id))
        .bind("claim", claimed.claim)
        .bind("looked_at", i64::try_from(replay.looked_at).unwrap_or(i64::MAX))
        .bind("counts", to_json(&replay.counts)?)
        .bind("lines", lines.collect::<Result<Vec<Json>, Error>>()?)
        .bind("integration", claimed.after.map(|(integration, _)| integration.0))
        .bind("burst", claimed.after.map(|(_, burst)| burst.0))
        .bind("ended_at", replay.ended_at)
        .bind("until", now + lease)
        .write()
        .await?
        .value(0)
    }

    /// Ends a replay; what it has applied stays. Whether it was still going on.
    pub async fn cancel_replay(
        &self,
        admin: &Admin,
        id: ReplayId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = "Cancelled the replay of webhook events.";
        let audit = self.admin_entry(admin, "webhook.replay_cancelled", None, says, now);
        self.ask(
            "{
                let $is = (select ended_at from only $id);
                if $is = none or $is.ended_at != none { return false };
                update $id set ended_at = $now, is_cancelled = true return none;
                create audit content $audit return none;
                return true;
            }",
        )
        .bind("id", replay_record(id))
        .bind("now", now)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// At start: what a process that is gone was at goes on at once. Only where no other process can have the database.
    pub async fn release_replays(&self) -> Result<(), Error> {
        self.ask("update webhook_replays set claim = none where claim != none and ended_at = none return none")
            .write()
            .await
            .map(drop)
    }

    pub async fn replay(&self, _viewer: &Viewer, id: ReplayId) -> Result<Option<Replay>, Error> {
        let row: Option<ReplayRow> = self
            .ask("select * from only $id")
            .bind("id", replay_record(id))
            .read()
            .await?
            .one(0)?;
        row.map(ReplayRow::replay).transpose()
    }

    /// The latest replays, the latest first.
    pub async fn replays(&self, _viewer: &Viewer, limit: u32) -> Result<Vec<Replay>, Error> {
        let rows: Vec<ReplayRow> = self
            .ask(LATEST_REPLAYS)
            .bind("limit", i64::from(limit))
            .read()
            .await?
            .rows(0)?;
        rows.into_iter().map(ReplayRow::replay).collect()
    }

    /// Forgets replays that ended before then.
    pub async fn forget_replays(&self, before: DateTime<Utc>) -> Result<(), Error> {
        self.ask("delete webhook_replays where ended_at != none and ended_at < $before return none")
            .bind("before", before)
            .write()
            .await
            .map(drop)
    }
}

const LATEST_REPLAYS: &str =
    "select * from webhook_replays where latest_key > '' order by latest_key limit $limit";

fn replay_record(id: ReplayId) -> RecordId {
    record("webhook_replays", id.0)
}

/// All bursts behind that one, of one integration or of all, the oldest of each integration first.
fn bursts_behind(
    integration: Option<IntegrationId>,
    after: Option<(IntegrationId, BurstId)>,
) -> RecordId {
    let after = after.map(|(integration, burst)| [integration.0, burst.0]);
    match integration {
        Some(integration) => records_behind("webhook_bursts", &[integration.0], after),
        None => records_all("webhook_bursts", after),
    }
}

/// Whose history tells of it; all have none in common.
fn integrations_of(scope: &ReplayScope) -> Vec<Option<IntegrationId>> {
    match scope {
        ReplayScope::Matching(filter) => vec![filter.integration],
        ReplayScope::Chosen(chosen) => {
            let mut of: Vec<_> = chosen.iter().map(|(of, _)| Some(*of)).collect();
            of.sort_unstable();
            of.dedup();
            of
        }
    }
}
