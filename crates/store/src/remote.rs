//! A SurrealDB server at the other end of a web socket.
//!
//! The SDK reconnects by itself, for ever and in silence: queries wait in its queue meanwhile, and a session that it
//! can't set up anew stays broken for good. So nothing here relies on it: a connection that failed, or on which the
//! server has fallen silent, is dropped, and the next query makes another and signs in again.

use std::{sync::Arc, time::Duration};

use surrealdb::{
    IndexedResults, Surreal,
    engine::any::{self, Any},
    opt::{Config, auth},
    types::{Error as DbError, Variables},
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use crate::{
    error::{Error, Kind, kind},
    options::{Credentials, OpenOptions},
};

/// For everything until the first query can be sent: name, connection, TLS, signing in.
const CONNECT: Duration = Duration::from_secs(10);
/// Between two tries to use a new database; [`CONNECT`] ends them.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a query may take before we ask whether the server is still there.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the server may take to say so. A large change may be on its way before the question.
const SILENCE: Duration = Duration::from_secs(8);

pub(crate) struct Remote {
    url: String,
    options: OpenOptions,
    slot: Mutex<Slot>,
}

enum Slot {
    Connected(Arc<Surreal<Any>>),
    Lost,
    Closed,
}

impl Remote {
    /// Connects and signs in.
    pub(crate) async fn open(options: &OpenOptions, url: String) -> Result<Self, Error> {
        let remote = Self {
            url,
            options: options.clone(),
            slot: Mutex::new(Slot::Lost),
        };
        remote.connection().await?;
        Ok(remote)
    }

    /// Sends one query. A change whose answer is lost with the connection may have been made or not.
    pub(crate) async fn query(
        &self,
        sql: &str,
        variables: Variables,
    ) -> Result<Result<IndexedResults, DbError>, Error> {
        match self.send_once(sql, variables.clone()).await {
            // The session has run out. Nothing was done, and a new connection signs in again.
            Err(Error::Refused(_)) => self.send_once(sql, variables).await,
            sent => sent,
        }
    }

    async fn send_once(
        &self,
        sql: &str,
        variables: Variables,
    ) -> Result<Result<IndexedResults, DbError>, Error> {
        let db = self.connection().await?;
        let answer = tokio::select! {
            answer = db.query(sql).bind(variables).into_future() => answer,
            () = silent(&db) => {
                self.drop_connection(&db).await;
                let seconds = (PATIENCE + SILENCE).as_secs();
                return Err(Error::Unreachable(format!("no answer for {seconds} seconds")));
            }
        };
        if let Err(error) = &answer
            && ends_the_connection(error)
        {
            self.drop_connection(&db).await;
            return Err(refused_or_unreachable(error));
        }
        Ok(answer)
    }

    /// Later queries are refused.
    pub(crate) async fn disconnect(&self) {
        *self.slot.lock().await = Slot::Closed;
    }

    /// The connection, made if there is none. Whoever asks meanwhile waits for it, no longer than it would take alone.
    async fn connection(&self) -> Result<Arc<Surreal<Any>>, Error> {
        let made = timeout(CONNECT, async {
            let mut slot = self.slot.lock().await;
            match &*slot {
                Slot::Connected(db) => Ok(Arc::clone(db)),
                Slot::Closed => Err(Error::Closed),
                Slot::Lost => {
                    let db = Arc::new(connect(&self.options, &self.url).await?);
                    *slot = Slot::Connected(Arc::clone(&db));
                    Ok(db)
                }
            }
        });
        made.await.unwrap_or_else(|_| {
            let seconds = CONNECT.as_secs();
            Err(Error::Unreachable(format!(
                "no connection within {seconds} seconds"
            )))
        })
    }

    async fn drop_connection(&self, lost: &Arc<Surreal<Any>>) {
        let mut slot = self.slot.lock().await;
        // Somebody else may have noticed first and made another.
        if matches!(&*slot, Slot::Connected(db) if Arc::ptr_eq(db, lost)) {
            *slot = Slot::Lost;
        }
    }
}

async fn connect(options: &OpenOptions, url: &str) -> Result<Surreal<Any>, Error> {
    let config = match &options.tls {
        Some(tls) => Config::new().rustls(tls.as_ref().clone()),
        None => Config::new(),
    };
    let db = any::connect((url, config))
        .await
        .map_err(|error| refused_or_unreachable(&error))?;
    let signed_in = match &options.credentials {
        Credentials::None => Ok(()),
        Credentials::Token(token) => db.authenticate(token.clone()).await.map(drop),
        Credentials::Password { user, password } => sign_in(&db, options, user, password).await,
    };
    signed_in.map_err(|error| refused_or_unreachable(&error))?;
    // Using a namespace and a database for the first time makes them: of two that do, one has to do so again.
    loop {
        let used = db.use_ns(&options.namespace).use_db(&options.database);
        match used.await {
            Ok(_) => return Ok(db),
            Err(error) if matches!(kind(&error), Kind::Conflict) => sleep(AGAIN).await,
            Err(error) => return Err(refused_or_unreachable(&error)),
        }
    }
}

/// As a user of this database, of its namespace or of the whole server: the name alone does not say which.
async fn sign_in(
    db: &Surreal<Any>,
    options: &OpenOptions,
    user: &str,
    password: &str,
) -> Result<(), DbError> {
    let (username, password) = (user.to_owned(), password.to_owned());
    let root = auth::Root {
        username: username.clone(),
        password: password.clone(),
    };
    match db.signin(root).await {
        Err(error) if error.is_not_allowed() => {}
        signed_in => return signed_in.map(drop),
    }
    let namespace = auth::Namespace {
        namespace: options.namespace.clone(),
        username: username.clone(),
        password: password.clone(),
    };
    match db.signin(namespace).await {
        Err(error) if error.is_not_allowed() => {}
        signed_in => return signed_in.map(drop),
    }
    let database = auth::Database {
        namespace: options.namespace.clone(),
        database: options.database.clone(),
        username,
        password,
    };
    db.signin(database).await.map(drop)
}

/// Waits until the server no longer answers.
async fn silent(db: &Surreal<Any>) {
    loop {
        sleep(PATIENCE).await;
        // In the same session, behind which the SDK may have parked everything. A refusal is an answer, too.
        if timeout(SILENCE, db.query("return 1")).await.is_err() {
            return;
        }
    }
}

/// Whether a failure of a whole query says nothing of the query, but that this connection is of no use any more.
fn ends_the_connection(error: &DbError) -> bool {
    match kind(error) {
        Kind::Conflict | Kind::Thrown(_) | Kind::Unique(_) | Kind::NoTable => false,
        Kind::Connection | Kind::Storage | Kind::Refused => true,
        // What the SDK says of a session that it could not set up anew.
        Kind::Query => error.is_internal() || error.is_not_found(),
    }
}

fn refused_or_unreachable(error: &DbError) -> Error {
    match kind(error) {
        Kind::Refused => Error::Refused(error.message().to_owned()),
        _ => Error::Unreachable(error.message().to_owned()),
    }
}
