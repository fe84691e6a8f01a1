//! What the store refuses: a directory that another process uses, and to go on after its storage failed.

#![expect(clippy::unwrap_used, reason = "a test that can't go on stops")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use domain::ids::DraftId;
use store::{Draft, Error, OpenOptions, Store};
use uuid::Uuid;

/// What the server ends with when its storage fails; here only to see that the process ends by its own decision.
const STORAGE_FAILED: i32 = 74;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn options(directory: &Path) -> OpenOptions {
    OpenOptions::new(format!("surrealkv://{}", directory.display()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(20 << 20)
        .enable_all()
        .build()
        .unwrap()
}

fn draft(n: u128) -> Draft {
    Draft {
        id: DraftId(Uuid::from_u128(n)),
        owner: None,
        form: n.to_string(),
        values: BTreeMap::from([("payload".to_owned(), "x".repeat(20_000))]),
        errors: BTreeMap::new(),
        message: None,
        sealed_key: None,
        key_last_four: None,
        test: None,
        expires_at: now() + chrono::TimeDelta::days(1),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Not a test by itself: the other process of both tests.
#[test]
fn child() {
    let Ok(directory) = std::env::var("HANGAR_REFUSALS_DIRECTORY") else {
        return;
    };
    let writes = std::env::var("HANGAR_REFUSALS_WRITES").is_ok();
    runtime().block_on(async {
        let store = Store::open(options(Path::new(&directory)), now())
            .await
            .unwrap();
        say("open");
        if !writes {
            // Holds the directory until its parent closes this pipe.
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            store.close().await;
            return;
        }
        for n in 0.. {
            if let Err(error) = store.save_draft(&draft(n)).await {
                let since = Instant::now();
                say(&format!("error {}", error.code()));
                store.broken().await;
                let again = store
                    .user_for_sign_in(&"maya@example.com".parse().unwrap())
                    .await;
                say(&format!("then {}", again.unwrap_err().code()));
                say(&format!(
                    "quick {}",
                    since.elapsed() < Duration::from_secs(1)
                ));
                std::process::exit(STORAGE_FAILED);
            }
            say(&format!("ack {n}"));
        }
    });
}

fn spawn(mut command: Command, directory: &Path) -> Child {
    command
        .env("HANGAR_REFUSALS_DIRECTORY", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_second_process_on_the_same_directory_is_refused_in_a_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("db");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture"]);
    let mut child = spawn(command, &directory);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "open"));

    runtime().block_on(async {
        let error = Store::open(options(&directory), now()).await.err().unwrap();
        assert!(matches!(error, Error::Locked { .. }), "{error:?}");
        let path = directory.display();
        let expected =
            format!("the database in {path} is in use by another process; stop that one first");
        assert_eq!(error.to_string(), expected);

        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        let store = Store::open(options(&directory), now()).await.unwrap();
        store.close().await;
    });
}

#[test]
fn a_failing_disk_stops_everything_at_once_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("db");
    // No file may grow beyond 1 MiB: writes fail as on a full disk, without mounting one.
    let mut command = Command::new("bash");
    command
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 1024; exec \"$0\" child --exact --nocapture",
        ])
        .arg(std::env::current_exe().unwrap())
        .env("HANGAR_REFUSALS_WRITES", "1");
    let mut child = spawn(command, &directory);
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        child.wait().unwrap().code(),
        Some(STORAGE_FAILED),
        "{lines:?}"
    );
    for said in ["error broken", "then broken", "quick true"] {
        assert!(lines.iter().any(|line| line == said), "{said}: {lines:?}");
    }
    let acknowledged: Vec<u128> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("ack "))
        .map(|n| n.parse().unwrap())
        .collect();
    assert!(acknowledged.len() > 10, "{lines:?}");

    runtime().block_on(async {
        let store = Store::open(options(&directory), now()).await.unwrap();
        for n in acknowledged {
            assert_eq!(
                store.draft(draft(n).id, None, now()).await.unwrap(),
                Some(draft(n))
            );
        }
        store.close().await;
    });
}
