use chrono::TimeDelta;
use domain::actor::{Role, User};
use store::{KeyRow, Store};

use crate::support::{HASH, admin, at, id, new_user, viewer, world};

async fn first_admin(store: &Store) -> User {
    let made = store.create_first_admin(new_user(1, "maya@example.com"), at(0));
    made.await.unwrap().unwrap()
}

async fn lead(store: &Store) -> User {
    let (by, new) = (admin(), new_user(2, "ben@example.com"));
    let made = store.create_user(&by, new, Role::Lead, at(0));
    made.await.unwrap()
}

#[tokio::test]
async fn the_first_account_is_an_admins_and_there_is_one_only() {
    let world = world().await;
    let store = &world.store;
    assert!(!store.has_users().await.unwrap());
    let maya = first_admin(store).await;
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
    assert_eq!((&found, hash.as_str()), (&maya, HASH));
    assert!(
        store
            .user_for_sign_in(&"ben@example.com".parse().unwrap())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_session_begins_only_with_the_password_and_the_account_as_they_are_now() {
    let world = world().await;
    let store = &world.store;
    let maya = first_admin(store).await;
    let ben = lead(store).await;
    let begin = async |id: &str, user, hash: &str| {
        let (now, expires_at) = (at(9), at(100));
        store
            .begin_session(id, user, hash, now, expires_at)
            .await
            .unwrap()
    };

    assert!(begin("one", &ben, HASH).await);
    let seen = store.user(ben.id).await.unwrap().unwrap();
    assert_eq!(seen.last_sign_in_at, Some(at(9)));

    assert!(!begin("two", &ben, "$argon2id$old").await, "changed");
    store
        .set_user_active(&admin(), ben.id, false, at(10))
        .await
        .unwrap();
    assert!(!begin("two", &ben, HASH).await, "switched off");
    let idle = TimeDelta::hours(1);
    assert!(store.session("two", at(9), idle).await.unwrap().is_none());
    assert!(begin("three", &maya, HASH).await);
}

#[tokio::test]
async fn a_password_gives_way_only_to_who_knows_it() {
    let world = world().await;
    let store = &world.store;
    let maya = first_admin(store).await;
    let hash = async || {
        store
            .user_for_sign_in(&maya.email)
            .await
            .unwrap()
            .unwrap()
            .1
    };
    let change = async |old, new| store.change_password(&maya, old, new, at(1)).await.unwrap();

    assert!(!change("$argon2id$other", "$argon2id$new").await);
    assert_eq!(hash().await, HASH);
    assert!(change(HASH, "$argon2id$new").await);
    assert_eq!(hash().await, "$argon2id$new");

    // A hash that is renewed at a sign-in never brings back a password that was changed meanwhile.
    let renewed = store.renew_hash(maya.id, HASH, "$argon2id$renewed").await;
    assert!(!renewed.unwrap());
    let renewed = store.renew_hash(maya.id, "$argon2id$new", "$argon2id$renewed");
    assert!(renewed.await.unwrap());
    assert_eq!(hash().await, "$argon2id$renewed");
}

#[tokio::test]
async fn what_is_done_to_people_is_in_the_history_and_what_is_refused_is_not() {
    let world = world().await;
    let store = &world.store;
    let maya = first_admin(store).await;
    let by = maya.clone().admin().unwrap();
    let ben = store
        .create_user(&by, new_user(2, "ben@example.com"), Role::Lead, at(1))
        .await
        .unwrap();
    let taken = store.create_user(&by, new_user(3, "ben@example.com"), Role::Lead, at(2));
    assert!(taken.await.is_err());
    let last = store.set_user_role(&by, maya.id, Role::Lead, at(3));
    assert!(last.await.is_err());
    store
        .set_user_role(&by, ben.id, Role::Admin, at(4))
        .await
        .unwrap();
    store
        .set_user_active(&by, ben.id, false, at(5))
        .await
        .unwrap();
    store
        .begin_session("one", &maya, HASH, at(6), at(100))
        .await
        .unwrap();
    store
        .change_password(&maya, HASH, "$argon2id$new", at(7))
        .await
        .unwrap();

    let history = store.history(&viewer(), None, None, 50).await.unwrap();
    let told: Vec<_> = history
        .rows
        .iter()
        .rev()
        .map(|entry| (entry.actor_name.as_str(), entry.says.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("Maya", "Maya set Hangar up."),
            ("Maya", "Ben was added as a lead."),
            ("Maya", "Ben is an admin now."),
            ("Maya", "Ben was switched off."),
            ("Maya", "Maya signed in."),
            ("Maya", "Maya changed the own password."),
        ]
    );
}

#[tokio::test]
async fn the_last_active_admin_stays() {
    let world = world().await;
    let store = &world.store;
    let maya = first_admin(store).await;
    let lead = lead(store).await;
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
    let maya = first_admin(store).await;
    let ben = lead(store).await;
    let begin = async |id: &str, user: &User, hash: &str, expires| {
        let begun = store.begin_session(id, user, hash, at(0), at(expires));
        assert!(begun.await.unwrap());
    };
    let who = async |hash: &str, now| {
        store
            .session(hash, at(now), idle)
            .await
            .unwrap()
            .map(|u| u.id)
    };

    begin("one", &maya, HASH, 10_000).await;
    assert_eq!(who("one", 3000).await, Some(maya.id));
    assert_eq!(who("one", 6000).await, Some(maya.id), "being used kept it");
    assert_eq!(who("one", 9700).await, None, "idle");
    assert_eq!(who("nobody", 0).await, None);

    begin("two", &maya, HASH, 100).await;
    assert_eq!(who("two", 99).await, Some(maya.id));
    assert_eq!(who("two", 100).await, None, "expired");

    begin("three", &ben, HASH, 10_000).await;
    store
        .set_user_active(&admin(), ben.id, false, at(1))
        .await
        .unwrap();
    assert_eq!(who("three", 2).await, None, "switched off");

    begin("four", &maya, HASH, 10_000).await;
    store
        .change_password(&maya, HASH, "$argon2id$new", at(1))
        .await
        .unwrap();
    assert_eq!(who("four", 2).await, None, "password changed");

    begin("five", &maya, "$argon2id$new", 10_000).await;
    store.delete_session("five").await.unwrap();
    assert_eq!(who("five", 2).await, None, "signed out");

    begin("six", &maya, "$argon2id$new", 10_000).await;
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
