use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::DateTime;
use domain::{ids::IntegrationId, inbox::SignedBy};
use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase as _, ReadableTable as _,
    TableDefinition, backends::InMemoryBackend,
};
use uuid::Uuid;

use super::{Delivery, Parcel, ParcelId, deliveries::apart};
use crate::error::Error;

/// Integration, nanoseconds since 1970, which secret, headers as JSON, body.
type Row<'a> = (u128, i64, &'a str, &'a str, &'a [u8]);

/// By the parcel's number and the place in it.
const DELIVERIES: TableDefinition<(i64, u32), Row> = TableDefinition::new("deliveries");
const NAMES: TableDefinition<&str, u128> = TableDefinition::new("names");

/// For pages of the file; parcels are written once and read once.
const CACHE_BYTES: usize = 4 << 20;
/// A file that is larger and empty, as after a flood, is made small.
const LARGE_FILE: u64 = 32 << 20;

/// What an embedded database's portal has received and not sorted, in a file beside the database: whoever receives waits for one
/// sync of that file, and never for the database, which stands still for a while whenever it is recycled ([`crate::engine`]).
///
/// Up to which number it is sorted stands in the database, written with the events: so none is sorted twice, although what is
/// sorted leaves the file later.
pub(crate) struct Journal {
    id: Uuid,
    shared: Arc<Shared>,
}

struct Shared {
    /// None once closed.
    file: RwLock<Option<Database>>,
    path: Option<PathBuf>,
    sorted: AtomicI64,
    written: AtomicI64,
}

