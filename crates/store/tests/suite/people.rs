use chrono::TimeDelta;
use domain::actor::Role;
use store::KeyRow;

use crate::support::{admin, at, id, new_user, viewer, world};

#[tokio::test]
async fn the_first_account_is_an_admins_and_there_is_one_only() {
    let world = world().await;
    let store = &world.store;
    assert!(!store.has_users().await.unwrap());
    let maya = store
        .create_first_admin(new_user(1, "maya@example.com"), at(0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(maya.role, Role::Admin);
    assert!(store.has_users().await.unwrap());
    assert!(
        store
            .create_first_admin(new_user(2, "ben@example.com"), at(0))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(store.users(&viewer()).await.unwrap(), [maya]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_set_up_at_once_exactly_one_becomes_admin() {
    let world = world().await;
    let tries = (0..8u128).map(|n| {
        let store = world.store.clone();
        tokio::spawn(async move {
            store
                .create_first_admin(new_user(n, &format!("p{n}@example.com")), at(0))
                .await
                .unwrap()
        })
    });
    let won = futures::future::join_all(tries).await;
    assert_eq!(
        won.into_iter()
            .filter(|w| w.as_ref().unwrap().is_some())
            .count(),
        1
    );
    assert_eq!(world.store.users(&viewer()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_email_address_has_one_account() {
    let world = world().await;
    let store = &world.store;
    store
        .create_user(&admin(), new_user(1, "maya@example.com"), Role::Lead, at(0))
        .await
        .unwrap();
    let error = store
        .create_user(&admin(), new_user(2, "Maya@example.com"), Role::Lead, at(0))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("taken", "email is already taken")
    );
}

#[tokio::test]
async fn signing_in_finds_the_account_with_its_hash() {
    let world = world().await;
    let store = &world.store;
    let maya = store
        .create_admin_from_cli(new_user(1, "maya@example.com"), at(0))
        .await
        .unwrap();
    let (found, hash) = store.user_for_sign_in(&maya.email).await.unwrap().unwrap();
    assert_eq!((&found, hash.as_str()), (&maya, "$argon2id$test"));
    assert!(
        store
            .user_for_sign_in(&"ben@example.com".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );
    store.signed_in(maya.id, at(9)).await.unwrap();
    assert_eq!(
        store.user(maya.id).await.unwrap().unwrap().last_sign_in_at,
        Some(at(9))
    );
}

#[tokio::test]
async fn the_last_active_admin_stays() {
    let world = world().await;
    let store = &world.store;
    let maya = store
        .create_first_admin(new_user(1, "maya@example.com"), at(0))
        .await
        .unwrap()
        .unwrap();
    let lead = store
        .create_user(&admin(), new_user(2, "ben@example.com"), Role::Lead, at(0))
        .await
        .unwrap();
    let demoted = store
        .set_user_role(&admin(), maya.id, Role::Lead, at(1))
        .await;
    assert_eq!(demoted.unwrap_err().code(), "last_admin");
    let off = store.set_user_active(&admin(), maya.id, false, at(1)).await;
    assert_eq!(off.unwrap_err().code(), "last_admin");
    assert_eq!(store.user(maya.id).await.unwrap().unwrap(), maya);

    store
        .set_user_role(&admin(), lead.id, Role::Admin, at(2))
        .await
        .unwrap();
    let off = store
        .set_user_active(&admin(), maya.id, false, at(3))
        .await
        .unwrap()
        .unwrap();
    assert!(!off.is_active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_demote_each_other_leave_one() {
    let world = world().await;
    let store = &world.store;
    let a = store
        .create_first_admin(new_user(1, "a@example.com"), at(0))
        .await
        .unwrap()
        .unwrap();
    let b = store
        .create_user(&admin(), new_user(2, "b@example.com"), Role::Admin, at(0))
        .await
        .unwrap();
    let admin = admin();
    let (x, y) = tokio::join!(
        store.set_user_role(&admin, a.id, Role::Lead, at(1)),
        store.set_user_role(&admin, b.id, Role::Lead, at(1))
    );
    assert!(x.is_ok() != y.is_ok(), "{x:?} {y:?}");
}

#[tokio::test]
async fn a_session_ends_by_idling_expiry_sign_out_or_a_change_of_its_account() {
    let world = world().await;
    let store = &world.store;
    let idle = TimeDelta::hours(1);
    let maya = store
        .create_first_admin(new_user(1, "maya@example.com"), at(0))
        .await
        .unwrap()
        .unwrap();
    let ben = store
        .create_user(&admin(), new_user(2, "ben@example.com"), Role::Lead, at(0))
        .await
        .unwrap();
    let who = async |hash: &str, now| {
        store
            .session(hash, at(now), idle)
            .await
            .unwrap()
            .map(|u| u.id)
    };

    store
        .create_session("one", maya.id, at(0), at(10_000))
        .await
        .unwrap();
    assert_eq!(who("one", 3000).await, Some(maya.id));
    assert_eq!(who("one", 6000).await, Some(maya.id), "being used kept it");
    assert_eq!(who("one", 9700).await, None, "idle");
    assert_eq!(who("nobody", 0).await, None);

    store
        .create_session("two", maya.id, at(0), at(100))
        .await
        .unwrap();
    assert_eq!(who("two", 99).await, Some(maya.id));
    assert_eq!(who("two", 100).await, None, "expired");

    store
        .create_session("three", ben.id, at(0), at(10_000))
        .await
        .unwrap();
    store
        .set_user_active(&admin(), ben.id, false, at(1))
        .await
        .unwrap();
    assert_eq!(who("three", 2).await, None, "switched off");

    store
        .create_session("four", maya.id, at(0), at(10_000))
        .await
        .unwrap();
    store
        .set_password(maya.id, "$argon2id$new", at(1))
        .await
        .unwrap();
    assert_eq!(who("four", 2).await, None, "password changed");

    store
        .create_session("five", maya.id, at(0), at(10_000))
        .await
        .unwrap();
    store.delete_session("five").await.unwrap();
    assert_eq!(who("five", 2).await, None, "signed out");

    store
        .create_session("six", maya.id, at(0), at(10_000))
        .await
        .unwrap();
    store.delete_expired_sessions(at(5000), idle).await.unwrap();
    assert_eq!(who("six", 10).await, None, "swept");
}

#[tokio::test]
async fn the_vault_has_one_active_key_and_rewraps_all_or_none() {
    let world = world().await;
    let store = &world.store;
    let key = |id: &str| KeyRow {
        id: id.into(),
        wrapped: "w1".into(),
        master_id: "m1".into(),
        state: "active".into(),
        created_at: at(0),
    };
    assert!(!store.holds_secrets().await.unwrap());
    let (a, b) = tokio::join!(store.create_key(key("k1")), store.create_key(key("k2")));
    assert!(a.unwrap() != b.unwrap(), "one of two gets to");
    assert!(store.holds_secrets().await.unwrap());
    let id = store.keyring().await.unwrap()[0].id.clone();

    let wrong = store
        .rewrap_keys("m0", vec![(id.clone(), "w2".into())], "m2", at(1))
        .await;
    assert_eq!(wrong.unwrap_err().code(), "conflict");
    store
        .rewrap_keys("m1", vec![(id.clone(), "w2".into())], "m2", at(1))
        .await
        .unwrap();
    let keys = store.keyring().await.unwrap();
    assert_eq!(
        keys,
        [KeyRow {
            id,
            wrapped: "w2".into(),
            master_id: "m2".into(),
            ..key("")
        }]
    );
}

#[tokio::test]
async fn a_draft_is_for_its_sender_and_for_a_while() {
    let world = world().await;
    let draft = store::Draft {
        id: domain::ids::DraftId(id(7)),
        owner: Some(domain::ids::UserId(id(1))),
        form: "integration".into(),
        values: [("name".to_owned(), "Acme".to_owned())].into(),
        errors: [("workspace".to_owned(), "Enter it.".to_owned())].into(),
        message: None,
        sealed_key: Some("sealed".into()),
        key_last_four: Some("3f9a".into()),
        test: None,
        expires_at: at(100),
    };
    let store = &world.store;
    store.save_draft(&draft).await.unwrap();
    assert_eq!(
        store.draft(draft.id, draft.owner, at(1)).await.unwrap(),
        Some(draft.clone())
    );
    assert_eq!(store.draft(draft.id, None, at(1)).await.unwrap(), None);
    assert_eq!(
        store.draft(draft.id, draft.owner, at(100)).await.unwrap(),
        None
    );
    store.delete_expired_drafts(at(101)).await.unwrap();
    assert_eq!(
        store.draft(draft.id, draft.owner, at(1)).await.unwrap(),
        None
    );
}
