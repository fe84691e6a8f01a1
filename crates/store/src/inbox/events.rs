use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, IntegrationId},
    inbox::BurstState,
    webhook::Event,
};
use serde_json::Value as Json;
use surrealdb::types::{Bytes, RecordId, SurrealValue};
use uuid::Uuid;

use super::{
    BurstRow, Delivery, ParcelId, burst_record,
    coverage::hour_record,
    deliveries::{journal_record, parcel_record},
    event_record, queue_key,
};
use crate::{
    Store,
    error::Error,
    shape::{latest_first, record, to_json},
};

/// An event that is new, with the burst it belongs to.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub delivery: Delivery,
    pub burst: BurstId,
    /// The same for every delivery of this event: `[a-z0-9]`.
    pub key: String,
    pub event: Event,
    /// Plane's own id of the webhook, and its format.
    pub plane_id: Option<Uuid>,
    pub is_second_format: bool,
    /// How long its burst is left alone after it.
    pub settles: TimeDelta,
}

/// An event that is known, once more.
#[derive(Clone, Debug)]
pub struct Again {
    pub known: KnownEvent,
    pub received_at: DateTime<Utc>,
}

/// An event that was received before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KnownEvent {
    pub integration: IntegrationId,
    pub key: String,
    pub burst: BurstId,
}

/// An event as it is stored.
#[derive(SurrealValue)]
pub(super) struct EventRow {
    id: RecordId,
    pub(super) key: String,
    burst: Uuid,
    pub(super) received_at: DateTime<Utc>,
    pub(super) name: String,
    pub(super) field: Option<String>,
    pub(super) updated_at: Option<DateTime<Utc>>,
    pub(super) signed_by: String,
    pub(super) headers: Json,
    pub(super) duplicates: i64,
    pub(super) again_at: Option<DateTime<Utc>>,
    pub(super) body: Bytes,
}

#[derive(SurrealValue)]
struct Duplicates {
    id: RecordId,
    burst: RecordId,
    times: i64,
    at: DateTime<Utc>,
}

/// What a transaction adds to a webhook's own record.
#[derive(SurrealValue)]
struct Sum {
    id: RecordId,
    hour: RecordId,
    hour_number: i64,
    deliveries: i64,
    duplicates: i64,
    bytes: i64,
    at: DateTime<Utc>,
    plane_id: Option<Uuid>,
    is_second_format: Option<bool>,
}

const KEEP: &str = "{
    let $there = (select value id from $integrations where is_deleting = false);
    if array::len($there) != array::len($integrations) { throw 'hangar:fenced' };
    if $is_last and array::len((select value id from $parcels)) != array::len($parcels) { return false };
    if array::len((select value id from $event_ids)) > 0 { return false };
    if $is_last { delete $parcels return none };
    if $is_last and $journal != none { upsert $journal set sorted = $sorted return none };
    insert into webhook_events $events return none;
    insert into webhook_bursts $bursts on duplicate key update
        event = $input.event, title = $input.title ?? title, number = $input.number ?? number,
        project = $input.project ?? project, fields = array::union(fields ?? [], $input.fields ?? []), last_at = $input.last_at,
        keys += $input.keys, events += $input.events, bytes += $input.bytes, state = 'waiting', due_at = $input.due_at, due_key = $input.due_key,
        queue_key = if claim = none { $input.queue_key } else { queue_key }
        return none;
    for $again in $duplicates {
        update $again.id set duplicates += $again.times, again_at = $again.at return none;
        update $again.burst set duplicates += $again.times return none;
    };
    for $sum in $sums {
        upsert $sum.hour set hour = $sum.hour_number, deliveries = (deliveries ?? 0) + $sum.deliveries return none;
        update $sum.id set deliveries += $sum.deliveries, duplicates += $sum.duplicates, bytes += $sum.bytes, missed = 0,
            silence = none, silent_since = none,
            first_at = first_at ?? $sum.at, last_at = $sum.at, plane_id = $sum.plane_id ?? plane_id,
            is_second_format = $sum.is_second_format ?? is_second_format return none;
    };
    return true;
}";

impl Store {
    /// Those of these events that were received before.
    pub async fn known_events(
        &self,
        events: &[(IntegrationId, &str)],
    ) -> Result<Vec<KnownEvent>, Error> {
        #[derive(SurrealValue)]
        struct Found {
            integration: Uuid,
            key: String,
            burst: Uuid,
        }
        let ids: Vec<RecordId> = events
            .iter()
            .map(|(integration, key)| event_record(*integration, key))
            .collect();
        let found: Vec<Found> = self
            .ask("select record::id(id)[0] as integration, key, burst from $ids")
            .bind("ids", ids)
            .read()
            .await?
            .rows(0)?;
        Ok(found
            .into_iter()
            .map(|found| KnownEvent {
                integration: IntegrationId(found.integration),
                key: found.key,
                burst: BurstId(found.burst),
            })
            .collect())
    }

