use chrono::{DateTime, Utc};
use domain::ids::IntegrationId;
use surrealdb::types::{RecordId, SurrealValue};

use super::event_record;
use crate::{
    Store,
    error::Error,
    shape::{count, record, records_under},
};

/// Bursts that are forgotten in one transaction, each with its events.
const BATCH: i64 = 50;

#[derive(SurrealValue)]
struct Old {
    id: RecordId,
    keys: Vec<String>,
    bytes: i64,
    last_at: DateTime<Utc>,
    state: String,
}

impl Store {
    /// Forgets an integration's bursts with their events, the oldest first: those of before then, and as many as it takes for the
    /// bodies of the rest to be at most so many bytes. What still waits stays, and so does all behind it. How many.
    pub async fn forget_bursts(
        &self,
        integration: IntegrationId,
        before: DateTime<Utc>,
        most_bytes: u64,
    ) -> Result<u64, Error> {
        let mut forgotten = 0;
        loop {
            let bytes: Option<i64> = self
                .ask("select value bytes from only $id")
                .bind("id", record("webhooks", integration.0))
                .read()
                .await?
                .one(0)?;
            let mut bytes: u64 = count(bytes.unwrap_or(0));
            let oldest: Vec<Old> = self
                .ask("select id, keys, bytes, last_at, state from $range limit $batch")
                .bind("range", records_under("webhook_bursts", &[integration.0]))
                .bind("batch", BATCH)
                .read()
                .await?
                .rows(0)?;
            let is_last = oldest.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            let looked_at = oldest.len();
            let mut gone = Vec::new();
            for old in oldest {
                if old.state == "waiting" || (old.last_at >= before && bytes <= most_bytes) {
                    break;
                }
                bytes = bytes.saturating_sub(count(old.bytes));
                gone.push(old);
            }
            if gone.is_empty() {
                return Ok(forgotten);
            }
            let is_done = is_last || gone.len() < looked_at;
            let events: Vec<RecordId> = gone
                .iter()
                .flat_map(|old| old.keys.iter().map(|key| event_record(integration, key)))
                .collect();
            forgotten += gone.len() as u64;
            self.ask(
                "{ delete $events return none; delete $bursts return none;
                   update $webhook set bytes -= $bytes return none; return none; }",
            )
            .bind("events", events)
            .bind("bytes", gone.iter().map(|old| old.bytes).sum::<i64>())
            .bind(
                "bursts",
                gone.into_iter().map(|old| old.id).collect::<Vec<_>>(),
            )
            .bind("webhook", record("webhooks", integration.0))
            .write()
            .await?;
            if is_done {
                return Ok(forgotten);
            }
        }
    }
}
