use chrono::{DateTime, Utc};
use surrealdb::types::{RecordId, RecordIdKey, SurrealValue};

use crate::{Store, error::Error};

/// A data key of the vault, wrapped by a master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    pub id: String,
    pub wrapped: String,
    pub master_id: String,
    /// `active` for the one that seals; others only open.
    pub state: String,
    pub created_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct StoredKey {
    id: RecordId,
    wrapped: String,
    master_id: String,
    state: String,
    created_at: DateTime<Utc>,
}

#[derive(SurrealValue)]
struct Rewrapped {
    id: RecordId,
    wrapped: String,
}

impl Store {
    /// All data keys, oldest first.
    pub async fn keyring(&self) -> Result<Vec<KeyRow>, Error> {
        let rows: Vec<StoredKey> = self
            .ask("select * from keyring order by created_at limit 1000")
            .read()
            .await?
            .rows(0)?;
        Ok(rows
            .into_iter()
            .map(|row| KeyRow {
                id: match row.id.key {
                    RecordIdKey::String(id) => id,
                    _ => String::new(),
                },
                wrapped: row.wrapped,
                master_id: row.master_id,
                state: row.state,
                created_at: row.created_at,
            })
            .collect())
    }

    /// Stores a data key if none is active yet. Whether it did: of two processes at once exactly one gets to.
    pub async fn create_key(&self, key: KeyRow) -> Result<bool, Error> {
        self.ask(
            "{
                if array::len((select value id from keyring where state = 'active')) > 0 { return false };
                upsert setup:keyring set changed_at = $now;
                create $id content { wrapped: $wrapped, master_id: $master, state: $state, created_at: $now };
                return true;
            }",
        )
        .bind("id", key_record(&key.id))
        .bind("wrapped", key.wrapped)
        .bind("master", key.master_id)
        .bind("state", key.state)
        .bind("now", key.created_at)
        .write()
        .await?
        .value(0)
    }

    /// Puts all data keys under a new master key, or none: `Conflict` if they are not what the caller read.
    pub async fn rewrap_keys(
        &self,
        old_master: &str,
        keys: Vec<(String, String)>,
        new_master: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        let keys: Vec<Rewrapped> = keys
            .into_iter()
            .map(|(id, wrapped)| Rewrapped {
                id: key_record(&id),
                wrapped,
            })
            .collect();
        let audit = self.entry_by(
            None,
            "keys.rewrapped",
            None,
            "The vault's keys were put under a new master key.",
            now,
        );
        let done: bool = self
            .ask(
                "{
                    if array::len((select value id from keyring where master_id = $old)) != $count { return false };
                    upsert setup:keyring set changed_at = $now;
                    for $key in $keys {
                        update $key.id set wrapped = $key.wrapped, master_id = $new where master_id = $old;
                    };
                    if array::len((select value id from keyring where master_id = $old)) != 0 { throw 'hangar:keys' };
                    create audit content $audit;
                    return true;
                }",
            )
            .bind("old", old_master)
            .bind("new", new_master)
            .bind("count", count)
            .bind("keys", keys)
            .bind("now", now)
            .bind("audit", audit)
            .write()
            .await?
            .value(0)?;
        if done { Ok(()) } else { Err(Error::Conflict) }
    }

    /// Whether anything is stored that a lost master key would make unreadable.
    pub async fn holds_secrets(&self) -> Result<bool, Error> {
        self.ask(
            "{
                let $keys = array::len((select value id from keyring limit 1));
                let $integrations = array::len((select value id from plane_integrations limit 1));
                return $keys + $integrations > 0;
            }",
        )
        .read()
        .await?
        .value(0)
    }
}

fn key_record(id: &str) -> RecordId {
    RecordId::new("keyring", id)
}
