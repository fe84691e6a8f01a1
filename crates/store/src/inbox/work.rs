use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, IntegrationId},
    inbox::{Burst, BurstResult, BurstState, FailedTry},
};
use surrealdb::types::RecordId;
use uuid::Uuid;

use super::{
    BurstRow, burst_record,
    coverage::{ADD, hour_record},
    event_record, queue_key,
    receive::EventRow,
};
use crate::{
    Store,
    error::Error,
    shape::{count, from_json, to_json},
};

/// A burst in the hands of whoever applies it.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub burst: Burst,
    /// Of its events, the first one first.
    pub keys: Vec<String>,
    claim: Uuid,
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    pub key: String,
    pub received_at: DateTime<Utc>,
    /// Its name: `work_item.updated`.
    pub name: String,
    pub field: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
    /// `current` or `previous`: the secret that its signature fitted.
    pub signed_by: String,
    /// Those headers that are kept.
    pub headers: std::collections::BTreeMap<String, String>,
    pub duplicates: u32,
    pub again_at: Option<DateTime<Utc>>,
    pub body: Vec<u8>,
}

pub(crate) const DUE: &str =
    "select value id from webhook_bursts where state = 'waiting' and queue_key <= $until
    and integration not in $busy order by queue_key limit $limit";

impl Store {
    /// Takes bursts that are due, the longest due first, for `claim`, but none of those that are `busy`. Whoever does not end
    /// them within the lease loses them to the next one.
    pub async fn claim_bursts(
        &self,
        claim: Uuid,
        busy: &[IntegrationId],
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: u32,
    ) -> Result<Vec<Claimed>, Error> {
        let sql = format!(
            "{{
                let $due = ({DUE});
                update $due set claim = $claim, queue_key = $lost return none;
                return (select * from $due);
            }}"
        );
        let busy: Vec<Uuid> = busy.iter().map(|id| id.0).collect();
        let due: Vec<RecordId> = self
            .ask(DUE)
            .bind("busy", busy.clone())
            .bind("until", queue_key(now))
            .bind("limit", i64::from(limit))
            .read()
            .await?
            .rows(0)?;
        if due.is_empty() {
            return Ok(Vec::new()); // most looks are in vain, and cost no write
        }
        let rows: Vec<BurstRow> = self
            .ask(&sql)
            .bind("busy", busy)
            .bind("until", queue_key(now))
            .bind("limit", i64::from(limit))
            .bind("claim", claim)
            .bind("lost", queue_key(now + lease))
            .write()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| {
                Ok(Claimed {
                    keys: row.keys.clone(),
                    burst: row.burst()?,
                    claim,
                })
            })
            .collect()
    }

    /// At start: what a process that is gone was applying is due at once. Only where no other process can have the database.
    pub async fn release_bursts(&self, now: DateTime<Utc>) -> Result<(), Error> {
        self.ask(
            "update webhook_bursts set claim = none, queue_key = $now where state = 'waiting' and claim != none return none",
        )
        .bind("now", queue_key(now))
        .write()
        .await
        .map(drop)
    }

    /// These events of an integration, as far as they are kept, in this order.
    pub async fn kept_events(
        &self,
        integration: IntegrationId,
        keys: &[String],
    ) -> Result<Vec<KeptEvent>, Error> {
        let ids: Vec<RecordId> = keys
            .iter()
            .map(|key| event_record(integration, key))
            .collect();
        let rows: Vec<EventRow> = self
            .ask("select * from $ids")
            .bind("ids", ids)
            .read()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| {
                Ok(KeptEvent {
                    key: row.key,
                    received_at: row.received_at,
                    name: row.name,
                    field: row.field,
                    updated_at: row.updated_at,
                    signed_by: row.signed_by,
                    headers: from_json(row.headers)?,
                    duplicates: count(row.duplicates),
                    again_at: row.again_at,
                    body: row.body.to_vec(),
                })
            })
            .collect()
    }

    /// Writes what became of a burst. If more events came meanwhile it waits again, until `due_at`. Whether it was still in the
    /// hands of the caller.
    pub async fn finish_burst(
        &self,
        claimed: &Claimed,
        result: &BurstResult,
        due_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let (hour, hour_number) = hour_record(claimed.burst.integration, result.at);
        let sql = format!(
            "{{
                let $is = (select claim, events from only $id);
                if $is = none or $is.claim != $claim {{ return false }};
                if $told > 0 {{ {ADD} }};
                let $has_more = $is.events > $seen;
                update $id set claim = none, result = $result,
                    state = if $has_more {{ 'waiting' }} else {{ 'done' }},
                    due_at = if $has_more {{ $due_at }} else {{ due_at }},
                    queue_key = if $has_more {{ $due }} else {{ latest_key }} return none;
                return true;
            }}"
        );
        self.ask(&sql)
            .bind("hour", hour)
            .bind("hour_number", hour_number)
            .bind("told", i64::from(result.effect.is_change()))
            .bind("caught", 0i64)
            .bind("deliveries", 0i64)
            .bind(
                "id",
                burst_record(claimed.burst.integration, claimed.burst.id),
            )
            .bind("claim", claimed.claim)
            .bind("seen", i64::from(claimed.burst.events))
            .bind("result", to_json(result)?)
            .bind("due_at", due_at)
            .bind("due", queue_key(due_at))
            .write()
            .await?
            .value(0)
    }

    /// Writes that a try failed: the burst waits until `again_at`, or is given up. Whether it was still in the hands of the
    /// caller.
    pub async fn fail_burst(
        &self,
        claimed: &Claimed,
        failure: &FailedTry,
        again_at: Option<DateTime<Utc>>,
    ) -> Result<bool, Error> {
        let state = match again_at {
            Some(_) => BurstState::Waiting,
            None => BurstState::Dead,
        };
        self.ask(
            "{
                if (select value claim from only $id) != $claim { return false };
                update $id set claim = none, failures += [$failure], state = $state, due_at = $again_at ?? due_at,
                    queue_key = $queue_key ?? latest_key return none;
                return true;
            }",
        )
        .bind(
            "id",
            burst_record(claimed.burst.integration, claimed.burst.id),
        )
        .bind("claim", claimed.claim)
        .bind("failure", to_json(failure)?)
        .bind("state", state.word())
        .bind("again_at", again_at)
        .bind("queue_key", again_at.map(queue_key))
        .write()
        .await?
        .value(0)
    }

    /// Makes bursts wait again, as if they had never been tried; those that wait already stay as they are. How many.
    pub async fn replay_bursts(
        &self,
        admin: &domain::actor::Admin,
        bursts: &[(IntegrationId, BurstId)],
        now: DateTime<Utc>,
    ) -> Result<u32, Error> {
        let ids: Vec<RecordId> = bursts
            .iter()
            .map(|(integration, burst)| burst_record(*integration, *burst))
            .collect();
        let mut of: Vec<IntegrationId> =
            bursts.iter().map(|(integration, _)| *integration).collect();
        of.sort_unstable();
        of.dedup();
        let audit: Vec<_> = of
            .into_iter()
            .map(|integration| {
                let says = "Replayed events of webhooks.";
                self.admin_entry(admin, "webhook.replayed", Some(integration), says, now)
            })
            .collect();
        let replayed: i64 = self
            .ask(
                "{
                    let $old = (select value id from $ids where state != 'waiting');
                    update $old set state = 'waiting', result = none, failures = [], claim = none, due_at = $now,
                        queue_key = $due return none;
                    if array::len($old) > 0 { insert into audit $audit return none };
                    return array::len($old);
                }",
            )
            .bind("ids", ids)
            .bind("now", now)
            .bind("due", queue_key(now))
            .bind("audit", audit)
            .write()
            .await?
            .value(0)?;
        Ok(count(replayed))
    }
}
