use chrono::TimeDelta;
use domain::{
    bulk::{BulkAction, BulkCost, BulkCounts, BulkItem, BulkOperation, BulkState, ItemState},
    ids::{BulkId, IntegrationId, RunId},
    integration::{IntegrationFilter, IntegrationSettings, Selection},
};
use store::{Begun, BulkRef, BulkStart, Change, Store};
use uuid::Uuid;

use crate::support::{admin, at, id, integration, settings, viewer, world};

const LEASE: TimeDelta = TimeDelta::seconds(20);
const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

/// A sync of three integrations, the last of which is skipped, planned at that second.
fn plan(n: u128, seconds: i64) -> (BulkOperation, Vec<BulkItem>) {
    let items: Vec<BulkItem> = (1..=3)
        .map(|number| BulkItem {
            number,
            integration: IntegrationId(id(number.into())),
            name: format!("Acme {number}"),
            state: match number {
                3 => ItemState::Skipped,
                _ => ItemState::Waiting,
            },
            says: (number == 3).then(|| "It is inactive.".to_owned()),
            requests: Default::default(),
            run: None,
            test: None,
        })
        .collect();
    let operation = BulkOperation {
        id: BulkId(id(100 + n)),
        action: BulkAction::Sync,
        by: admin().user().id,
        by_name: admin().user().name.to_string(),
        state: BulkState::Planned,
        planned_at: at(seconds),
        started_at: None,
        finished_at: None,
        stop_requested: false,
        retry_of: None,
        cost: BulkCost {
            requests: 12,
            is_at_least: true,
            minutes: 0,
        },
        counts: BulkCounts::of(&items),
    };
    (operation, items)
}

async fn planned(store: &Store, n: u128, seconds: i64) -> BulkId {
    let (operation, items) = plan(n, seconds);
    assert!(store.plan_bulk(&admin(), &operation, &items).await.unwrap());
    operation.id
}

async fn started(store: &Store, n: u128) -> BulkRef {
    let bulk = planned(store, n, 0).await;
    let start = store
        .start_bulk(&admin(), bulk, ONE, at(1), LEASE)
        .await
        .unwrap();
    match start {
        BulkStart::Started(work) => work,
        other => panic!("{other:?}"),
    }
}

