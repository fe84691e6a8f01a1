use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::{BurstId, IntegrationId, ProjectId},
    inbox::{BurstFilter, BurstResult, BurstState, Disbelief, Effect, FailedTry, SignedBy},
    replay::{ReplayLine, ReplayScope, Replayed},
    silence::Silence,
    webhook::{Change, Event, Subject},
};
use store::{
    Again, Arrival, Delivery, KnownEvent, OpenOptions, ParcelId, Quarantined, Received,
    SealedSecret, Store,
};
use uuid::Uuid;

use crate::support::{World, admin, at, id, integration, viewer, world};

const LEASE: TimeDelta = TimeDelta::seconds(60);

pub(crate) fn one() -> IntegrationId {
    IntegrationId(id(1))
}

/// A database with an integration that has a webhook.
async fn hooked() -> World {
    let world = world().await;
    integration(&world.store, 1, "Acme").await;
    let made = world
        .store
        .create_webhook(&admin(), one(), "0f", at(0))
        .await;
    assert!(made.unwrap());
    world
}

fn delivery(body: &str, received_at: DateTime<Utc>) -> Delivery {
    Delivery {
        integration: one(),
        received_at,
        signed_by: SignedBy::Current,
        headers: BTreeMap::from([("x-plane-event".to_owned(), "issue".to_owned())]),
        body: body.as_bytes().to_vec(),
        trace: None,
    }
}

pub(crate) fn arrival(key: &str, burst: u128, field: &str, received_at: DateTime<Utc>) -> Arrival {
    Arrival {
        delivery: delivery(key, received_at),
        burst: BurstId(id(burst)),
        key: key.to_owned(),
        event: Event {
            subject: Subject::Cycle,
            change: Change::Updated,
            entity: Some(id(50)),
            project: Some(ProjectId(id(60))),
            title: Some(format!("Named by {key}")),
            number: Some(7),
            field: Some(field.to_owned()),
            updated_at: Some(received_at - TimeDelta::seconds(1)),
            item: None,
            said: "cycle updated".to_owned(),
        },
        plane_id: Some(id(70)),
        is_second_format: false,
        settles: TimeDelta::milliseconds(200),
    }
}

async fn receive(store: &Store, arrivals: &[Arrival]) {
    assert!(store.store_events(&[], true, arrivals, &[]).await.unwrap());
}

async fn claim(store: &Store, n: u128, now: DateTime<Utc>) -> Vec<store::Claimed> {
    store
        .claim_bursts(id(n), &[], now, LEASE, 10)
        .await
        .unwrap()
}

fn updated(now: DateTime<Utc>) -> BurstResult {
    BurstResult {
        effect: Effect::Updated,
        says: None,
        at: now,
        took_ms: 3,
    }
}

async fn finish(store: &Store, claimed: &store::Claimed, seconds: i64) -> u64 {
    let finished = [(claimed.clone(), updated(at(seconds)))];
    store.finish_bursts(&finished).await.unwrap()
}

