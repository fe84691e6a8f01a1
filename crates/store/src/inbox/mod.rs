//! What Plane's webhooks brought, until it is in the copy.

/// What webhooks told and what polls had to catch, by the hour.
mod coverage;
/// Deliveries as they came.
mod deliveries;
/// Deliveries, sorted into events and bursts.
mod events;
/// Deliveries as they came, in a file of their own.
mod journal;
/// Bursts as people look through them.
mod list;
/// Deliveries that were not believed.
mod quarantine;
/// Kept ones that are applied once more.
mod replay;
/// Old ones are forgotten.
mod retention;
/// Addresses and secrets.
mod webhook;
/// Bursts on their way into the copy.
mod work;

use chrono::{DateTime, Utc};
use domain::{
    ids::{BurstId, IntegrationId, ProjectId},
    inbox::{Burst, BurstResult, BurstState, FailedTry},
};
use serde_json::Value as Json;
use surrealdb::types::{Array, RecordId, RecordIdKey, SurrealValue, Uuid as DbUuid, Value};
use uuid::Uuid;

pub use deliveries::{Delivery, Parcel, ParcelId, Received};
pub use events::{Again, Arrival, KnownEvent};
pub(crate) use journal::Journal;
#[cfg(test)]
pub(crate) use list::{LATEST, LATEST_OF, LATEST_OF_STATE};
pub use quarantine::Quarantined;
pub use replay::ClaimedReplay;
pub use webhook::{SealedSecret, WebhookKeys};
pub use work::{Claimed, KeptEvent};
#[cfg(test)]
pub(crate) use work::{DUE, WAITING};

use crate::{
    error::Error,
    shape::{count, from_json, record_of},
};

/// A burst as it is stored.
#[derive(Clone, SurrealValue)]
pub(crate) struct BurstRow {
    id: RecordId,
    integration: Uuid,
    uid: Uuid,
    event: String,
    entity: Option<Uuid>,
    project: Option<Uuid>,
    title: Option<String>,
    number: Option<i64>,
    fields: Vec<String>,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    keys: Vec<String>,
    events: i64,
    duplicates: i64,
    bytes: i64,
    state: String,
    result: Option<Json>,
    failures: Vec<Json>,
    due_at: DateTime<Utc>,
    claim: Option<Uuid>,
    applied: Option<i64>,
    due_key: Option<String>,
    latest_key: String,
    queue_key: String,
    trace: Option<String>,
}

impl BurstRow {
    fn burst(self) -> Result<Burst, Error> {
        let failures = self.failures.into_iter().map(from_json::<FailedTry>);
        Ok(Burst {
            id: BurstId(self.uid),
            integration: IntegrationId(self.integration),
            event: self.event,
            entity: self.entity,
            project: self.project.map(ProjectId),
            title: self.title,
            number: self.number.map(count),
            fields: self.fields,
            first_at: self.first_at,
            last_at: self.last_at,
            updated_at: self.updated_at,
            events: count(self.events),
            duplicates: count(self.duplicates),
            state: BurstState::from_word(&self.state).unwrap_or(BurstState::Dead),
            result: self.result.map(from_json::<BurstResult>).transpose()?,
            failures: failures.collect::<Result<_, Error>>()?,
            due_at: self.due_at,
        })
    }
}

fn burst_record(integration: IntegrationId, burst: BurstId) -> RecordId {
    record_of("webhook_bursts", &[integration.0, burst.0])
}

fn event_record(integration: IntegrationId, key: &str) -> RecordId {
    let parts = vec![
        Value::Uuid(DbUuid::from(integration.0)),
        Value::String(key.to_owned()),
    ];
    RecordId::new("webhook_events", RecordIdKey::Array(Array::from(parts)))
}

/// Sorts by time, the earliest first.
pub(crate) fn queue_key(at: DateTime<Utc>) -> String {
    format!("{:014x}", u64::try_from(at.timestamp_micros()).unwrap_or(0))
}