async fn read(store: &Store, bulk: BulkId) -> (BulkOperation, Vec<BulkItem>) {
    store.bulk(&viewer(), bulk).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_plan_is_kept_as_it_is_and_only_once() {
    let world = world().await;
    let store = &world.store;
    let (operation, items) = plan(1, 0);
    planned(store, 1, 0).await;
    assert_eq!(
        read(store, operation.id).await,
        (operation.clone(), items.clone())
    );
    let other = BulkOperation {
        action: BulkAction::Test,
        ..operation.clone()
    };
    let again = store
        .plan_bulk(&admin(), &other, &items[..1])
        .await
        .unwrap();
    assert!(!again);
    assert_eq!(read(store, operation.id).await, (operation, items));
    let nothing = store.bulk(&viewer(), BulkId(id(99))).await.unwrap();
    assert_eq!(nothing, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_starts_exactly_one_does() {
    let world = world().await;
    let bulk = planned(&world.store, 1, 0).await;
    let starts = (0..8).map(|n| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let owner = Uuid::from_u128(n);
            store
                .start_bulk(&admin(), bulk, owner, at(1), LEASE)
                .await
                .unwrap()
        })
    });
    let starts: Vec<BulkStart> = futures::future::join_all(starts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let started = |start: &&BulkStart| matches!(start, BulkStart::Started(_));
    assert_eq!(starts.iter().filter(started).count(), 1, "{starts:?}");
    let already = |start: &&BulkStart| **start == BulkStart::AlreadyStarted;
    assert_eq!(starts.iter().filter(already).count(), 7, "{starts:?}");
    let (operation, _) = read(&world.store, bulk).await;
    assert_eq!(operation.state, BulkState::Running);
    let nowhere = world
        .store
        .start_bulk(&admin(), BulkId(id(99)), ONE, at(1), LEASE)
        .await;
    assert_eq!(nowhere.unwrap(), BulkStart::Gone);
}

#[tokio::test]
async fn a_worker_that_does_not_renew_its_lease_is_followed_by_another_and_writes_nothing_more() {
    let world = world().await;
    let store = &world.store;
    let mine = started(store, 1).await;
    let take = async |seconds, at_work: &[BulkId]| {
        store
            .take_over_bulks(OTHER, at_work, false, at(seconds), LEASE)
            .await
            .unwrap()
    };
    assert!(take(20, &[]).await.is_empty(), "it lives");
    assert!(!store.renew_bulk(&mine, at(15), LEASE).await.unwrap());
    assert!(take(34, &[]).await.is_empty(), "it has renewed its lease");
    assert!(take(36, &[mine.bulk]).await.is_empty(), "the clock was set");
    let taken = take(36, &[]).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].bulk, mine.bulk);
    assert!(take(37, &[]).await.is_empty(), "taken once");

    let (_, items) = read(store, mine.bulk).await;
    let done = BulkItem {
        state: ItemState::Done,
        ..items[0].clone()
    };
    let counts = BulkCounts::of(&items);
    let refused = [
        store.renew_bulk(&mine, at(38), LEASE).await.err(),
        store
            .save_bulk_item(&mine, &done, &counts, None, at(38))
            .await
            .err(),
        store.finish_bulk(&mine, &counts, "", at(38)).await.err(),
        store.release_bulk(&mine).await.err(),
    ];
    for error in refused {
        assert_eq!(error.map(|error| error.code()), Some("fenced"));
    }
    assert_eq!(read(store, mine.bulk).await.1, items);
    store
        .save_bulk_item(&taken[0], &done, &counts, None, at(38))
        .await
        .unwrap();
    assert_eq!(read(store, mine.bulk).await.1[0], done);

    // Given back, it can be had at once.
    store.release_bulk(&taken[0]).await.unwrap();
    assert_eq!(take(39, &[]).await.len(), 1);
}

#[tokio::test]
async fn alone_a_process_goes_on_at_once_with_what_another_left() {
    let world = world().await;
    let mine = started(&world.store, 1).await;
    let take = async |owner| {
        let taken = world
            .store
            .take_over_bulks(owner, &[], true, at(2), LEASE)
            .await;
        taken.unwrap().len()
    };
    assert_eq!(take(ONE).await, 0, "it is its own");
    assert_eq!(take(OTHER).await, 1);
    let renewed = world.store.renew_bulk(&mine, at(3), LEASE).await;
    assert_eq!(renewed.err().map(|error| error.code()), Some("fenced"));
}

#[tokio::test]
async fn items_are_told_as_they_begin_and_end_and_the_rest_as_not_done() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme 1").await;
    let work = started(store, 1).await;
    let (_, mut items) = read(store, work.bulk).await;
    let by = admin().in_bulk(work.bulk);
    items[0].state = ItemState::Running;
    items[0].run = Some(RunId(id(50)));
    let begun = Begun {
        admin: &by,
        action: "integration.synced",
        says: "Started a sync.",
    };
    let counts = BulkCounts::of(&items);
    store
        .save_bulk_item(&work, &items[0], &counts, Some(begun), at(2))
        .await
        .unwrap();
    let (operation, stored) = read(store, work.bulk).await;
    assert_eq!((operation.counts, &stored), (counts, &items));

    assert!(store.request_bulk_stop(&admin(), work.bulk).await.unwrap());
    assert!(store.renew_bulk(&work, at(3), LEASE).await.unwrap());
    (items[0].state, items[0].says) = (ItemState::Done, Some("Synced.".to_owned()));
    let counts = BulkCounts::of(&items);
    store
        .save_bulk_item(&work, &items[0], &counts, None, at(4))
        .await
        .unwrap();
    items[1].state = ItemState::NotDone;
    let counts = BulkCounts::of(&items);
    store
        .finish_bulk(&work, &counts, "Stopped.", at(5))
        .await
        .unwrap();
    items[1].says = Some("Stopped.".to_owned());
    let (operation, stored) = read(store, work.bulk).await;
    assert_eq!(stored, items);
    assert_eq!(operation.state, BulkState::Finished);
    assert_eq!(operation.finished_at, Some(at(5)));
    assert_eq!((counts.done, counts.not_done, counts.skipped), (1, 1, 1));
    let over = store.request_bulk_stop(&admin(), work.bulk).await.unwrap();
    assert!(!over, "it is over");

    let acme = Some(IntegrationId(id(1)));
    let history = store.history(&viewer(), acme, None, 10).await.unwrap().rows;
    let of_it: Vec<_> = history
        .iter()
        .filter(|entry| entry.bulk == Some(work.bulk))
        .collect();
    assert_eq!(of_it.len(), 1, "{history:?}");
    assert_eq!(of_it[0].says, "Started a sync.");
    assert_eq!(of_it[0].actor_name, "Maya K");
}