#[tokio::test]
async fn events_of_a_burst_are_one_row_and_each_is_kept() {
    let world = hooked().await;
    let store = &world.store;
    receive(
        store,
        &[
            arrival("a", 10, "state", at(1)),
            arrival("b", 10, "labels", at(1)),
        ],
    )
    .await;
    receive(store, &[arrival("c", 10, "state", at(2))]).await;

    let (burst, keys) = store
        .burst(&viewer(), one(), BurstId(id(10)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(keys, ["a", "b", "c"]);
    assert_eq!(
        (burst.events, burst.fields.as_slice()),
        (3, &["state".to_owned(), "labels".to_owned()][..])
    );
    assert_eq!((burst.first_at, burst.last_at), (at(1), at(2)));
    assert_eq!(
        (burst.title.as_deref(), burst.number),
        (Some("Named by c"), Some(7))
    );
    assert_eq!(burst.updated_at, Some(at(0)), "of the first event");
    let kept = store.kept_events(one(), &keys).await.unwrap();
    assert_eq!(
        kept.iter()
            .map(|event| event.body.as_slice())
            .collect::<Vec<_>>(),
        [b"a", b"b", b"c"]
    );
    assert_eq!(kept[0].headers["x-plane-event"], "issue");

    let webhook = store.webhook(&viewer(), one()).await.unwrap().unwrap();
    assert_eq!(
        (webhook.deliveries, webhook.bytes, webhook.plane_id),
        (3, 3, Some(id(70)))
    );
    assert_eq!(
        (webhook.first_at, webhook.last_at),
        (Some(at(1)), Some(at(2)))
    );
}

/// Bodies that are JSON and one that is not, received at times that no clock rounds.
pub(crate) fn deliveries(numbers: std::ops::Range<i64>) -> Vec<Delivery> {
    let mut all: Vec<Delivery> = numbers
        .map(|n| {
            let received_at = at(n) + TimeDelta::nanoseconds(n);
            delivery(&format!("{{\"n\": {n}}}"), received_at)
        })
        .collect();
    all[0].body = vec![0, 255, 7];
    all
}

/// Ten deliveries in each of these parcels, and their ids.
async fn kept(
    store: &Store,
    portal: Uuid,
    numbers: std::ops::RangeInclusive<i64>,
) -> Vec<ParcelId> {
    let mut ids = Vec::new();
    for number in numbers {
        let id = ParcelId { portal, number };
        let ten = deliveries(number * 10..number * 10 + 10);
        store.keep_deliveries(id, ten, at(number)).await.unwrap();
        ids.push(id);
    }
    ids
}

async fn numbers(store: &Store, portal: Uuid) -> Vec<i64> {
    let there = store.parcels(portal, 1..=99).await.unwrap();
    there.iter().map(|parcel| parcel.id.number).collect()
}

#[tokio::test]
async fn deliveries_are_kept_as_they_came_until_they_are_sorted() {
    let world = hooked().await;
    let store = &world.store;
    let portal = store.received(id(2)).portal;
    let ids = kept(store, portal, 1..=10).await;

    let mine = store.parcels(portal, 1..=4).await.unwrap();
    let four: Vec<ParcelId> = mine.iter().map(|parcel| parcel.id).collect();
    assert_eq!(four, ids[..4]);
    assert_eq!(mine[3].deliveries, deliveries(40..50), "in their order");
    let behind = store.parcels(portal, 9..=99).await.unwrap();
    assert_eq!(behind.len(), 2);

    let part = [arrival("part", 10, "name", at(1))];
    assert!(store.store_events(&four, false, &part, &[]).await.unwrap());
    let all = Vec::from_iter(1..=10);
    assert_eq!(
        numbers(store, portal).await,
        all,
        "a part of them is to come"
    );
    let rest = [arrival("rest", 10, "name", at(1))];
    assert!(store.store_events(&four, true, &rest, &[]).await.unwrap());
    assert_eq!(numbers(store, portal).await, all[4..]);
}

#[tokio::test]
async fn a_journal_goes_on_where_it_was_and_sorts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db");
    let open = async || {
        let url = format!("surrealkv://{}", database.display());
        Store::open(OpenOptions::new(url), at(0)).await.unwrap()
    };
    let store = open().await;
    integration(&store, 1, "Acme").await;
    let made = store.create_webhook(&admin(), one(), "0f", at(0)).await;
    assert!(made.unwrap());
    let first = store.received(id(2));
    assert_eq!((first.sorted, first.written), (0, 0));
    let ids = kept(&store, first.portal, 1..=3).await;
    let new = [arrival("a", 10, "name", at(1))];
    assert!(
        store
            .store_events(&ids[..2], true, &new, &[])
            .await
            .unwrap()
    );
    store.close().await;

    // What a crash leaves: the database knows that two are sorted, and the file has them again.
    let store = open().await;
    kept(&store, first.portal, 1..=2).await;
    store.close().await;
    let store = open().await;
    let again = store.received(id(3));
    assert_eq!(
        again,
        Received {
            sorted: 2,
            written: 3,
            ..first
        }
    );
    assert_eq!(numbers(&store, first.portal).await, [3]);

    // Numbers go on also where the file is empty.
    let new = [arrival("b", 11, "name", at(1))];
    assert!(
        store
            .store_events(&ids[2..], true, &new, &[])
            .await
            .unwrap()
    );
    store.close().await;
    let store = open().await;
    let again = store.received(id(4));
    assert_eq!(
        again,
        Received {
            sorted: 3,
            written: 3,
            ..first
        }
    );
    let gone = store.keep_deliveries(ids[0], deliveries(0..2), at(0));
    gone.await.unwrap();
    store.close().await;
    let closed = store.keep_deliveries(ids[0], deliveries(0..2), at(0)).await;
    assert_eq!(closed.err().map(|error| error.code()), Some("closed"));
}

#[tokio::test]
async fn a_trace_goes_with_a_delivery_to_its_event_and_its_burst() {
    let world = hooked().await;
    let store = &world.store;
    let portal = store.received(id(2)).portal;
    let parcel = ParcelId { portal, number: 1 };
    let traced = |key: &str, trace: Option<&str>| Delivery {
        trace: trace.map(str::to_owned),
        ..delivery(key, at(1))
    };
    let sent = vec![
        traced("a", Some("of a")),
        traced("b", Some("of b")),
        traced("c", None),
    ];
    let kept = store.keep_deliveries(parcel, sent.clone(), at(1));
    kept.await.unwrap();
    let read = store.parcels(portal, 1..=1).await.unwrap().remove(0);
    assert_eq!(
        read.deliveries, sent,
        "with the headers that came, and no more"
    );

    let bursts = [("a", 10), ("b", 10), ("c", 11)];
    let arrivals: Vec<Arrival> = read
        .deliveries
        .into_iter()
        .zip(bursts)
        .map(|(delivery, (key, burst))| Arrival {
            delivery,
            ..arrival(key, burst, "name", at(1))
        })
        .collect();
    let sorted = store
        .store_events(&[parcel], true, &arrivals[..1], &[])
        .await;
    assert!(sorted.unwrap());
    receive(store, &arrivals[1..]).await;
    let keys = bursts.map(|(key, _)| key.to_owned());
    let events = store.kept_events(one(), &keys).await.unwrap();
    let traces: Vec<Option<&str>> = events.iter().map(|one| one.trace.as_deref()).collect();
    assert_eq!(traces, [Some("of a"), Some("of b"), None]);
    assert!(events.iter().all(|event| event.headers == sent[0].headers));

    let mut claimed = claim(store, 90, at(9)).await;
    claimed.sort_by_key(|one| one.burst.id);
    let traces: Vec<Option<&str>> = claimed.iter().map(|one| one.trace.as_deref()).collect();
    assert_eq!(
        traces,
        [Some("of a"), None],
        "of the delivery that opened it"
    );
}

#[tokio::test]
async fn a_flood_leaves_a_small_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db");
    let url = format!("surrealkv://{}", database.display());
    let store = Store::open(OpenOptions::new(url), at(0)).await.unwrap();
    integration(&store, 1, "Acme").await;
    let made = store.create_webhook(&admin(), one(), "0f", at(0)).await;
    assert!(made.unwrap());
    let bytes = || database.join("deliveries.redb").metadata().unwrap().len();
    let portal = store.received(id(2)).portal;
    let mut ids = Vec::new();
    for number in 1..=10 {
        let large = Delivery {
            body: vec![7; 5 << 20],
            ..delivery("", at(0))
        };
        let id = ParcelId { portal, number };
        store.keep_deliveries(id, vec![large], at(0)).await.unwrap();
        ids.push(id);
    }
    assert!(bytes() > 50 << 20);
    let new = [arrival("a", 10, "name", at(1))];
    assert!(store.store_events(&ids, true, &new, &[]).await.unwrap());
    assert!(bytes() < 1 << 20, "{}", bytes());
}

