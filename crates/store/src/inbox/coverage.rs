use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::Viewer,
    ids::{IntegrationId, ProjectId},
    silence::WebhookHour,
};
use surrealdb::types::{RecordId, SurrealValue};

use crate::{
    Store,
    error::Error,
    shape::{count, numbered, record, record_of, records_after},
};

/// What a webhook may still be about to tell: a poll that finds it first has only been quicker.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(60);

/// Adds to an hour of a webhook's.
pub(super) const ADD: &str =
    "upsert $hour set hour = $hour_number, told = (told ?? 0) + $told, caught = (caught ?? 0) + $caught,
        deliveries = (deliveries ?? 0) + $deliveries return none;";

#[derive(SurrealValue)]
struct HourRow {
    hour: i64,
    told: i64,
    caught: i64,
    deliveries: i64,
}

impl Store {
    /// Counts changes of a project's work items that a poll found and that a webhook should have told of: those after its
    /// first delivery that are not so new that it may still come. What a first copy brings is none.
    pub async fn count_caught(
        &self,
        integration: IntegrationId,
        project: ProjectId,
        updated_at: &[DateTime<Utc>],
        now: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let webhook = record("webhooks", integration.0);
        let mut answer = self
            .ask("select value first_at from only $webhook; select value complete_at from only $project;")
            .bind("webhook", webhook.clone())
            .bind(
                "project",
                record_of("projects", &[integration.0, project.0]),
            )
            .read()
            .await?;
        let first_at: Option<DateTime<Utc>> = answer.one(0)?;
        let complete_at: Option<DateTime<Utc>> = answer.one(1)?;
        let Some(from) = first_at.filter(|_| complete_at.is_some()) else {
            return Ok(0);
        };
        let caught = updated_at
            .iter()
            .filter(|at| (from..now - ON_ITS_WAY).contains(at))
            .count() as u64;
        if caught == 0 {
            return Ok(0);
        }
        let (hour, number) = hour_record(integration, now);
        let sql =
            format!("{{ update $webhook set missed += $caught return none; {ADD} return none; }}");
        self.ask(&sql)
            .bind("webhook", webhook)
            .bind("hour", hour)
            .bind("hour_number", number)
            .bind("told", 0i64)
            .bind("caught", i64::try_from(caught).unwrap_or(i64::MAX))
            .bind("deliveries", 0i64)
            .write()
            .await?;
        Ok(caught)
    }

    /// What a webhook told and what polls had to catch, by the hour, from then on; hours without either are left out.
    pub async fn webhook_hours(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        from: DateTime<Utc>,
    ) -> Result<Vec<WebhookHour>, Error> {
        let (_, from) = hour_record(integration, from);
        let rows: Vec<HourRow> = self
            .ask("select * from $range")
            .bind(
                "range",
                records_after("webhook_hours", &[integration.0], from - 1),
            )
            .read()
            .await?
            .rows(0)?;
        Ok(rows
            .into_iter()
            .map(|row| WebhookHour {
                hour: row.hour,
                told: count(row.told),
                caught: count(row.caught),
                deliveries: count(row.deliveries),
            })
            .collect())
    }

    /// Says that this portal lives; answers when one last said so.
    pub async fn still_alive(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        self.ask(
            "{
                let $before = (select value at from only portal_alive:one);
                upsert portal_alive:one set at = $now return none;
                return $before;
            }",
        )
        .bind("now", now)
        .write()
        .await?
        .one(0)
    }
}

/// The record of an hour, and its number since 1970.
pub(super) fn hour_record(integration: IntegrationId, at: DateTime<Utc>) -> (RecordId, i64) {
    let number = WebhookHour::of(at);
    (numbered("webhook_hours", &[integration.0], number), number)
}
