//! Every call to Plane is written down and counted: measured by what Plane itself saw, through `kill -9`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Role, User, Viewer},
    ids::UserId,
    usage::{CallRecord, PlaneKey, Purpose, Slot, Subject, Usage},
};
use fake_plane::{FakePlane, Options, Seen, seed};
use server::health::usage::Kept;
use store::{OpenOptions, Store};
use uuid::Uuid;

use crate::support::{HangarProcess, Person, TestPortal};

/// What is written down together at most, and time for a slow machine.
const UNWRITTEN: TimeDelta = TimeDelta::seconds(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_counted_is_what_was_called_through_every_kill() {
    let plane = FakePlane::start(Options {
        rate_limit: None,
        largest_page: 10,
        ..Options::default()
    })
    .await;
    plane.given(|state| seed::big_in(state, 2_000, 2));
    let data = tempfile::tempdir().unwrap();
    let mut hangar = HangarProcess::set_up(data.path(), &[]);
    let mut admin = hangar.admin().await;
    let integration = connect(&mut admin, &plane).await;
    let mut kills = Vec::new();
    for _ in 0..3 {
        let before = calls(&plane).len();
        admin.post("start_sync", &[("id", &integration)]).await;
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while calls(&plane).len() < before + 40 {
            look.tick().await;
        }
        hangar.kill();
        kills.push(now());
        hangar = HangarProcess::start(data.path(), &[]);
        admin = hangar.admin().await;
    }
    let run = admin
        .post("start_sync", &[("id", &integration)])
        .await
        .location();
    let ended = admin.get(&format!("/live{run}")).await.text;
    assert!(ended.contains("\"outcome\":\"succeeded\""), "{ended}");
    hangar.stop();

    let store = open(data.path()).await;
    let integration = Uuid::parse_str(&integration).unwrap();
    let integration = domain::ids::IntegrationId(integration);
    let kept = kept(&store, Some(integration)).await;
    // What was counted is what is kept, whichever way it is counted.
    let key = kept[0].key.clone();
    for subject in [
        Subject::All,
        Subject::Integration(integration),
        Subject::Key(key),
    ] {
        for slot in Slot::ALL {
            assert_eq!(
                counted(&store, &subject, slot).await,
                count(&kept, slot),
                "{subject:?} {slot:?}"
            );
        }
    }
    // What Plane saw is what was kept, but for what a kill cut off.
    let seen = calls(&plane);
    let cut_off = |seen: &&Seen| {
        kills
            .iter()
            .any(|kill| (TimeDelta::zero()..UNWRITTEN).contains(&(*kill - seen.at)))
    };
    let lost = seen
        .len()
        .checked_sub(kept.len())
        .expect("no call is kept that was not made");
    assert!(
        lost <= seen.iter().filter(cut_off).count(),
        "{lost} of {} calls",
        seen.len()
    );
    let last = kills[2];
    let since = |at: DateTime<Utc>| at > last;
    assert_eq!(
        kept.iter().filter(|call| since(call.ended_at)).count(),
        seen.iter().filter(|call| since(call.at)).count(),
    );
    // It asked for a thousand rows first, and was told that there are ten.
    let refused = kept.iter().filter(|call| call.status == Some(400));
    assert!(refused.count() > 0);
    assert!(kept.iter().all(|call| call.purpose == Purpose::Sync));
    assert!(
        kept.iter()
            .all(|call| call.error.is_none() == (call.status == Some(200)))
    );
}

#[tokio::test]
async fn calls_are_kept_for_so_long_and_no_more_than_that_many_bytes() {
    let portal = TestPortal::start().await;
    let (usage, store) = (&portal.portal.integrations.usage, &portal.portal.store);
    for _ in 0..20 {
        for _ in 0..50 {
            usage.record(call(portal.clock.now()));
        }
        usage.flush().await.unwrap();
        portal.clock.advance(TimeDelta::hours(12));
    }
    let all = store.call_bytes().await.unwrap();
    let kept = Kept {
        calls: TimeDelta::days(20),
        bytes: all / 2,
        ..Kept::default()
    };
    usage.forget(kept).await.unwrap();
    let left = store.call_bytes().await.unwrap();
    assert!((all / 3..=all / 2).contains(&left), "{left} of {all}");
    // The oldest went; their counts are kept.
    let (from, to) = (DateTime::UNIX_EPOCH, portal.clock.now());
    let viewer = &viewer();
    let calls = store.call_records(viewer, None, from, to, None, 10_000);
    let calls = calls.await.unwrap().rows;
    assert!(
        calls
            .iter()
            .all(|call| call.ended_at > to - TimeDelta::days(6))
    );
    let days = store.usage(viewer, &Subject::All, Slot::Day, from, to);
    let counted: u64 = days
        .await
        .unwrap()
        .iter()
        .map(|row| row.usage.calls())
        .sum();
    assert_eq!(counted, 1_000);

    let brief = Kept {
        calls: TimeDelta::days(1),
        ..kept
    };
    usage.forget(brief).await.unwrap();
    assert!(store.call_bytes().await.unwrap() < left);
    portal.stop().await;
}

fn call(ended_at: DateTime<Utc>) -> CallRecord {
    CallRecord {
        integration: None,
        key: PlaneKey {
            origin: "https://plane.example".to_owned(),
            fingerprint: "ab12".to_owned(),
        },
        purpose: Purpose::ConnectionTest,
        endpoint: "users/me".to_owned(),
        status: Some(200),
        error: None,
        ended_at,
        took_ms: 20,
        waited_ms: 0,
        bytes: 300,
        remaining: Some(59),
        project: None,
    }
}

async fn connect(admin: &mut Person, plane: &FakePlane) -> String {
    let fields = [
        ("integration_name", "Big"),
        ("base_url", &*plane.url()),
        ("workspace", "big"),
        ("api_key", seed::KEY),
        ("interval_minutes", "60"),
    ];
    let answer = admin.post("create_integration", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.location().rsplit('/').next().unwrap().to_owned()
}

/// The calls with the key, as Plane saw them.
fn calls(plane: &FakePlane) -> Vec<Seen> {
    let seen = plane.requests().into_iter();
    seen.filter(|seen| seen.path.starts_with("/api/v1/"))
        .collect()
}

async fn open(data: &Path) -> Store {
    let url = format!("surrealkv://{}", data.join("db").display());
    Store::open(OpenOptions::new(&url), now()).await.unwrap()
}

async fn kept(store: &Store, integration: Option<domain::ids::IntegrationId>) -> Vec<CallRecord> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .call_records(
                &viewer(),
                integration,
                DateTime::UNIX_EPOCH,
                now(),
                after.as_ref(),
                100,
            )
            .await
            .unwrap();
        all.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn counted(store: &Store, subject: &Subject, slot: Slot) -> BTreeMap<DateTime<Utc>, Usage> {
    let rows = store
        .usage(&viewer(), subject, slot, DateTime::UNIX_EPOCH, now())
        .await;
    let rows = rows.unwrap().into_iter();
    rows.map(|row| (row.start, without_peak(row.usage)))
        .collect()
}

fn count(calls: &[CallRecord], slot: Slot) -> BTreeMap<DateTime<Utc>, Usage> {
    let mut slots = BTreeMap::<_, Usage>::new();
    for call in calls {
        slots
            .entry(slot.start(call.ended_at))
            .or_default()
            .add(call);
    }
    slots
}

/// Without the one number that is no sum.
fn without_peak(usage: Usage) -> Usage {
    Usage { peak: 0, ..usage }
}

fn viewer() -> Viewer {
    let user = User {
        id: UserId(Uuid::nil()),
        email: "maya@example.com".parse().unwrap(),
        name: "Maya".parse().unwrap(),
        role: Role::Lead,
        is_active: true,
        created_at: DateTime::UNIX_EPOCH,
        last_sign_in_at: None,
    };
    user.viewer()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the processes here run on the system's clock"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}
