//! `kill -9` in the middle of writes, again and again, with a memtable so small that the engine is recycled many times:
//! every acknowledged write must be there afterwards. The control runs without recycling and must lose some, or else
//! this test would prove nothing.
//!
//! `HANGAR_CRASH_ROUNDS` sets the number of rounds (20 by default).

#![expect(clippy::unwrap_used, reason = "a test that can't go on stops")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use domain::ids::DraftId;
use store::{Draft, OpenOptions, Store};
use uuid::Uuid;

/// 512 KiB: recycled after some 30 writes, full after some 120.
const MEMTABLE: u64 = 512 << 10;
const WRITERS: u128 = 4;
const PAYLOAD: usize = 4000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn options(directory: &Path, recycle: bool) -> OpenOptions {
    OpenOptions {
        memtable_bytes: MEMTABLE,
        cache_bytes: 1 << 20,
        recycle,
        ..OpenOptions::new(format!("surrealkv://{}", directory.display()))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(20 << 20)
        .enable_all()
        .build()
        .unwrap()
}

/// The write number `n` of a round; its content tells it apart from any other.
fn draft(round: u128, n: u128) -> Draft {
    Draft {
        id: DraftId(Uuid::from_u128((round << 64) + n)),
        owner: None,
        form: format!("{round} {n}"),
        values: BTreeMap::from([("payload".to_owned(), format!("{n:04}").repeat(PAYLOAD / 4))]),
        errors: BTreeMap::new(),
        message: None,
        sealed_key: None,
        key_last_four: None,
        test: None,
        expires_at: now() + chrono::TimeDelta::days(1),
    }
}

/// Not a test by itself: the process that is killed. Says "ack N" for each write that was acknowledged and "recycled N"
/// now and then, for ever.
#[test]
fn child() {
    let Ok(directory) = std::env::var("HANGAR_CRASH_DIRECTORY") else {
        return;
    };
    let round: u128 = std::env::var("HANGAR_CRASH_ROUND")
        .unwrap()
        .parse()
        .unwrap();
    let recycle = std::env::var("HANGAR_CRASH_RECYCLE").unwrap() == "true";
    runtime().block_on(async {
        let store = Store::open(options(Path::new(&directory), recycle), now())
            .await
            .unwrap();
        let out = Arc::new(Mutex::new(std::io::stdout()));
        let writers = (0..WRITERS).map(|writer| {
            let (store, out) = (store.clone(), Arc::clone(&out));
            tokio::spawn(async move {
                for i in 0.. {
                    let n = i * WRITERS + writer;
                    store.save_draft(&draft(round, n)).await.unwrap();
                    let mut out = out.lock().unwrap();
                    writeln!(out, "ack {n}\nrecycled {}", store.recycled()).unwrap();
                    out.flush().unwrap();
                }
            })
        });
        if recycle {
            tokio::spawn(keep_freezing(store.clone()));
        }
        futures::future::join_all(writers).await;
    });
}

/// Backups are made of it all the while: their links must not be in the way of the files they share.
async fn keep_freezing(store: Store) {
    loop {
        let frozen = store.freeze().await.unwrap();
        let length = |length: &mut usize, lines: &[u8]| {
            *length += lines.len();
            Ok(())
        };
        assert!(frozen.export(0, length).await.unwrap() > 0);
        frozen.remove().await.unwrap();
    }
}

/// Runs the child and kills it once `enough` says so of (recycled, acknowledged); gives all acknowledged writes.
fn killed(
    directory: &Path,
    round: u128,
    recycle: bool,
    enough: impl Fn(u64, usize) -> bool,
) -> Vec<u128> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env("HANGAR_CRASH_DIRECTORY", directory)
        .env("HANGAR_CRASH_ROUND", round.to_string())
        .env("HANGAR_CRASH_RECYCLE", recycle.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut recycled = 0;
    let mut alive = true;
    // What it said before it was killed counts, too: so read on to the end.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(n) = line.strip_prefix("ack ") {
            acknowledged.extend(n.parse::<u128>());
        } else if let Some(n) = line.strip_prefix("recycled ") {
            recycled = n.parse().unwrap_or(recycled);
        }
        if alive && enough(recycled, acknowledged.len()) {
            child.kill().unwrap();
            alive = false;
        }
    }
    child.wait().unwrap();
    assert!(!alive, "the child ended by itself");
    acknowledged
}

/// Those of a round's writes that are not there.
async fn missing(store: &Store, round: u128, writes: &[u128]) -> Vec<u128> {
    let mut missing = Vec::new();
    for &n in writes {
        let expected = draft(round, n);
        if store.draft(expected.id, None, now()).await.unwrap() != Some(expected) {
            missing.push(n);
        }
    }
    missing
}

#[test]
fn no_acknowledged_write_is_lost_by_kill_9() {
    let rounds: u128 =
        std::env::var("HANGAR_CRASH_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("db");
    let runtime = runtime();
    let mut all = Vec::new();
    for round in 0..rounds {
        // At another moment each time: between two recyclings, or in the middle of one.
        let (recycles, more) = (2 + (round % 3) as u64, (round * 7 % 31) as usize);
        let seen = Mutex::new(None);
        let writes = killed(&directory, round, true, |recycled, acknowledged| {
            let mut seen = seen.lock().unwrap();
            if recycled >= recycles {
                seen.get_or_insert(acknowledged);
            }
            seen.is_some_and(|at| acknowledged >= at + more)
        });
        runtime.block_on(async {
            let store = Store::open(options(&directory, true), now()).await.unwrap();
            let missing = missing(&store, round, &writes).await;
            assert!(
                missing.is_empty(),
                "round {round}: {missing:?} of {} are gone",
                writes.len()
            );
            store.close().await;
        });
        all.push(writes);
    }

    let total: usize = all.iter().map(Vec::len).sum();
    runtime.block_on(async {
        let store = Store::open(options(&directory, true), now()).await.unwrap();
        for (round, writes) in (0..).zip(&all) {
            assert!(
                missing(&store, round, writes).await.is_empty(),
                "lost later, of round {round}"
            );
        }
        store.close().await;
    });
    println!("{rounds} kills, {total} writes acknowledged, 0 lost");
}

#[test]
fn without_recycling_an_acknowledged_write_is_lost() {
    let runtime = runtime();
    let mut total = 0;
    for round in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("db");
        // Well past the moment when the memtable is full for the first time.
        let writes = killed(&directory, round, false, |_, acknowledged| {
            acknowledged >= 200
        });
        total += writes.len();
        let lost = runtime.block_on(async {
            let store = Store::open(options(&directory, false), now())
                .await
                .unwrap();
            let lost = missing(&store, round, &writes).await.len();
            store.close().await;
            lost
        });
        if lost > 0 {
            println!(
                "{} kills, {total} writes acknowledged, {lost} lost",
                round + 1
            );
            return;
        }
    }
    panic!("nothing was lost without recycling either: the crash test does not bite");
}
