//! Several Hangars on one database.

use futures::future::join_all;
use store::{OpenOptions, Store};

use crate::{
    engine::database,
    support::{at, new_user, viewer},
};

/// As another process would open the same database.
async fn open(options: &OpenOptions, seed: u64) -> Store {
    let options = OpenOptions {
        seed,
        ..options.clone()
    };
    Store::open(options, at(0)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_open_a_new_database_at_once_both_find_the_whole_schema_made_once() {
    let (options, _) = database().await;
    let stores = join_all((1..=4).map(|seed| open(&options, seed))).await;
    for (n, store) in (0..).zip(&stores) {
        store
            .create_admin_from_cli(new_user(n, &format!("p{n}@example.com")), at(0))
            .await
            .unwrap();
    }
    for store in &stores {
        assert_eq!(store.users(&viewer()).await.unwrap().len(), stores.len());
    }
    // And once more, on a database that has its schema.
    open(&options, 5).await.ping().await.unwrap();

    let db = crate::sign_in::client(&options).await;
    let mut answer = db
        .query("select value number from migrations order by number")
        .await
        .unwrap();
    let applied: Vec<i64> = answer.take(0).unwrap();
    let expected: Vec<i64> = (1..).take(applied.len()).collect();
    assert!(!applied.is_empty());
    assert_eq!(applied, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_where_somebody_sets_up_at_once_exactly_one_gets_the_first_admin() {
    let (options, _) = database().await;
    let (a, b) = (open(&options, 1).await, open(&options, 2).await);
    let (maya, ben) = tokio::join!(
        a.create_first_admin(new_user(1, "maya@example.com"), at(0)),
        b.create_first_admin(new_user(2, "ben@example.com"), at(0))
    );
    let (maya, ben) = (maya.unwrap(), ben.unwrap());
    assert!(maya.is_some() != ben.is_some(), "{maya:?} {ben:?}");
    for store in [a, b] {
        assert_eq!(store.users(&viewer()).await.unwrap().len(), 1);
    }
}
