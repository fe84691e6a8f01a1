use chrono::{DateTime, Utc};
use domain::{
    ids::IntegrationId,
    usage::{CallRecord, PlaneKey, Purpose, Slot, Subject, Usage},
};
use store::{CallLog, Store, UsageSlot};

use crate::support::{at, id, integration, viewer, world};

fn key(fingerprint: &str) -> PlaneKey {
    PlaneKey {
        origin: "https://plane.example".to_owned(),
        fingerprint: fingerprint.to_owned(),
    }
}

fn call(integration: Option<IntegrationId>, fingerprint: &str, seconds: i64) -> CallRecord {
    CallRecord {
        integration,
        key: key(fingerprint),
        purpose: Purpose::Sync,
        endpoint: "projects/:id/work-items".to_owned(),
        status: Some(200),
        error: None,
        ended_at: at(seconds),
        took_ms: 25,
        waited_ms: 1,
        bytes: 2_000,
        remaining: Some(59),
        project: None,
    }
}

fn log(n: u128, calls: Vec<CallRecord>, slots: Vec<UsageSlot>) -> CallLog {
    let ended = calls.iter().map(|call| call.ended_at).max();
    CallLog {
        id: id(n << 32),
        at: ended.unwrap(),
        calls,
        slots,
    }
}

fn slot(
    n: u128,
    slot: Slot,
    subject: &Subject,
    start: DateTime<Utc>,
    calls: &[CallRecord],
) -> UsageSlot {
    let mut usage = Usage::default();
    calls.iter().for_each(|call| usage.add(call));
    UsageSlot {
        id: id(n),
        slot,
        start: slot.start(start),
        subject: subject.clone(),
        fingerprint: "ab12".to_owned(),
        usage,
    }
}

async fn calls_in(store: &Store, subject: &Subject, slot: Slot) -> Vec<(i64, u64)> {
    let rows = store
        .usage(&viewer(), subject, slot, at(-86_400), at(86_400))
        .await;
    let rows = rows.unwrap().into_iter();
    rows.map(|row| ((row.start - at(0)).num_seconds(), row.usage.calls()))
        .collect()
}

async fn kept(store: &Store, integration: Option<IntegrationId>) -> Vec<CallRecord> {
    let page = store
        .call_records(&viewer(), integration, at(-86_400), at(86_400), None, 1000)
        .await;
    let page = page.unwrap();
    assert_eq!(page.next, None);
    page.rows
}

#[tokio::test]
async fn what_is_written_again_is_kept_once_and_a_slot_is_the_sum_of_its_records() {
    let world = world().await;
    let store = &world.store;
    let id = integration(store, 1, "Acme").await.id;
    let subject = Subject::Integration(id);
    let calls = vec![call(Some(id), "ab12", 1), call(Some(id), "ab12", 2)];
    let minute = |n, calls: &[CallRecord]| slot(n, Slot::Minute, &subject, at(1), calls);

    let first = log(1, calls.clone(), vec![minute(7, &calls)]);
    store.save_calls(&first).await.unwrap();
    store.save_calls(&first).await.unwrap();
    assert_eq!(calls_in(store, &subject, Slot::Minute).await, [(0, 2)]);
    assert_eq!(
        kept(store, Some(id)).await,
        [calls[1].clone(), calls[0].clone()]
    );

    // The same process goes on counting; another one has a record of its own.
    let more = call(Some(id), "ab12", 3);
    let all = [calls, vec![more.clone()]].concat();
    store
        .save_calls(&log(2, vec![more], vec![minute(7, &all)]))
        .await
        .unwrap();
    let others = vec![call(Some(id), "ab12", 4)];
    store
        .save_calls(&log(3, others.clone(), vec![minute(8, &others)]))
        .await
        .unwrap();
    assert_eq!(calls_in(store, &subject, Slot::Minute).await, [(0, 4)]);
    assert_eq!(kept(store, Some(id)).await.len(), 4);
    let size = store.call_bytes().await.unwrap();
    assert!((100..1000).contains(&size), "{size}");
}

