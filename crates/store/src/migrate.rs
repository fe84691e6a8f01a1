use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use crate::{Store, error::Error};

/// The schema's history, in order. Files are never edited once they are merged: add one.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_foundation",
        sql: include_str!("../migrations/0001_foundation.surql"),
    },
    Migration {
        name: "0002_walks",
        sql: include_str!("../migrations/0002_walks.surql"),
    },
    Migration {
        name: "0003_copy",
        sql: include_str!("../migrations/0003_copy.surql"),
    },
    Migration {
        name: "0004_budgets",
        sql: include_str!("../migrations/0004_budgets.surql"),
    },
    Migration {
        name: "0005_schedule",
        sql: include_str!("../migrations/0005_schedule.surql"),
    },
    Migration {
        name: "0006_run_log",
        sql: include_str!("../migrations/0006_run_log.surql"),
    },
    Migration {
        name: "0007_bulk",
        sql: include_str!("../migrations/0007_bulk.surql"),
    },
    Migration {
        name: "0008_buckets",
        sql: include_str!("../migrations/0008_buckets.surql"),
    },
    Migration {
        name: "0009_webhooks",
        sql: include_str!("../migrations/0009_webhooks.surql"),
    },
    Migration {
        name: "0010_replays",
        sql: include_str!("../migrations/0010_replays.surql"),
    },
    Migration {
        name: "0011_usage",
        sql: include_str!("../migrations/0011_usage.surql"),
    },
    Migration {
        name: "0012_bursts",
        sql: include_str!("../migrations/0012_bursts.surql"),
    },
    Migration {
        name: "0013_deliveries",
        sql: include_str!("../migrations/0013_deliveries.surql"),
    },
    Migration {
        name: "0014_health",
        sql: include_str!("../migrations/0014_health.surql"),
    },
    Migration {
        name: "0015_journal",
        sql: include_str!("../migrations/0015_journal.surql"),
    },
    Migration {
        name: "0016_kinds",
        sql: include_str!("../migrations/0016_kinds.surql"),
    },
    Migration {
        name: "0017_health_log",
        sql: include_str!("../migrations/0017_health_log.surql"),
    },
    Migration {
        name: "0018_test_interval",
        sql: include_str!("../migrations/0018_test_interval.surql"),
    },
    Migration {
        name: "0019_problems",
        sql: include_str!("../migrations/0019_problems.surql"),
    },
    Migration {
        name: "0020_alerts",
        sql: include_str!("../migrations/0020_alerts.surql"),
    },
    Migration {
        name: "0021_trends",
        sql: include_str!("../migrations/0021_trends.surql"),
    },
    Migration {
        name: "0022_backups",
        sql: include_str!("../migrations/0022_backups.surql"),
    },
    Migration {
        name: "0023_traces_and_tests",
        sql: include_str!("../migrations/0023_traces_and_tests.surql"),
    },
];

#[derive(Clone, Copy)]
struct Migration {
    name: &'static str,
    sql: &'static str,
}

#[derive(SurrealValue)]
struct Applied {
    name: String,
    checksum: String,
}

/// Brings the schema up to date. Several processes on one remote database take turns.
pub(crate) async fn migrate(store: &Store, now: DateTime<Utc>) -> Result<(), Error> {
    apply(store, MIGRATIONS, now).await
}

async fn apply(store: &Store, migrations: &[Migration], now: DateTime<Utc>) -> Result<(), Error> {
    store
        .ask(
            "define table if not exists migrations schemafull;
             define field if not exists number on migrations type int;
             define field if not exists name on migrations type string;
             define field if not exists checksum on migrations type string;
             define field if not exists applied_at on migrations type datetime;
             define table if not exists migration_lock schemafull;
             define field if not exists owner on migration_lock type option<uuid>;
             define field if not exists until on migration_lock type datetime;",
        )
        .write()
        .await?;
    if pending(store, migrations).await?.is_empty() {
        return Ok(());
    }

    let owner = store.new_id(now);
    lock(store, owner).await?;
    let result = apply_pending(store, migrations, now).await;
    store
        .ask("update migration_lock:the set owner = none where owner = $owner")
        .bind("owner", owner)
        .write()
        .await?;
    result
}

