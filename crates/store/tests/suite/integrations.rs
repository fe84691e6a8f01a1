use domain::{
    connection_test::ConnectionTest,
    ids::{IntegrationId, TestId},
    integration::{IntegrationFilter, IntegrationSettings, IntegrationShow, IntegrationSort},
};
use store::{Change, NewIntegration};

use crate::support::{admin, at, id, integration, key, sealed, settings, viewer, world};

#[tokio::test]
async fn an_integration_comes_back_as_it_went() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    assert_eq!(
        store.integration(&viewer(), acme.id).await.unwrap(),
        Some(acme.clone())
    );
    let stored = store.sealed_key(acme.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.sealed.as_str(), stored.hint),
        ("sealed", acme.key.clone())
    );
    assert_eq!(
        store
            .integration(&viewer(), IntegrationId(id(99)))
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.integration_counts(&viewer()).await.unwrap().active, 1);
}

#[tokio::test]
async fn a_name_is_taken_in_any_case() {
    let world = world().await;
    integration(&world.store, 1, "Acme").await;
    let again = NewIntegration {
        id: IntegrationId(id(2)),
        settings: settings("ACME"),
        key: sealed("sealed", "0000"),
    };
    let error = world
        .store
        .create_integration(&admin(), again, at(1))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "integrationName is already taken");
}

#[tokio::test]
async fn the_second_of_two_editors_is_told_and_nothing_is_overwritten() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let mut first = settings("Acme Web");
    first.interval_minutes = 30;
    let Change::Saved(saved) = store
        .update_integration(&admin(), acme.id, 1, first.clone(), None, at(1))
        .await
        .unwrap()
    else {
        panic!("the first editor saves")
    };
    assert_eq!((saved.version, &saved.settings), (2, &first));
    let second = store
        .update_integration(&admin(), acme.id, 1, settings("Other"), None, at(2))
        .await
        .unwrap();
    assert_eq!(second, Change::Conflict(saved));
    let gone = store
        .update_integration(
            &admin(),
            IntegrationId(id(9)),
            1,
            settings("X"),
            None,
            at(2),
        )
        .await
        .unwrap();
    assert_eq!(gone, Change::Gone);

    let says: Vec<String> = store
        .history(&viewer(), Some(acme.id), None, 10)
        .await
        .unwrap()
        .rows
        .into_iter()
        .map(|e| e.says)
        .collect();
    assert_eq!(
        says,
        [
            "Changed the name and the interval.",
            "Added, with the key f00d3f9a."
        ]
    );
}

#[tokio::test]
async fn what_is_done_to_an_integration_is_in_its_history() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    assert!(
        !store
            .set_active(&admin(), acme.id, false, at(1))
            .await
            .unwrap()
            .unwrap()
            .is_active
    );
    store
        .set_active(&admin(), acme.id, false, at(2))
        .await
        .unwrap(); // nothing changes, nothing to remember
    let tested = store
        .set_active(&admin(), acme.id, true, at(3))
        .await
        .unwrap()
        .unwrap();
    assert!(tested.is_active);
    let replaced = store
        .replace_key(&admin(), tested, sealed("sealed2", "77aa"), at(4))
        .await
        .unwrap();
    let Change::Saved(changed) = replaced else {
        panic!("{replaced:?}")
    };
    assert_eq!(changed.key, key("77aa"));
    assert!(store.sealed_key(acme.id).await.unwrap() == Some(sealed("sealed2", "77aa")));

    let mut actions = vec![];
    let mut after = None;
    loop {
        let page = store
            .history(&viewer(), Some(acme.id), after.as_ref(), 3)
            .await
            .unwrap();
        actions.extend(page.rows.into_iter().map(|entry| entry.action));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected = ["key_replaced", "activated", "deactivated", "created"];
    assert_eq!(
        actions,
        expected.map(|action| format!("integration.{action}"))
    );
}

#[tokio::test]
async fn a_key_and_its_address_change_together_or_not_at_all() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let elsewhere = IntegrationSettings {
        base_url: "https://elsewhere.example.com".parse().unwrap(),
        ..acme.settings.clone()
    };
    let edit = async |version, key| {
        store
            .update_integration(
                &admin(),
                acme.id,
                version,
                elsewhere.clone(),
                Some(key),
                at(1),
            )
            .await
            .unwrap()
    };

    let moved = edit(1, sealed("for elsewhere", "77aa")).await;
    assert!(matches!(moved, Change::Saved(_)), "{moved:?}");
    let stored = store.sealed_key(acme.id).await.unwrap().unwrap();
    assert_eq!(stored.sealed, "for elsewhere");

    // This editor still sees the first version, and so does a key that was tested with it.
    let late = edit(1, sealed("late", "88bb")).await;
    assert!(matches!(late, Change::Conflict(_)), "{late:?}");
    let late = store
        .replace_key(&admin(), acme.clone(), sealed("late", "88bb"), at(2))
        .await
        .unwrap();
    assert!(matches!(late, Change::Conflict(_)), "{late:?}");
    let stored = store.sealed_key(acme.id).await.unwrap().unwrap();
    assert_eq!(stored.sealed, "for elsewhere");
}

