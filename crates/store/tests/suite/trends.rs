use chrono::TimeDelta;
use domain::{
    histogram::Histogram,
    ids::{IntegrationId, MaintenanceId, ScreenId},
    objective::{Maintenance, Target, Targets},
    run::Outcome,
    screen::Screen,
    trend::{Stretch, Trend},
};
use store::{SealedScreen, TrendRow};

use crate::support::{admin, at, id, integration, viewer, world};

fn trend(succeeded: u64) -> Trend {
    let mut trend = Trend::default();
    trend.runs.ended.insert(Outcome::Succeeded, succeeded);
    trend.kept.success.good = succeeded;
    trend.kept.success.all = succeeded;
    trend
}

fn row(stretch: Stretch, seconds: i64, each: &[(u128, u64)]) -> TrendRow {
    let each = each.iter();
    TrendRow {
        stretch,
        start: stretch.start(at(seconds)),
        each: each
            .map(|(n, runs)| (IntegrationId(id(*n)), trend(*runs)))
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stretch_is_closed_by_one_and_is_the_sum_of_its_integrations() {
    let world = world().await;
    let store = &world.store;
    assert_eq!(store.trends_closed_until().await.unwrap(), None);
    let rows = [
        row(Stretch::Short, 0, &[(1, 3), (2, 4)]),
        row(Stretch::Hour, 0, &[(1, 3), (2, 4)]),
    ];
    let start = rows[0].start;
    let end = start + Stretch::Short.length();
    let mut lag = Histogram::default();
    lag.add(400);
    let lags = vec![(IntegrationId(id(1)), lag)];
    for (at, process) in [(start, 7), (start, 8), (end, 7)] {
        store.save_lags(at, id(process), &lags).await.unwrap();
        store.save_lags(at, id(process), &lags).await.unwrap();
    }
    assert_eq!(
        store.lags(start).await.unwrap(),
        vec![lags.clone(), lags.clone()]
    );

    assert!(store.close_trends(None, end, &rows).await.unwrap());
    let again = store.close_trends(None, end, &rows).await.unwrap();
    assert!(!again, "another portal was faster");
    assert_eq!(store.trends_closed_until().await.unwrap(), Some(end));
    assert!(
        store.lags(start).await.unwrap().is_empty(),
        "they are part of it now"
    );
    assert_eq!(
        store.lags(end).await.unwrap().len(),
        1,
        "which is not closed"
    );

    let from = start - TimeDelta::days(1);
    let all = store.trends(Stretch::Short, from, end).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0, all[0].1.runs.of(Outcome::Succeeded)), (start, 7));
    let kept = store.kept_of_each(Stretch::Hour, from, end).await.unwrap();
    assert_eq!(kept[0].1[1].1.success.good, 4);
    let longer = [row(Stretch::Hour, 0, &[(1, 5)])];
    let next = end + Stretch::Short.length();
    assert!(store.close_trends(Some(end), next, &longer).await.unwrap());
    let each = store
        .trends_of_each(Stretch::Hour, from, next)
        .await
        .unwrap();
    assert_eq!((each.len(), each[0].each.len()), (1, 1), "written whole");

    store
        .forget_trends(start + TimeDelta::days(4))
        .await
        .unwrap();
    let to = end + TimeDelta::days(1);
    assert!(
        store
            .trends(Stretch::Short, from, to)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.trends(Stretch::Hour, from, to).await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_promised_goes_with_its_integration() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await.id;
    let targets = Targets {
        freshness: Target::parse("99.5").unwrap(),
        ..Targets::default()
    };
    let save = async |of| {
        let says = "Promised.".to_owned();
        store
            .save_targets(&admin(), of, &targets, says, at(1))
            .await
            .unwrap()
    };
    assert!(save(acme).await);
    assert!(!save(IntegrationId(id(99))).await, "there is none");
    assert_eq!(store.targets().await.unwrap().get(&acme), Some(&targets));
    store
        .delete_integration(&admin(), acme, at(2))
        .await
        .unwrap();
    assert!(store.targets().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn maintenance_is_ended_or_forgotten() {
    let world = world().await;
    let store = &world.store;
    let add = async |n, from, until| {
        let one = Maintenance {
            id: MaintenanceId(id(n)),
            integration: None,
            from: at(from),
            until: at(until),
            reason: "Upgrade".to_owned(),
            by: "Maya".to_owned(),
        };
        let says = "Announced.".to_owned();
        store
            .add_maintenance(&admin(), &one, says, at(0))
            .await
            .unwrap();
    };
    add(1, 10, 100).await;
    add(2, 50, 60).await;
    let end = async |n, now| {
        store
            .end_maintenance(&admin(), MaintenanceId(id(n)), at(now))
            .await
            .unwrap()
    };
    let listed = async |after| {
        let all = store.maintenance(at(after)).await.unwrap().into_iter();
        all.map(|one| (one.id.0, one.until)).collect::<Vec<_>>()
    };
    assert_eq!(listed(0).await, [(id(1), at(100)), (id(2), at(60))]);
    assert!(end(1, 20).await);
    assert!(!end(1, 30).await, "it is over");
    assert!(end(2, 20).await, "it did not begin");
    assert!(!end(2, 20).await);
    assert_eq!(listed(0).await, [(id(1), at(20))]);
    assert!(listed(20).await.is_empty());
    let done = store
        .changes_since(&["maintenance.added", "maintenance.ended"], at(0))
        .await
        .unwrap();
    assert_eq!(done.len(), 4);
    assert!(
        store
            .changes_since(&["maintenance.added"], at(1))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_noted_when_it_is_another_one() {
    let world = world().await;
    let store = &world.store;
    for (version, seconds) in [("1.0.0", 0), ("1.0.0", 9), ("1.1.0", 20), ("1.0.0", 30)] {
        store.note_version(version, at(seconds)).await.unwrap();
    }
    let noted = store.versions().await.unwrap();
    let noted: Vec<_> = noted
        .iter()
        .map(|(at, version)| (*at, version.as_str()))
        .collect();
    assert_eq!(
        noted,
        [(at(0), "1.0.0"), (at(20), "1.1.0"), (at(30), "1.0.0")]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_is_found_by_its_hash_until_it_is_removed() {
    let world = world().await;
    let store = &world.store;
    let screen = SealedScreen {
        screen: Screen {
            id: ScreenId(id(5)),
            name: "Hall".parse().unwrap(),
            by: "Maya".to_owned(),
            created_at: at(0),
            seen_at: None,
        },
        sealed: "sealed".to_owned(),
    };
    store
        .add_screen(&admin(), "abc", &screen, at(0))
        .await
        .unwrap();
    assert_eq!(store.screen_of("abd").await.unwrap(), None);
    assert_eq!(
        store.screen_of("abc").await.unwrap(),
        Some(screen.screen.clone())
    );
    store.screen_shown("abc", at(60)).await.unwrap();
    store.screen_shown("nobody", at(60)).await.unwrap();
    let listed = store.screens(&viewer()).await.unwrap();
    assert_eq!((listed.len(), listed[0].screen.seen_at), (1, Some(at(60))));
    assert!(
        store
            .remove_screen(&admin(), ScreenId(id(5)), at(70))
            .await
            .unwrap()
    );
    assert!(
        !store
            .remove_screen(&admin(), ScreenId(id(5)), at(70))
            .await
            .unwrap()
    );
    assert_eq!(store.screen_of("abc").await.unwrap(), None);
}