#[tokio::test]
async fn an_event_is_kept_once_and_counted_each_time() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    let known = KnownEvent {
        integration: one(),
        key: "a".to_owned(),
        burst: BurstId(id(10)),
    };
    let found = store
        .known_events(&[(one(), "a"), (one(), "b")])
        .await
        .unwrap();
    assert_eq!(found, std::slice::from_ref(&known));

    // Somebody else was faster: nothing of the rest is kept either.
    let late = [
        arrival("b", 11, "state", at(2)),
        arrival("a", 11, "state", at(2)),
    ];
    assert!(!store.store_events(&[], true, &late, &[]).await.unwrap());
    assert!(
        store
            .known_events(&[(one(), "b")])
            .await
            .unwrap()
            .is_empty()
    );

    let again = [
        Again {
            known: known.clone(),
            received_at: at(3),
        },
        Again {
            known,
            received_at: at(4),
        },
    ];
    assert!(store.store_events(&[], true, &[], &again).await.unwrap());
    let (burst, keys) = store
        .burst(&viewer(), one(), BurstId(id(10)))
        .await
        .unwrap()
        .unwrap();
    let event = store.kept_events(one(), &keys).await.unwrap().remove(0);
    assert_eq!((burst.events, burst.duplicates), (1, 2));
    assert_eq!((event.duplicates, event.again_at), (2, Some(at(4))));
    let webhook = store.webhook(&viewer(), one()).await.unwrap().unwrap();
    assert_eq!((webhook.deliveries, webhook.duplicates), (3, 2));
}

