use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use domain::{backup::Made, number::bytes};
use sha2::{Digest as _, Sha256};
use store::Aside;
use tokio::sync::mpsc;

use super::{
    BackupService, FileError, On,
    file::{Contents, Reader, Writer, failed, publish},
};

/// Statements that are imported together, in bytes.
const PART: usize = 1 << 20;
/// What is left free for the database that goes on.
const ROOM: u64 = 512 << 20;

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("there is too little room: {} are free, and a backup may need {}", bytes(*free), bytes(*needed))]
    NoRoom { needed: u64, free: u64 },
    #[error("what was read back is not what was written: {0}")]
    Differs(String),
}

impl MakeError {
    /// What a page says.
    pub(super) fn sentence(&self) -> String {
        let text = self.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    }
}

impl BackupService {
    /// Makes a backup, and verifies it before it gets its name.
    pub(super) async fn make(&self, on: &On, started_at: DateTime<Utc>) -> Result<Made, MakeError> {
        let directory = &on.directory;
        make_directory(directory).map_err(|error| failed(directory, error))?;
        // What the last one could not remove itself.
        on.remove_left_over();
        let made = self.attempt(on, started_at).await;
        if made.is_err() {
            on.remove_left_over();
        }
        made
    }

    async fn attempt(&self, on: &On, started_at: DateTime<Utc>) -> Result<Made, MakeError> {
        let frozen = self.store.freeze().await?;
        let written = self.write(on, &frozen, started_at).await;
        let removed = frozen.remove().await;
        let (size, sum, contents) = written?;
        removed?;
        let filled = Aside::empty(&on.verifying()).await?;
        let verified = fill(&on.unfinished(), &filled).await;
        let removed = filled.remove().await;
        let read = verified?;
        removed?;
        if read != contents {
            return Err(MakeError::Differs("its end is another one".to_owned()));
        }
        let time = started_at.format("%Y%m%dT%H%M%SZ");
        let file = format!("hangar-{time}-{}.surql.gz", &sum[..12]);
        publish(&on.unfinished(), &on.directory.join(&file))?;
        Ok(Made {
            file,
            bytes: size,
            records: contents.records(),
        })
    }

    async fn write(
        &self,
        on: &On,
        frozen: &Aside,
        started_at: DateTime<Utc>,
    ) -> Result<(u64, String, Contents), MakeError> {
        // The text, compressed, and a database that is filled from it take less than that.
        let needed = frozen.bytes() * 2 + ROOM;
        let space = self.disk.space(&on.directory);
        let free = space.map_err(|error| failed(&on.directory, error))?.free;
        if free < needed {
            return Err(MakeError::NoRoom { needed, free });
        }
        let tables = frozen.tables().await?;
        let says = format!(
            "made by Hangar {} at {}",
            env!("CARGO_PKG_VERSION"),
            started_at.format("%Y-%m-%d %H:%M:%S UTC")
        );
        let writer = Writer::create(&on.unfinished(), &says)?;
        let writer = frozen.export(writer, Writer::write).await?;
        Ok(blocking(move || writer.finish(tables)).await?)
    }
}

/// Reads a backup into an empty database, and looks whether that holds the same afterwards: as many records in each table, and, exported
/// again, the same text to the last byte.
pub(super) async fn fill(file: &Path, empty: &Aside) -> Result<Contents, MakeError> {
    let (parts, mut read) = mpsc::channel(2);
    let file = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = Reader::open(&file)?;
        while let Some(part) = reader.part(PART)? {
            if parts.blocking_send(part).is_err() {
                break; // nobody wants more, and says why
            }
        }
        reader.end()
    });
    while let Some(part) = read.recv().await {
        empty.import(&part).await?;
    }
    let contents = reading.await.map_err(interrupted)??;
    let tables = empty.tables().await?;
    if tables != contents.tables {
        let differs = contents
            .tables
            .iter()
            .find(|(name, count)| tables.get(*name) != Some(*count));
        let (name, count) = differs.map_or(("a table", 0), |(name, count)| (name.as_str(), *count));
        let found = tables.get(name).copied().unwrap_or(0);
        return Err(MakeError::Differs(format!(
            "{name} has {found} records instead of {count}"
        )));
    }
    let hash = empty
        .export(Sha256::new(), |hash, lines| {
            hash.update(lines);
            Ok(())
        })
        .await?;
    match hex::encode(hash.finalize()) == contents.sha256 {
        true => Ok(contents),
        false => Err(MakeError::Differs("some record is another one".to_owned())),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(interrupted)?
}

fn interrupted(error: tokio::task::JoinError) -> FileError {
    failed(&PathBuf::from("the backup"), io::Error::other(error))
}

/// Its owner's alone, if it is not there yet.
fn make_directory(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}
