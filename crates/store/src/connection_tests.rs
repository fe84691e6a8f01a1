use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::Viewer,
    connection_test::ConnectionTest,
    health::Checked,
    ids::{IntegrationId, TestId},
    page::{Cursor, Page},
    problems::Sighting,
};
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    integrations::health,
    problems::sighting_rows,
    shape::{from_json, latest_first, page, record, to_json, to_text},
};

/// How many tests of an integration are kept.
const KEPT: i64 = 1000;

pub(crate) const CHECKED: &str = "select uid, created_at, updated_at, test_minutes,
        (select value health from only type::record('integration_facts', $parent.uid)) as health
    from plane_integrations where is_active = true and paused_at = none order by name_key";

/// A test as it is stored.
#[derive(SurrealValue)]
pub(crate) struct TestRow {
    pub(crate) latest_key: String,
    test: serde_json::Value,
}

impl TestRow {
    pub(crate) fn test(self) -> Result<ConnectionTest, Error> {
        from_json(self.test)
    }
}

pub(crate) const TESTS_OF: &str =
    "select latest_key, test from connection_tests where integration = $integration and latest_key > $after
        and (test.success = false or !$only_failed)
    order by latest_key limit $limit";

pub(crate) const STANDING_OUT: &str =
    "select latest_key, test from connection_tests where integration = $integration and stands_out = true and latest_key > $after
    order by latest_key limit $limit";

impl Store {
    /// Keeps a test, of its integration's tests the newest 1000, and what they say together. Saving it again changes nothing.
    pub async fn save_test(&self, test: &ConnectionTest) -> Result<(), Error> {
        self.save_test_and_keep(test, KEPT).await
    }

