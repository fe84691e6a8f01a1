//! The one way to run a query: variables are bound, every statement's answer is checked, errors are sorted, conflicts
//! are tried again, and a failing storage stops everything.

use std::{sync::Arc, time::Duration};

use domain::page::Cursor;
use rand::RngExt;
use surrealdb::{
    IndexedResults,
    types::{SurrealValue, Variables},
};

use crate::{
    Store,
    error::{Error, Kind, kind, telling},
    shape::read_cursor,
    written::Touched,
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

    /// The page of a list that begins behind `after`: `$after`, and `$limit` with one row more, which says that there is
    /// a next page ([`crate::shape::page`]).
    pub(crate) fn page(self, after: Option<&Cursor>, limit: u32) -> Self {
        self.bind("after", read_cursor(after))
            .bind("limit", i64::from(limit) + 1)
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
                let touched = Touched::by(&sql, &variables);
                let sending = async move {
                    let sent = inner.engine.send(&sql, variables, true).await;
                    inner.written.count(&touched);
                    sent
                };
                tokio::spawn(sending)
                    .await
                    .map_err(|e| cut_off(&e))
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
                        "taken" => Error::Taken { what: "name" },
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
                Kind::Refused => return Err(Error::Refused(error.message().to_owned())),
                // It is the server that has to stop when its storage fails: we can ask again once it is back.
                Kind::Connection | Kind::Storage if !inner.engine.is_embedded() => {
                    return Err(Error::Unreachable(error.message().to_owned()));
                }
                Kind::Connection | Kind::Storage => {
                    let broken = Error::Broken(error.message().to_owned());
                    return Err(self.store.stop_if_broken(broken));
                }
                Kind::NoTable => {
                    return Err(Error::Migration(format!(
                        "{}: the database was emptied or replaced while Hangar was using it; start Hangar again, and \
                         it makes its tables",
                        error.message()
                    )));
                }
                Kind::Query => {
                    return Err(Error::Query(error.message().to_owned()));
                }
            }
        }
        Err(Error::Conflict)
    }
}

/// Why a write was not carried on: a panic, or the runtime ends with the process, and whatever was not acknowledged may be lost.
pub(crate) fn cut_off(error: &tokio::task::JoinError) -> Error {
    match error.is_cancelled() {
        true => Error::Closed,
        false => Error::Broken(format!("a write ended before it was done: {error}")),
    }
}

impl Store {
    /// Remembers that the storage failed, if that is what this says.
    pub(crate) fn stop_if_broken(&self, error: Error) -> Error {
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use crate::{OpenOptions, Store};

    async fn store() -> Store {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Store::open(OpenOptions::new("mem://"), now).await.unwrap()
    }

    #[tokio::test]
    async fn a_mistake_in_a_query_is_an_error_but_no_reason_to_stop() {
        let store = store().await;
        for (mistake, code) in [
            ("select from from", "query"),
            ("create users set email = 1", "query"),
            ("create users set nonsense = true", "query"),
            ("throw 'hangar:busy'", "busy"),
            (
                "begin; create setup:x set changed_at = time::now(); throw 'hangar:fenced'; commit;",
                "fenced",
            ),
        ] {
            let error = store.ask(mistake).write().await.err();
            assert_eq!(error.map(|e| e.code()), Some(code), "{mistake}");
        }
        store.ping().await.unwrap();
    }

    #[tokio::test]
    async fn a_thrown_word_undoes_the_whole_transaction() {
        let store = store().await;
        let sql = "{ create setup:x set changed_at = time::now(); throw 'hangar:busy' }";
        assert_eq!(
            store.ask(sql).write().await.err().map(|e| e.code()),
            Some("busy")
        );
        let found: Vec<String> = store
            .ask("select value <string> id from setup")
            .read()
            .await
            .unwrap()
            .rows(0)
            .unwrap();
        assert!(found.is_empty(), "{found:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn changes_that_meet_are_all_made() {
        let store = store().await;
        store
            .ask("create label_counts:x set label = rand::uuid(), work_items = 0")
            .write()
            .await
            .unwrap();
        let adds = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    store
                        .ask("update label_counts:x set work_items += 1")
                        .write()
                        .await
                        .unwrap();
                }
            })
        });
        for add in futures::future::join_all(adds).await {
            add.unwrap();
        }
        let sum: i64 = store
            .ask("select value work_items from only label_counts:x")
            .read()
            .await
            .unwrap()
            .value(0)
            .unwrap();
        assert_eq!(sum, 40);
    }

    #[tokio::test]
    async fn once_closed_nothing_more_is_taken() {
        let store = store().await;
        store.close().await;
        assert_eq!(store.ping().await.err().map(|e| e.code()), Some("closed"));
    }
}
