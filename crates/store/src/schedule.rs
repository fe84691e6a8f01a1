use chrono::{DateTime, TimeDelta, Utc};
use domain::{ids::IntegrationId, schedule::Scheduled};
use serde_json::Value as Json;
use surrealdb::types::SurrealValue;
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    integrations::health,
    shape::{from_json, parse},
};

pub(crate) const SCHEDULED: &str =
    "select uid, interval_minutes, quiet_hours, created_at, updated_at,
        (select last_run, health from only type::record('integration_facts', $parent.uid)) as facts
    from plane_integrations where is_active = true and paused_at = none order by name_key";

impl Store {
    /// All integrations that are synced by themselves, with what decides when they are due. For Hangar's own work.
    pub async fn scheduled(&self) -> Result<Vec<Scheduled>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            uid: Uuid,
            interval_minutes: i64,
            quiet_hours: Option<String>,
            created_at: DateTime<Utc>,
            updated_at: DateTime<Utc>,
            facts: Option<Facts>,
        }
        #[derive(SurrealValue)]
        struct Facts {
            last_run: Option<Json>,
            health: Option<String>,
        }
        let rows: Vec<Row> = self.ask(SCHEDULED).read().await?.rows(0)?;
        rows.into_iter()
            .map(|row| {
                let (last_run, tests) = row
                    .facts
                    .map_or((None, None), |facts| (facts.last_run, facts.health));
                Ok(Scheduled {
                    integration: IntegrationId(row.uid),
                    interval: TimeDelta::minutes(row.interval_minutes.max(1)),
                    quiet_hours: row.quiet_hours.as_deref().map(parse).transpose()?,
                    created_at: row.created_at,
                    updated_at: row.updated_at,
                    last_run: last_run.map(from_json).transpose()?,
                    passed_at: health(tests.as_deref())?.passed_at(),
                })
            })
            .collect()
    }
}
