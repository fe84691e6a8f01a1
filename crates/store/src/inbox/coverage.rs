use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
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

#[derive(SurrealValue)]
struct HourRow {
    hour: i64,
    caught: i64,
    deliveries: i64,
}

#[derive(SurrealValue)]
struct ToldRow {
    hour: i64,
    told: i64,
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
        self.ask(
            "{
                update $webhook set missed += $caught return none;
                upsert $hour set hour = $hour_number, caught = (caught ?? 0) + $caught return none;
                return none;
            }",
        )
        .bind("webhook", webhook)
        .bind("hour", hour)
        .bind("hour_number", number)
        .bind("caught", i64::try_from(caught).unwrap_or(i64::MAX))
        .write()
        .await?;
        Ok(caught)
    }

    /// What a webhook told and what polls had to catch, by the hour, from then on; hours without either are left out.
    pub async fn webhook_hours(
        &self,
        integration: IntegrationId,
        from: DateTime<Utc>,
    ) -> Result<Vec<WebhookHour>, Error> {
        let (_, from) = hour_record(integration, from);
        let range = |table| records_after(table, &[integration.0], from - 1);
        let mut answer = self
            .ask("select * from $hours; select * from $told;")
            .bind("hours", range("webhook_hours"))
            .bind("told", range("webhook_told"))
            .read()
            .await?;
        let empty = |hour| WebhookHour {
            hour,
            told: 0,
            caught: 0,
            deliveries: 0,
        };
        let mut hours = BTreeMap::<i64, WebhookHour>::new();
        for row in answer.rows::<HourRow>(0)? {
            let hour = hours.entry(row.hour).or_insert_with(|| empty(row.hour));
            hour.caught = count(row.caught);
            hour.deliveries = count(row.deliveries);
        }
        for row in answer.rows::<ToldRow>(1)? {
            let hour = hours.entry(row.hour).or_insert_with(|| empty(row.hour));
            hour.told = count(row.told);
        }
        Ok(hours.into_values().collect())
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

/// The record of what was told in an hour, and the hour's number. It is not the one of [`hour_record`]: whoever applies events
/// must not be in the way of whoever receives them.
pub(super) fn told_record(integration: IntegrationId, at: DateTime<Utc>) -> (RecordId, i64) {
    let number = WebhookHour::of(at);
    (numbered("webhook_told", &[integration.0], number), number)
}

/// The record of an hour, and its number since 1970.
pub(super) fn hour_record(integration: IntegrationId, at: DateTime<Utc>) -> (RecordId, i64) {
    let number = WebhookHour::of(at);
    (numbered("webhook_hours", &[integration.0], number), number)
}