#[tokio::test]
async fn calls_are_kept_apart_by_integration_and_pages_have_each_once() {
    let world = world().await;
    let store = &world.store;
    let (one, other) = (IntegrationId(id(1)), IntegrationId(id(2)));
    for n in 0..30 {
        let calls = vec![
            call(Some(one), "ab12", i64::from(n)),
            call(Some(one), "cd34", i64::from(n)),
            call(Some(other), "ab12", i64::from(n)),
            call(None, "ab12", i64::from(n)),
        ];
        store
            .save_calls(&log(u128::from(n as u32) + 1, calls, Vec::new()))
            .await
            .unwrap();
    }
    assert_eq!(kept(store, Some(one)).await.len(), 60);
    assert_eq!(kept(store, None).await.len(), 30);

    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store
            .call_records(&viewer(), Some(one), at(5), at(20), after.as_ref(), 7)
            .await
            .unwrap();
        assert!((1..=8).contains(&page.rows.len()));
        seen.extend(
            page.rows
                .into_iter()
                .map(|call| (call.ended_at, call.key.fingerprint)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(seen.windows(2).all(|two| two[0].0 >= two[1].0), "{seen:?}");
    seen.sort();
    let expected: Vec<_> = (5..20)
        .flat_map(|n| ["ab12", "cd34"].map(|key| (at(n), key.to_owned())))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn what_is_old_is_forgotten_by_age_and_with_its_integration() {
    let world = world().await;
    let store = &world.store;
    let integration = integration(store, 1, "Acme").await;
    let subject = Subject::Integration(integration.id);
    for n in 0..10 {
        let calls = vec![call(Some(integration.id), "ab12", n * 60)];
        let slots = vec![
            slot(n as u128, Slot::Minute, &subject, at(n * 60), &calls),
            slot(100 + n as u128, Slot::Hour, &subject, at(n * 60), &calls),
        ];
        store
            .save_calls(&log(n as u128 + 1, calls, slots))
            .await
            .unwrap();
    }
    let size = store.call_bytes().await.unwrap();
    assert_eq!(store.forget_calls(at(240)).await.unwrap(), 4);
    assert_eq!(kept(store, Some(integration.id)).await.len(), 6);
    assert_eq!(store.call_bytes().await.unwrap(), size * 6 / 10);
    store.forget_usage(Slot::Minute, at(240)).await.unwrap();
    let minutes = calls_in(store, &subject, Slot::Minute).await;
    assert_eq!(
        minutes,
        [240, 300, 360, 420, 480, 540].map(|start| (start, 1))
    );
    assert_eq!(calls_in(store, &subject, Slot::Hour).await, [(0, 10)]);

    store
        .delete_integration(&crate::support::admin(), integration.id, at(700))
        .await
        .unwrap();
    assert_eq!(kept(store, Some(integration.id)).await, []);
    assert_eq!(calls_in(store, &subject, Slot::Hour).await, []);
    assert_eq!(store.call_bytes().await.unwrap(), 0);
}

/// Portals that count at once are not in each other's way, and nothing is lost between them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_count_at_once_count_right() {
    let world = world().await;
    let one = IntegrationId(id(1));
    let writers = (0..8u128).map(|writer| {
        let store = world.store.clone();
        tokio::spawn(async move {
            let mut all = Vec::new();
            for n in 0..20u128 {
                let calls = vec![call(Some(one), "ab12", 1)];
                all.extend(calls.clone());
                let counted = slot(writer, Slot::Hour, &Subject::All, at(1), &all);
                let log = log(writer * 100 + n + 1, calls, vec![counted]);
                // Who meets too many others tries again later, as the portal does.
                while let Err(error) = store.save_calls(&log).await {
                    assert_eq!(error.code(), "conflict");
                }
            }
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(kept(&world.store, Some(one)).await.len(), 160);
    assert_eq!(
        calls_in(&world.store, &Subject::All, Slot::Hour).await,
        [(0, 160)]
    );
}
