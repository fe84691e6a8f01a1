use std::collections::HashMap;

use domain::{
    checks::{Check, Finding, Level},
    connection_test::ConnectionTest,
    ids::{IntegrationId, TestId, UserId},
    problems::{
        Class, Problem, ProblemAct, ProblemFilter, ProblemState, Seen, Stands, Turn, round,
    },
};
use store::{KnownProblem, Sightings, Store};

use crate::support::{admin, at, id, integration, viewer, world};

fn one() -> IntegrationId {
    IntegrationId(id(1))
}

fn failed(n: u128, status: &str, seconds: i64) -> ConnectionTest {
    ConnectionTest {
        id: TestId(id(n)),
        integration: Some(one()),
        success: false,
        status: status.to_owned(),
        projects_count: None,
        error: None,
        stages: vec![],
        api_calls: 1,
        plane_version: None,
        certificate_days_left: None,
        is_scheduled: false,
        started_at: at(seconds),
        took_ms: 3,
    }
}

async fn seen(store: &Store) -> Sightings {
    let mut all: HashMap<_, Sightings> = store.sightings().await.unwrap();
    all.remove(&one()).unwrap_or_default()
}

/// What a look makes of what is known, unless `before` and `seen` are not what is there any more.
async fn group(
    store: &Store,
    before: &[KnownProblem],
    seen: &Sightings,
    level: Level,
    seconds: i64,
) -> bool {
    let finding = Finding {
        check: Check::Drift,
        level,
        says: "It drifted.".to_owned(),
    };
    let look = Seen {
        integration: one(),
        sightings: &seen.all,
        stands: &[Stands::of(&finding).unwrap()],
        runs: &[],
        tests: &[],
    };
    let problems: Vec<Problem> = before.iter().map(|known| known.problem.clone()).collect();
    let turned = round(&problems, &look, at(seconds));
    let saved = store.save_problems(one(), before, seen, &turned).await;
    saved.unwrap()
}

/// Everything as it is there.
async fn look(store: &Store, level: Level, seconds: i64) -> bool {
    let known = store.problems_of(one()).await.unwrap();
    group(store, &known, &seen(store).await, level, seconds).await
}

async fn list(store: &Store, filter: &ProblemFilter) -> Vec<(Class, Option<ProblemState>, u64)> {
    let (mut rows, mut after) = (vec![], None);
    loop {
        let page = store
            .problems(&viewer(), filter, after.as_ref(), 1, at(1000))
            .await
            .unwrap();
        let problems = page.rows.into_iter().map(|one| one.problem);
        rows.extend(problems.map(|one| (one.class, one.state(at(1000)), one.count)));
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

async fn turns(store: &Store, problem: &Problem) -> Vec<Turn> {
    let story = store.problem_story(&viewer(), problem.id, None, 50).await;
    story.unwrap().rows.iter().map(|event| event.turn).collect()
}

#[tokio::test]
async fn what_failed_is_grouped_once_whoever_looks() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    for n in 0..2 {
        let test = failed(100 + n, "bad_key", 1);
        store.save_test(&test).await.unwrap();
        store.save_test(&test).await.unwrap();
    }
    store
        .save_test(&failed(103, "rate_limited", 2))
        .await
        .unwrap();
    let waiting = seen(store).await;
    assert_eq!(waiting.all.len(), 2, "each once, and a rate limit is none");

    // Two portals look at the same time.
    assert!(group(store, &[], &waiting, Level::Good, 3).await);
    assert!(!group(store, &[], &waiting, Level::Good, 3).await);
    assert!(seen(store).await.is_empty());
    let all = ProblemFilter::default();
    let key = (Class::KeyInvalid, Some(ProblemState::Open), 2);
    assert_eq!(list(store, &all).await, [key]);
    // A test that is saved once more tells nothing new.
    store.save_test(&failed(100, "bad_key", 1)).await.unwrap();
    assert!(seen(store).await.is_empty());
}

#[tokio::test]
async fn a_problem_that_people_and_looks_change_keeps_both() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    assert!(look(store, Level::Warning, 1).await);
    let before = store.problems_of(one()).await.unwrap();
    let problem = before[0].problem.clone();

    let act = async |act: ProblemAct, seconds| {
        let (id, admin) = (problem.id, admin());
        let done = store.act_on_problem(&admin, id, &act, at(seconds)).await;
        done.unwrap().unwrap()
    };
    let taken = act(ProblemAct::Acknowledge, 2).await;
    assert_eq!(taken.state(at(2)), Some(ProblemState::Acknowledged));
    // A look that read before that must not undo it.
    let none = Sightings::default();
    assert!(!group(store, &before, &none, Level::Bad, 3).await);
    let owner = Some((UserId(id(900)), "Maya K".to_owned()));
    act(ProblemAct::Assign(owner.clone()), 4).await;
    act(ProblemAct::Assign(owner), 5).await;
    assert!(look(store, Level::Good, 30).await);
    assert!(look(store, Level::Good, 60).await);

    let filter = |state| ProblemFilter {
        state,
        owner: Some(UserId(id(900))),
        ..ProblemFilter::default()
    };
    let resolved = filter(Some(ProblemState::Resolved));
    assert_eq!(
        list(store, &resolved).await,
        [(Class::CopyDrift, Some(ProblemState::Resolved), 1)]
    );
    assert!(list(store, &filter(None)).await.is_empty());
    let nobody = ProblemFilter {
        owner: Some(UserId(id(901))),
        ..resolved
    };
    assert!(list(store, &nobody).await.is_empty());
    assert_eq!(
        turns(store, &problem).await,
        [
            Turn::Resolved,
            Turn::Owner,
            Turn::Acknowledged,
            Turn::Opened
        ]
    );
    assert!(look(store, Level::Warning, 90).await);
    assert_eq!(turns(store, &problem).await[0], Turn::Back);

    // What is about to expire from the list goes, what is open stays.
    look(store, Level::Good, 120).await;
    store.forget_problems(at(10_000)).await.unwrap();
    assert_eq!(list(store, &ProblemFilter::default()).await.len(), 1);
    look(store, Level::Good, 150).await;
    store.forget_problems(at(149)).await.unwrap();
    assert_eq!(store.problems_of(one()).await.unwrap().len(), 1);
    store.forget_problems(at(151)).await.unwrap();
    assert!(store.problems_of(one()).await.unwrap().is_empty());
    let gone = store
        .act_on_problem(&admin(), problem.id, &ProblemAct::Acknowledge, at(152))
        .await;
    assert_eq!(gone.unwrap(), None);
}

#[tokio::test]
async fn with_an_integration_go_its_problems_and_what_comes_late() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    store.save_test(&failed(100, "bad_key", 1)).await.unwrap();
    assert!(look(store, Level::Warning, 1).await);
    let problem = store.problems_of(one()).await.unwrap()[0].problem.clone();
    store.save_test(&failed(101, "bad_key", 2)).await.unwrap();
    let late = seen(store).await;

    assert!(
        store
            .delete_integration(&admin(), one(), at(3))
            .await
            .unwrap()
    );
    assert!(list(store, &ProblemFilter::default()).await.is_empty());
    assert!(seen(store).await.is_empty());
    assert!(turns(store, &problem).await.is_empty());
    assert!(!group(store, &[], &late, Level::Warning, 4).await);
    assert!(store.problems_of(one()).await.unwrap().is_empty());
}