async fn apply_pending(
    store: &Store,
    migrations: &[Migration],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    // Asked again, now that nobody else can be at it.
    for (number, migration) in pending(store, migrations).await? {
        tracing::info!(migration = migration.name, "schema changes");
        // One transaction, so that a crash leaves all of it or nothing.
        let sql = format!(
            "begin;
             {};
             create type::record('migrations', $number) content
                 {{ number: $number, name: $name, checksum: $checksum, applied_at: $now }};
             commit;",
            migration.sql.trim_end().trim_end_matches(';')
        );
        let made = store
            .ask(&sql)
            .bind("number", number)
            .bind("name", migration.name)
            .bind("checksum", checksum(migration.sql))
            .bind("now", now)
            .write()
            .await;
        if let Err(error) = made {
            // One that takes longer than the lock holds is done by two at once; the record lets one of them win.
            let left = pending(store, migrations).await?;
            if left.first().is_some_and(|(first, _)| *first <= number) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// What is still to be applied, numbered from 1.
async fn pending(store: &Store, migrations: &[Migration]) -> Result<Vec<(i64, Migration)>, Error> {
    let applied: Vec<Applied> = store
        .ask("select name, checksum, number from migrations order by number")
        .read()
        .await?
        .rows(0)?;
    for (was, is) in applied.iter().zip(migrations) {
        if was.name != is.name {
            return Err(Error::Migration(format!(
                "the database has the schema change {}, where this version of Hangar has {}",
                was.name, is.name
            )));
        }
        if was.checksum != checksum(is.sql) {
            return Err(Error::Migration(format!(
                "the schema change {} is not the one this database was made with; use the version of Hangar that made it",
                is.name
            )));
        }
    }
    if let Some(newer) = applied.get(migrations.len()) {
        return Err(Error::Migration(format!(
            "the database is newer than this version of Hangar (it has the schema change {}); use the newer version, \
             or restore a backup made before the upgrade",
            newer.name
        )));
    }
    Ok((1..)
        .zip(migrations.iter().copied())
        .skip(applied.len())
        .collect())
}

/// Waits for the lock, which its owner loses after a minute; the database's clock counts, not ours.
async fn lock(store: &Store, owner: Uuid) -> Result<(), Error> {
    for _ in 0..600 {
        let got: bool = store
            .ask(
                "{
                    let $lock = (select * from only migration_lock:the);
                    if $lock != none and $lock.owner != none and $lock.until > time::now() { return false };
                    upsert migration_lock:the content { owner: $owner, until: time::now() + 1m };
                    return true;
                }",
            )
            .bind("owner", owner)
            .write()
            .await?
            .value(0)?;
        if got {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(Error::Migration(
        "another process has been changing the schema for two minutes".to_owned(),
    ))
}

fn checksum(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}

#[cfg(test)]
mod tests {
    use domain::{
        ids::{LabelId, ProjectId, WorkItemId},
        mirror::{Priority, WorkItem},
    };

    use super::*;
    use crate::OpenOptions;

    const ONE: Migration = Migration {
        name: "0001_one",
        sql: "define table if not exists one",
    };
    const TWO: Migration = Migration {
        name: "0002_two",
        sql: "define table if not exists two",
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    /// A database without any migration.
    async fn empty() -> Store {
        let store = Store::open(OpenOptions::new("mem://"), now())
            .await
            .unwrap();
        store.ask("delete migrations").write().await.unwrap();
        store
    }

    #[tokio::test]
    async fn migrations_are_applied_once_and_in_order() {
        let store = empty().await;
        apply(&store, &[ONE], now()).await.unwrap();
        apply(&store, &[ONE, TWO], now()).await.unwrap();
        apply(&store, &[ONE, TWO], now()).await.unwrap();
        let names: Vec<String> = store
            .ask("select value name from migrations order by name")
            .read()
            .await
            .unwrap()
            .rows(0)
            .unwrap();
        assert_eq!(names, ["0001_one", "0002_two"]);
    }

    #[tokio::test]
    async fn an_edited_migration_is_refused_by_name() {
        let store = empty().await;
        apply(&store, &[ONE], now()).await.unwrap();
        let edited = Migration {
            sql: "define table if not exists other",
            ..ONE
        };
        let error = apply(&store, &[edited], now()).await.unwrap_err();
        assert_eq!(error.code(), "migration");
        assert!(error.to_string().contains("0001_one"), "{error}");
    }

    #[tokio::test]
    async fn a_newer_database_is_refused_politely() {
        let store = empty().await;
        apply(&store, &[ONE, TWO], now()).await.unwrap();
        let error = apply(&store, &[ONE], now()).await.unwrap_err();
        assert!(
            error.to_string().contains("newer than this version"),
            "{error}"
        );
    }

    /// What was kept by an admin can't be read from Plane again.
    #[tokio::test]
    async fn buckets_leave_what_was_put_back_among_the_deleted() {
        let store = empty().await;
        let uuid = |n: u128| Uuid::from_u128(n);
        store
            .ask(
                "create work_items:[$one, $two, $three] content {
                    integration: $one, project: $two, item: $three, sequence_id: 7, name: 'Kept', description_html: '<p>“x”</p>',
                    priority: 'high', state: none, state_group: 'unknown', labels: [$four], assignees: [], parent: $four,
                    start_date: none, target_date: '2026-12-01', completed_at: none, created_by: none,
                    created_at: d'2026-11-01T08:00:00Z', updated_at: d'2026-11-02T08:00:00.123456Z',
                    copied_at: d'2026-11-03T08:00:00Z', words: ['kept'], updated_key: 'k', oldest_key: 'k', newest_key: 'k',
                    priority_key: 'k'
                };
                create kept_items:[$one, $two, $three] content { item: $three, kept_at: d'2026-11-04T08:00:00Z' };
                create kept_items:[$one, $two, $four] content { item: $four, kept_at: d'2026-11-04T08:00:00Z' };",
            )
            .bind("one", uuid(1))
            .bind("two", uuid(2))
            .bind("three", uuid(3))
            .bind("four", uuid(4))
            .write()
            .await
            .unwrap();
        let buckets = MIGRATIONS.iter().find(|m| m.name == "0008_buckets");
        apply(&store, &[*buckets.unwrap()], now()).await.unwrap();

        let bodies: Vec<String> = store
            .ask("select value body from deleted_items; select value id from kept_items;")
            .read()
            .await
            .unwrap()
            .rows(0)
            .unwrap();
        let [body] = &bodies[..] else {
            panic!("{bodies:?}");
        };
        let item: WorkItem = serde_json::from_str(body).unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let expected = WorkItem {
            id: WorkItemId(uuid(3)),
            project: ProjectId(uuid(2)),
            sequence_id: 7,
            name: "Kept".into(),
            description_html: "<p>“x”</p>".into(),
            priority: Priority::High,
            state: None,
            labels: vec![LabelId(uuid(4))],
            assignees: vec![],
            parent: Some(WorkItemId(uuid(4))),
            start_date: None,
            target_date: Some("2026-12-01".parse().unwrap()),
            completed_at: None,
            created_by: None,
            created_at: time("2026-11-01T08:00:00Z"),
            updated_at: time("2026-11-02T08:00:00.123456Z"),
        };
        assert_eq!(item, expected);
    }

    #[tokio::test]
    async fn two_processes_take_turns() {
        let store = empty().await;
        let (a, b) = tokio::join!(
            apply(&store, &[ONE, TWO], now()),
            apply(&store, &[ONE, TWO], now())
        );
        assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    }

    #[test]
    fn no_migration_makes_another_way_to_a_record() {
        // What `written` tells of a write would not be all of it then.
        for migration in MIGRATIONS {
            let sql = migration.sql.to_lowercase();
            for line in sql.lines().filter(|line| !line.starts_with("--")) {
                for way in ["define event", "type record", "<record", " reference"] {
                    assert!(!line.contains(way), "{line}");
                }
            }
        }
    }
}
