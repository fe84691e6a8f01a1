//! Backups of an embedded database: made by themselves, verified before they count, and restored from the command line.

/// What a backup is as a file.
mod file;
/// How one is made and verified.
mod make;
/// What the page asks for.
mod port;
/// A database out of a backup.
mod restore;

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    backup::{Backup, Backups, Failed},
    ids::BackupId,
    problems::Stands,
};
use store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use file::FileError;
pub use restore::{RestoreError, Restored, restore};

use crate::{clock::Clock, config::Config, disk::Disk, rng::Rng, timing::every};

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(30);
/// So many of the latest are looked at; more than are kept by anybody.
const LATEST: u32 = 200;

/// Makes backups, and says how old the last good one is.
#[derive(Clone)]
pub struct BackupService {
    store: Store,
    disk: Disk,
    clock: Clock,
    rng: Rng,
    plan: Plan,
    /// Since when the portal runs.
    running_since: DateTime<Utc>,
    shared: Arc<Shared>,
}

/// What is backed up where, and how often.
#[derive(Clone, Debug)]
enum Plan {
    On(On),
    /// Somebody does not want any.
    Off,
    /// The database is a server's, or in memory: it is not ours to copy.
    Elsewhere,
}

#[derive(Clone, Debug)]
struct On {
    directory: PathBuf,
    every: TimeDelta,
    keep: usize,
}

#[derive(Default)]
struct Shared {
    /// Since when one is being made.
    under_way: Mutex<Option<DateTime<Utc>>>,
    /// Who asked for one that is not begun yet.
    asked: Mutex<Option<String>>,
    wake: Notify,
    /// One at a time.
    turn: tokio::sync::Mutex<()>,
}

impl BackupService {
    /// Removes what a process left that died while it made one.
    pub fn new(config: &Config, store: Store, clock: Clock, rng: Rng) -> Self {
        let plan = match config.backup_hours {
            _ if !store.is_on_disk() => Plan::Elsewhere,
            0 => Plan::Off,
            hours => Plan::On(On {
                // As the page shows it, for whoever restores from elsewhere.
                directory: std::path::absolute(&config.backup_dir)
                    .unwrap_or_else(|_| config.backup_dir.clone()),
                every: TimeDelta::hours(hours.into()),
                keep: usize::try_from(config.backup_keep).unwrap_or(usize::MAX),
            }),
        };
        if let Plan::On(on) = &plan {
            on.remove_left_over();
        }
        Self {
            running_since: clock.now(),
            store,
            disk: config.disk.clone(),
            clock,
            rng,
            plan,
            shared: Arc::default(),
        }
    }

    /// Makes those that are due, and those that somebody asks for, until `stop`.
    pub async fn keep_going(&self, stop: CancellationToken) {
        let mut look = every(LOOK);
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return,
                done = async {
                    tokio::select! {
                        _ = look.tick() => {}
                        () = self.shared.wake.notified() => {}
                    }
                    self.look().await
                } => done,
            };
            if let Err(error) = done {
                warn!(code = error.code(), %error, "it can't be told whether a backup is due");
            }
        }
    }

    /// Makes one if it is due or somebody asked for it. What became of it.
    pub async fn look(&self) -> Result<Option<Backup>, store::Error> {
        let Plan::On(on) = &self.plan else {
            return Ok(None);
        };
        let _turn = self.shared.turn.lock().await;
        let asked_by = locked(&self.shared.asked).take();
        if asked_by.is_none() {
            let (good, last) = self.latest(on).await?;
            let known = self.known(on, good.as_ref(), last.as_ref());
            if known.due_at() > self.clock.now() {
                return Ok(None);
            }
        }
        let started_at = self.clock.now();
        *locked(&self.shared.under_way) = Some(started_at);
        let made = self.make(on, started_at).await;
        *locked(&self.shared.under_way) = None;
        let took = self.clock.now() - started_at;
        let backup = Backup {
            id: BackupId(self.rng.uuid_v7(started_at)),
            started_at,
            took_ms: u64::try_from(took.num_milliseconds()).unwrap_or(0),
            asked_by,
            made: made.map_err(|error| Failed {
                says: error.sentence(),
            }),
        };
        match &backup.made {
            Ok(made) => {
                let (file, bytes, records) = (&made.file, made.bytes, made.records);
                info!(file, bytes, records, "a backup was made and verified");
                on.forget_old(file);
            }
            Err(failed) => error!(says = failed.says, "there is no new backup"),
        }
        self.store.save_backup(&backup).await?;
        Ok(Some(backup))
    }

    /// How it stands with backups, for the problems of Hangar itself.
    pub async fn stands(&self, now: DateTime<Utc>) -> Result<Stands, store::Error> {
        let Plan::On(on) = &self.plan else {
            return Ok(Stands::no_backups());
        };
        let (good, last) = self.latest(on).await?;
        Ok(self.known(on, good.as_ref(), last.as_ref()).stands(now))
    }

    /// How old what could be restored is; `None`: nothing could, or nothing is backed up here.
    pub async fn age(&self, now: DateTime<Utc>) -> Result<Option<TimeDelta>, store::Error> {
        let Plan::On(on) = &self.plan else {
            return Ok(None);
        };
        let (good, _) = self.latest(on).await?;
        Ok(self.known(on, good.as_ref(), None).age(now))
    }

    fn known<'a>(
        &self,
        on: &On,
        good: Option<&'a Backup>,
        last: Option<&'a Backup>,
    ) -> Backups<'a> {
        Backups {
            every: on.every,
            running_since: self.running_since,
            good,
            last,
        }
    }

    /// The latest good one that is still there, and the latest one.
    async fn latest(&self, on: &On) -> Result<(Option<Backup>, Option<Backup>), store::Error> {
        let all = self.store.latest_backups(LATEST).await?;
        let last = all.first().cloned();
        Ok((all.into_iter().find(|one| on.has(one)), last))
    }
}

impl On {
    /// Whether this one could be restored: its file is there, as large as it was.
    fn has(&self, backup: &Backup) -> bool {
        backup.made.as_ref().is_ok_and(|made| {
            let meta = fs::metadata(self.directory.join(&made.file));
            meta.is_ok_and(|meta| meta.len() == made.bytes)
        })
    }

    fn remove_left_over(&self) {
        for left in [self.unfinished(), self.verifying()] {
            let removed = match left.is_dir() {
                true => fs::remove_dir_all(&left),
                false => fs::remove_file(&left),
            };
            match removed {
                Ok(()) => info!(at = %left.display(), "removed what an interrupted backup left"),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => warn!(at = %left.display(), %error, "can't be removed"),
            }
        }
    }

    /// A file that is being written, and may never be one.
    fn unfinished(&self) -> PathBuf {
        self.directory.join(".unfinished")
    }

    /// A database that is filled from it, to see whether it can be.
    fn verifying(&self) -> PathBuf {
        self.directory.join(".verifying")
    }

    /// Removes the oldest ones, until as many are left as are kept; never the newest.
    fn forget_old(&self, newest: &str) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut old: Vec<String> = names
            .filter(|name| is_of_backup(name) && name != newest)
            .collect();
        // Their names begin with their times.
        old.sort_unstable_by(|a, b| b.cmp(a));
        for name in old.iter().skip(self.keep.saturating_sub(1)) {
            match fs::remove_file(self.directory.join(name)) {
                Ok(()) => info!(file = name, "an old backup was removed"),
                Err(error) => warn!(file = name, %error, "an old backup can't be removed"),
            }
        }
    }
}

fn is_of_backup(name: &str) -> bool {
    name.starts_with("hangar-") && name.ends_with(".surql.gz")
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
