use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, IntegrationId},
    inbox::{Burst, BurstResult, BurstState, FailedTry},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use super::{
    BurstRow, burst_record,
    coverage::told_record,
    deliveries::apart,
    event_record,
    events::{EventRow, length},
    queue_key,
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
    /// Of its events that are not applied yet, the first one first.
    pub keys: Vec<String>,
    /// Of the delivery that opened it.
    pub trace: Option<String>,
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
    /// As of [`super::Delivery`].
    pub trace: Option<String>,
}

pub(crate) const WAITING: &str =
    "select value integration from webhook_bursts where state = 'waiting' and integration > $behind
    order by integration limit 1";

pub(crate) const DUE: &str = "select value id from webhook_bursts
    where state = 'waiting' and integration = $integration and queue_key <= $until order by queue_key limit $limit";

impl Store {
    /// Takes bursts that are due for `claim`, of each integration the longest due first, but none of those that are `busy`.
    /// Whoever does not end them within the lease loses them to the next one.
    pub async fn claim_bursts(
        &self,
        claim: Uuid,
        busy: &[IntegrationId],
        now: DateTime<Utc>,
        lease: TimeDelta,
        limit: u32,
    ) -> Result<Vec<Claimed>, Error> {
        let mut due = Vec::<RecordId>::new();
        let mut after = Uuid::nil();
        while due.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
            // From one integration to the next: one with a long queue keeps nobody from theirs.
            let next: Vec<Uuid> = self
                .ask(WAITING)
                .bind("behind", after)
                .read()
                .await?
                .rows(0)?;
            let Some(integration) = next.first().copied() else {
                break;
            };
            after = integration;
            if busy.contains(&IntegrationId(integration)) {
                continue;
            }
            let of_this: Vec<RecordId> = self
                .ask(DUE)
                .bind("integration", integration)
                .bind("until", queue_key(now))
                .bind("limit", i64::from(limit) - length(due.len()))
                .read()
                .await?
                .rows(0)?;
            due.extend(of_this);
        }
        if due.is_empty() {
            return Ok(Vec::new()); // most looks are in vain, and cost no write
        }
        let rows: Vec<BurstRow> = self
            .ask(
                "{
                    let $free = $due.filter(|$id| $id.state = 'waiting' and $id.queue_key <= $until);
                    update $free set claim = $claim, queue_key = $lost return none;
                    return (select * from $free);
                }",
            )
            .bind("due", due)
            .bind("until", queue_key(now))
            .bind("claim", claim)
            .bind("lost", queue_key(now + lease))
            .write()
            .await?
            .rows(0)?;
        rows.into_iter().map(|row| claimed(row, claim)).collect()
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
                let (headers, trace) = apart(from_json(row.headers)?);
                Ok(KeptEvent {
                    key: row.key,
                    received_at: row.received_at,
                    name: row.name,
                    field: row.field,
                    updated_at: row.updated_at,
                    signed_by: row.signed_by,
                    headers,
                    duplicates: count(row.duplicates),
                    again_at: row.again_at,
                    body: row.body.to_vec(),
                    trace,
                })
            })
            .collect()
    }

    /// Takes one burst for `claim` though it is not due: one that is over, as if it had never been tried. `None`: it waits for its
    /// turn, or is forgotten.
    pub async fn claim_again(
        &self,
        claim: Uuid,
        integration: IntegrationId,
        burst: BurstId,
        until: DateTime<Utc>,
    ) -> Result<Option<Claimed>, Error> {
        let row: Option<BurstRow> = self
            .ask(
                "{
                    if (select value state from only $id) in [none, 'waiting'] { return none };
                    update $id set state = 'waiting', result = none, failures = [], applied = 0, claim = $claim, queue_key = $lost
                        return none;
                    return (select * from only $id);
                }",
            )
            .bind("id", burst_record(integration, burst))
            .bind("claim", claim)
            .bind("lost", queue_key(until))
            .write()
            .await?
            .one(0)?;
        row.map(|row| claimed(row, claim)).transpose()
    }

    /// Writes what became of bursts, in one transaction. Those for which more events came meanwhile wait again, for those alone;
    /// those that are not in the caller's hands any more stay as they are. How many were.
    pub async fn finish_bursts(&self, finished: &[(Claimed, BurstResult)]) -> Result<u64, Error> {
        #[derive(SurrealValue)]
        struct Finished {
            id: RecordId,
            claim: Uuid,
            seen: i64,
            result: serde_json::Value,
            told: i64,
            hour: RecordId,
            hour_number: i64,
        }
        let rows = finished.iter().map(|(claimed, result)| {
            let (hour, hour_number) = told_record(claimed.burst.integration, result.at);
            Ok(Finished {
                id: burst_record(claimed.burst.integration, claimed.burst.id),
                claim: claimed.claim,
                seen: i64::from(claimed.burst.events),
                result: to_json(result)?,
                told: i64::from(result.effect.is_change()),
                hour,
                hour_number,
            })
        });
        self.ask(
            "{
                let $held = $finished.filter(|$one| $one.id.claim = $one.claim);
                for $one in $held {
                    if $one.told > 0 {
                        upsert $one.hour set hour = $one.hour_number, told = (told ?? 0) + $one.told return none;
                    };
                    let $has_more = $one.id.events > $one.seen;
                    update $one.id set claim = none, result = $one.result, applied = $one.seen,
                        state = if $has_more { 'waiting' } else { 'done' },
                        queue_key = if $has_more { due_key ?? latest_key } else { latest_key } return none;
                };
                return array::len($held);
            }",
        )
        .bind("finished", rows.collect::<Result<Vec<_>, Error>>()?)
        .write()
        .await?
        .value::<i64>(0)
        .map(count)
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

    /// Makes a burst wait again, as if it had never been tried; one that waits already stays as it is. Whether it was over.
    pub async fn replay_burst(
        &self,
        admin: &domain::actor::Admin,
        integration: IntegrationId,
        burst: BurstId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = "Replayed an event of the webhook.";
        let audit = self.admin_entry(admin, "webhook.replayed", Some(integration), says, now);
        self.ask(
            "{
                if (select value state from only $id) in [none, 'waiting'] { return false };
                update $id set state = 'waiting', result = none, failures = [], applied = 0, claim = none, due_at = $now,
                    queue_key = $due return none;
                create audit content $audit return none;
                return true;
            }",
        )
        .bind("id", burst_record(integration, burst))
        .bind("now", now)
        .bind("due", queue_key(now))
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }
}

fn claimed(row: BurstRow, claim: Uuid) -> Result<Claimed, Error> {
    let applied = usize::try_from(row.applied.unwrap_or(0)).unwrap_or(0);
    let keys = row.keys.get(applied..).unwrap_or_default();
    Ok(Claimed {
        keys: keys.to_vec(),
        trace: row.trace.clone(),
        burst: row.burst()?,
        claim,
    })
}