#[tokio::test]
async fn a_burst_is_applied_by_one_and_waits_for_what_came_meanwhile() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    assert!(claim(store, 20, at(1)).await.is_empty(), "not due yet");
    let claimed = claim(store, 20, at(2)).await.remove(0);
    assert_eq!(claimed.keys, ["a"]);
    assert!(claim(store, 21, at(2)).await.is_empty(), "somebody has it");

    receive(store, &[arrival("b", 10, "labels", at(3))]).await;
    assert!(
        claim(store, 21, at(4)).await.is_empty(),
        "somebody still has it"
    );
    assert_eq!(finish(store, &claimed, 4).await, 1);
    assert!(claim(store, 22, at(3)).await.is_empty(), "it settles");
    let more = claim(store, 22, at(4)).await.remove(0);
    assert_eq!(more.keys, ["b"], "what is applied is not applied again");
    assert_eq!(more.burst.result, Some(updated(at(4))));
    assert_eq!(finish(store, &more, 5).await, 1);
    assert!(claim(store, 23, at(3600)).await.is_empty(), "done");
    let (burst, _) = store
        .burst(&viewer(), one(), BurstId(id(10)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (burst.state, burst.result),
        (BurstState::Done, Some(updated(at(5))))
    );

    // One more event of it, later.
    receive(store, &[arrival("c", 10, "labels", at(6))]).await;
    assert_eq!(claim(store, 24, at(7)).await.remove(0).keys, ["c"]);
    // Whoever replays it applies all of it.
    store.release_bursts(at(8)).await.unwrap();
    assert_eq!(
        finish(store, &claim(store, 25, at(8)).await.remove(0), 8).await,
        1
    );
    let again = store.claim_again(id(26), one(), BurstId(id(10)), at(100));
    assert_eq!(again.await.unwrap().unwrap().keys, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_claim_runs_out_and_its_holder_ends_nothing_any_more() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    let lost = claim(store, 20, at(2)).await.remove(0);
    assert!(claim(store, 21, at(61)).await.is_empty());
    let taken = claim(store, 21, at(63)).await.remove(0);
    assert_eq!(finish(store, &lost, 64).await, 0);
    let failure = FailedTry {
        at: at(64),
        code: "timeout".into(),
        says: "It took too long.".into(),
    };
    assert!(!store.fail_burst(&lost, &failure, None).await.unwrap());
    assert_eq!(finish(store, &taken, 64).await, 1);

    // And a restart gives back what is claimed.
    receive(store, &[arrival("b", 11, "state", at(65))]).await;
    assert_eq!(claim(store, 22, at(66)).await.len(), 1);
    store.release_bursts(at(66)).await.unwrap();
    assert_eq!(claim(store, 23, at(66)).await.len(), 1);
}

#[tokio::test]
async fn a_burst_that_fails_waits_and_is_given_up_until_somebody_replays_it() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    let failure = FailedTry {
        at: at(2),
        code: "unreachable".into(),
        says: "Plane can’t be reached.".into(),
    };
    let first = claim(store, 20, at(2)).await.remove(0);
    assert!(
        store
            .fail_burst(&first, &failure, Some(at(10)))
            .await
            .unwrap()
    );
    assert!(claim(store, 21, at(9)).await.is_empty());
    let second = claim(store, 21, at(10)).await.remove(0);
    assert_eq!(second.burst.failures, std::slice::from_ref(&failure));
    assert!(store.fail_burst(&second, &failure, None).await.unwrap());
    assert!(claim(store, 22, at(3600)).await.is_empty(), "given up");

    let dead = BurstFilter {
        state: Some(BurstState::Dead),
        ..BurstFilter::default()
    };
    let rows = store.bursts(&viewer(), &dead, None, 10).await.unwrap().rows;
    assert_eq!(
        rows.iter().map(|burst| burst.id).collect::<Vec<_>>(),
        [BurstId(id(10))]
    );
    let replay = async |n| {
        let burst = BurstId(id(n));
        store
            .replay_burst(&admin(), one(), burst, at(3601))
            .await
            .unwrap()
    };
    assert!(replay(10).await);
    assert!(!replay(10).await, "it waits already");
    assert!(!replay(11).await, "there is none");
    let again = claim(store, 23, at(3601)).await.remove(0);
    assert!(again.burst.failures.is_empty());
    let history = store
        .history(&viewer(), Some(one()), None, 10)
        .await
        .unwrap()
        .rows;
    assert_eq!(history[0].action, "webhook.replayed");
}

