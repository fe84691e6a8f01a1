use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use domain::{ids::IntegrationId, inbox::SignedBy};
use serde_json::Value as Json;
use surrealdb::types::{Bytes, RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{from_json, numbered, parent_and_number, to_json},
};

/// A delivery that is believed, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub integration: IntegrationId,
    pub received_at: DateTime<Utc>,
    pub signed_by: SignedBy,
    /// Those that are worth keeping, by lower-case name.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Which deliveries were written together: by which portal, and as its how many-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParcelId {
    pub portal: Uuid,
    pub number: i64,
}

/// Deliveries that were written together and are not sorted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub id: ParcelId,
    pub deliveries: Vec<Delivery>,
}

#[derive(SurrealValue)]
struct ParcelRow {
    id: RecordId,
    at: DateTime<Utc>,
    deliveries: Vec<DeliveryRow>,
}

#[derive(SurrealValue)]
struct DeliveryRow {
    integration: Uuid,
    received_at: DateTime<Utc>,
    signed_by: String,
    headers: Json,
    body: Bytes,
}

impl Store {
    /// Keeps deliveries until they are sorted: after this they are durable. One record, whatever they are about, because the
    /// sender waits for it.
    pub async fn keep_deliveries(
        &self,
        id: ParcelId,
        deliveries: &[Delivery],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let rows = deliveries.iter().map(|delivery| {
            Ok(DeliveryRow {
                integration: delivery.integration.0,
                received_at: delivery.received_at,
                signed_by: delivery.signed_by.word().to_owned(),
                headers: to_json(&delivery.headers)?,
                body: Bytes::from(delivery.body.clone()),
            })
        });
        let row = ParcelRow {
            id: parcel_record(id),
            at: now,
            deliveries: rows.collect::<Result<_, Error>>()?,
        };
        self.ask("create $row.id content $row return none")
            .bind("row", row)
            .write()
            .await
            .map(drop)
    }

    /// Those of a portal's parcels with these numbers that are not sorted yet, in their order. By their ids: a range of records is
    /// read far beyond its limit.
    pub async fn parcels(
        &self,
        portal: Uuid,
        numbers: RangeInclusive<i64>,
    ) -> Result<Vec<Parcel>, Error> {
        let ids = numbers.map(|number| parcel_record(ParcelId { portal, number }));
        self.ask("select * from $ids")
            .bind("ids", ids.collect::<Vec<RecordId>>())
            .read()
            .await?
            .rows::<ParcelRow>(0)?
            .into_iter()
            .map(parcel)
            .collect()
    }

    /// What any portal received before then and is not sorted yet: what portals left that are gone.
    pub async fn left_parcels(
        &self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Parcel>, Error> {
        self.ask("select * from webhook_deliveries where at <= $before limit $limit")
            .bind("before", before)
            .bind("limit", i64::from(limit))
            .read()
            .await?
            .rows::<ParcelRow>(0)?
            .into_iter()
            .map(parcel)
            .collect()
    }
}

pub(super) fn parcel_record(id: ParcelId) -> RecordId {
    numbered("webhook_deliveries", &[id.portal], id.number)
}

fn parcel(row: ParcelRow) -> Result<Parcel, Error> {
    let (portal, number) = parent_and_number(&row.id)?;
    let deliveries = row.deliveries.into_iter().map(|row| {
        Ok(Delivery {
            integration: IntegrationId(row.integration),
            received_at: row.received_at,
            signed_by: SignedBy::from_word(&row.signed_by).unwrap_or(SignedBy::Current),
            headers: from_json(row.headers)?,
            body: row.body.to_vec(),
        })
    });
    Ok(Parcel {
        id: ParcelId { portal, number },
        deliveries: deliveries.collect::<Result<_, Error>>()?,
    })
}
