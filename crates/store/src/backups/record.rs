use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    backup::Backup,
};
use surrealdb::types::SurrealValue;

use crate::{
    Store,
    error::Error,
    shape::{from_text, latest_first, record, to_text},
};

/// So many are remembered.
const KEPT: u32 = 200;

#[derive(SurrealValue)]
struct BackupRow {
    latest_key: String,
    backup: String,
}

pub(crate) const LATEST: &str =
    "select latest_key, backup from backups where latest_key > '' order by latest_key limit $limit";

impl Store {
    /// Remembers what became of a backup, and forgets what became of those long ago.
    pub async fn save_backup(&self, backup: &Backup) -> Result<(), Error> {
        let row = BackupRow {
            latest_key: latest_first(backup.started_at, backup.id.0),
            backup: to_text(backup)?,
        };
        self.ask(
            "{
                upsert $id content $row;
                let $old = (select value id from backups where latest_key > '' order by latest_key limit 1000 start $kept);
                delete $old;
            }",
        )
        .bind("id", record("backups", backup.id.0))
        .bind("row", row)
        .bind("kept", i64::from(KEPT))
        .write()
        .await
        .map(drop)
    }

    /// What became of the latest backups, the latest first.
    pub async fn latest_backups(&self, limit: u32) -> Result<Vec<Backup>, Error> {
        let rows: Vec<BackupRow> = self
            .ask(LATEST)
            .bind("limit", i64::from(limit))
            .read()
            .await?
            .rows(0)?;
        rows.iter().map(|row| from_text(&row.backup)).collect()
    }

    /// The same, for somebody to see.
    pub async fn backups(&self, _viewer: &Viewer, limit: u32) -> Result<Vec<Backup>, Error> {
        self.latest_backups(limit).await
    }

    /// An admin wants a backup now: that is history.
    pub async fn ask_for_backup(&self, admin: &Admin, now: DateTime<Utc>) -> Result<(), Error> {
        let user = admin.user();
        let says = format!("{} asked for a backup.", user.name);
        let audit = self.entry_by(Some(user), "backup.asked", None, says, now);
        self.ask("create audit content $audit return none")
            .bind("audit", audit)
            .write()
            .await
            .map(drop)
    }

    /// This database was just filled from a backup: whoever was signed in then is no longer, because a cookie may have been stolen
    /// or signed out since.
    pub async fn begin_anew(&self, says: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let audit = self.entry_by(None, "backup.restored", None, says, now);
        self.ask(
            "{
                delete sessions;
                create audit content $audit;
            }",
        )
        .bind("audit", audit)
        .write()
        .await
        .map(drop)
    }
}