#[tokio::test]
async fn the_list_filters_sorts_and_pages() {
    let world = world().await;
    let store = &world.store;
    for (n, name) in ["delta", "Alpha", "charlie", "Bravo"]
        .into_iter()
        .enumerate()
    {
        integration(store, n as u128 + 1, name).await;
    }
    store
        .set_active(&admin(), IntegrationId(id(3)), false, at(1))
        .await
        .unwrap();
    let names = async |filter: IntegrationFilter, limit| {
        let (mut names, mut after) = (vec![], None);
        loop {
            let page = store
                .integration_rows(&viewer(), &filter, after.as_ref(), limit, at(5))
                .await
                .unwrap();
            names.extend(
                page.rows
                    .into_iter()
                    .map(|r| r.integration.settings.integration_name.to_string()),
            );
            after = page.next;
            if after.is_none() {
                return names;
            }
        }
    };
    let by_name = IntegrationFilter {
        sort: IntegrationSort::Name,
        ..Default::default()
    };
    assert_eq!(
        names(by_name.clone(), 3).await,
        ["Alpha", "Bravo", "charlie", "delta"]
    );
    assert_eq!(
        names(by_name.clone(), 1).await,
        ["Alpha", "Bravo", "charlie", "delta"]
    );
    assert_eq!(
        names(Default::default(), 10).await,
        ["Alpha", "Bravo", "delta", "charlie"],
        "paused last"
    );
    assert_eq!(
        names(
            IntegrationFilter {
                q: "AL".into(),
                ..by_name.clone()
            },
            10
        )
        .await,
        ["Alpha"]
    );
    let show = |show| IntegrationFilter {
        show,
        ..by_name.clone()
    };
    assert_eq!(
        names(show(IntegrationShow::Attention), 10).await,
        ["Alpha", "Bravo", "delta"],
        "never synced"
    );
    assert_eq!(
        names(show(IntegrationShow::Inactive), 10).await,
        ["charlie"]
    );
    assert!(names(show(IntegrationShow::Fresh), 10).await.is_empty());
}

#[tokio::test]
async fn tests_of_an_integration_come_back_latest_first() {
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let test = |n: u128| ConnectionTest {
        id: TestId(id(n)),
        integration: Some(acme.id),
        success: n.is_multiple_of(2),
        status: "ok".into(),
        projects_count: Some(2),
        error: None,
        stages: vec![],
        api_calls: 2,
        plane_version: None,
        certificate_days_left: None,
        is_scheduled: false,
        started_at: at(n as i64),
        took_ms: 12,
    };
    for n in 1..=7 {
        store.save_test(&test(n)).await.unwrap();
    }
    store.save_test(&test(7)).await.unwrap(); // again: changes nothing
    let page = store
        .tests_of(&viewer(), acme.id, false, None, 4)
        .await
        .unwrap();
    assert_eq!(page.rows[0], test(7));
    let rest = store
        .tests_of(&viewer(), acme.id, false, page.next.as_ref(), 4)
        .await
        .unwrap();
    assert_eq!((page.rows.len() + rest.rows.len(), rest.next), (7, None));
    assert_eq!(
        store
            .connection_test(&viewer(), TestId(id(99)))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store
            .connection_test(&viewer(), TestId(id(7)))
            .await
            .unwrap(),
        Some(test(7))
    );
    let row = store
        .integration_row(&viewer(), acme.id, at(300))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.health.latest(), Some(&test(7).summary()));
    assert_eq!(row.health.recent.len(), 7);
    assert_eq!(row.health.connection.failed, 1);
}

#[tokio::test]
async fn what_tests_say_together_is_kept_however_many_are_saved_at_once() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    let acme = IntegrationId(id(1));
    let test = |n: u128| ConnectionTest {
        id: TestId(id(n)),
        integration: Some(acme),
        success: false,
        status: "timeout".into(),
        projects_count: None,
        error: None,
        stages: vec![],
        api_calls: 0,
        plane_version: None,
        certificate_days_left: None,
        is_scheduled: true,
        started_at: at(n as i64),
        took_ms: 12,
    };
    let tests: Vec<_> = (1..=8).map(test).collect();
    let saved = tests.iter().map(|test| store.save_test(test));
    for saved in futures::future::join_all(saved).await {
        saved.unwrap();
    }
    let checked = store.checked().await.unwrap().remove(0);
    let recent: Vec<TestId> = checked.health.recent.iter().map(|test| test.id).collect();
    let all: Vec<TestId> = (1..=8).rev().map(|n| TestId(id(n))).collect();
    assert_eq!(recent, all, "none of them is lost");
}

#[tokio::test]
async fn a_scheduled_test_is_taken_by_one_until_it_is_saved_or_late() {
    let world = world().await;
    let store = &world.store;
    integration(store, 1, "Acme").await;
    let acme = IntegrationId(id(1));
    let claim = async |now: i64| {
        let claimed = store.claim_check(acme, at(now), at(now + 120)).await;
        claimed.unwrap()
    };
    assert!(claim(0).await);
    assert!(!claim(119).await);
    assert!(claim(120).await, "whoever took it is gone");
    let mut test = ConnectionTest {
        id: TestId(id(9)),
        integration: Some(acme),
        success: true,
        status: "ok".into(),
        projects_count: None,
        error: None,
        stages: vec![],
        api_calls: 0,
        plane_version: None,
        certificate_days_left: None,
        is_scheduled: false,
        started_at: at(130),
        took_ms: 12,
    };
    store.save_test(&test).await.unwrap();
    assert!(!claim(140).await, "somebody's own test ends nothing");
    (test.id, test.is_scheduled) = (TestId(id(10)), true);
    store.save_test(&test).await.unwrap();
    assert!(claim(141).await);
    let gone = IntegrationId(id(7));
    assert!(!store.claim_check(gone, at(0), at(9)).await.unwrap());
}
