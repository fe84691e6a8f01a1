use std::{borrow::Cow, collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use domain::{ids::IntegrationId, inbox::SignedBy};
use serde_json::Value as Json;
use surrealdb::types::{Bytes, RecordId, SurrealValue};
use uuid::Uuid;

use super::Journal;
use crate::{
    Store,
    error::Error,
    shape::{from_json, numbered, parent_and_number, record, to_json},
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
    /// The trace that it belongs to, as a W3C `traceparent`; only where traces are kept.
    pub trace: Option<String>,
}

/// Under what name a trace is kept among the headers, so that whatever kept deliveries before keeps its shape. No header of
/// Plane's that is kept has it.
const TRACE: &str = "traceparent";

impl Delivery {
    /// What is kept of it as headers.
    pub(super) fn kept_headers(&self) -> Cow<'_, BTreeMap<String, String>> {
        let mut headers = Cow::Borrowed(&self.headers);
        if let Some(trace) = &self.trace {
            headers.to_mut().insert(TRACE.to_owned(), trace.clone());
        }
        headers
    }
}

/// The headers and the trace that were kept together.
pub(super) fn apart(
    mut kept: BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Option<String>) {
    let trace = kept.remove(TRACE);
    (kept, trace)
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

/// Where a portal goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Whose its parcels are.
    pub portal: Uuid,
    /// The number of the last one that is sorted.
    pub sorted: i64,
    /// The number of the last one there is.
    pub written: i64,
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
    /// Where this portal goes on: an embedded database's in its journal, wherever the process before it was; where several have
    /// one database, each process begins with a name of its own, this one.
    pub fn received(&self, new_portal: Uuid) -> Received {
        let Some(journal) = &self.inner.journal else {
            return Received {
                portal: new_portal,
                sorted: 0,
                written: 0,
            };
        };
        let (sorted, written) = journal.numbers();
        Received {
            portal: journal.id(),
            sorted,
            written,
        }
    }

    /// Keeps deliveries until they are sorted: after this they are durable. All at once, whatever they are about, because the
    /// sender waits for it: beside an embedded database in its journal, elsewhere in one record. A portal's numbers go up.
    pub async fn keep_deliveries(
        &self,
        id: ParcelId,
        deliveries: Vec<Delivery>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        if let Some(journal) = &self.inner.journal {
            debug_assert_eq!(id.portal, journal.id());
            let kept = journal.keep(id.number, deliveries).await;
            return kept.map_err(|error| self.stop_if_broken(error));
        }
        let rows = deliveries.into_iter().map(|delivery| {
            Ok(DeliveryRow {
                integration: delivery.integration.0,
                received_at: delivery.received_at,
                signed_by: delivery.signed_by.word().to_owned(),
                headers: to_json(&*delivery.kept_headers())?,
                body: Bytes::from(delivery.body),
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

    /// Those of a portal's parcels with these numbers that are not sorted yet, in their order.
    pub async fn parcels(
        &self,
        portal: Uuid,
        numbers: RangeInclusive<i64>,
    ) -> Result<Vec<Parcel>, Error> {
        if let Some(journal) = self.journal_of(portal) {
            let read = journal.parcels(numbers).await;
            return read.map_err(|error| self.stop_if_broken(error));
        }
        // By their ids: a range of records is read far beyond its limit.
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

    /// What any portal received before then, keeps in the database, and is not sorted yet: what portals left that are gone.
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

    pub(super) fn journal_of(&self, portal: Uuid) -> Option<&Journal> {
        let journal = self.inner.journal.as_ref();
        journal.filter(|journal| journal.id() == portal)
    }

    /// At start: what the journal still has, and the database knows to be sorted, is let go.
    pub(crate) async fn take_up_journal(&self) -> Result<(), Error> {
        let Some(journal) = &self.inner.journal else {
            return Ok(());
        };
        let sorted: Option<i64> = self
            .ask("select value sorted from only $journal")
            .bind("journal", journal_record(journal.id()))
            .read()
            .await?
            .one(0)?;
        journal.sorted(sorted.unwrap_or(0)).await
    }
}

pub(super) fn journal_record(journal: Uuid) -> RecordId {
    record("webhook_journals", journal)
}

pub(super) fn parcel_record(id: ParcelId) -> RecordId {
    numbered("webhook_deliveries", &[id.portal], id.number)
}

fn parcel(row: ParcelRow) -> Result<Parcel, Error> {
    let (portal, number) = parent_and_number(&row.id)?;
    let deliveries = row.deliveries.into_iter().map(|row| {
        let (headers, trace) = apart(from_json(row.headers)?);
        Ok(Delivery {
            integration: IntegrationId(row.integration),
            received_at: row.received_at,
            signed_by: SignedBy::from_word(&row.signed_by).unwrap_or(SignedBy::Current),
            headers,
            body: row.body.to_vec(),
            trace,
        })
    });
    Ok(Parcel {
        id: ParcelId { portal, number },
        deliveries: deliveries.collect::<Result<_, Error>>()?,
    })
}
