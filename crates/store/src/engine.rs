//! The database behind the one door: embedded or remote. Everything that is odd about the embedded engine is in here.
//!
//! surrealkv 0.21.4 loses an acknowledged commit when its memtable fills (surrealkv's log rotates between the write of
//! the log and of the memtable, and the old log is dropped with the commit in it). So the memtable never fills here:
//! when the log on disk has grown to a quarter of it, the engine is shut down, which flushes, and opened again.
//! Every query holds a read lock meanwhile; callers see a pause of some 50 ms.
//!
//! It also loses what is committed after a log that ends in the middle of a record, as a power cut or a kill between two
//! writes leaves it: its replay puts a repaired copy in the log's place while its writer goes on with the file that has no
//! name any more, or takes the fragment for the log's end and lets the writer go on behind it, where the next replay stops.
//! So a log that is there at the start is only read: the engine is shut down at once, which flushes, and opened again
//! with a log of its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_channel::Sender;
use futures::future::BoxFuture;
use surrealdb::{
    IndexedResults, Surreal,
    engine::local::Db,
    types::{Error as DbError, Variables},
};
use surrealdb_cnf::ConfigMap;
use surrealdb_core::{dbs::Session, kvs::Datastore};
use tokio::sync::{RwLock, Semaphore};

use crate::{
    error::{Error, not_on_disk},
    options::{OpenOptions, Place},
    remote::Remote,
    settled::settled,
};

/// An answer under way. `Err` is a failure of the whole; failures of statements are in the answer.
pub(crate) type Sent<'a> = BoxFuture<'a, Result<Result<IndexedResults, DbError>, Error>>;

/// The database, wherever it is.
///
/// Behind this, and behind the futures' hidden types, the compiler does not look: for each function that awaits a query, however far
/// away, it would otherwise ask of all of SurrealDB's types whether they may move between threads, for ten seconds each time.
pub(crate) trait Engine: Send + Sync {
    /// Sends one query.
    fn send<'a>(&'a self, sql: &'a str, variables: Variables, writes: bool) -> Sent<'a>;
    /// Flushes and closes; later queries are refused.
    fn close(&self) -> BoxFuture<'_, ()>;
    /// Makes a copy of the files, as of one moment, in this directory instead of what is there. Only of an embedded database on disk.
    fn freeze<'a>(&'a self, into: &'a Path) -> BoxFuture<'a, Result<(), Error>>;
    /// Whether it is inside this process.
    fn is_embedded(&self) -> bool;
    /// How often it was recycled.
    fn recycled(&self) -> u64;
}

pub(crate) async fn open(options: &OpenOptions) -> Result<Box<dyn Engine>, Error> {
    match options.place()? {
        Place::Memory => Ok(Box::new(
            Embedded::open(options, "mem://".to_owned(), None, false).await?,
        )),
        Place::Directory(path) => {
            std::fs::create_dir_all(&path).map_err(|e| {
                Error::Address(format!(
                    "the directory {} can't be made: {e}",
                    path.display()
                ))
            })?;
            let url = format!("surrealkv://{}?sync=every", path.display());
            Ok(Box::new(
                Embedded::open(options, url, Some(path), false).await?,
            ))
        }
        Place::Remote(url) => Ok(Box::new(Remote::open(options, url).await?)),
    }
}

impl Engine for Embedded {
    fn send<'a>(&'a self, sql: &'a str, variables: Variables, writes: bool) -> Sent<'a> {
        Box::pin(self.query(sql, variables, writes))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(open) = self.slot.write().await.take() {
                open.shut_down().await;
            }
        })
    }

    fn freeze<'a>(&'a self, into: &'a Path) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.frozen(into))
    }

    fn is_embedded(&self) -> bool {
        true
    }

    fn recycled(&self) -> u64 {
        self.recycled.load(Ordering::Relaxed)
    }
}

impl Engine for Remote {
    fn send<'a>(&'a self, sql: &'a str, variables: Variables, _writes: bool) -> Sent<'a> {
        Box::pin(self.query(sql, variables))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.disconnect())
    }

    fn freeze<'a>(&'a self, _into: &'a Path) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(not_on_disk()) })
    }

    fn is_embedded(&self) -> bool {
        false
    }

    fn recycled(&self) -> u64 {
        0
    }
}

pub(crate) struct Embedded {
    slot: RwLock<Option<Open>>,
    how: How,
    /// Bytes of log that an open engine may gather.
    allowed: u64,
    /// As many writes at once as may still fit into the memtable's other three quarters.
    writers: Semaphore,
    recycle: bool,
    recycled: AtomicU64,
}

