//! The power goes away under deliveries, and with it what was written and not synced: what was answered 200 is there, and
//! none has two effects. The disk that does that is `power_cut.c`, whose head says what it loses. The control run has a
//! disk that says it has synced and has not, and must lose something, or else this test would prove nothing.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

use crate::support::{Deliveries, HangarProcess, sender};

/// Five in every test run, each with another one while the portal recovers; as many as one likes by `HANGAR_POWER_CUTS`,
/// in a soak.
const CUTS: usize = 5;
/// So many changes of the disk a start or an orderly end makes about: a cut comes with one of them.
const CHANGES: u32 = 20;
const READY_WITHIN: Duration = Duration::from_secs(3);

/// A data folder on a disk that can lose its power.
struct Disk {
    folder: TempDir,
    rng: StdRng,
}

impl Disk {
    fn new(seed: u64) -> Self {
        let disk = Self {
            folder: tempfile::tempdir().unwrap(),
            rng: StdRng::seed_from_u64(seed),
        };
        fs::create_dir(disk.data()).unwrap();
        let source = disk.folder.path().join("power_cut.c");
        fs::write(&source, include_str!("power_cut.c")).unwrap();
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&disk.library(), &source])
            .args(["-ldl", "-lpthread"])
            .status()
            .expect("this test needs a C compiler that is called cc");
        assert!(made.success(), "cc could not compile power_cut.c: {made}");
        disk
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("power_cut.so")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What would be there if the power went away now.
    fn shadow(&self) -> PathBuf {
        self.folder.path().join("shadow")
    }

    /// A portal on this disk; `None` if it did not get as far as to listen.
    fn start(&mut self) -> Option<HangarProcess> {
        let names = ["at once", "late"][self.rng.random_range(0..2)];
        let after = self.rng.random_range(1..=CHANGES).to_string();
        let (library, data, shadow) = (self.library(), self.data(), self.shadow());
        let env = [
            ("LD_PRELOAD", library.as_os_str()),
            ("POWER_CUT_FROM", data.as_os_str()),
            ("POWER_CUT_TO", shadow.as_os_str()),
            ("POWER_CUT_NAMES", OsStr::new(names)),
            ("POWER_CUT_AFTER", OsStr::new(&after)),
        ];
        HangarProcess::start_in(&env, &data, &[])
    }

    /// All that was written is synced.
    fn settle(&self) {
        copy(&self.data(), &self.shadow());
    }

    /// The file that makes the power go away soon, with one of the next changes.
    fn cut(&self) -> PathBuf {
        self.shadow().join(".cut")
    }

    /// From now on it syncs no more, and says that it does.
    fn lie(&self) {
        fs::write(self.shadow().join(".off"), "").unwrap();
    }

    /// The portal is gone, and what is on the disk is all there is.
    fn lose_power(&self) {
        for steering in [".cut", ".off"] {
            let _ = fs::remove_file(self.shadow().join(steering));
        }
        fs::remove_dir_all(self.data()).unwrap();
        fs::rename(self.shadow(), self.data()).unwrap();
        self.settle();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// A portal that Plane delivers to, on a disk that keeps what there is so far.
async fn begun(seed: u64) -> (Disk, HangarProcess, Deliveries) {
    let mut disk = Disk::new(seed);
    let hangar = HangarProcess::set_up(&disk.data(), &[]);
    let deliveries = Deliveries::begin(&hangar, seed).await;
    hangar.kill();
    disk.settle();
    let hangar = disk.start().unwrap();
    (disk, hangar, deliveries)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_every_power_cut_and_has_one_effect() {
    let cuts = std::env::var("HANGAR_POWER_CUTS").map_or(CUTS, |n| n.parse().unwrap());
    let (mut disk, mut hangar, mut deliveries) = begun(12).await;
    let mut received = Vec::new();
    let (mut in_recovery, mut slowest) = (0, Duration::ZERO);

    for round in 0..cuts {
        // Every other time while it ends in order, which is when the engine flushes.
        let answered = if round % 2 == 0 {
            deliveries.until(hangar, HangarProcess::kill).await
        } else {
            let cut = disk.cut();
            let end = |hangar: HangarProcess| {
                fs::write(cut, "").unwrap();
                hangar.interrupt();
            };
            deliveries.until(hangar, end).await
        };
        disk.lose_power();

        fs::write(disk.cut(), "").unwrap();
        match disk.start() {
            Some(hangar) => hangar.kill(),
            None => in_recovery += 1,
        }
        disk.lose_power();

        let started = Instant::now();
        hangar = disk.start().expect("the database opens after a power cut");
        let ready = sender().get(format!("{}/readyz", hangar.url())).send();
        assert_eq!(ready.await.unwrap().status(), 200);
        slowest = slowest.max(started.elapsed());
        let lost = deliveries.lost(&hangar, &answered).await;
        assert_eq!(lost, 0, "in round {round}");
        received.extend(answered);
    }

    let lost = deliveries.lost(&hangar, &received).await;
    assert_eq!(lost, 0, "later");
    deliveries.each_has_one_effect(&hangar).await;
    hangar.stop();
    let answered = received.len();
    println!(
        "{cuts} cuts and {in_recovery} in recovery, {answered} answered, ready after {slowest:?} at most"
    );
    assert!(answered > cuts * 20, "{answered}");
    assert!(slowest < READY_WITHIN, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_only_says_that_it_synced_loses_what_was_answered() {
    let (mut disk, hangar, mut deliveries) = begun(13).await;
    disk.lie();
    let answered = deliveries.until(hangar, HangarProcess::kill).await;
    disk.lose_power();
    let lost = match disk.start() {
        Some(hangar) => deliveries.lost(&hangar, &answered).await,
        None => answered.len() as u64,
    };
    println!("{} answered, {lost} lost", answered.len());
    assert!(lost > 0, "the test above would pass on any disk");
}

/// The log's last file, cut off there.
fn cut_log(data: &Path, end: impl Fn(u64) -> u64) {
    let files = fs::read_dir(data.join("db/wal")).unwrap();
    let last = files.map(|file| file.unwrap().path()).max().unwrap();
    let log = fs::OpenOptions::new().write(true).open(last).unwrap();
    log.set_len(end(log.metadata().unwrap().len())).unwrap();
}

/// What a cut in the middle of a sync leaves, and a kill between two writes of one record: what comes after it in the next
/// life of the portal must not be lost with it.
async fn what_comes_after_a_torn_record_is_kept(end: impl Fn(u64) -> u64) {
    let data = tempfile::tempdir().unwrap();
    let hangar = HangarProcess::set_up(data.path(), &[]);
    let mut deliveries = Deliveries::begin(&hangar, 14).await;
    deliveries.until(hangar, HangarProcess::kill).await;
    cut_log(data.path(), end);
    let hangar = HangarProcess::start(data.path(), &[]);
    let answered = deliveries.until(hangar, HangarProcess::kill).await;
    let hangar = HangarProcess::start(data.path(), &[]);
    let lost = deliveries.lost(&hangar, &answered).await;
    assert_eq!(lost, 0, "of {}", answered.len());
}

/// The engine sees that the record is not whole, and repairs its log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_half_a_record_is_kept() {
    what_comes_after_a_torn_record_is_kept(|length| length - 10).await;
}

/// It takes the first fragment of a record for the log's end, and goes on after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_after_a_first_fragment_is_kept() {
    const BLOCK: u64 = 32 << 10;
    what_comes_after_a_torn_record_is_kept(|length| length / BLOCK * BLOCK).await;
}