    async fn save_test_and_keep(&self, test: &ConnectionTest, kept: i64) -> Result<(), Error> {
        let integration = test.integration.map(|id| id.0);
        let facts = record("integration_facts", integration.unwrap_or_default());
        loop {
            let before: Option<String> = self
                .ask("select value health from only $facts")
                .bind("facts", facts.clone())
                .read()
                .await?
                .one(0)?;
            let mut health = health(before.as_deref())?;
            let stands_out = !test.is_scheduled || health.is_turn(&test.summary());
            health.add(&test.summary());
            let failure = Sighting::of_test(test, health.connection.state);
            let failure = test.integration.zip(failure.as_ref());
            let is_written: bool = self
                .ask(
                    "{
                        if $integration != none {
                            if !record::exists($facts) { return true }; // it was deleted meanwhile
                            if (select value health from only $facts) != $before { return false };
                            update $facts set health = $health, checking_until = if $is_scheduled { none } else { checking_until }
                                return none;
                            if !record::exists($id) { insert ignore into sightings $sightings return none };
                        };
                        upsert $id content {
                            integration: $integration, latest_key: $latest_key, started_at: $started_at, test: $test,
                            stands_out: $stands_out
                        } return none;
                        if $integration != none {
                            delete (select value id from (select id, latest_key from connection_tests
                                where integration = $integration order by latest_key limit 50 start $kept)) return none;
                        };
                        return true;
                    }",
                )
                .bind("id", record("connection_tests", test.id.0))
                .bind("facts", facts.clone())
                .bind("before", before)
                .bind("health", to_text(&health)?)
                .bind("sightings", sighting_rows(failure, test.id.0)?)
                .bind("stands_out", stands_out)
                .bind("is_scheduled", test.is_scheduled)
                .bind("integration", integration)
                .bind("latest_key", latest_first(test.started_at, test.id.0))
                .bind("started_at", test.started_at)
                .bind("test", to_json(test)?)
                .bind("kept", kept)
                .write()
                .await?
                .value(0)?;
            if is_written {
                return Ok(());
            } // another test of this connection was saved meanwhile
        }
    }

    /// All integrations whose connection is tested by itself, with what decides when. For Hangar's own work.
    pub async fn checked(&self) -> Result<Vec<Checked>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            uid: Uuid,
            created_at: DateTime<Utc>,
            updated_at: DateTime<Utc>,
            test_minutes: i64,
            health: Option<String>,
        }
        let rows: Vec<Row> = self.ask(CHECKED).read().await?.rows(0)?;
        rows.into_iter()
            .map(|row| {
                Ok(Checked {
                    integration: IntegrationId(row.uid),
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    every: TimeDelta::minutes(row.test_minutes),
                    health: health(row.health.as_deref())?,
                })
            })
            .collect()
    }

    /// Takes an integration's next scheduled test, until its result is saved or that time has come. Whether nobody else has it.
    pub async fn claim_check(
        &self,
        integration: IntegrationId,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool, Error> {
        self.ask(
            "{
                let $facts = (select checking_until from only $id);
                if $facts = none or $facts.checking_until > $now { return false };
                update $id set checking_until = $until return none;
                return true;
            }",
        )
        .bind("id", record("integration_facts", integration.0))
        .bind("now", now)
        .bind("until", until)
        .write()
        .await?
        .value(0)
    }

    pub async fn connection_test(
        &self,
        _viewer: &Viewer,
        id: TestId,
    ) -> Result<Option<ConnectionTest>, Error> {
        let row: Option<TestRow> = self
            .ask("select latest_key, test from only $id")
            .bind("id", record("connection_tests", id.0))
            .read()
            .await?
            .one(0)?;
        row.map(TestRow::test).transpose()
    }

    /// The tests of an integration, or those that failed, latest first.
    pub async fn tests_of(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        only_failed: bool,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ConnectionTest>, Error> {
        let rows: Vec<TestRow> = self
            .ask(TESTS_OF)
            .bind("integration", integration.0)
            .bind("only_failed", only_failed)
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| Ok((row.latest_key.clone(), row.test()?)))
            .collect::<Result<_, Error>>()?;
        Ok(page(rows, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpenOptions;
    use domain::actor::{Role, User};

    #[tokio::test]
    async fn the_newest_tests_of_an_integration_are_kept() {
        let at = |seconds| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let store = Store::open(OpenOptions::new("mem://"), at(0))
            .await
            .unwrap();
        let viewer = User {
            id: domain::ids::UserId(Uuid::nil()),
            email: "maya@example.com".parse().unwrap(),
            name: "Maya".parse().unwrap(),
            role: Role::Lead,
            is_active: true,
            created_at: at(0),
            last_sign_in_at: None,
        }
        .viewer();
        let test = |integration: u128, n: i64| ConnectionTest {
            id: TestId(Uuid::from_u128(integration * 100 + n as u128)),
            integration: Some(IntegrationId(Uuid::from_u128(integration))),
            success: true,
            status: "ok".into(),
            projects_count: None,
            error: None,
            stages: vec![],
            api_calls: 2,
            plane_version: None,
            certificate_days_left: None,
            is_scheduled: false,
            started_at: at(n),
            took_ms: 12,
        };
        for integration in [1, 2] {
            let facts = record("integration_facts", Uuid::from_u128(integration));
            let made = store.ask("upsert $facts").bind("facts", facts).write();
            made.await.unwrap();
        }
        for n in [1, 2, 5, 3, 4] {
            store.save_test_and_keep(&test(1, n), 3).await.unwrap();
        }
        store.save_test_and_keep(&test(2, 1), 3).await.unwrap();
        let integration = IntegrationId(Uuid::from_u128(1));
        let kept = store
            .tests_of(&viewer, integration, false, None, 10)
            .await
            .unwrap()
            .rows;
        assert_eq!(kept, [test(1, 5), test(1, 4), test(1, 3)]);
        let gone = store.connection_test(&viewer, test(1, 2).id).await.unwrap();
        assert_eq!(gone, None);
        assert!(
            store
                .connection_test(&viewer, test(2, 1).id)
                .await
                .unwrap()
                .is_some()
        );
    }
}
