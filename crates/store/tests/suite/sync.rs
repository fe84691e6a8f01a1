use std::collections::HashMap;

use chrono::TimeDelta;
use domain::{
    changes::changes,
    ids::RunId,
    mirror::{ProjectFilter, WorkItem},
    run::{Counts, Outcome, Phase, Progress, RunFilter, RunState, Trigger},
};
use store::{Finished, NewRun, RunEnd, RunRef, Start};

use crate::{
    support::{admin, at, id, integration, viewer, world},
    workspace::{Workspace, checkpoint, item, start},
};

const LEASE: TimeDelta = TimeDelta::seconds(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_start_a_run_at_once_exactly_one_gets_it() {
    let world = world().await;
    let acme = integration(&world.store, 1, "Acme").await;
    let tries = (0..6u128).map(|n| {
        let store = world.store.clone();
        let new = NewRun {
            id: RunId(id(500 + n)),
            integration: acme.id,
            trigger: Trigger::Schedule,
            owner: id(n),
            follows: None,
        };
        tokio::spawn(async move { store.start_run(new, at(0), LEASE).await.unwrap() })
    });
    let starts = futures::future::join_all(tries).await;
    let started: Vec<_> = starts
        .iter()
        .filter_map(|s| match s.as_ref().unwrap() {
            Start::Started(run) => Some(run.id),
            _ => None,
        })
        .collect();
    assert_eq!(started.len(), 1);
    let losers = starts
        .iter()
        .filter(|s| *s.as_ref().unwrap() == Start::AlreadyRunning(started[0]));
    assert_eq!(losers.count(), 5);
    assert_eq!(world.store.running(&viewer()).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_schedules_that_see_the_same_run_end_one_starts_the_next() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let off = integration(store, 2, "Off").await;
    store
        .set_active(&admin(), off.id, false, at(0))
        .await
        .unwrap();
    let first = start(store, acme.id, id(500), at(0)).await;
    store
        .finish_run(
            &RunRef::from(&first),
            RunEnd {
                outcome: Outcome::Succeeded,
                reason: None,
                counts: &Counts::default(),
                complete_at: Some(at(0)),
                failures: &[],
            },
            at(9),
        )
        .await
        .unwrap();

    let scheduled = store.scheduled().await.unwrap();
    assert_eq!(scheduled.len(), 1, "the other one is switched off");
    let seen = scheduled[0].last_run.clone().unwrap();
    assert_eq!(
        (seen.id, seen.outcome),
        (first.id, Some(Outcome::Succeeded))
    );

    let next = async |n| {
        let new = NewRun {
            id: RunId(id(n)),
            integration: acme.id,
            trigger: Trigger::Schedule,
            owner: id(n),
            follows: Some(Some(seen.id)),
        };
        store.start_run(new, at(10), LEASE).await.unwrap()
    };
    let Start::Started(second) = next(501).await else {
        panic!("nobody else has started one")
    };
    assert_eq!(
        next(502).await,
        Start::Overtaken,
        "the other one was faster"
    );
    store
        .finish_run(
            &RunRef::from(&second),
            RunEnd {
                outcome: Outcome::Succeeded,
                reason: None,
                counts: &Counts::default(),
                complete_at: Some(at(10)),
                failures: &[],
            },
            at(11),
        )
        .await
        .unwrap();
    assert_eq!(next(503).await, Start::Overtaken, "it was long decided");

    let never = NewRun {
        id: RunId(id(504)),
        integration: acme.id,
        trigger: Trigger::Schedule,
        owner: id(5),
        follows: Some(None),
    };
    let never = store.start_run(never, at(12), LEASE).await.unwrap();
    assert_eq!(never, Start::Overtaken);
}

#[tokio::test]
async fn a_run_tells_its_progress_hears_a_cancel_and_ends_with_an_outcome() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let run = start(store, acme.id, id(500), at(0)).await;
    let ticket = RunRef::from(&run);
    let progress = Progress {
        phase: Phase::WorkItems,
        items_done: 5,
        ..Default::default()
    };
    let counts = Counts {
        items: 5,
        ..Default::default()
    };
    let asked = store
        .save_progress(&ticket, &progress, &counts, at(1), LEASE)
        .await
        .unwrap();
    assert!(!asked);
    let seen = store.run(&viewer(), run.id).await.unwrap().unwrap();
    assert_eq!((seen.progress, seen.counts), (progress.clone(), counts));

    assert!(store.request_cancel(&admin(), run.id, at(2)).await.unwrap());
    assert!(
        store
            .save_progress(&ticket, &progress, &counts, at(3), LEASE)
            .await
            .unwrap()
    );
    store
        .finish_run(
            &ticket,
            RunEnd {
                outcome: Outcome::Cancelled,
                reason: Some("Somebody stopped it.".into()),
                counts: &counts,
                complete_at: None,
                failures: &[],
            },
            at(4),
        )
        .await
        .unwrap();
    assert!(!store.request_cancel(&admin(), run.id, at(5)).await.unwrap());
    let seen = store.run(&viewer(), run.id).await.unwrap().unwrap();
    assert_eq!(
        (seen.outcome, seen.finished_at),
        (Some(Outcome::Cancelled), Some(at(4)))
    );
    let row = store
        .integration_row(&viewer(), acme.id, at(5))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.last_run, row.complete_at),
        (Some(seen.summary()), None)
    );

    let next = start(store, acme.id, id(501), at(6)).await;
    assert_eq!(next.epoch, run.epoch + 1);
    let late = store
        .save_progress(&ticket, &progress, &counts, at(7), LEASE)
        .await;
    assert_eq!(late.unwrap_err().code(), "fenced");
    let ticket = RunRef::from(&next);
    store
        .finish_run(
            &ticket,
            RunEnd {
                outcome: Outcome::Succeeded,
                reason: None,
                counts: &counts,
                complete_at: Some(at(6)),
                failures: &[],
            },
            at(9),
        )
        .await
        .unwrap();
    let row = store
        .integration_row(&viewer(), acme.id, at(10))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.complete_at, Some(at(6)));

    let ids = async |state| {
        let filter = RunFilter {
            integration: Some(acme.id),
            state,
            ..RunFilter::default()
        };
        let page = store
            .runs(&viewer(), &filter, None, 10, at(0))
            .await
            .unwrap();
        page.rows.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None).await, [next.id, run.id]);
    let cancelled = Some(RunState::Ended(Outcome::Cancelled));
    assert_eq!(ids(cancelled).await, [run.id]);
    assert!(store.running(&viewer()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_lease_that_nobody_renews_is_taken_over_and_its_run_closed() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let lost = start(store, acme.id, id(500), at(0)).await;
    assert!(
        store
            .interrupt_dead_runs(&[], at(14))
            .await
            .unwrap()
            .is_empty(),
        "its lease still runs"
    );
    assert_eq!(
        store.interrupt_dead_runs(&[], at(16)).await.unwrap(),
        [lost.id]
    );
    let seen = store.run(&viewer(), lost.id).await.unwrap().unwrap();
    assert_eq!(seen.outcome, Some(Outcome::Interrupted));
    assert!(seen.reason.is_some());
    let late = store
        .apply_projects(&RunRef::from(&lost), &[], at(17))
        .await;
    assert_eq!(late.unwrap_err().code(), "fenced");

    let second = start(store, acme.id, id(501), at(20)).await;
    let third = start(store, acme.id, id(502), at(40)).await; // takes over by itself
    assert_eq!(
        store
            .run(&viewer(), second.id)
            .await
            .unwrap()
            .unwrap()
            .outcome,
        Some(Outcome::Interrupted)
    );
    assert!(
        store
            .interrupt_runs_of_dead_process(id(800), at(41))
            .await
            .unwrap()
            .is_empty(),
        "its own"
    );
    assert_eq!(
        store
            .interrupt_runs_of_dead_process(id(801), at(41))
            .await
            .unwrap(),
        [third.id]
    );
    start(store, acme.id, id(503), at(42)).await;
}

#[tokio::test]
async fn a_page_and_its_checkpoint_are_one() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let left = async || store.walked(acme.id, w.project).await.unwrap().2;
    assert_eq!(left().await, None);
    w.apply(vec![item(1, "one", 1)]).await;
    assert_eq!(left().await, Some(checkpoint(w.project, 1)));

    // The lease is gone: neither rows nor checkpoint.
    store.interrupt_dead_runs(&[], at(1000)).await.unwrap();
    let change = changes(vec![item(2, "two", 2)], &HashMap::new());
    let (progress, counts) = (Progress::default(), Counts::default());
    let late = store
        .apply_items(
            &w.run,
            w.project,
            &change,
            None,
            &progress,
            &counts,
            at(1001),
        )
        .await;
    assert_eq!(late.unwrap_err().code(), "fenced");
    assert_eq!(left().await, Some(checkpoint(w.project, 1)));
    assert_eq!(w.numbers(Default::default(), 9).await, [1]);

    let run = RunRef::from(&start(store, acme.id, id(502), at(1002)).await);
    let finished = Finished {
        complete_at: at(1002),
        watermark: Some(at(1)),
        is_full: true,
        held: None,
        gap: Some(0),
        drift: None,
    };
    store
        .finish_walk(&run, w.project, &finished, at(1003))
        .await
        .unwrap();
    assert_eq!(left().await, None);
    let row = store
        .project(&viewer(), acme.id, w.project)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.copied.work_items, Some(at(1002)));
}