/// Writes under way at once. With the largest transactions ([`crate::sync`]: some 5 MiB with their index entries) eight
/// fit into three quarters of 64 MiB, and more than eight at once make nothing faster.
const WRITERS: usize = 8;

/// Records of a statement of an export, which is one transaction when it is imported: with records of half a megabyte it fits as
/// well.
const RECORDS_A_STATEMENT: u32 = 16;

/// All that it takes to open the engine again.
struct How {
    url: String,
    directory: Option<PathBuf>,
    config: ConfigMap,
    namespace: String,
    database: String,
    /// Whether all of it is scanned as soon as it is open.
    is_scanned_at_once: bool,
}

struct Open {
    db: Surreal<Db>,
    datastore: Arc<Datastore>,
}

impl Embedded {
    async fn open(
        options: &OpenOptions,
        url: String,
        directory: Option<PathBuf>,
        is_scanned_at_once: bool,
    ) -> Result<Self, Error> {
        let config = ConfigMap::empty()
            .with_key_value(
                "surrealkv_max_memtable_size",
                options.memtable_bytes.to_string(),
            )
            .with_key_value(
                "surrealkv_block_cache_capacity",
                options.cache_bytes.to_string(),
            )
            .with_key_value("export_batch_size", RECORDS_A_STATEMENT.to_string());
        let how = How {
            url,
            directory,
            config,
            namespace: options.namespace.clone(),
            database: options.database.clone(),
            is_scanned_at_once,
        };
        let is_left_over = how.directory.as_deref().is_some_and(|at| log_bytes(at) > 0);
        let mut open = how.open().await?;
        if is_left_over {
            open = how.open_again(open).await?;
        }
        let embedded = Self {
            slot: RwLock::new(Some(open)),
            how,
            allowed: options.memtable_bytes / 4,
            writers: Semaphore::new(WRITERS),
            recycle: options.recycle,
            recycled: AtomicU64::new(0),
        };
        embedded.make_room().await?;
        Ok(embedded)
    }

    async fn query(
        &self,
        sql: &str,
        variables: Variables,
        writes: bool,
    ) -> Result<Result<IndexedResults, DbError>, Error> {
        let _turn = match writes {
            true => {
                let turn = self.writers.acquire().await.map_err(|_| Error::Closed)?;
                self.make_room().await?;
                Some(turn)
            }
            false => None,
        };
        let slot = self.slot.read().await;
        match &*slot {
            Some(open) => Ok(open.db.query(sql).bind(variables).await),
            None => Err(Error::Closed),
        }
    }

    async fn make_room(&self) -> Result<(), Error> {
        let Some(directory) = self.how.directory.as_deref().filter(|_| self.recycle) else {
            return Ok(());
        };
        if log_bytes(directory) < self.allowed {
            return Ok(());
        }
        let mut slot = self.slot.write().await;
        if log_bytes(directory) < self.allowed {
            return Ok(()); // somebody else was faster
        }
        self.recycle(&mut slot, || ()).await
    }

    /// Shuts the engine down, does something with its files, and opens it again.
    async fn recycle<T: Default>(
        &self,
        slot: &mut Option<Open>,
        meanwhile: impl FnOnce() -> T,
    ) -> Result<T, Error> {
        let Some(open) = slot.take() else {
            return Ok(T::default());
        };
        let again = async {
            self.how.flush(open).await?;
            let done = meanwhile();
            Ok::<_, Error>((self.how.open().await?, done))
        };
        let (open, done) = again.await.map_err(|e| Error::Broken(e.to_string()))?;
        *slot = Some(open);
        self.recycled.fetch_add(1, Ordering::Relaxed);
        Ok(done)
    }

    /// A database beside the one that Hangar uses, in that directory. Its commits are not synced: it is thrown away, or synced as a
    /// whole.
    pub(crate) async fn open_aside(directory: &Path) -> Result<Self, Error> {
        fs::create_dir_all(directory)
            .map_err(|error| Error::Files(format!("{}: {error}", directory.display())))?;
        let options = OpenOptions {
            memtable_bytes: 128 << 20,
            ..OpenOptions::new("")
        };
        let url = format!("surrealkv://{}?sync=never", directory.display());
        let mut aside = Self::open(&options, url, Some(directory.to_owned()), true).await?;
        // Statements of an export may be large.
        aside.allowed = 16 << 20;
        Ok(aside)
    }

    /// Sends everything there is as statements, in one transaction.
    pub(crate) async fn export(&self, into: Sender<Vec<u8>>) -> Result<(), Error> {
        let slot = self.slot.read().await;
        let open = slot.as_ref().ok_or(Error::Closed)?;
        let unexpected = |error: anyhow::Error| Error::Query(format!("{error:#}"));
        let session = self.how.session();
        let export = open.datastore.export(&session, into).await;
        export.map_err(unexpected)?.await.map_err(unexpected)
    }

