use std::collections::{HashMap, HashSet};

use domain::{
    collection::{Collection, CollectionKind, ItemsRead},
    ids::{CollectionId, WorkItemId},
    mirror::{Restore, WorkItem, WorkItemFilter, WorkItemSort},
    walk::Held,
};
use store::Finished;

use crate::{
    support::{admin, at, id, integration, viewer, world},
    workspace::{Workspace, checkpoint, item, start},
};

fn ids(items: &[WorkItem]) -> Vec<WorkItemId> {
    items.iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn a_full_walk_remembers_what_it_saw_until_it_ends_or_begins_anew() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let (walked, total, left) = store.walked(acme.id, w.project).await.unwrap();
    assert_eq!((walked.watermark, walked.full_at), (None, None));
    assert_eq!((total, left), (0, None));

    let page = vec![item(1, "one", 1), item(2, "two", 2)];
    w.apply(page.clone()).await;
    let seen = store.seen_items(acme.id, w.project).await.unwrap();
    assert_eq!(seen, HashSet::from_iter(ids(&page)));
    let (walked, total, left) = store.walked(acme.id, w.project).await.unwrap();
    assert!(walked.is_unfinished);
    assert_eq!((total, left), (2, Some(checkpoint(w.project, 1))));

    store.begin_walk(&w.run, w.project, at(101)).await.unwrap();
    assert!(
        store
            .seen_items(acme.id, w.project)
            .await
            .unwrap()
            .is_empty()
    );
    w.apply(page.clone()).await;
    let finished = Finished {
        complete_at: at(50),
        watermark: Some(at(2)),
        is_full: true,
        held: None,
        gap: Some(-1),
        drift: None,
    };
    store
        .finish_walk(&w.run, w.project, &finished, at(102))
        .await
        .unwrap();
    let recent = Finished {
        complete_at: at(60),
        watermark: None,
        is_full: false,
        held: None,
        gap: Some(0),
        drift: None,
    };
    store
        .finish_walk(&w.run, w.project, &recent, at(103))
        .await
        .unwrap();

    assert!(
        store
            .seen_items(acme.id, w.project)
            .await
            .unwrap()
            .is_empty()
    );
    let (walked, _, left) = store.walked(acme.id, w.project).await.unwrap();
    assert_eq!(left, None);
    assert_eq!(walked.watermark, Some(at(2)), "kept");
    assert_eq!(walked.full_at, Some(at(50)));
    assert_eq!((walked.gap, walked.is_unfinished), (0, false));
    let mut stored = store.item_ids(acme.id, w.project).await.unwrap();
    stored.sort();
    assert_eq!(stored, ids(&page));
}

#[tokio::test]
async fn what_is_gone_leaves_lists_and_totals_and_is_kept_until_it_comes_back() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let page: Vec<WorkItem> = (1..=3).map(|n| item(n, "thing", n as i64)).collect();
    w.apply(page.clone()).await;
    let labels = async || {
        let facets = store.facets(&viewer(), acme.id, w.project).await.unwrap();
        let counts = facets.labels.iter().map(|label| label.work_items);
        counts.sum::<u64>()
    };
    let (before, each) = (labels().await, page[1].labels.len() as u64);

    let gone = [page[1].id, WorkItemId(id(77))];
    let removed = store.remove_items(&w.run, w.project, &gone, at(110)).await;
    assert_eq!(removed.unwrap(), 1, "of those that are here");
    let again = store.remove_items(&w.run, w.project, &gone, at(111)).await;
    assert_eq!(again.unwrap(), 0);

    assert_eq!(w.numbers(Default::default(), 9).await, [3, 1]);
    assert_eq!(store.totals(&viewer()).await.unwrap().work_items, 2);
    assert_eq!(labels().await, before - each);
    let deleted = async || {
        let viewer = viewer();
        let page = store.deleted_items(&viewer, acme.id, w.project, None, 9);
        page.await.unwrap().rows
    };
    let kept = deleted().await;
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].id, kept[0].sequence_id), (page[1].id, 2));
    assert_eq!(kept[0].deleted_at, at(110));

    w.apply(vec![page[1].clone()]).await;
    assert_eq!(w.numbers(Default::default(), 9).await, [3, 2, 1]);
    assert!(deleted().await.is_empty(), "it is not deleted any more");
    assert_eq!(labels().await, before);

    store
        .remove_items(&w.run, w.project, &ids(&page), at(120))
        .await
        .unwrap();
    assert_eq!(store.forget_deleted(at(120)).await.unwrap(), 0);
    assert_eq!(store.forget_deleted(at(121)).await.unwrap(), 3);
    assert!(deleted().await.is_empty());
}