#[tokio::test]
async fn a_busy_integration_leaves_others_their_turn() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    let none = store
        .claim_bursts(id(20), &[one()], at(5), LEASE, 10)
        .await
        .unwrap();
    assert!(none.is_empty());
    assert_eq!(claim(store, 21, at(5)).await.len(), 1);
}

#[tokio::test]
async fn the_log_is_paged_latest_first_and_filtered() {
    let world = hooked().await;
    let store = &world.store;
    integration(store, 2, "Other").await;
    for n in 0..7 {
        let mut one = arrival(
            &format!("k{n}"),
            100 + n,
            "state",
            at(i64::try_from(n).unwrap()),
        );
        if n == 3 {
            one.delivery.integration = IntegrationId(id(2));
            one.event.subject = Subject::Project;
            one.event.number = None;
        }
        one.event.entity = Some(id(200 + n));
        receive(store, &[one]).await;
    }
    let ids = |filter: BurstFilter| async move {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store
                .bursts(&viewer(), &filter, after.as_ref(), 2)
                .await
                .unwrap();
            seen.extend(
                page.rows
                    .into_iter()
                    .map(|burst| burst.id.0.as_u128() & 0xffff),
            );
            after = page.next;
            if after.is_none() {
                return seen.iter().map(|n| n - 100).collect::<Vec<_>>();
            }
        }
    };
    assert_eq!(ids(BurstFilter::default()).await, [6, 5, 4, 3, 2, 1, 0]);
    let of_one = BurstFilter {
        integration: Some(one()),
        ..BurstFilter::default()
    };
    assert_eq!(ids(of_one).await, [6, 5, 4, 2, 1, 0]);
    let projects = BurstFilter {
        subject: Some("project".into()),
        ..BurstFilter::default()
    };
    assert_eq!(ids(projects).await, [3]);
    let named = BurstFilter {
        q: "by K5".into(),
        ..BurstFilter::default()
    };
    assert_eq!(ids(named).await, [5]);
    let numbered = BurstFilter {
        q: "WEB-7".into(),
        ..BurstFilter::default()
    };
    assert_eq!(ids(numbered).await, [6, 5, 4, 2, 1, 0]);
    let day = at(0).date_naive();
    let on = |from, to| BurstFilter {
        from,
        to,
        ..BurstFilter::default()
    };
    let that_day = on(Some(day), Some(day));
    assert_eq!(ids(that_day).await, [6, 5, 4, 3, 2, 1, 0]);
    assert!(ids(on(None, day.pred_opt())).await.is_empty());
    assert!(ids(on(day.succ_opt(), None)).await.is_empty());
    let between = BurstFilter {
        span: Some((at(2), at(5))),
        // The moments outdo the days.
        to: day.pred_opt(),
        ..BurstFilter::default()
    };
    assert_eq!(ids(between).await, [4, 3, 2]);
    let waiting = BurstFilter {
        state: Some(BurstState::Waiting),
        ..BurstFilter::default()
    };
    assert_eq!(
        ids(waiting).await,
        [0, 1, 2, 3, 4, 5, 6],
        "the first due first"
    );
}

