//! The one way to run a query: variables are bound, every statement's answer is checked, errors are sorted, conflicts
//! are tried again, and a failing storage stops everything.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use surrealdb::{
    IndexedResults,
    types::{SurrealValue, Variables},
};

use crate::{
    Store,
    error::{Error, Kind, kind, telling},
};

const TRIES: u32 = 10;

/// A query with its variables. Each is one transaction (a single statement, which may be a block), so that the
/// whole may be sent again after a conflict.
#[must_use]
pub(crate) struct Ask<'a> {
    store: &'a Store,
    sql: &'a str,
    variables: Variables,
}

impl Store {
    pub(crate) fn ask<'a>(&'a self, sql: &'a str) -> Ask<'a> {
        Ask {
            store: self,
            sql,
            variables: Variables::new(),
        }
    }
}

impl Ask<'_> {
    pub(crate) fn bind(mut self, name: &str, value: impl SurrealValue) -> Self {
        self.variables.insert(name, value);
        self
    }

    /// Runs a query that changes nothing.
    pub(crate) async fn read(self) -> Result<Answer, Error> {
        self.run(false).await
    }

    /// Runs a query that changes something. It goes on even if the caller stops waiting: a commit is never cut in two.
    pub(crate) async fn write(self) -> Result<Answer, Error> {
        self.run(true).await
    }

    async fn run(self, writes: bool) -> Result<Answer, Error> {
        let inner = &self.store.inner;
        for attempt in 0..TRIES {
            if let Some(reason) = inner.broken.borrow().clone() {
                return Err(Error::Broken(reason));
            }
            let sent = if writes {
                let inner = Arc::clone(inner);
                let (sql, variables) = (self.sql.to_owned(), self.variables.clone());
                tokio::spawn(async move { inner.engine.send(&sql, variables, true).await })
                    .await
                    .map_err(|e| inner_panic(&e))
                    .and_then(|sent| sent)
            } else {
                inner
                    .engine
                    .send(self.sql, self.variables.clone(), false)
                    .await
            };
            let error = match sent {
                Ok(Ok(mut results)) => match telling(results.take_errors().into_values()) {
                    None => return Ok(Answer(results)),
                    Some(error) => error,
                },
                Ok(Err(error)) => error,
                Err(error) => return Err(self.store.stop_if_broken(error)),
            };
            match kind(&error) {
                Kind::Conflict => {
                    tracing::debug!(attempt, "transaction conflict");
                    tokio::time::sleep(self.store.jitter(attempt)).await;
                }
                Kind::Thrown(word) => {
                    return Err(match word.as_str() {
                        "fenced" => Error::Fenced,
                        "busy" => Error::Busy,
                        "last_admin" => Error::LastAdmin,
                        _ => Error::Query(word),
                    });
                }
                Kind::Unique(index) => {
                    return Err(match index.as_str() {
                        "users_email" => Error::Taken { what: "email" },
                        "plane_integrations_name" => Error::Taken {
                            what: "integrationName",
                        },
                        _ => Error::Taken { what: "value" },
                    });
                }
                Kind::Connection if !inner.engine.is_embedded() => {
                    return Err(Error::Unreachable(error.message().to_owned()));
                }
                Kind::Connection | Kind::Storage => {
                    let broken = Error::Broken(error.message().to_owned());
                    return Err(self.store.stop_if_broken(broken));
                }
                Kind::Query => {
                    return Err(Error::Query(error.message().to_owned()));
                }
            }
        }
        Err(Error::Conflict)
    }
}

fn inner_panic(error: &tokio::task::JoinError) -> Error {
    Error::Broken(format!("a write ended before it was done: {error}"))
}

impl Store {
    fn stop_if_broken(&self, error: Error) -> Error {
        if let Error::Broken(reason) = &error {
            tracing::error!(%reason, "storage failed; no more queries are taken");
            self.inner.broken.send_if_modified(|broken| {
                let first = broken.is_none();
                broken.get_or_insert_with(|| reason.clone());
                first
            });
        }
        error
    }

    /// Full jitter: anything up to a bound that doubles with every try.
    fn jitter(&self, attempt: u32) -> Duration {
        let most = (4u64 << attempt.min(8)).min(400);
        Duration::from_millis(self.with_rng(|rng| rng.random_range(0..=most)))
    }
}

/// The answers of a query's statements, all of them successes.
pub(crate) struct Answer(IndexedResults);

impl Answer {
    /// The rows of one statement.
    pub(crate) fn rows<T: SurrealValue>(&mut self, statement: usize) -> Result<Vec<T>, Error> {
        self.0.take(statement).map_err(unexpected)
    }

    /// The first row or the value of one statement.
    pub(crate) fn one<T: SurrealValue>(&mut self, statement: usize) -> Result<Option<T>, Error> {
        self.0.take(statement).map_err(unexpected)
    }

    /// The value of one statement, which is always there.
    pub(crate) fn value<T: SurrealValue>(&mut self, statement: usize) -> Result<T, Error> {
        self.one(statement)?
            .ok_or_else(|| Error::Query(format!("statement {statement} gave no value")))
    }
}

fn unexpected(error: surrealdb::Error) -> Error {
    Error::Query(error.message().to_owned())
}