#[tokio::test]
async fn a_run_that_lost_its_lease_removes_nothing() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let page = vec![item(1, "one", 1)];
    w.apply(page.clone()).await;
    store.interrupt_dead_runs(&[], at(1000)).await.unwrap();
    start(store, acme.id, id(502), at(1001)).await;

    let late = store
        .remove_items(&w.run, w.project, &ids(&page), at(1002))
        .await;
    assert_eq!(late.unwrap_err().code(), "fenced");
    let late = store.begin_walk(&w.run, w.project, at(1002)).await;
    assert_eq!(late.unwrap_err().code(), "fenced");

    assert_eq!(w.numbers(Default::default(), 9).await, [1]);
    let seen: HashSet<WorkItemId> = store.seen_items(acme.id, w.project).await.unwrap();
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn what_is_put_back_stays_though_plane_does_not_have_it() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let page: Vec<WorkItem> = (1..=3).map(|n| item(n, "thing", n as i64)).collect();
    w.apply(page.clone()).await;
    let labels = async || {
        let facets = store.facets(&viewer(), acme.id, w.project).await.unwrap();
        let counts = facets.labels.iter().map(|label| label.work_items);
        counts.sum::<u64>()
    };
    let before = labels().await;
    let kept = async || store.kept_items(acme.id, w.project).await.unwrap();
    let (two, admin) = (page[1].id, admin());
    store
        .remove_items(&w.run, w.project, &ids(&page), at(110))
        .await
        .unwrap();

    let one = Restore::One(two);
    let restored = store.restore_items(&admin, acme.id, w.project, one, at(111));
    assert_eq!(restored.await.unwrap(), 1);
    let again = store.restore_items(&admin, acme.id, w.project, one, at(112));
    assert_eq!(again.await.unwrap(), 0, "it is not deleted any more");
    assert_eq!(w.numbers(Default::default(), 9).await, [2]);
    assert_eq!(kept().await, HashSet::from([two]));
    let since = store.kept_since(&viewer(), acme.id, w.project, two).await;
    assert_eq!(since.unwrap(), Some(at(111)));

    let rest = store.restore_items(&admin, acme.id, w.project, Restore::All, at(113));
    assert_eq!(rest.await.unwrap(), 2);
    assert_eq!(w.numbers(Default::default(), 9).await, [3, 2, 1]);
    assert_eq!(store.totals(&viewer()).await.unwrap().work_items, 3);
    assert_eq!(labels().await, before);

    // Plane lists the first again, changed; the second is seen again; the third is taken out again.
    w.apply(vec![item(1, "thing changed", 9)]).await;
    assert_eq!(kept().await, HashSet::from([two, page[2].id]));
    store
        .forget_kept(&w.run, w.project, &[two], at(114))
        .await
        .unwrap();
    assert_eq!(kept().await, HashSet::from([page[2].id]));
    for (item, expected) in [(page[2].id, true), (page[2].id, false), (two, false)] {
        let out = store.discard_kept(&admin, acme.id, w.project, item, at(115));
        assert_eq!(out.await.unwrap(), expected);
    }
    assert_eq!(w.numbers(Default::default(), 9).await, [1, 2]);
    assert!(kept().await.is_empty());

    let history = store.history(&viewer(), Some(acme.id), None, 9).await;
    let actions: Vec<String> = history
        .unwrap()
        .rows
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    assert_eq!(
        actions[..3],
        [
            "work_item.discarded",
            "work_item.restored",
            "work_item.restored"
        ]
    );
}

#[tokio::test]
async fn what_is_held_is_released_once_and_a_deleted_integration_takes_nothing_back() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let (held, admin) = (
        Held {
            absent: 21,
            of: 100,
            at: at(50),
        },
        admin(),
    );
    let release = async || {
        let released = store.release_held(&admin, acme.id, w.project, at(60)).await;
        released.unwrap()
    };
    assert_eq!(release().await, None, "nothing is held");

    let walk = |is_full, held| Finished {
        complete_at: at(50),
        watermark: None,
        is_full,
        held,
        gap: Some(0),
        drift: None,
    };
    let finish = async |finished: Finished| {
        let done = store.finish_walk(&w.run, w.project, &finished, at(51));
        done.await.unwrap();
        store.walked(acme.id, w.project).await.unwrap().0
    };
    let walked = finish(walk(true, Some(held))).await;
    assert_eq!((walked.held, walked.released), (Some(held), None));
    let row = store.project(&viewer(), acme.id, w.project).await.unwrap();
    assert_eq!(row.unwrap().held, Some(held));

    assert_eq!(release().await, Some(held));
    let walked = finish(walk(false, None)).await;
    assert_eq!((walked.held, walked.released), (Some(held), Some(21)));
    let walked = finish(walk(true, None)).await;
    assert_eq!((walked.held, walked.released), (None, None));

    w.apply(vec![item(1, "one", 1)]).await;
    let gone = store.item_ids(acme.id, w.project).await.unwrap();
    store
        .remove_items(&w.run, w.project, &gone, at(61))
        .await
        .unwrap();
    store.interrupt_dead_runs(&[], at(5000)).await.unwrap();
    store
        .delete_integration(&admin, acme.id, at(5001))
        .await
        .unwrap();
    let late = store.restore_items(&admin, acme.id, w.project, Restore::All, at(5002));
    assert_eq!(late.await.unwrap(), 0);
}