    /// Runs statements of an export, each in a transaction of its own.
    pub(crate) async fn import(&self, statements: &str) -> Result<(), Error> {
        self.make_room().await?;
        let slot = self.slot.read().await;
        let open = slot.as_ref().ok_or(Error::Closed)?;
        let all = format!("OPTION IMPORT;\n{statements}");
        let done = open.datastore.import(&all, &self.how.session()).await;
        for one in done.map_err(|error| Error::Query(format!("{error:#}")))? {
            one.result
                .map_err(|error| Error::Query(error.message().to_owned()))?;
        }
        Ok(())
    }

    /// While the engine is shut down, everything is in files that are only read or removed from then on: an engine that is opened
    /// writes its tables and values into new ones. So links to them are a copy, made in no time, and need no room.
    async fn frozen(&self, into: &Path) -> Result<(), Error> {
        let directory = self.how.directory.as_deref().ok_or_else(not_on_disk)?;
        let mut slot = self.slot.write().await;
        if slot.is_none() {
            return Err(Error::Closed);
        }
        let linked = self.recycle(&mut slot, || Some(link_files(directory, into)));
        let linked = linked.await?.unwrap_or(Ok(()));
        linked.map_err(|error| Error::Files(format!("{}: {error}", into.display())))
    }
}

impl How {
    async fn open(&self) -> Result<Open, Error> {
        // In the order of the SDK's own start: a maintenance task that writes before the version is stamped makes a new
        // database look like one of a version long gone.
        let (config, url) = (self.config.clone(), self.url.clone());
        let building = async move {
            let builder = Datastore::builder().with_config(config);
            let builder = builder.without_maintenance_tasks();
            builder.build_with_path(&url).await
        };
        let datastore = match self.is_scanned_at_once {
            true => settled(building).await?,
            false => building.await,
        };
        let datastore = datastore.map_err(|e| self.refusal(&e.to_string()))?;
        datastore
            .check_version()
            .await
            .map_err(|e| self.refusal(&e.to_string()))?;
        datastore
            .bootstrap()
            .await
            .map_err(|e| self.refusal(&e.to_string()))?;
        datastore.start_maintenance_tasks();
        let db = Surreal::<Db>::unstable_from_datastore(Arc::clone(&datastore), None)
            .await
            .map_err(|e| self.refusal(e.message()))?;
        db.use_ns(&self.namespace)
            .use_db(&self.database)
            .await
            .map_err(|e| self.refusal(e.message()))?;
        Ok(Open { db, datastore })
    }

    /// Shuts the engine down, which flushes its memtable, and opens it with an empty log.
    async fn open_again(&self, open: Open) -> Result<Open, Error> {
        self.flush(open).await?;
        self.open().await
    }

    async fn flush(&self, open: Open) -> Result<(), Error> {
        open.shut_down().await;
        // The engine logs a flush that failed and says nothing; but then its log is still there.
        let left = self.directory.as_deref().map_or(0, log_bytes);
        match left {
            0 => Ok(()),
            left => Err(self.refusal(&format!("{left} bytes of log could not be flushed"))),
        }
    }

    fn session(&self) -> Session {
        Session::owner()
            .with_ns(&self.namespace)
            .with_db(&self.database)
    }

    fn refusal(&self, text: &str) -> Error {
        let path = self
            .directory
            .as_deref()
            .map(|d| d.display().to_string())
            .unwrap_or_default();
        if text.contains("already locked") {
            Error::Locked { path }
        } else {
            Error::Broken(format!("{path} can't be opened: {text}"))
        }
    }
}

impl Open {
    async fn shut_down(self) {
        if let Err(error) = self.datastore.shutdown().await {
            tracing::warn!(%error, "database did not shut down cleanly");
        }
    }
}

/// A copy of the files of an engine that is shut down: links to tables and values, which are many and large, and a copy of the
/// rest, which is written anew.
fn link_files(from: &Path, into: &Path) -> io::Result<()> {
    match fs::remove_dir_all(into) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Nothing is in there: else a copy could be written over a link, and so into the database's own file.
    fs::create_dir(into)?;
    for folder in ["sstables", "vlog", "manifest"] {
        let target = into.join(folder);
        fs::create_dir(&target)?;
        let source = from.join(folder);
        if !source.is_dir() {
            continue;
        }
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            let target = target.join(entry.file_name());
            if folder == "manifest" || fs::hard_link(entry.path(), &target).is_err() {
                fs::copy(entry.path(), &target)?;
            }
        }
    }
    Ok(())
}

/// The size of the engine's write-ahead log on disk.
fn log_bytes(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory.join("wal")) else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}