    /// Keeps new events of parcels, counts those that came again, and with the last of them lets go of the parcels, in one
    /// transaction. Parcels of a journal are all there are up to the last of them. `false`: somebody else keeps one of the new
    /// events, or has let go of one of the parcels, and nothing was done. `Fenced`: an integration is gone. The events of one
    /// burst are in their order.
    pub async fn store_events(
        &self,
        parcels: &[ParcelId],
        is_last: bool,
        new: &[Arrival],
        again: &[Again],
    ) -> Result<bool, Error> {
        let mut integrations = BTreeMap::<IntegrationId, Sum>::new();
        let mut sum_of = |integration: IntegrationId, at: DateTime<Utc>, add: &dyn Fn(&mut Sum)| {
            let sum = integrations.entry(integration).or_insert_with(|| {
                let (hour, hour_number) = hour_record(integration, at);
                Sum {
                    id: record("webhooks", integration.0),
                    hour,
                    hour_number,
                    deliveries: 0,
                    duplicates: 0,
                    bytes: 0,
                    at,
                    plane_id: None,
                    is_second_format: None,
                }
            });
            sum.deliveries += 1;
            sum.at = sum.at.max(at);
            add(sum);
        };
        for arrival in new {
            let delivery = &arrival.delivery;
            sum_of(delivery.integration, delivery.received_at, &|sum| {
                sum.bytes += length(delivery.body.len());
                sum.plane_id = arrival.plane_id.or(sum.plane_id);
                sum.is_second_format = Some(arrival.is_second_format);
            });
        }
        let mut duplicates = HashMap::<&KnownEvent, Duplicates>::new();
        for again in again {
            let known = &again.known;
            sum_of(known.integration, again.received_at, &|sum| {
                sum.duplicates += 1;
            });
            let all = duplicates.entry(known).or_insert_with(|| Duplicates {
                id: event_record(known.integration, &known.key),
                burst: burst_record(known.integration, known.burst),
                times: 0,
                at: again.received_at,
            });
            all.times += 1;
            all.at = all.at.max(again.received_at);
        }
        let ids = integrations.keys();
        let ids: Vec<RecordId> = ids.map(|id| record("plane_integrations", id.0)).collect();
        let (in_journal, in_records): (Vec<ParcelId>, Vec<ParcelId>) = parcels
            .iter()
            .partition(|parcel| self.journal_of(parcel.portal).is_some());
        let sorted = in_journal.iter().max_by_key(|parcel| parcel.number);
        let parcels = in_records.into_iter().map(parcel_record);
        let events = new
            .iter()
            .map(event_row)
            .collect::<Result<Vec<_>, Error>>()?;
        let event_ids: Vec<RecordId> = events.iter().map(|row| row.id.clone()).collect();
        let is_done: bool = self
            .ask(KEEP)
            .bind("journal", sorted.map(|last| journal_record(last.portal)))
            .bind("sorted", sorted.map(|last| last.number))
            .bind("parcels", parcels.collect::<Vec<RecordId>>())
            .bind("is_last", is_last)
            .bind("integrations", ids)
            .bind("event_ids", event_ids)
            .bind("events", events)
            .bind("bursts", bursts(new))
            .bind("duplicates", duplicates.into_values().collect::<Vec<_>>())
            .bind("sums", integrations.into_values().collect::<Vec<_>>())
            .write()
            .await?
            .value(0)?;
        if let Some(last) = sorted
            && let Some(journal) = self.journal_of(last.portal)
            && is_last
            && is_done
        {
            let gone = journal.sorted(last.number).await;
            gone.map_err(|error| self.stop_if_broken(error))?;
        }
        Ok(is_done)
    }
}

fn event_row(arrival: &Arrival) -> Result<EventRow, Error> {
    let delivery = &arrival.delivery;
    Ok(EventRow {
        id: event_record(delivery.integration, &arrival.key),
        key: arrival.key.clone(),
        burst: arrival.burst.0,
        received_at: delivery.received_at,
        name: arrival.event.name(),
        field: arrival.event.field.clone(),
        updated_at: arrival.event.updated_at,
        signed_by: delivery.signed_by.word().to_owned(),
        headers: to_json(&*delivery.kept_headers())?,
        duplicates: 0,
        again_at: None,
        body: Bytes::from(delivery.body.clone()),
    })
}

/// A row for each burst, with what these arrivals add to it.
fn bursts(new: &[Arrival]) -> Vec<BurstRow> {
    let mut rows = Vec::<BurstRow>::new();
    let mut places = HashMap::<BurstId, usize>::new();
    for arrival in new {
        let place = *places.entry(arrival.burst).or_insert(rows.len());
        if place == rows.len() {
            rows.push(empty_burst(arrival));
        }
        let (row, event) = (&mut rows[place], &arrival.event);
        row.event = event.name();
        row.title = event.title.clone().or(row.title.take());
        row.number = event
            .number
            .and_then(|n| i64::try_from(n).ok())
            .or(row.number);
        row.project = event.project.map(|id| id.0).or(row.project);
        if let Some(field) = &event.field
            && !row.fields.contains(field)
        {
            row.fields.push(field.clone());
        }
        row.last_at = arrival.delivery.received_at;
        row.keys.push(arrival.key.clone());
        row.events += 1;
        row.bytes += length(arrival.delivery.body.len());
        row.due_at = row.due_at.max(row.last_at + arrival.settles);
        row.queue_key = queue_key(row.due_at);
        row.due_key = Some(row.queue_key.clone());
    }
    rows
}

fn empty_burst(arrival: &Arrival) -> BurstRow {
    let (at, event) = (arrival.delivery.received_at, &arrival.event);
    BurstRow {
        id: burst_record(arrival.delivery.integration, arrival.burst),
        integration: arrival.delivery.integration.0,
        uid: arrival.burst.0,
        event: String::new(),
        entity: event.entity,
        project: None,
        title: None,
        number: None,
        fields: Vec::new(),
        first_at: at,
        last_at: at,
        updated_at: event.updated_at,
        keys: Vec::new(),
        events: 0,
        duplicates: 0,
        bytes: 0,
        state: BurstState::Waiting.word().to_owned(),
        result: None,
        failures: Vec::new(),
        due_at: at,
        claim: None,
        applied: Some(0),
        due_key: None,
        latest_key: latest_first(at, arrival.burst.0),
        queue_key: String::new(),
        trace: arrival.delivery.trace.clone(),
    }
}

pub(super) fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
