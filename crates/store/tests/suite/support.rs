use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Role, User, Viewer},
    ids::{IntegrationId, UserId},
    integration::{Integration, IntegrationSettings, KeyHint},
};
use store::{NewIntegration, NewUser, SealedKey, Store};
use uuid::Uuid;

use crate::engine;

/// A database of its own, and its directory if it has one.
pub(crate) struct World {
    pub(crate) store: Store,
    _directory: Option<tempfile::TempDir>,
}

pub(crate) async fn world() -> World {
    let (options, directory) = engine::database().await;
    let store = Store::open(options, at(0)).await.unwrap();
    World {
        store,
        _directory: directory,
    }
}

/// Seconds after the day these stories begin.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// The password hash of everybody here.
pub(crate) const HASH: &str = "$argon2id$test";

/// Somebody whose name is the e-mail address's first part.
pub(crate) fn new_user(n: u128, email: &str) -> NewUser {
    let (name, _) = email.split_once('@').unwrap();
    let (initial, rest) = name.split_at(1);
    NewUser {
        id: UserId(id(n)),
        email: email.parse().unwrap(),
        name: format!("{}{rest}", initial.to_uppercase()).parse().unwrap(),
        password_hash: HASH.to_owned(),
    }
}

/// Somebody who may do everything; needs no account.
pub(crate) fn admin() -> Admin {
    user(Role::Admin).admin().unwrap()
}

pub(crate) fn viewer() -> Viewer {
    user(Role::Lead).viewer()
}

fn user(role: Role) -> User {
    User {
        id: UserId(id(900)),
        email: "maya@example.com".parse().unwrap(),
        name: "Maya K".parse().unwrap(),
        role,
        is_active: true,
        created_at: at(0),
        last_sign_in_at: None,
    }
}

pub(crate) fn settings(name: &str) -> IntegrationSettings {
    IntegrationSettings {
        integration_name: name.parse().unwrap(),
        description: String::new(),
        base_url: "https://api.plane.so".parse().unwrap(),
        workspace: "acme".parse().unwrap(),
        project_id: None,
        auth_scheme: Default::default(),
        interval_minutes: 15,
        quiet_hours: None,
        test_minutes: 15,
        key_expires_on: None,
        tags: Default::default(),
    }
}

pub(crate) fn key(last_four: &str) -> KeyHint {
    KeyHint {
        last_four: last_four.into(),
        fingerprint: format!("f00d{last_four}"),
        replaced_at: at(0),
    }
}

pub(crate) fn sealed(sealed: &str, last_four: &str) -> SealedKey {
    SealedKey {
        sealed: sealed.into(),
        hint: key(last_four),
    }
}

pub(crate) async fn integration(store: &Store, n: u128, name: &str) -> Integration {
    let new = NewIntegration {
        id: IntegrationId(id(n)),
        settings: settings(name),
        key: sealed("sealed", "3f9a"),
    };
    store
        .create_integration(&admin(), new, at(0))
        .await
        .unwrap()
}
