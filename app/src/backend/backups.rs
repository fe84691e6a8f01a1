use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    backup::Backup,
    checks::Level,
};

use crate::failure::Failure;

/// Copies of the whole database.
#[async_trait]
pub trait Backups: Send + Sync {
    /// What is kept, and when the next one comes.
    async fn report(&self, viewer: &Viewer) -> Result<BackupReport, Failure>;
    /// Begins one; what became of it is in a later report.
    async fn make(&self, admin: &Admin) -> Result<(), Failure>;
}

/// How it stands with backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupReport {
    On {
        every_hours: u32,
        keep: u32,
        /// Only for admins.
        directory: Option<String>,
        next_at: DateTime<Utc>,
        level: Level,
        is_under_way: bool,
        /// What became of the latest ones, the latest first.
        rows: Vec<BackupRow>,
    },
    /// Hangar was started so that it makes none.
    Off,
    /// The database is not in files of this portal.
    Elsewhere,
}

/// What became of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRow {
    pub backup: Backup,
    /// Its file is still there.
    pub is_there: bool,
}
