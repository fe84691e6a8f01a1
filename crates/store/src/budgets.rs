use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use surrealdb::types::{RecordId, SurrealValue};

use crate::{Store, error::Error, shape::count};

impl Store {
    /// What is kept of a key's budget, with its revision.
    pub async fn budget(
        &self,
        origin: &str,
        fingerprint: &str,
    ) -> Result<Option<(u64, Json)>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            revision: i64,
            body: Json,
        }
        let row: Option<Row> = self
            .ask("select revision, body from only $id")
            .bind("id", id(origin, fingerprint))
            .read()
            .await?
            .one(0)?;
        Ok(row.map(|row| (count(row.revision), row.body)))
    }

    /// Keeps a budget in place of the one with this revision, which goes up by one. Whether that was still there; 0 is
    /// where nothing is kept.
    pub async fn save_budget(
        &self,
        origin: &str,
        fingerprint: &str,
        revision: u64,
        body: Json,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.ask(
            "{
                if ((select value revision from only $id) ?? 0) != $revision { return false };
                upsert $id content { revision: $revision + 1, body: $body, written_at: $now };
                return true;
            }",
        )
        .bind("id", id(origin, fingerprint))
        .bind("revision", i64::try_from(revision).unwrap_or(i64::MAX))
        .bind("body", body)
        .bind("now", now)
        .write()
        .await?
        .value(0)
    }

    /// Forgets budgets that nobody wrote since then: their windows are long over.
    pub async fn forget_budgets(&self, before: DateTime<Utc>) -> Result<(), Error> {
        self.ask("delete budgets where written_at < $before return none")
            .bind("before", before)
            .write()
            .await
            .map(drop)
    }
}

fn id(origin: &str, fingerprint: &str) -> RecordId {
    // An origin has no space.
    RecordId::new("budgets", format!("{origin} {fingerprint}"))
}
