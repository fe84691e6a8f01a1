//! What was read of the database and holds until its tables are written: pages ask for the same again and again, and reading a
//! hundred integrations or two thousand projects takes longer than a page may.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Store, error::Error, written::Table};

/// What others may have written to a database that several have is seen this late at most, where it may be late at all.
pub(crate) const LATE: TimeDelta = TimeDelta::seconds(2);

/// The answer to one question, as it was when it was last asked.
pub(crate) struct Known<T> {
    /// What it is made of.
    tables: &'static [Table],
    last: Mutex<Option<Read<T>>>,
}

struct Read<T> {
    /// How often its tables had been written before.
    written: u64,
    /// `None`: nobody else may have written since.
    at: Option<DateTime<Utc>>,
    value: Arc<T>,
}

impl<T> Known<T> {
    pub(crate) fn of(tables: &'static [Table]) -> Self {
        Self {
            tables,
            last: Mutex::new(None),
        }
    }
}

impl Store {
    /// What `read` answers, or answered since its tables were written last. A database that several have is asked each time, unless
    /// what others wrote may be seen [`LATE`]: then `now` is given.
    pub(crate) async fn known<T>(
        &self,
        known: &Known<T>,
        now: Option<DateTime<Utc>>,
        read: impl Future<Output = Result<T, Error>>,
    ) -> Result<Arc<T>, Error> {
        let last = || known.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the reading, so that what is written meanwhile is not taken for known.
        let written = self.inner.written.times(known.tables);
        if let Some(read) = last().as_ref()
            && read.written == written
            && (self.is_embedded() || is_young(read.at, now))
        {
            return Ok(read.value.clone());
        }
        let value = Arc::new(read.await?);
        *last() = Some(Read {
            written,
            at: now,
            value: value.clone(),
        });
        Ok(value)
    }
}

fn is_young(at: Option<DateTime<Utc>>, now: Option<DateTime<Utc>>) -> bool {
    at.zip(now).is_some_and(|(at, now)| (now - at).abs() < LATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpenOptions;

    async fn store() -> Store {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Store::open(OpenOptions::new("mem://"), now).await.unwrap()
    }

    fn known() -> Known<u32> {
        Known::of(&[Table::Facts])
    }

    async fn write(store: &Store) {
        let sql = "delete integration_facts:x";
        store.ask(sql).write().await.unwrap();
    }

    async fn ask(store: &Store, known: &Known<u32>, answer: u32) -> u32 {
        *store
            .known(known, None, async { Ok(answer) })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_answer_holds_until_its_table_is_written() {
        let (store, known) = (store().await, known());
        assert_eq!(ask(&store, &known, 1).await, 1);
        let other = store.ask("delete sync_runs:x");
        other.write().await.unwrap();
        assert_eq!(ask(&store, &known, 2).await, 1);
        write(&store).await;
        assert_eq!(ask(&store, &known, 3).await, 3);
    }

    #[tokio::test]
    async fn what_is_written_while_it_is_read_is_not_missed() {
        let (store, known) = (store().await, known());
        let read = async {
            write(&store).await;
            Ok(1)
        };
        assert_eq!(*store.known(&known, None, read).await.unwrap(), 1);
        assert_eq!(ask(&store, &known, 2).await, 2);
    }

    #[tokio::test]
    async fn a_failed_reading_is_no_answer() {
        let (store, known) = (store().await, known());
        let failed = async { Err(Error::Busy) };
        assert!(store.known(&known, None, failed).await.is_err());
        assert_eq!(ask(&store, &known, 2).await, 2);
    }
}
