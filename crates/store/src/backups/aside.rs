use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{runtime::Handle, sync::OwnedMutexGuard};

use crate::{
    Store,
    engine::{Embedded, Engine as _},
    error::{Error, not_on_disk},
    query::cut_off,
};

/// In the directory of an embedded database: its frozen copy, while a backup is made of it.
const FROZEN: &str = "frozen";
/// Statements of an export that wait to be written down.
const WAITING: usize = 64;

/// A database beside the one that Hangar uses: as that one was at a moment, or one that is filled from an export.
pub struct Aside {
    engine: Arc<Embedded>,
    directory: PathBuf,
    /// Of a frozen copy: until its engine is closed, nobody makes another one. The engine would go on by the names of files that are
    /// links to the database's own then.
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for Aside {
    /// Closes what nobody closed, such as the copy of somebody who stopped waiting for it.
    fn drop(&mut self) {
        let (engine, turn) = (self.engine.clone(), self.turn.take());
        if let (Some(turn), Ok(runtime)) = (turn, Handle::try_current()) {
            runtime.spawn(async move {
                engine.close().await;
                drop(turn);
            });
        }
    }
}

impl Store {
    /// The database as it is now, apart from the one that goes on: whoever reads it is in nobody's way. Only an embedded database
    /// on disk can be frozen; everybody waits for as long as a recycling takes. There is one such copy at a time: who asks for another
    /// one waits.
    pub async fn freeze(&self) -> Result<Aside, Error> {
        let directory = self.inner.directory.as_ref().ok_or_else(not_on_disk)?;
        let frozen = directory.join(FROZEN);
        let turn = self.inner.freezing.clone().lock_owned().await;
        // It goes on even if the caller stops waiting: the engine is shut down in the middle of it, and the copy's is opened.
        let store = self.clone();
        let freezing = tokio::spawn(async move {
            if let Err(error) = store.inner.engine.freeze(&frozen).await {
                let _ = remove(&frozen);
                return Err(store.stop_if_broken(error));
            }
            Aside::open(&frozen, Some(turn)).await
        });
        let cut_off = |error| Err(self.stop_if_broken(cut_off(&error)));
        freezing.await.unwrap_or_else(cut_off)
    }

    /// Whether the database is in files of this process, so that it can be frozen.
    pub fn is_on_disk(&self) -> bool {
        self.inner.directory.is_some()
    }
}

impl Aside {
    /// An empty database in this directory, which is made.
    pub async fn empty(directory: &Path) -> Result<Self, Error> {
        remove(directory)?;
        Self::open(directory, None).await
    }

    async fn open(directory: &Path, turn: Option<OwnedMutexGuard<()>>) -> Result<Self, Error> {
        let opened = Embedded::open_aside(directory).await;
        if opened.is_err() {
            let _ = remove(directory);
        }
        Ok(Self {
            engine: Arc::new(opened?),
            directory: directory.to_owned(),
            turn,
        })
    }

    /// Gives everything to `write`, as statements of SurrealQL: each piece is whole lines, each statement one line. Nothing is held
    /// in memory but a few pieces.
    pub async fn export<T: Send + 'static>(
        &self,
        mut to: T,
        mut write: impl FnMut(&mut T, &[u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<T, Error> {
        let (into, pieces) = async_channel::bounded::<Vec<u8>>(WAITING);
        let writing = tokio::task::spawn_blocking(move || {
            while let Ok(piece) = pieces.recv_blocking() {
                write(&mut to, &piece)?;
            }
            Ok(to)
        });
        let exported = self.engine.export(into).await;
        let written: io::Result<T> = writing
            .await
            .map_err(|error| Error::Files(error.to_string()))?;
        // An export whose pieces nobody takes any more fails as well, and says less.
        let to = written.map_err(|error| Error::Files(error.to_string()))?;
        exported.map(|()| to)
    }

    /// Runs statements of an export, each in a transaction of its own.
    pub async fn import(&self, statements: &str) -> Result<(), Error> {
        self.engine.import(statements).await
    }

    /// How many records each table has.
    pub async fn tables(&self) -> Result<BTreeMap<String, u64>, Error> {
        let names: Vec<String> = self
            .ask("return object::keys((info for db).tables)")
            .await?;
        let mut tables = BTreeMap::new();
        for name in names {
            let sql = format!("select value count from (select count() from `{name}` group all)");
            let count: Vec<i64> = self.ask(&sql).await?;
            let count = count.first().copied().unwrap_or(0);
            tables.insert(name, u64::try_from(count).unwrap_or(0));
        }
        Ok(tables)
    }

    async fn ask<T: surrealdb::types::SurrealValue>(&self, sql: &str) -> Result<Vec<T>, Error> {
        let unexpected = |error: surrealdb::Error| Error::Query(error.message().to_owned());
        let sent = self.engine.send(sql, Default::default(), false).await?;
        let mut answer = sent.map_err(unexpected)?.check().map_err(unexpected)?;
        answer.take(0).map_err(unexpected)
    }

    /// What its files take on the disk.
    pub fn bytes(&self) -> u64 {
        bytes(&self.directory)
    }

    /// Closes it. Its files are all on disk then.
    pub async fn close(self) -> Result<PathBuf, Error> {
        self.engine.close().await;
        sync(&self.directory).map_err(|error| files(&self.directory, &error))?;
        Ok(self.directory.clone())
    }

    /// Closes it, and removes its files.
    pub async fn remove(self) -> Result<(), Error> {
        self.engine.close().await;
        remove(&self.directory)
    }
}

/// What a process left that died while it made a backup.
pub(crate) fn remove_left_over(database: &Path) -> Result<(), Error> {
    remove(&database.join(FROZEN))
}

fn remove(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(files(directory, &error)),
        _ => Ok(()),
    }
}

/// As far as it can be told.
fn bytes(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Everything below it is on disk afterwards.
fn sync(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync(&entry.path())?,
            false => fs::File::open(entry.path())?.sync_all()?,
        }
    }
    fs::File::open(directory)?.sync_all()
}

fn files(at: &Path, error: &io::Error) -> Error {
    Error::Files(format!("{}: {error}", at.display()))
}
