use serde_json::json;

use crate::support::{at, world};

const ORIGIN: &str = "https://plane.example.com:8443";

#[tokio::test]
async fn who_keeps_a_budget_must_have_read_the_latest() {
    let world = world().await;
    let store = &world.store;
    assert_eq!(store.budget(ORIGIN, "ab12").await.unwrap(), None);
    let first = json!({ "limit": 60, "shares": [{ "open": 4 }] });
    let save = async |revision, body| {
        store
            .save_budget(ORIGIN, "ab12", revision, body, at(0))
            .await
            .unwrap()
    };
    assert!(save(0, first.clone()).await);
    assert!(
        !save(0, json!({ "limit": 30 })).await,
        "somebody was faster"
    );
    assert_eq!(
        store.budget(ORIGIN, "ab12").await.unwrap(),
        Some((1, first))
    );
    let second = json!({ "limit": 300, "shares": [] });
    assert!(save(1, second.clone()).await);
    assert_eq!(
        store.budget(ORIGIN, "ab12").await.unwrap(),
        Some((2, second))
    );
    assert_eq!(store.budget(ORIGIN, "cd34").await.unwrap(), None);
}

#[tokio::test]
async fn budgets_that_nobody_uses_are_forgotten() {
    let world = world().await;
    let store = &world.store;
    for (fingerprint, written) in [("old", at(0)), ("new", at(100))] {
        let kept = store.save_budget(ORIGIN, fingerprint, 0, json!({}), written);
        assert!(kept.await.unwrap());
    }
    store.forget_budgets(at(50)).await.unwrap();
    assert_eq!(store.budget(ORIGIN, "old").await.unwrap(), None);
    assert!(store.budget(ORIGIN, "new").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_read_the_same_one_keeps_it() {
    let world = world().await;
    let tries = (0..8).map(|n| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let body = json!({ "limit": n });
            store
                .save_budget(ORIGIN, "ab12", 0, body, at(0))
                .await
                .unwrap()
        })
    });
    let kept: Vec<bool> = futures::future::join_all(tries)
        .await
        .into_iter()
        .map(|kept| kept.unwrap())
        .collect();
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1);
}
