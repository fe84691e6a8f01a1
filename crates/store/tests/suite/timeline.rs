use domain::{
    checks::{Check, Finding, Level, changes},
    connection_test::ConnectionTest,
    ids::{IntegrationId, TestId},
    timeline::{TimelineEntry, TimelineKind},
};
use store::Store;

use crate::{
    support::{at, id, integration, viewer, world},
    workspace::start,
};

fn one() -> IntegrationId {
    IntegrationId(id(1))
}

fn test(n: u128, status: &str, is_scheduled: bool) -> ConnectionTest {
    ConnectionTest {
        id: TestId(id(n)),
        integration: Some(one()),
        success: status == "ok",
        status: status.to_owned(),
        projects_count: None,
        error: (status != "ok").then(|| "It fails.".to_owned()),
        stages: vec![],
        api_calls: 1,
        plane_version: None,
        certificate_days_left: None,
        is_scheduled,
        // Two at each moment, so that the id decides too.
        started_at: at(i64::try_from(n).unwrap() / 2),
        took_ms: 3,
    }
}

/// All of it, page by page.
async fn happened(store: &Store, only: Option<TimelineKind>, limit: u32) -> Vec<TimelineEntry> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = store
            .happened(&viewer(), one(), only, after.as_ref(), limit)
            .await
            .unwrap();
        assert!(page.rows.len() <= limit as usize);
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// Of these entries, the numbers that tests were made with.
fn tests(entries: &[TimelineEntry]) -> Vec<u128> {
    let tests = entries.iter().filter_map(|entry| match entry {
        TimelineEntry::Test(test) => Some(test.id.0.as_u128() - id(0).as_u128()),
        _ => None,
    });
    tests.collect()
}

#[tokio::test]
async fn tests_are_among_all_else_that_happened_if_they_say_something_new() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    for (n, status, is_scheduled) in [
        (10, "ok", true), // the first
        (11, "ok", true),
        (12, "ok", false), // somebody's
        (13, "timeout", true),
        (14, "timeout", true),
        (15, "bad_key", true),
        (16, "ok", true),
        (17, "ok", true),
    ] {
        let test = test(n, status, is_scheduled);
        store.save_test(&test).await.unwrap();
        store.save_test(&test).await.unwrap();
    }
    let run = start(store, one(), id(500), at(6)).await;
    let finding = Finding {
        check: Check::Connection,
        level: Level::Bad,
        says: "It fails.".to_owned(),
    };
    let before = store.levels(one()).await.unwrap();
    let (after, changes) = changes(one(), &before.levels, &[finding], at(7));
    let saved = store.save_levels(one(), &before, &after, &changes).await;
    assert!(saved.unwrap());

    let whole = happened(store, None, 50).await;
    assert_eq!(tests(&whole), [16, 15, 12, 13, 10]);
    let runs = whole
        .iter()
        .filter(|entry| entry.kind() == TimelineKind::Run);
    assert_eq!(runs.count(), 1);
    assert!(
        whole
            .iter()
            .any(|entry| entry.kind() == TimelineKind::Health)
    );
    let times: Vec<_> = whole.iter().map(TimelineEntry::at).collect();
    assert!(
        times.is_sorted_by(|later, earlier| later >= earlier),
        "{times:?}"
    );
    assert!(
        whole
            .iter()
            .any(|entry| matches!(entry, TimelineEntry::Run(one) if one.id == run.id))
    );

    let all = happened(store, Some(TimelineKind::Test), 50).await;
    assert_eq!(tests(&all), [16, 17, 14, 15, 12, 13, 10, 11]);
    assert_eq!(all.len(), 8, "and nothing else");
    for limit in 1..=4 {
        assert_eq!(happened(store, None, limit).await, whole, "each entry once");
        let paged = happened(store, Some(TimelineKind::Test), limit).await;
        assert_eq!(paged, all, "each test once");
    }
}