#[tokio::test]
async fn old_events_are_forgotten_by_age_and_by_size_but_not_what_waits() {
    let world = hooked().await;
    let store = &world.store;
    for n in 0..6 {
        let mut one = arrival(
            &format!("key{n}"),
            100 + n,
            "state",
            at(i64::try_from(n).unwrap()),
        );
        one.event.entity = Some(id(200 + n));
        receive(store, &[one]).await;
    }
    // All but the fourth are done.
    for claimed in claim(store, 20, at(10)).await {
        if claimed.keys != ["key3"] {
            assert_eq!(finish(store, &claimed, 10).await, 1);
        }
    }
    assert_eq!(
        store.forget_bursts(one(), at(1), 1000).await.unwrap(),
        1,
        "by age"
    );
    assert!(
        store
            .known_events(&[(one(), "key0")])
            .await
            .unwrap()
            .is_empty()
    );
    let bytes = async || {
        store
            .webhook(&viewer(), one())
            .await
            .unwrap()
            .unwrap()
            .bytes
    };
    assert_eq!(bytes().await, 20);
    assert_eq!(
        store.forget_bursts(one(), at(0), 13).await.unwrap(),
        2,
        "by size"
    );
    assert_eq!(bytes().await, 12);
    assert_eq!(
        store.forget_bursts(one(), at(100), 0).await.unwrap(),
        0,
        "what waits stays, and all behind it"
    );
}

#[tokio::test]
async fn what_is_not_believed_is_kept_within_bounds() {
    let world = hooked().await;
    let store = &world.store;
    let put = |n: u128, length: usize| Quarantined {
        id: id(300 + n),
        integration: one(),
        received_at: at(i64::try_from(n).unwrap()),
        why: Disbelief::Unknown,
        sealed: "x".repeat(length),
    };
    assert!(store.quarantine(&put(0, 10), 2, 100).await.unwrap());
    assert!(store.quarantine(&put(1, 20), 2, 100).await.unwrap());
    assert!(
        !store.quarantine(&put(2, 101), 2, 100).await.unwrap(),
        "too large alone"
    );
    let webhook = store.webhook(&viewer(), one()).await.unwrap().unwrap();
    assert_eq!(
        webhook.refused[&Disbelief::Unknown],
        3,
        "counted all the same"
    );
    assert_eq!((webhook.quarantined, webhook.quarantined_bytes), (2, 30));

    for n in 3..6 {
        assert!(store.quarantine(&put(n, 10), 2, 100).await.unwrap());
    }
    let kept = store.quarantined(one(), None, 10).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.id).collect::<Vec<_>>(), [id(305)]);
    assert!(store.quarantine(&put(6, 10), 9, 100).await.unwrap());
    assert_eq!(
        store.quarantined(one(), Some(id(305)), 10).await.unwrap()[0].id,
        id(306)
    );
    assert!(store.leave_quarantine(one(), id(305)).await.unwrap());
    assert!(!store.leave_quarantine(one(), id(305)).await.unwrap());
    assert_eq!(store.forget_quarantined(one(), at(7)).await.unwrap(), 1);
    let webhook = store.webhook(&viewer(), one()).await.unwrap().unwrap();
    assert_eq!((webhook.quarantined, webhook.quarantined_bytes), (0, 0));
}