#[tokio::test]
async fn a_page_of_many_or_large_items_goes_in_several_transactions() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let mut page: Vec<WorkItem> = (1..=6).map(|n| item(n, "many", n as i64)).collect();
    for item in &mut page {
        item.description_html = "x".repeat(900_000);
    }
    w.apply(page.clone()).await;
    let row = store
        .project(&viewer(), acme.id, w.project)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.total_work_items, 6);
    page[0].description_html = "x".repeat(5_000_000);
    page[0].updated_at = at(99);
    let change = changes(page, &HashMap::new());
    let (progress, counts) = (Progress::default(), Counts::default());
    let refused = store
        .apply_items(
            &w.run,
            w.project,
            &change,
            None,
            &progress,
            &counts,
            at(101),
        )
        .await;
    assert_eq!(refused.unwrap_err().code(), "too_large");
}

#[tokio::test]
async fn deleting_an_integration_leaves_its_history_alone() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let beta = integration(store, 2, "Beta").await;
    let w = Workspace::synced(store, acme.id).await;
    w.apply(vec![item(1, "one", 1), item(2, "two", 2)]).await;
    let other = Workspace::synced(store, beta.id).await;
    other.apply(vec![item(1, "one", 1)]).await;

    let cost = store
        .deletion_cost(&viewer(), acme.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            cost.projects,
            cost.work_items,
            cost.labels,
            cost.runs,
            cost.tests
        ),
        (2, 2, 2, 1, 0)
    );
    let busy = store.delete_integration(&admin(), acme.id, at(5)).await;
    assert_eq!(busy.unwrap_err().code(), "busy");
    store
        .finish_run(
            &w.run,
            RunEnd {
                outcome: Outcome::Succeeded,
                reason: None,
                counts: &Counts::default(),
                complete_at: None,
                failures: &[],
            },
            at(101),
        )
        .await
        .unwrap();

    assert!(
        store
            .delete_integration(&admin(), acme.id, at(102))
            .await
            .unwrap()
    );
    assert!(
        !store
            .delete_integration(&admin(), acme.id, at(103))
            .await
            .unwrap()
    );
    assert_eq!(store.integration(&viewer(), acme.id).await.unwrap(), None);
    let items = store
        .work_items(&viewer(), acme.id, w.project, &Default::default(), None, 9)
        .await
        .unwrap();
    assert!(items.rows.is_empty());
    let of_acme = ProjectFilter {
        integration: Some(acme.id),
        ..ProjectFilter::default()
    };
    assert!(
        store
            .projects(&viewer(), &of_acme, None, 9, at(9))
            .await
            .unwrap()
            .rows
            .is_empty()
    );
    assert_eq!(store.deletion_cost(&viewer(), acme.id).await.unwrap(), None);
    let history = store
        .history(&viewer(), Some(acme.id), None, 9)
        .await
        .unwrap();
    assert_eq!(history.rows[0].action, "integration.deleted");
    let new = NewRun {
        id: RunId(id(600)),
        integration: acme.id,
        trigger: Trigger::Schedule,
        owner: id(1),
        follows: None,
    };
    assert_eq!(
        store.start_run(new, at(104), LEASE).await.unwrap(),
        Start::Gone
    );

    assert_eq!(
        other.numbers(Default::default(), 9).await,
        [1],
        "the other one's are there"
    );
    let totals = store.totals(&viewer()).await.unwrap();
    assert_eq!((totals.integrations, totals.work_items), (1, 1));
    integration(store, 3, "Acme").await; // its name is free again
}
