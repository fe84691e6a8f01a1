use chrono::{DateTime, Utc};
use domain::{ids::IntegrationId, inbox::Disbelief};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, record, record_of, records_under},
};

/// A delivery that was not believed, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// UUID v7, so that the oldest comes first.
    pub id: Uuid,
    pub integration: IntegrationId,
    pub received_at: DateTime<Utc>,
    pub why: Disbelief,
    pub sealed: String,
}

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    uid: Uuid,
    received_at: DateTime<Utc>,
    why: String,
    bytes: i64,
    sealed: String,
}

/// How many are let go of at once to make room.
const ROOM: i64 = 200;

impl Store {
    /// Counts a delivery that was not believed, and keeps it: at most so many and so many bytes of an integration's, for which
    /// the oldest are let go of. Whether it is kept; one that is too large alone is not.
    pub async fn quarantine(
        &self,
        one: &Quarantined,
        most: u32,
        most_bytes: u64,
    ) -> Result<bool, Error> {
        let bytes = i64::try_from(one.sealed.len()).unwrap_or(i64::MAX);
        let row = Row {
            id: record_of("webhook_quarantine", &[one.integration.0, one.id]),
            uid: one.id,
            received_at: one.received_at,
            why: one.why.word().to_owned(),
            bytes,
            sealed: one.sealed.clone(),
        };
        self.ask(
            "{
                let $is = (select refused, quarantined, quarantined_bytes from only $webhook);
                if $is = none { return false };
                let $times = ($is.refused[$why] ?? 0) + 1;
                update $webhook set refused_at = $now,
                    refused = object::extend(refused, object::from_entries([[$why, $times]])) return none;
                let $is_full = $row.bytes <= $most_bytes
                    and ($is.quarantined >= $most or $is.quarantined_bytes + $row.bytes > $most_bytes);
                let $old = if $is_full { (select id, bytes from $range limit $room) } else { [] };
                delete $old.id return none;
                let $left = $is.quarantined_bytes - math::sum($old.bytes);
                let $fits = $left + $row.bytes <= $most_bytes;
                if $fits { create $row.id content $row return none };
                update $webhook set
                    quarantined = $is.quarantined - array::len($old) + if $fits { 1 } else { 0 },
                    quarantined_bytes = $left + if $fits { $row.bytes } else { 0 } return none;
                return $fits;
            }",
        )
        .bind("webhook", record("webhooks", one.integration.0))
        .bind("range", records_under("webhook_quarantine", &[one.integration.0]))
        .bind("why", one.why.word())
        .bind("now", one.received_at)
        .bind("row", row)
        .bind("most", i64::from(most))
        .bind("most_bytes", i64::try_from(most_bytes).unwrap_or(i64::MAX))
        .bind("room", ROOM)
        .write()
        .await?
        .value(0)
    }

    /// Some of an integration's deliveries that were not believed, behind `after`, the oldest first.
    pub async fn quarantined(
        &self,
        integration: IntegrationId,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Quarantined>, Error> {
        let rows: Vec<Row> = self
            .ask("select * from $range where $after = none or uid > $after limit $limit")
            .bind(
                "range",
                records_under("webhook_quarantine", &[integration.0]),
            )
            .bind("after", after)
            .bind("limit", i64::from(limit))
            .read()
            .await?
            .rows(0)?;
        Ok(rows
            .into_iter()
            .map(|row| Quarantined {
                id: row.uid,
                integration,
                received_at: row.received_at,
                why: Disbelief::from_word(&row.why).unwrap_or(Disbelief::Unknown),
                sealed: row.sealed,
            })
            .collect())
    }

    /// Lets go of one: it was believed after all, or is too old. Whether it was there.
    pub async fn leave_quarantine(
        &self,
        integration: IntegrationId,
        id: Uuid,
    ) -> Result<bool, Error> {
        self.ask(
            "{
                let $bytes = (select value bytes from only $id);
                if $bytes = none { return false };
                delete $id return none;
                update $webhook set quarantined -= 1, quarantined_bytes -= $bytes return none;
                return true;
            }",
        )
        .bind("id", record_of("webhook_quarantine", &[integration.0, id]))
        .bind("webhook", record("webhooks", integration.0))
        .write()
        .await?
        .value(0)
    }

    /// Lets go of those that were received before then. How many.
    pub async fn forget_quarantined(
        &self,
        integration: IntegrationId,
        before: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let gone: i64 = self
            .ask(
                "{
                    let $old = (select id, bytes from $range where received_at < $before);
                    delete $old.id return none;
                    update $webhook set quarantined -= array::len($old), quarantined_bytes -= math::sum($old.bytes)
                        return none;
                    return array::len($old);
                }",
            )
            .bind("range", records_under("webhook_quarantine", &[integration.0]))
            .bind("webhook", record("webhooks", integration.0))
            .bind("before", before)
            .write()
            .await?
            .value(0)?;
        Ok(count(gone))
    }
}
