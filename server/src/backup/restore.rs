use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use store::{Aside, OpenOptions, Store};

use super::{
    FileError,
    file::publish,
    make::{MakeError, fill},
};
use crate::{config::Config, rng::Rng, vault::MasterKeySource, vault::Vault};

/// What a database was made of.
#[derive(Debug)]
pub struct Restored {
    pub records: u64,
    /// Where it is.
    pub database: PathBuf,
    /// Why the master key that is configured does not open what is sealed in it, if it does not.
    pub locked: Option<String>,
}

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(
        "--database-url: a backup is restored into files (surrealkv://); a database server has ways of its own"
    )]
    NotOnDisk,
    #[error(
        "there is a database in {0} already; name an empty --data directory, or move that one away first"
    )]
    NotEmpty(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the backup can't be restored: {0}")]
    Refused(String),
}

impl RestoreError {
    /// What the process exits with (sysexits.h): 65 for a file that is no good, 73 where a database is, 78 for the configuration.
    pub fn exit_code(&self) -> u8 {
        match self {
            RestoreError::NotOnDisk | RestoreError::Store(store::Error::Address(_)) => 78,
            RestoreError::NotEmpty(_) => 73,
            RestoreError::File(FileError::Io { .. }) | RestoreError::Store(_) => 74,
            RestoreError::File(_) | RestoreError::Refused(_) => 65,
        }
    }
}

impl From<MakeError> for RestoreError {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Store(error) => RestoreError::Refused(error.to_string()),
            MakeError::File(error) => RestoreError::File(error),
            other => RestoreError::Refused(other.to_string()),
        }
    }
}

/// Makes a database out of a backup, where there is none: whole and verified, or not at all. Nobody is signed in any more then.
pub async fn restore(
    file: &Path,
    config: &Config,
    master: &MasterKeySource,
    rng: &Rng,
    now: DateTime<Utc>,
) -> Result<Restored, RestoreError> {
    let directory = OpenOptions::new(&config.database_url).directory()?;
    let database = directory.ok_or(RestoreError::NotOnDisk)?;
    if fs::read_dir(&database).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(RestoreError::NotEmpty(database.display().to_string()));
    }
    let mut unfinished = database.clone().into_os_string();
    unfinished.push(".restoring");
    let unfinished = PathBuf::from(unfinished);
    let filled = Aside::empty(&unfinished).await?;
    let restored = async {
        let contents = fill(file, &filled).await?;
        filled.close().await?;
        let url = format!("surrealkv://{}", unfinished.display());
        let store = Store::open(OpenOptions::new(url), now).await?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let says = format!("The database was restored from the backup {name}.");
        store.begin_anew(&says, now).await?;
        let opened = Vault::open(&store, master, rng, now).await;
        store.close().await;
        publish(&unfinished, &database)?;
        Ok(Restored {
            records: contents.records(),
            database: database.clone(),
            locked: opened.err().map(|error| error.to_string()),
        })
    };
    let restored: Result<Restored, RestoreError> = restored.await;
    if restored.is_err()
        && let Err(error) = fs::remove_dir_all(&unfinished)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(at = %unfinished.display(), %error, "can't be removed");
    }
    restored
}
