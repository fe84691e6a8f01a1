use domain::{
    ids::{RunId, UserId},
    page::Cursor,
    run::{Counts, Outcome, Phase, RunFilter, RunState, RunTime, SyncRun, Trigger, TriggerKind},
    run_log::{ApiCall, Timeline},
};
use store::{NewRun, RunEnd, RunRef, Start, Store};

use crate::{
    support::{admin, at, id, integration, viewer, world},
    workspace::start,
};

fn call(number: u32, seconds: i64) -> ApiCall {
    ApiCall {
        number,
        method: "GET".into(),
        path: format!("/api/v1/workspaces/acme/projects/?cursor=100:{number}:0"),
        status: number.is_multiple_of(2).then_some(200),
        error: (!number.is_multiple_of(2)).then(|| "timeout".into()),
        started_at: at(seconds),
        took_ms: 84,
        waited_ms: 1_000,
        bytes: 48_211,
    }
}

async fn finish(store: &Store, run: &SyncRun, outcome: Outcome, seconds: i64) {
    let counts = Counts::default();
    let run = RunRef::from(run);
    store
        .finish_run(
            &run,
            RunEnd {
                outcome,
                reason: None,
                counts: &counts,
                complete_at: None,
                failures: &[],
            },
            at(seconds),
        )
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_written_twice_is_kept_once_and_all_are_read_in_order() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let run = start(store, acme.id, id(500), at(0)).await;
    let reference = RunRef::from(&run);
    let mut timeline = Timeline::default();
    timeline.enter(Phase::Projects, None, 0);
    let all: Vec<_> = (1..=120).map(|n| call(n, 1)).collect();
    let save = async |calls: &[ApiCall], timeline: &Timeline| {
        store.save_record(&reference, calls, timeline, at(1)).await
    };
    save(&all[..70], &timeline).await.unwrap();
    timeline.enter(Phase::WorkItems, Some("Web"), 900);
    save(&all[50..], &timeline).await.unwrap();

    let mut read: Vec<ApiCall> = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = store
            .calls(&viewer(), acme.id, run.id, after.as_ref(), 50)
            .await
            .unwrap();
        read.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, all);
    let kept = store.timeline(&viewer(), acme.id, run.id).await.unwrap();
    assert_eq!(kept, timeline);
    let other = store
        .calls(&viewer(), acme.id, RunId(id(1)), None, 50)
        .await;
    assert!(other.unwrap().rows.is_empty());

    // Whoever lost the lease writes nothing.
    finish(store, &run, Outcome::Succeeded, 2).await;
    let late = save(&[call(999, 3)], &timeline).await;
    assert_eq!(late.unwrap_err().code(), "fenced");

    assert_eq!(store.forget_records(at(1)).await.unwrap(), 0);
    assert_eq!(store.forget_records(at(2)).await.unwrap(), 121);
    let forgotten = store.calls(&viewer(), acme.id, run.id, None, 50).await;
    assert!(forgotten.unwrap().rows.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_integration_leaves_no_call_behind() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let run = start(store, acme.id, id(500), at(0)).await;
    let calls = [call(1, 1), call(2, 1)];
    store
        .save_record(&RunRef::from(&run), &calls, &Timeline::default(), at(1))
        .await
        .unwrap();
    finish(store, &run, Outcome::Succeeded, 2).await;
    store
        .delete_integration(&admin(), acme.id, at(3))
        .await
        .unwrap();
    assert_eq!(store.forget_records(at(1_000_000)).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_runs_are_forgotten_but_not_the_last_one() {
    let world = world().await;
    let store = &world.store;
    let (acme, other) = (
        integration(store, 1, "Acme").await,
        integration(store, 2, "Other").await,
    );
    let mut runs = Vec::new();
    for n in 0..3 {
        let run = start(store, acme.id, id(500 + n), at(n.try_into().unwrap())).await;
        finish(store, &run, Outcome::Failed, (n + 1).try_into().unwrap()).await;
        runs.push(run.id);
    }
    let under_way = start(store, other.id, id(600), at(0)).await;

    assert_eq!(
        store.forget_runs(at(2)).await.unwrap(),
        1,
        "what ended before"
    );
    assert_eq!(store.forget_runs(at(1_000_000)).await.unwrap(), 1);
    let left = store
        .runs(&viewer(), &RunFilter::default(), None, 50, at(9))
        .await
        .unwrap();
    let left: Vec<RunId> = left.rows.iter().map(|run| run.id).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&runs[2]) && left.contains(&under_way.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_found_by_what_set_them_off_and_when() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let mut runs = Vec::new();
    for (n, trigger) in [
        (0, Trigger::Schedule),
        (1, Trigger::Person(UserId(id(9)))),
        (2, Trigger::Schedule),
        (3, Trigger::Person(UserId(id(9)))),
    ] {
        let begin = i64::from(n) * 86_400;
        let new = NewRun {
            id: RunId(id(500 + u128::from(n as u8))),
            integration: acme.id,
            trigger,
            owner: id(7),
            follows: None,
        };
        let lease = chrono::TimeDelta::seconds(15);
        let Start::Started(run) = store.start_run(new, at(begin), lease).await.unwrap() else {
            panic!("nothing else is under way")
        };
        finish(store, &run, Outcome::Succeeded, begin + 9).await;
        runs.push(run.id);
    }
    let now = at(3 * 86_400 + 60);
    let found = async |trigger, time| {
        let mut all = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let filter = RunFilter {
                trigger,
                time,
                ..RunFilter::default()
            };
            let page = store
                .runs(&viewer(), &filter, after.as_ref(), 1, now)
                .await
                .unwrap();
            all.extend(page.rows.into_iter().map(|run| run.id));
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    };
    let schedule = Some(TriggerKind::Schedule);
    let person = Some(TriggerKind::Person);
    assert_eq!(
        found(None, RunTime::Any).await,
        [runs[3], runs[2], runs[1], runs[0]]
    );
    assert_eq!(found(schedule, RunTime::Any).await, [runs[2], runs[0]]);
    assert_eq!(found(person, RunTime::Hours24).await, [runs[3]]);
    assert_eq!(found(None, RunTime::Hours24).await, [runs[3]]);
    assert_eq!(found(None, RunTime::Days7).await.len(), 4);
    let day = |n: i64| Some(at(n * 86_400).date_naive());
    let between = |from, to| RunTime::Between { from, to };
    assert_eq!(
        found(None, between(day(1), day(2))).await,
        [runs[2], runs[1]]
    );
    assert_eq!(found(None, between(None, day(0))).await, [runs[0]]);
    assert_eq!(found(schedule, between(day(3), None)).await, []);

    let last = store.run(&viewer(), runs[3]).await.unwrap().unwrap();
    let before = store.run_before(&viewer(), &last).await.unwrap();
    assert_eq!(before.map(|run| run.id), Some(runs[2]));
    let first = store.run(&viewer(), runs[0]).await.unwrap().unwrap();
    assert_eq!(store.run_before(&viewer(), &first).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_found_alone() {
    let world = world().await;
    let store = &world.store;
    let (acme, beta) = (
        integration(store, 1, "Acme").await,
        integration(store, 2, "Beta").await,
    );
    let ended = start(store, acme.id, id(500), at(0)).await;
    finish(store, &ended, Outcome::Succeeded, 9).await;
    let acmes = start(store, acme.id, id(501), at(20)).await;
    let betas = start(store, beta.id, id(502), at(30)).await;
    let found = async |integration, trigger, after: Option<Cursor>| {
        let filter = RunFilter {
            integration,
            state: Some(RunState::Running),
            trigger,
            time: RunTime::Today,
        };
        let page = store
            .runs(&viewer(), &filter, after.as_ref(), 1, at(40))
            .await
            .unwrap();
        let ids: Vec<_> = page.rows.into_iter().map(|run| run.id).collect();
        (ids, page.next)
    };
    let (first, next) = found(None, None, None).await;
    assert_eq!(first, [betas.id]);
    assert!(next.is_some());
    assert_eq!(found(None, None, next).await, (vec![acmes.id], None));
    assert_eq!(
        found(Some(acme.id), None, None).await,
        (vec![acmes.id], None)
    );
    let person = Some(TriggerKind::Person);
    assert_eq!(found(None, person, None).await, (vec![], None));
    finish(store, &acmes, Outcome::Failed, 41).await;
    assert_eq!(found(Some(acme.id), None, None).await, (vec![], None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_from_before_the_clock_was_set_back_holds_nobody_up() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let year = 365 * 86_400;
    let run = start(store, acme.id, id(500), at(year)).await;
    // The clock is right again. Whoever knows that the run goes on leaves it alone.
    let alive = store.interrupt_dead_runs(&[run.id], at(0)).await.unwrap();
    assert!(alive.is_empty());
    assert_eq!(
        store.interrupt_dead_runs(&[], at(0)).await.unwrap(),
        [run.id]
    );
}