#[tokio::test]
async fn the_latest_operation_comes_first() {
    let world = world().await;
    let store = &world.store;
    for n in [2, 1, 3] {
        planned(store, n as u128, n).await;
    }
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = store.bulks(&viewer(), after.as_ref(), 2).await.unwrap();
        ids.extend(page.rows.into_iter().map(|operation| operation.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids, [103, 102, 101].map(|n| BulkId(id(n))));
}

#[tokio::test]
async fn what_was_never_started_and_what_is_long_over_is_forgotten_with_its_items() {
    let world = world().await;
    let store = &world.store;
    let running = started(store, 1).await;
    let finished = started(store, 2).await;
    let counts = BulkCounts::default();
    store
        .finish_bulk(&finished, &counts, "", at(2))
        .await
        .unwrap();
    for n in 10..22 {
        planned(store, n, 0).await;
    }
    let new = planned(store, 30, 100).await;
    assert_eq!(store.forget_bulks(at(50), at(0)).await.unwrap(), 12);
    assert_eq!(store.forget_bulks(at(50), at(50)).await.unwrap(), 1);
    let is_there = async |bulk| store.bulk(&viewer(), bulk).await.unwrap().is_some();
    assert!(is_there(running.bulk).await && is_there(new).await);
    assert!(!is_there(finished.bulk).await);
    // No item is left of the old one.
    let (operation, items) = plan(2, 0);
    store
        .plan_bulk(&admin(), &operation, &items[..1])
        .await
        .unwrap();
    assert_eq!(read(store, operation.id).await.1.len(), 1);
}

#[tokio::test]
async fn tags_are_kept_and_select_what_has_them() {
    let world = world().await;
    let store = &world.store;
    let mut made = Vec::new();
    for (n, name) in [(1, "delta"), (2, "Alpha"), (3, "charlie")] {
        made.push(integration(store, n, name).await);
    }
    let tagged = IntegrationSettings {
        tags: "prod, eu".parse().unwrap(),
        ..settings("delta")
    };
    let saved = store
        .update_integration(&admin(), made[0].id, 1, tagged.clone(), None, at(1))
        .await
        .unwrap();
    assert!(matches!(saved, Change::Saved(is) if is.settings == tagged));
    let history = store
        .history(&viewer(), Some(made[0].id), None, 10)
        .await
        .unwrap();
    assert_eq!(history.rows[0].says, "Changed the tags.");

    let filter = IntegrationFilter {
        tag: Some("eu".parse().unwrap()),
        ..Default::default()
    };
    let list = store
        .integration_rows(&viewer(), &filter, None, 10, at(2))
        .await
        .unwrap();
    assert_eq!((list.rows.len(), list.matching), (1, 1));
    let all = store
        .integration_rows(&viewer(), &Default::default(), None, 2, at(2))
        .await
        .unwrap();
    assert_eq!((all.rows.len(), all.matching), (2, 3), "on all pages");

    let names = async |selection| {
        store
            .selected_integrations(&viewer(), &selection, at(2))
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.integration.settings.integration_name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(Selection::Matching(filter)).await, ["delta"]);
    let unknown = IntegrationId(id(77));
    let ids = vec![made[0].id, unknown, made[1].id, made[0].id];
    assert_eq!(names(Selection::Ids(ids)).await, ["Alpha", "delta"]);
}
