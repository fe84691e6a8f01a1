//! Several Hangars on one database.

use futures::future::join_all;
use store::{OpenOptions, ParcelId, Store};

use crate::{
    engine::database,
    inbox::{arrival, deliveries, one},
    support::{admin, at, id, integration, new_user, viewer},
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_left_is_found_by_another_and_sorted_by_one_alone() {
    let (options, _) = database().await;
    let (a, b) = (open(&options, 1).await, open(&options, 2).await);
    integration(&a, 1, "Acme").await;
    let made = a.create_webhook(&admin(), one(), "0f", at(0)).await;
    assert!(made.unwrap());
    let mut ids = Vec::new();
    for (portal, number, now) in [(2, 1, 1), (2, 2, 2), (3, 1, 50)] {
        let portal = a.received(id(portal)).portal;
        let id = ParcelId { portal, number };
        a.keep_deliveries(id, deliveries(0..2), at(now))
            .await
            .unwrap();
        ids.push(id);
    }

    let left = b.left_parcels(at(49), 99).await.unwrap();
    let left: Vec<ParcelId> = left.iter().map(|parcel| parcel.id).collect();
    assert_eq!(left, ids[..2], "of before then");
    assert_eq!(b.left_parcels(at(50), 99).await.unwrap().len(), 3);
    let sort = async |store: &Store, ids: &[ParcelId], key: &str| {
        let new = [arrival(key, 10, "name", at(1))];
        store.store_events(ids, true, &new, &[]).await.unwrap()
    };
    assert!(sort(&b, &left, "a").await);
    assert!(!sort(&a, &ids[1..], "b").await, "somebody else did");
    let unknown = a.known_events(&[(one(), "b")]).await.unwrap();
    assert!(unknown.is_empty());
    assert_eq!(b.left_parcels(at(50), 99).await.unwrap().len(), 1);
}