#[tokio::test]
async fn a_secret_takes_the_place_of_the_one_before() {
    let world = hooked().await;
    let store = &world.store;
    let secret = |sealed: &str, set_at| SealedSecret {
        sealed: sealed.into(),
        set_at,
    };
    let keys = async || store.webhook_keys().await.unwrap().remove(0);
    assert!(keys().await.current.is_none());
    let first = secret("one", at(1));
    assert!(
        store
            .save_webhook_secret(&admin(), one(), first.clone(), "1111", at(100), None)
            .await
            .unwrap()
    );
    assert_eq!(
        (keys().await.previous, keys().await.previous_until),
        (None, None)
    );

    assert!(
        store
            .rotate_webhook(&admin(), one(), Some(at(50)), at(2))
            .await
            .unwrap()
    );
    assert_eq!(keys().await.rotation_until, Some(at(50)));
    let second = secret("two", at(3));
    assert!(
        store
            .save_webhook_secret(&admin(), one(), second.clone(), "2222", at(200), None)
            .await
            .unwrap()
    );
    let now = keys().await;
    assert_eq!(
        (now.current, now.previous, now.previous_until),
        (Some(second), Some(first), Some(at(200)))
    );
    assert_eq!(
        now.rotation_until, None,
        "with the new secret the replacement is over"
    );

    let stranger = IntegrationId(id(9));
    assert!(
        !store
            .save_webhook_secret(&admin(), stranger, secret("x", at(4)), "x", at(5), None)
            .await
            .unwrap()
    );
    assert!(
        !store
            .create_webhook(&admin(), stranger, "1f", at(4))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_deleted_integration_receives_nothing_more() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    let scope = ReplayScope::Matching(BurstFilter::default());
    let started = store.start_replay(&admin(), &scope, true, at(1)).await;
    let mut claimed = store
        .claim_replay(id(90), at(1), LEASE)
        .await
        .unwrap()
        .unwrap();
    for of in [one(), IntegrationId(id(2))] {
        claimed.replay.add(ReplayLine {
            integration: of,
            burst: BurstId(id(10)),
            title: "Named".into(),
            event: "cycle.updated".into(),
            replayed: Replayed::Noted,
            says: None,
        });
    }
    assert!(store.save_replay(&claimed, at(1), LEASE).await.unwrap());
    assert!(
        store
            .delete_integration(&admin(), one(), at(2))
            .await
            .unwrap()
    );
    let refused = store
        .store_events(&[], true, &[arrival("b", 10, "state", at(3))], &[])
        .await;
    assert_eq!(refused.err().map(|error| error.code()), Some("fenced"));
    assert!(store.webhook_keys().await.unwrap().is_empty());
    assert!(
        store
            .burst(&viewer(), one(), BurstId(id(10)))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .known_events(&[(one(), "a")])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store
            .bursts(&viewer(), &BurstFilter::default(), None, 5)
            .await
            .unwrap()
            .rows
            .len(),
        0
    );
    let replay = store
        .replay(&viewer(), started.unwrap())
        .await
        .unwrap()
        .unwrap();
    let of: Vec<_> = replay.lines.iter().map(|line| line.integration).collect();
    assert_eq!(of, [IntegrationId(id(2))], "replays name it no more");
}

#[tokio::test]
async fn a_replay_goes_on_where_it_was_left_and_has_one_holder() {
    let world = hooked().await;
    let store = &world.store;
    let burst = |n: u128| BurstId(id(n));
    let seconds = |n: u128| at(i64::try_from(n).unwrap());
    for n in 1..=3 {
        let mut one = arrival(&format!("key{n}"), n, "state", seconds(n));
        one.event.entity = Some(id(200 + n));
        receive(store, &[one]).await;
    }
    let scope = ReplayScope::Matching(BurstFilter::default());
    let started = store
        .start_replay(&admin(), &scope, false, at(10))
        .await
        .unwrap();
    let claim = async |n, seconds| store.claim_replay(id(n), at(seconds), LEASE).await.unwrap();
    let mut first = claim(90, 11).await.unwrap();
    assert_eq!(
        (first.replay.id, first.replay.all, first.after),
        (started, 3, None)
    );
    let next = async |claimed: &store::ClaimedReplay| {
        let bursts = store.bursts_to_replay(claimed, 2).await.unwrap();
        bursts
            .into_iter()
            .map(|(burst, keys)| (burst.id, keys))
            .collect::<Vec<_>>()
    };
    let keys = |key: &str| vec![key.to_owned()];
    assert_eq!(
        next(&first).await,
        [(burst(1), keys("key1")), (burst(2), keys("key2"))]
    );
    first.after = Some((one(), burst(2)));
    first.replay.looked_at = 2;
    assert!(store.save_replay(&first, at(12), LEASE).await.unwrap());
    assert!(claim(91, 60).await.is_none(), "somebody is at it");

    let mut second = claim(91, 73).await.unwrap();
    assert_eq!((second.after, second.replay.looked_at), (first.after, 2));
    assert_eq!(next(&second).await, [(burst(3), keys("key3"))]);
    assert!(
        !store.save_replay(&first, at(74), LEASE).await.unwrap(),
        "it lost it"
    );
    second.after = Some((one(), burst(3)));
    assert!(next(&second).await.is_empty());

    assert!(
        store
            .cancel_replay(&admin(), started, at(75))
            .await
            .unwrap()
    );
    assert!(
        !store
            .cancel_replay(&admin(), started, at(75))
            .await
            .unwrap()
    );
    assert!(
        !store.save_replay(&second, at(76), LEASE).await.unwrap(),
        "it was cancelled"
    );
    assert!(claim(92, 3600).await.is_none());
    let replay = store.replay(&viewer(), started).await.unwrap().unwrap();
    assert!(replay.is_cancelled && replay.ended_at == Some(at(75)));
    assert_eq!(store.replays(&viewer(), 5).await.unwrap(), [replay]);
    store.forget_replays(at(76)).await.unwrap();
    assert!(store.replay(&viewer(), started).await.unwrap().is_none());

    // Chosen ones, in their order.
    let chosen = vec![(one(), burst(3)), (one(), burst(1))];
    let scope = ReplayScope::Chosen(chosen);
    store
        .start_replay(&admin(), &scope, true, at(80))
        .await
        .unwrap();
    let mut third = claim(93, 81).await.unwrap();
    assert_eq!(
        next(&third).await,
        [(burst(1), keys("key1")), (burst(3), keys("key3"))]
    );
    third.after = Some((one(), burst(1)));
    assert_eq!(next(&third).await, [(burst(3), keys("key3"))]);
    store.release_replays().await.unwrap();
    assert!(claim(94, 82).await.is_some(), "after a start at once");
}

#[tokio::test]
async fn one_burst_is_taken_again_unless_it_waits() {
    let world = hooked().await;
    let store = &world.store;
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    let again = async |n, burst| {
        let claimed = store.claim_again(id(n), one(), BurstId(id(burst)), at(100));
        claimed.await.unwrap()
    };
    assert!(again(20, 10).await.is_none(), "it waits");
    assert!(again(20, 11).await.is_none(), "there is none");
    let claimed = claim(store, 21, at(2)).await.remove(0);
    assert_eq!(finish(store, &claimed, 3).await, 1);
    let taken = again(22, 10).await.unwrap();
    assert_eq!(
        (taken.keys.clone(), taken.burst.state),
        (vec!["a".to_owned()], BurstState::Waiting)
    );
    assert!(again(23, 10).await.is_none(), "somebody has it");
    assert_eq!(finish(store, &taken, 4).await, 1);
    // Whoever left it in the middle loses it.
    again(24, 10).await.unwrap();
    assert!(claim(store, 25, at(99)).await.is_empty());
    assert_eq!(claim(store, 25, at(101)).await.len(), 1);
}

#[tokio::test]
async fn a_silent_webhook_speaks_again_with_a_delivery() {
    let world = hooked().await;
    let store = &world.store;
    let silence = async || {
        store
            .webhook(&viewer(), one())
            .await
            .unwrap()
            .unwrap()
            .silence
    };
    let why = Silence::Missed(4);
    receive(store, &[arrival("a", 10, "state", at(1))]).await;
    store
        .set_silence(one(), Some(why), Some(at(1)), at(50))
        .await
        .unwrap();
    store
        .set_silence(one(), Some(Silence::Missed(5)), Some(at(1)), at(60))
        .await
        .unwrap();
    assert_eq!(
        silence().await,
        Some((Silence::Missed(5), at(50))),
        "since it began"
    );
    assert_eq!(store.silent_webhooks(&viewer()).await.unwrap().len(), 1);
    receive(store, &[arrival("b", 11, "state", at(61))]).await;
    assert_eq!(silence().await, None);
    // Whoever looked before that delivery says nothing about it.
    store
        .set_silence(one(), Some(why), Some(at(1)), at(62))
        .await
        .unwrap();
    assert_eq!(silence().await, None);
    assert!(store.silent_webhooks(&viewer()).await.unwrap().is_empty());
}
