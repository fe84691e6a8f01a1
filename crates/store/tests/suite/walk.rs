use std::collections::HashSet;

use domain::{ids::WorkItemId, mirror::WorkItem};
use store::Finished;

use crate::{
    support::{at, id, integration, viewer, world},
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
        gap: Some(-1),
    };
    store
        .finish_walk(&w.run, w.project, &finished, at(102))
        .await
        .unwrap();
    let recent = Finished {
        complete_at: at(60),
        watermark: None,
        is_full: false,
        gap: Some(0),
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
