//! Owns SurrealDB. Everything that Hangar keeps goes through [`Store`]; nothing else names the database.
//!
//! Each function is one question or one change. Changes are one transaction and carry their history with them; who may
//! make them stands in their arguments ([`domain::actor::Admin`]). Times are arguments too.

/// The database behind the one door, embedded or remote; recycling.
mod engine;
/// Why the store did not do it.
mod error;
/// What was read and holds until its tables are written.
mod known;
/// The schema, applied in order and verified by checksum.
mod migrate;
/// Addresses, credentials, sizes.
mod options;
/// The one way to run a query: checks, retries, fail-stop.
mod query;
/// The connection to a SurrealDB server, made anew when it is lost.
mod remote;
/// Opening an engine that is scanned at once.
mod settled;
/// Record ids, sort keys and the shapes that several tables share.
mod shape;
/// Which tables were written, as far as this process knows.
mod written;

/// Who is told of problems, and what was told.
mod alerts;
/// The history.
mod audit;
/// Copies of the whole database, and what became of them.
mod backups;

/// Cycles and modules.
mod collections;
/// Work items as they are stored, and the tables that answer lists.
mod items;
/// Failures that are grouped, and what became of each group.
mod problems;
/// Projects in lists, by their states.
mod project_list;
/// One project, and what its filters offer.
mod projects;
/// Sync runs and their leases.
mod runs;
/// What a sync run writes.
mod sync;
/// Work items in lists, and one by one.
mod work_items;

/// What is used of Plane's limit.
mod budgets;
/// Bulk operations and their items.
mod bulk;
/// Connection tests.
mod connection_tests;
/// Deleting an integration with all that hangs on it.
mod deletion;
/// Forms sent with mistakes.
mod drafts;
/// Comparisons of a copy with Plane.
mod drift;
/// What checks said, and the health log.
mod health_log;
/// What Plane's webhooks brought.
mod inbox;
/// Integrations: settings, sealed keys, lists.
mod integrations;
/// Wrapped data keys of the vault.
mod keyring;
/// Reads the plan of every list query.
#[cfg(test)]
mod plans;
/// What decides when integrations are due.
mod schedule;
/// Screens on walls.
mod screens;
/// Their sessions.
mod sessions;
/// Everything that happened to an integration.
mod timeline;
/// How syncing went over time, and what is promised.
mod trends;
/// Calls to Plane, one by one and counted.
mod usage;
/// People who sign in.
mod users;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::{ids::IntegrationId, integration::IntegrationRow, problems::Problem};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::watch;
use uuid::Uuid;

pub use alerts::{Attempt, DeliveryFilter, KnownIncident, SealedChannel};
pub use backups::Aside;
pub use bulk::{Begun, BulkRef, BulkStart};
pub use drafts::Draft;
pub use error::Error;
pub use health_log::Levels;
pub use inbox::{
    Again, Arrival, Claimed, ClaimedReplay, Delivery, KeptEvent, KnownEvent, Parcel, ParcelId,
    Quarantined, Received, SealedSecret, WebhookKeys,
};
pub use integrations::{Change, NewIntegration, SealedKey};
pub use keyring::KeyRow;
pub use options::{Credentials, OpenOptions};
pub use problems::{KnownProblem, Sightings};
pub use project_list::ProjectRows;
pub use projects::Totals;
pub use runs::{NewRun, RunRef, Start};
pub use screens::SealedScreen;
pub use sync::{Checkpoint, Finished, KindsRead, Reread, RunEnd, Step, Told};
pub use trends::{Lags, TrendRow};
pub use usage::{CallLog, UsageRow, UsageSlot};
pub use users::NewUser;

use self::{
    inbox::Journal,
    known::Known,
    options::Place,
    project_list::KnownProjects,
    projects::Named,
    written::{Table, Written},
};

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Box<dyn engine::Engine>,
    /// The files of an embedded database, unless it is in memory.
    directory: Option<PathBuf>,
    /// Held while there is a frozen copy of them.
    freezing: Arc<tokio::sync::Mutex<()>>,
    /// Where this process's deliveries are kept, beside an embedded database.
    journal: Option<Journal>,
    /// Why the storage failed, once it has.
    broken: watch::Sender<Option<String>>,
    rng: Mutex<StdRng>,
    tables: items::Tables,
    written: Written,
    projects: KnownProjects,
    named: Known<HashMap<Uuid, Named>>,
    integrations: Known<Vec<IntegrationRow>>,
    totals: Known<Totals>,
    names: Known<HashMap<IntegrationId, String>>,
    /// Those that are not resolved.
    problems: Known<Vec<Problem>>,
    /// How many of them are.
    resolved: Known<u32>,
}

impl Store {
    /// Opens the database and brings its schema up to date.
    pub async fn open(options: OpenOptions, now: DateTime<Utc>) -> Result<Self, Error> {
        let engine = engine::open(&options).await?;
        let mut rng = StdRng::seed_from_u64(options.seed);
        let (journal, directory) = match options.place()? {
            Place::Memory => (Some(Journal::open(None, uuid(&mut rng, now))?), None),
            Place::Directory(path) => {
                backups::remove_left_over(&path)?;
                let journal = Journal::open(Some(&path), uuid(&mut rng, now))?;
                (Some(journal), Some(path))
            }
            Place::Remote(_) => (None, None),
        };
        let store = Self {
            inner: Arc::new(Inner {
                engine,
                directory,
                freezing: Arc::default(),
                journal,
                broken: watch::Sender::new(None),
                rng: Mutex::new(rng),
                tables: items::Tables::default(),
                written: Written::default(),
                projects: KnownProjects::default(),
                named: Known::of(&[Table::Integrations]),
                integrations: Known::of(&[Table::Integrations, Table::Facts]),
                totals: Known::of(&[Table::Facts]),
                names: Known::of(&[Table::Integrations]),
                problems: Known::of(&[Table::Problems]),
                resolved: Known::of(&[Table::Problems]),
            }),
        };
        migrate::migrate(&store, now).await?;
        store.take_up_journal().await?;
        Ok(store)
    }

    /// Flushes and closes the database; whoever asks later is refused.
    pub async fn close(&self) {
        if let Some(journal) = &self.inner.journal {
            journal.close().await;
        }
        self.inner.engine.close().await;
    }

    /// Waits until the storage fails, and says why. The process must end then, within a second.
    pub async fn broken(&self) -> String {
        let mut broken = self.inner.broken.subscribe();
        let reason = broken
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            // The sender lives as long as the store does.
            None => std::future::pending().await,
        }
    }

    /// Whether the database is inside this process, so that no other process can have runs under way.
    pub fn is_embedded(&self) -> bool {
        self.inner.engine.is_embedded()
    }

    /// How often the embedded engine was recycled since it was opened.
    pub fn recycled(&self) -> u64 {
        self.inner.engine.recycled()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.ask("return 1").read().await.map(drop)
    }

    fn with_rng<T>(&self, f: impl FnOnce(&mut StdRng) -> T) -> T {
        f(&mut self
            .inner
            .rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }

    /// A time-ordered id for a record that the store itself makes.
    fn new_id(&self, now: DateTime<Utc>) -> Uuid {
        self.with_rng(|rng| uuid(rng, now))
    }
}

fn uuid(rng: &mut StdRng, now: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let random: [u8; 10] = rng.random();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