#[tokio::test]
async fn cycles_and_modules_hold_their_work_items_and_filter_the_table() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let items: Vec<WorkItem> = (1..=4).map(|n| item(n, "thing", n as i64)).collect();
    w.apply(items.clone()).await;
    let collection = |n: u128, kind, name: &str, total| Collection {
        kind,
        id: CollectionId(id(n)),
        name: name.to_owned(),
        status: String::new(),
        starts_on: None,
        ends_on: None,
        total_work_items: total,
        updated_at: at(5),
    };
    let sprint = collection(601, CollectionKind::Cycle, "Sprint 1", 2);
    let engine = collection(602, CollectionKind::Module, "Engine", 1);
    let apply = async |kind, listed: &[Collection]| {
        let read = store.apply_collections(&w.run, w.project, kind, listed, at(110));
        read.await.unwrap()
    };
    assert!(
        apply(CollectionKind::Cycle, std::slice::from_ref(&sprint))
            .await
            .is_empty()
    );
    assert!(
        apply(CollectionKind::Module, std::slice::from_ref(&engine))
            .await
            .is_empty()
    );
    // One of them is not copied yet, as when it was made a moment ago.
    for (collection, held) in [
        (&sprint, vec![items[1].id, items[3].id, WorkItemId(id(77))]),
        (&engine, vec![items[3].id]),
    ] {
        let stored = store.apply_collection_items(&w.run, w.project, collection, &held, at(111));
        stored.await.unwrap();
    }

    let renamed = Collection {
        name: "Sprint one".into(),
        ..sprint.clone()
    };
    let read = apply(CollectionKind::Cycle, std::slice::from_ref(&renamed)).await;
    let expected = ItemsRead {
        at: at(111),
        total_work_items: 2,
        updated_at: at(5),
    };
    assert_eq!(
        read,
        HashMap::from([(sprint.id, expected)]),
        "its work items are kept"
    );
    let listed = store
        .collections(&viewer(), acme.id, w.project)
        .await
        .unwrap();
    assert_eq!(listed, [renamed.clone(), engine.clone()]);
    let facets = store.facets(&viewer(), acme.id, w.project).await.unwrap();
    assert_eq!(facets.collections, listed);
    let of = store
        .collections_of(&viewer(), acme.id, w.project, items[3].id)
        .await;
    assert_eq!(of.unwrap(), listed);
    let of = store
        .collections_of(&viewer(), acme.id, w.project, items[0].id)
        .await;
    assert_eq!(of.unwrap(), []);

    let only = |collection: &Collection| WorkItemFilter {
        collection: Some(collection.id),
        ..WorkItemFilter::default()
    };
    assert_eq!(w.numbers(only(&sprint), 1).await, [4, 2]);
    let oldest = WorkItemFilter {
        sort: WorkItemSort::Oldest,
        ..only(&sprint)
    };
    assert_eq!(w.numbers(oldest, 1).await, [2, 4]);
    let worded = WorkItemFilter {
        q: "thing".into(),
        ..only(&engine)
    };
    assert_eq!(w.numbers(worded, 9).await, [4]);
    let numbered = WorkItemFilter {
        q: "2".into(),
        ..only(&engine)
    };
    assert!(w.numbers(numbered, 9).await.is_empty());

    assert_eq!(apply(CollectionKind::Cycle, &[]).await.len(), 1);
    assert_eq!(
        store
            .collections(&viewer(), acme.id, w.project)
            .await
            .unwrap(),
        [engine]
    );
    let left = w.numbers(only(&sprint), 9).await;
    assert!(left.is_empty(), "a cycle that is gone has nothing");
}
