//! Who may use a database, and what is said to who may not.

use std::time::{Duration, Instant};

use store::{Credentials, Error, OpenOptions, Store};
use surrealdb::{
    Surreal,
    engine::any::{self, Any},
    opt::auth::Root,
};

use crate::{
    engine::{database, server},
    server::{PASSWORD, USER, password},
    support::at,
};

/// The server's root without a store, in the database of these options.
pub(crate) async fn client(options: &OpenOptions) -> Surreal<Any> {
    let db = any::connect(&options.url).await.unwrap();
    let root = Root {
        username: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    db.signin(root).await.unwrap();
    db.use_ns(&options.namespace)
        .use_db(&options.database)
        .await
        .unwrap();
    db
}

async fn define(options: &OpenOptions, statement: &str) {
    let answer = client(options).await.query(statement).await.unwrap();
    answer.check().unwrap();
}

async fn refused(options: &OpenOptions, credentials: Credentials) -> String {
    let options = OpenOptions {
        credentials,
        ..options.clone()
    };
    let error = Store::open(options, at(0)).await.err().unwrap();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    error.to_string()
}

async fn works(options: &OpenOptions, credentials: Credentials) -> Store {
    let options = OpenOptions {
        credentials,
        ..options.clone()
    };
    let store = Store::open(options, at(0)).await.unwrap();
    assert!(!store.has_users().await.unwrap());
    store
}

#[tokio::test]
async fn wrong_credentials_are_refused_in_a_sentence_that_does_not_repeat_them() {
    let (options, _) = database().await;
    for credentials in [
        password(USER, "hunter2"),
        password("nobody", PASSWORD),
        Credentials::Token("hunter2".to_owned()),
        Credentials::None,
    ] {
        let says = refused(&options, credentials).await;
        assert!(
            says.starts_with("the database refused the credentials: "),
            "{says}"
        );
        assert!(!says.contains("hunter2"), "{says}");
        assert!(!says.contains(PASSWORD), "{says}");
    }
}

#[tokio::test]
async fn a_user_of_the_database_alone_is_enough() {
    let (options, _) = database().await;
    define(
        &options,
        "define user hangar on database password 'battery' roles editor",
    )
    .await;
    works(&options, password("hangar", "battery")).await;
    refused(&options, password("hangar", "staple")).await;

    let elsewhere = OpenOptions {
        database: format!("{}_elsewhere", options.database),
        ..options
    };
    refused(&elsewhere, password("hangar", "battery")).await;
}

#[tokio::test]
async fn a_user_of_the_namespace_is_enough() {
    let (mut options, _) = database().await;
    options.namespace = "shared".to_owned();
    define(
        &options,
        "define user hangar on namespace password 'battery' roles editor",
    )
    .await;
    works(&options, password("hangar", "battery")).await;
}

#[tokio::test]
async fn a_user_who_may_only_read_is_refused() {
    let (options, _) = database().await;
    define(
        &options,
        "define user reader on database password 'battery' roles viewer",
    )
    .await;
    refused(&options, password("reader", "battery")).await;
}

#[tokio::test]
async fn a_token_is_enough() {
    let (options, _) = database().await;
    let root = Root {
        username: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    let token = client(&options).await.signin(root).await.unwrap();
    let token = token.access.into_insecure_token();
    works(&options, Credentials::Token(token)).await;
}

#[tokio::test]
async fn a_session_that_runs_out_is_begun_anew_unnoticed() {
    let (options, _) = database().await;
    works(&options, options.credentials.clone()).await;
    define(
        &options,
        "define user brief on database password 'battery' roles editor duration for session 2s",
    )
    .await;
    let store = works(&options, password("brief", "battery")).await;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(5) {
        store.has_users().await.unwrap();
    }
}

#[tokio::test]
async fn an_address_where_nothing_listens_is_unreachable_at_once() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let options = OpenOptions {
        url: format!("ws://127.0.0.1:{port}"),
        ..server().await.options()
    };
    let since = Instant::now();
    let error = Store::open(options, at(0)).await.err().unwrap();
    assert_eq!(error.code(), "unreachable");
    assert!(since.elapsed() < Duration::from_secs(5));
}
