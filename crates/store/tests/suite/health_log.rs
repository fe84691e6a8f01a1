use chrono::DateTime;
use domain::{
    checks::{Check, Finding, HealthChange, Level, changes},
    ids::IntegrationId,
};
use store::Store;

use crate::support::{admin, at, id, integration, viewer, world};

fn one() -> IntegrationId {
    IntegrationId(id(1))
}

/// Writes down what two checks say, as the portal does. Whether it was written.
async fn say(store: &Store, seconds: i64, key: Level, drift: Level) -> bool {
    let before = store.levels(one()).await.unwrap();
    let finding = |check: Check, level: Level| Finding {
        check,
        level,
        says: format!("{} at {seconds}.", level.word()),
    };
    let found = [finding(Check::Key, key), finding(Check::Drift, drift)];
    let (after, changes) = changes(one(), &before.levels, &found, at(seconds));
    let saved = store.save_levels(one(), &before, &after, &changes).await;
    saved.unwrap()
}

async fn log(
    store: &Store,
    check: Option<Check>,
    limit: u32,
) -> Vec<(DateTime<chrono::Utc>, Check, Level)> {
    let (viewer, mut all, mut after) = (viewer(), vec![], None);
    loop {
        let page = store.health_log(&viewer, one(), check, after.as_ref(), limit);
        let page = page.await.unwrap();
        let rows = page.rows.into_iter();
        all.extend(rows.map(|change| (change.at, change.check, change.level)));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn what_checks_said_is_kept_in_order_and_found_by_check() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    assert!(say(store, 1, Level::Good, Level::Good).await);
    assert!(
        log(store, None, 9).await.is_empty(),
        "all is well from the beginning"
    );
    assert!(say(store, 2, Level::Bad, Level::Good).await);
    assert!(say(store, 3, Level::Bad, Level::Warning).await);
    assert!(say(store, 4, Level::Good, Level::Warning).await);
    let key = |seconds, level| (at(seconds), Check::Key, level);
    let drift = (at(3), Check::Drift, Level::Warning);
    let all = [key(4, Level::Good), drift, key(2, Level::Bad)];
    assert_eq!(log(store, None, 1).await, all);
    assert_eq!(log(store, Some(Check::Drift), 9).await, [drift]);
    let levels = store.levels(one()).await.unwrap().levels;
    let since: Vec<_> = levels.iter().map(|since| (since.check, since.at)).collect();
    assert_eq!(since, [(Check::Key, at(4)), (Check::Drift, at(3))]);
}

#[tokio::test]
async fn of_two_portals_one_writes_a_change_down() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    say(store, 1, Level::Good, Level::Good).await;
    let before = store.levels(one()).await.unwrap();
    let found = [Finding {
        check: Check::Key,
        level: Level::Bad,
        says: String::new(),
    }];
    let (after, told) = changes(one(), &before.levels, &found, at(2));
    let save = async || {
        let saved = store.save_levels(one(), &before, &after, &told).await;
        saved.unwrap()
    };
    assert!(save().await);
    assert!(!save().await, "the other one did");
    assert_eq!(log(store, None, 9).await.len(), 1);
}

#[tokio::test]
async fn the_latest_thousand_are_kept_and_none_of_an_integration_that_is_gone() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    for round in 0..21 {
        let changes = (0..50).map(|n| HealthChange {
            integration: one(),
            at: at(round * 50 + n),
            check: Check::Key,
            was: Level::Good,
            level: Level::Bad,
            says: "It flaps.".to_owned(),
        });
        let changes: Vec<HealthChange> = changes.collect();
        let before = store.levels(one()).await.unwrap();
        let saved = store
            .save_levels(one(), &before, &before.levels, &changes)
            .await;
        assert!(saved.unwrap());
    }
    let kept = log(store, None, 100).await;
    assert_eq!(kept.len(), 1000);
    assert_eq!((kept[0].0, kept[999].0), (at(1049), at(50)));
    assert!(
        store
            .delete_integration(&admin(), one(), at(2000))
            .await
            .unwrap()
    );
    assert!(!say(store, 2001, Level::Bad, Level::Bad).await);
    store.finish_deletions().await.unwrap();
    assert!(log(store, None, 9).await.is_empty());
    assert!(store.levels(one()).await.unwrap().levels.is_empty());
}
