//! The server goes away in the middle of it all, and comes back.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use domain::ids::DraftId;
use futures::future::{FutureExt, join_all};
use store::{Draft, Error, Store};

use crate::{
    server::Server,
    support::{at, id, new_user},
};

/// What nobody waits longer for (`remote.rs`: ten seconds without an answer), and some for a busy machine.
const BOUND: Duration = Duration::from_secs(20);

async fn unreachable<T: std::fmt::Debug>(question: impl Future<Output = Result<T, Error>>) {
    let answer = tokio::time::timeout(BOUND, question)
        .await
        .expect("nobody waits for ever");
    assert_eq!(answer.unwrap_err().code(), "unreachable");
}

/// Asks until the server answers again.
async fn back(store: &Store) {
    let since = Instant::now();
    while let Err(error) = store.ping().await {
        assert_eq!(error.code(), "unreachable");
        assert!(since.elapsed() < Duration::from_secs(60), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn draft(n: u128) -> Draft {
    Draft {
        id: DraftId(id(n)),
        owner: None,
        form: n.to_string(),
        values: Default::default(),
        errors: Default::default(),
        message: None,
        sealed_key: None,
        key_last_four: None,
        test: None,
        expires_at: at(1000),
    }
}

/// A server with its data on disk, and a store on it.
async fn durable() -> (Server, Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&format!(
        "surrealkv://{}",
        directory.path().join("db").display()
    ));
    let store = server.open(server.options()).await;
    (server, store, directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_amid_writes_fails_them_soon_and_once_back_has_all_it_acknowledged() {
    let (server, store, _directory) = durable().await;
    let writers = join_all((0..4u128).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0.. {
                let draft = draft(writer << 64 | n);
                match store.save_draft(&draft).await {
                    Ok(()) => acknowledged.push(draft),
                    Err(error) => return (acknowledged, error),
                }
            }
            unreachable!("it writes until it fails")
        })
    }));
    // Once something is stored, all of them are at it.
    while store
        .draft(draft(3 << 64).id, None, at(0))
        .await
        .unwrap()
        .is_none()
    {}
    server.kill();
    let written = tokio::time::timeout(BOUND, writers).await.unwrap();

    // It is the server's storage that may have failed, not ours: nothing tells this process to stop.
    unreachable(store.ping()).await;
    assert!(store.broken().now_or_never().is_none());

    server.start_again();
    back(&store).await;
    for written in written {
        let (acknowledged, error) = written.unwrap();
        assert_eq!(error.code(), "unreachable");
        for draft in acknowledged {
            let stored = store.draft(draft.id, None, at(0)).await.unwrap();
            assert_eq!(stored, Some(draft));
        }
    }
}

#[tokio::test]
async fn a_server_that_dies_while_nobody_asks_is_noticed_by_who_asks_next() {
    let (server, store, _directory) = durable().await;
    let maya = store
        .create_admin_from_cli(new_user(1, "maya@example.com"), at(0))
        .await
        .unwrap();
    server.kill();
    unreachable(store.user(maya.id)).await;
    let since = Instant::now();
    unreachable(store.user(maya.id)).await;
    assert!(since.elapsed() < Duration::from_secs(5), "known by now");

    server.start_again();
    back(&store).await;
    assert_eq!(store.user(maya.id).await.unwrap(), Some(maya));
}

#[tokio::test]
async fn a_server_that_falls_silent_fails_what_waits_for_it_and_what_comes_after() {
    let server = Server::start("memory");
    let store = server.open(server.options()).await;
    server.signal("STOP");
    unreachable(store.ping()).await;
    // This one can't even connect.
    unreachable(store.has_users()).await;

    server.signal("CONT");
    back(&store).await;
    assert!(!store.has_users().await.unwrap());
}

#[tokio::test]
async fn a_server_that_comes_back_empty_is_no_surprise_but_a_sentence() {
    let server = Server::start("memory");
    let store = server.open(server.options()).await;
    server.kill();
    server.start_again();
    back(&store).await;
    let error = store.has_users().await.unwrap_err();
    assert_eq!(error.code(), "migration");
    assert!(error.to_string().contains("start Hangar again"), "{error}");
    let store = server.open(server.options()).await;
    assert!(!store.has_users().await.unwrap());
}

#[tokio::test]
async fn a_closed_store_asks_the_server_nothing_more() {
    let (options, _) = crate::engine::database().await;
    let store = Store::open(options, at(0)).await.unwrap();
    store.close().await;
    assert_eq!(store.ping().await.unwrap_err().code(), "closed");
}
