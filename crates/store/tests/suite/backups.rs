//! Frozen copies of an embedded database, and what is made of them. Always in files: nothing else is frozen.

use std::sync::mpsc;

use domain::{
    backup::{Backup, Failed, Made},
    ids::BackupId,
};
use store::{Aside, OpenOptions, Store};
use tempfile::TempDir;

use crate::support::{admin, at, id, integration, viewer};

async fn on_disk(memtable_bytes: u64) -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("surrealkv://{}", directory.path().join("db").display());
    let options = OpenOptions {
        memtable_bytes,
        ..OpenOptions::new(url)
    };
    (Store::open(options, at(0)).await.unwrap(), directory)
}

async fn text(of: &Aside) -> String {
    let lines = of
        .export(Vec::new(), |all: &mut Vec<u8>, lines| {
            all.extend_from_slice(lines);
            Ok(())
        })
        .await;
    String::from_utf8(lines.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_copy_is_of_one_moment_and_holds_no_half_of_a_change() {
    let (store, _directory) = on_disk(64 << 20).await;
    // Each of these is one transaction of three tables.
    let (written, mut there) = tokio::sync::watch::channel(0);
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0.. {
                integration(&store, n, &format!("Number {n}")).await;
                if written.send(n + 1).is_err() {
                    return n + 1; // enough
                }
            }
            unreachable!("it counts without end")
        }
    });
    let mut seen = vec![0];
    while seen.len() < 8 {
        let last = seen.last().copied().map_or(0, u128::from);
        there.wait_for(|written| *written > last).await.unwrap();
        let frozen = store.freeze().await.unwrap();
        let tables = frozen.tables().await.unwrap();
        let of = |table: &str| tables[table];
        assert_eq!(of("plane_integrations"), of("audit"));
        assert_eq!(of("plane_integrations"), of("integration_facts"));
        seen.push(of("plane_integrations"));
        frozen.remove().await.unwrap();
    }
    drop(there);
    let all = writing.await.unwrap();
    assert!(seen.is_sorted_by(|one, next| one < next), "{seen:?}");
    let frozen = store.freeze().await.unwrap();
    assert_eq!(u128::from(frozen.tables().await.unwrap()["audit"]), all);
    frozen.remove().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_takes_long_is_in_nobodys_way() {
    // So small that it is recycled every few writes.
    let (store, _directory) = on_disk(256 << 10).await;
    integration(&store, 0, "First").await;
    let frozen = store.freeze().await.unwrap();
    let (go_on, wait) = mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let exporting = tokio::spawn(async move {
        let lines = frozen.export(Vec::new(), move |all: &mut Vec<u8>, lines| {
            if let Some(begun) = begun.take() {
                begun.send(()).unwrap();
                wait.recv().unwrap();
            }
            all.extend_from_slice(lines);
            Ok(())
        });
        let lines = lines.await.unwrap();
        frozen.remove().await.unwrap();
        String::from_utf8(lines).unwrap()
    });
    begins.await.unwrap();
    let before = store.recycled();
    for n in 1..200 {
        integration(&store, n, &format!("Later {n}")).await;
        if store.recycled() > before + 2 {
            break;
        }
    }
    assert!(
        store.recycled() > before + 2,
        "writers went on while it stood still"
    );
    go_on.send(()).unwrap();
    let text = exporting.await.unwrap();
    assert!(
        text.contains("'First'") && !text.contains("'Later 1'"),
        "{text}"
    );
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_imported_exports_as_the_same_text() {
    let (store, directory) = on_disk(64 << 20).await;
    for n in 0..40 {
        integration(
            &store,
            n,
            &format!("Quote ' \" \\ `{n}` ; -- \u{2028} ü\u{1f980}"),
        )
        .await;
    }
    let frozen = store.freeze().await.unwrap();
    let exported = text(&frozen).await;
    assert!(
        exported
            .lines()
            .all(|line| { line.is_empty() || line.starts_with("--") || line.ends_with(';') }),
        "a statement is a line"
    );
    let filled = Aside::empty(&directory.path().join("filled"))
        .await
        .unwrap();
    // In pieces, as they are read from a file.
    let lines: Vec<&str> = exported.split_inclusive('\n').collect();
    for piece in lines.chunks(7) {
        filled.import(&piece.concat()).await.unwrap();
    }
    assert_eq!(
        filled.tables().await.unwrap(),
        frozen.tables().await.unwrap()
    );
    assert_eq!(text(&filled).await, exported);
    let wrong = filled
        .import("INSERT [ { id: users:1, nonsense: 1 } ];")
        .await;
    assert_eq!(wrong.err().map(|error| error.code()), Some("query"));
    frozen.remove().await.unwrap();

    // It is a database like any other.
    let path = filled.close().await.unwrap();
    let url = format!("surrealkv://{}", path.display());
    let restored = Store::open(OpenOptions::new(url), at(1)).await.unwrap();
    let all = restored.integration_names(&viewer()).await.unwrap();
    assert_eq!(all.len(), 40);
    restored
        .begin_anew("It was restored.", at(2))
        .await
        .unwrap();
    restored.close().await;
    store.close().await;
}

#[tokio::test]
async fn a_database_in_memory_is_not_frozen() {
    let store = Store::open(OpenOptions::new("mem://"), at(0))
        .await
        .unwrap();
    assert!(!store.is_on_disk());
    assert_eq!(
        store.freeze().await.err().map(|error| error.code()),
        Some("address")
    );
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_waiting_for_a_frozen_copy_leaves_the_database_as_it_is() {
    let (store, _directory) = on_disk(64 << 20).await;
    for n in 0..8 {
        let waited = std::time::Duration::from_millis(u64::try_from(n).unwrap() * 4);
        let _ = tokio::time::timeout(waited, store.freeze()).await;
        integration(&store, n, &format!("Number {n}")).await;
    }
    store.freeze().await.unwrap().remove().await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_room_for_a_copy_the_database_goes_on() {
    let (store, directory) = on_disk(64 << 20).await;
    integration(&store, 1, "First").await;
    let frozen = directory.path().join("db/frozen");
    std::fs::write(&frozen, "in the way").unwrap();
    assert_eq!(
        store.freeze().await.err().map(|error| error.code()),
        Some("files")
    );
    integration(&store, 2, "Second").await;
    std::fs::remove_file(&frozen).unwrap();
    store.freeze().await.unwrap().remove().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_became_of_backups_is_remembered_for_a_while() {
    let (store, _directory) = on_disk(64 << 20).await;
    let one = |n: i64| Backup {
        id: BackupId(id(u128::try_from(n).unwrap())),
        started_at: at(n),
        took_ms: 7,
        asked_by: None,
        made: match n % 2 {
            0 => Ok(Made {
                file: format!("file {n}"),
                bytes: 1,
                records: 2,
            }),
            _ => Err(Failed {
                says: "The disk is full.".to_owned(),
            }),
        },
    };
    for n in 0..203 {
        store.save_backup(&one(n)).await.unwrap();
    }
    let all = store.latest_backups(1000).await.unwrap();
    assert_eq!(all.len(), 200);
    assert_eq!(all[0], one(202));
    assert_eq!(all[199], one(3));
    assert_eq!(
        store.backups(&viewer(), 2).await.unwrap(),
        [one(202), one(201)]
    );
    store.ask_for_backup(&admin(), at(300)).await.unwrap();
    let history = store.history(&viewer(), None, None, 10).await.unwrap();
    assert_eq!(history.rows[0].says, "Maya K asked for a backup.");
    store.close().await;
}
