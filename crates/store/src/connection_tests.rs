use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    connection_test::ConnectionTest,
    ids::{IntegrationId, TestId},
    page::{Cursor, Page},
};
use surrealdb::types::SurrealValue;

use crate::{
    Store,
    error::Error,
    shape::{from_json, latest_first, page, record, to_json},
};

/// How many tests of an integration are kept.
const KEPT: i64 = 200;

#[derive(SurrealValue)]
struct TestRow {
    latest_key: String,
    test: serde_json::Value,
}

pub(crate) const TESTS_OF: &str =
    "select latest_key, test from connection_tests where integration = $integration and latest_key > $after
    order by latest_key limit $limit";

impl Store {
    /// Keeps a test, and of its integration's tests the newest 200. Saving it again changes nothing.
    pub async fn save_test(&self, test: &ConnectionTest, _now: DateTime<Utc>) -> Result<(), Error> {
        self.save_test_and_keep(test, KEPT).await
    }

    async fn save_test_and_keep(&self, test: &ConnectionTest, kept: i64) -> Result<(), Error> {
        let ask = self.ask(
            "{
                upsert $id content {
                    integration: $integration, latest_key: $latest_key, started_at: $started_at, test: $test
                };
                if $integration != none {
                    update $facts set last_test = $summary
                        where last_test = none or last_test.startedAt <= $summary.startedAt;
                    delete (select value id from (select id, latest_key from connection_tests
                        where integration = $integration order by latest_key limit 50 start $kept));
                };
                return none;
            }",
        );
        let integration = test.integration.map(|id| id.0);
        ask.bind("id", record("connection_tests", test.id.0))
            .bind(
                "facts",
                record("integration_facts", integration.unwrap_or_default()),
            )
            .bind("integration", integration)
            .bind("latest_key", latest_first(test.started_at, test.id.0))
            .bind("started_at", test.started_at)
            .bind("test", to_json(test)?)
            .bind("summary", to_json(&test.summary())?)
            .bind("kept", kept)
            .write()
            .await
            .map(drop)
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
        row.map(|row| from_json(row.test)).transpose()
    }

    /// The tests of an integration, latest first.
    pub async fn tests_of(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ConnectionTest>, Error> {
        let rows: Vec<TestRow> = self
            .ask(TESTS_OF)
            .bind("integration", integration.0)
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| Ok((row.latest_key, from_json(row.test)?)))
            .collect::<Result<_, Error>>()?;
        Ok(page(rows, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpenOptions;
    use domain::actor::{Role, User};
    use uuid::Uuid;

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
            started_at: at(n),
            took_ms: 12,
        };
        for n in [1, 2, 5, 3, 4] {
            store.save_test_and_keep(&test(1, n), 3).await.unwrap();
        }
        store.save_test_and_keep(&test(2, 1), 3).await.unwrap();
        let integration = IntegrationId(Uuid::from_u128(1));
        let kept = store
            .tests_of(&viewer, integration, None, 10)
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