impl Journal {
    /// Opens the journal in this directory, or makes it, with that name; without a directory it is in memory.
    pub(crate) fn open(directory: Option<&Path>, new_id: Uuid) -> Result<Self, Error> {
        let path = directory.map(|directory| directory.join("deliveries.redb"));
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let opened = match &path {
            Some(path) => builder.create(path),
            None => builder.create_with_backend(InMemoryBackend::new()),
        };
        let file = opened.map_err(|error| refusal(path.as_deref(), error))?;
        let (id, written) = begin(&file, new_id).map_err(broken)?;
        let shared = Shared {
            file: RwLock::new(Some(file)),
            path,
            sorted: AtomicI64::new(0),
            written: AtomicI64::new(written),
        };
        Ok(Self {
            id,
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The number of the last parcel that is sorted, and of the last one that was written.
    pub(crate) fn numbers(&self) -> (i64, i64) {
        (
            self.shared.sorted.load(Ordering::Acquire),
            self.shared.written.load(Ordering::Acquire),
        )
    }

    pub(crate) async fn keep(&self, number: i64, deliveries: Vec<Delivery>) -> Result<(), Error> {
        self.run(move |shared| {
            shared.keep(number, &deliveries)?;
            shared.written.fetch_max(number, Ordering::AcqRel);
            Ok(())
        })
        .await
    }

    pub(crate) async fn parcels(&self, numbers: RangeInclusive<i64>) -> Result<Vec<Parcel>, Error> {
        let portal = self.id;
        let parcels = self.run(move |shared| shared.read(numbers)).await?;
        let parcel = |(number, deliveries)| Parcel {
            id: ParcelId { portal, number },
            deliveries,
        };
        Ok(parcels.into_iter().map(parcel).collect())
    }

    /// Lets go of what the database says is sorted.
    pub(crate) async fn sorted(&self, through: i64) -> Result<(), Error> {
        self.run(move |shared| {
            shared.forget(through)?;
            shared.sorted.fetch_max(through, Ordering::AcqRel);
            // Numbers go on behind it, also where nothing is left to tell.
            shared.written.fetch_max(through, Ordering::AcqRel);
            Ok(())
        })
        .await
    }

    pub(crate) async fn close(&self) {
        let closed = self.run(|shared| {
            shared.file_mut().take();
            Ok(())
        });
        // It can fail to be run at all, and then the process is ending.
        let _ = closed.await;
    }

    /// Off the threads that answer: it waits for the disk.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = self.shared.clone();
        tokio::task::spawn_blocking(move || work(&shared))
            .await
            .map_err(broken)?
    }
}

impl Shared {
    fn keep(&self, number: i64, deliveries: &[Delivery]) -> Result<(), Error> {
        self.with(|file| {
            let write = file.begin_write()?;
            let mut rows = write.open_table(DELIVERIES)?;
            for (place, delivery) in (0..).zip(deliveries) {
                let headers = serde_json::json!(*delivery.kept_headers()).to_string();
                let row = (
                    delivery.integration.0.as_u128(),
                    // Whole: what is later than what is told from them.
                    delivery
                        .received_at
                        .timestamp_nanos_opt()
                        .unwrap_or(i64::MAX),
                    delivery.signed_by.word(),
                    headers.as_str(),
                    delivery.body.as_slice(),
                );
                rows.insert((number, place), row)?;
            }
            drop(rows);
            Ok(write.commit()?)
        })
    }

    fn read(&self, numbers: RangeInclusive<i64>) -> Result<BTreeMap<i64, Vec<Delivery>>, Error> {
        self.with(|file| {
            let mut parcels = BTreeMap::<i64, Vec<Delivery>>::new();
            let rows = file.begin_read()?.open_table(DELIVERIES)?;
            for row in rows.range((*numbers.start(), 0)..=(*numbers.end(), u32::MAX))? {
                let (key, row) = row?;
                let (integration, received_at, signed_by, headers, body) = row.value();
                let kept = serde_json::from_str(headers).unwrap_or_default();
                let (headers, trace) = apart(kept);
                let delivery = Delivery {
                    integration: IntegrationId(Uuid::from_u128(integration)),
                    received_at: DateTime::from_timestamp_nanos(received_at),
                    signed_by: SignedBy::from_word(signed_by).unwrap_or(SignedBy::Current),
                    headers,
                    body: body.to_vec(),
                    trace,
                };
                parcels.entry(key.value().0).or_default().push(delivery);
            }
            Ok(parcels)
        })
    }

    /// Not synced, because what comes back after a crash is known to be sorted.
    fn forget(&self, through: i64) -> Result<(), Error> {
        let is_empty = self.with(|file| {
            let mut write = file.begin_write()?;
            write.set_durability(Durability::None)?;
            let mut rows = write.open_table(DELIVERIES)?;
            rows.retain_in(..=(through, u32::MAX), |_, _| false)?;
            let is_empty = rows.first()?.is_none();
            drop(rows);
            write.commit()?;
            Ok(is_empty)
        })?;
        match is_empty && self.bytes() > LARGE_FILE {
            true => self.make_small(),
            false => Ok(()),
        }
    }

    fn make_small(&self) -> Result<(), Error> {
        let mut file = self.file_mut();
        let file = file.as_mut().ok_or(Error::Closed)?;
        file.compact().map(drop).map_err(broken)
    }

    fn bytes(&self) -> u64 {
        let path = self.path.as_deref();
        path.and_then(|path| path.metadata().ok())
            .map_or(0, |meta| meta.len())
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Error> {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        work(file.as_ref().ok_or(Error::Closed)?).map_err(broken)
    }

    fn file_mut(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.file.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal's name, and the number of the last parcel that is in it.
fn begin(file: &Database, new_id: Uuid) -> Result<(Uuid, i64), redb::Error> {
    let write = file.begin_write()?;
    let mut names = write.open_table(NAMES)?;
    let known = names.get("journal")?.map(|name| name.value());
    let id = match known {
        Some(known) => Uuid::from_u128(known),
        None => {
            names.insert("journal", new_id.as_u128())?;
            new_id
        }
    };
    drop(names);
    let rows = write.open_table(DELIVERIES)?;
    let last = rows.last()?.map_or(0, |(key, _)| key.value().0);
    drop(rows);
    write.commit()?;
    Ok((id, last))
}

fn refusal(path: Option<&Path>, error: DatabaseError) -> Error {
    let path = path.unwrap_or(Path::new("memory")).display().to_string();
    match error {
        DatabaseError::DatabaseAlreadyOpen => Error::Locked { path },
        other => Error::Broken(format!("{path} can't be opened: {other}")),
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Broken(format!("deliveries can't be kept: {error}"))
}
