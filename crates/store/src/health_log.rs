use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    checks::{Backlog, Check, GIVEN_UP_MOST, HealthChange, Level, Since},
    ids::IntegrationId,
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, from_text, id_of, latest_first, page, record, record_of, to_text},
};

/// Of each integration the latest changes are kept.
const KEPT: i64 = 1000;

#[derive(SurrealValue)]
pub(crate) struct Row {
    id: RecordId,
    integration: Uuid,
    at: DateTime<Utc>,
    check: String,
    was: String,
    level: String,
    says: String,
    pub(crate) latest_key: String,
}

impl Row {
    /// `None`: of a check that this version does not know.
    pub(crate) fn change(self) -> Option<HealthChange> {
        Some(HealthChange {
            integration: IntegrationId(self.integration),
            at: self.at,
            check: Check::from_word(&self.check)?,
            was: Level::from_word(&self.was),
            level: Level::from_word(&self.level),
            says: self.says,
        })
    }
}

pub(crate) const LOG: &str =
    "select * from health_log where integration = $integration and latest_key > $after
        and ($check = none or check = $check)
    order by latest_key limit $limit";

pub(crate) const DUE: &str = "select value due_at from webhook_bursts
    where state = 'waiting' and integration = $integration and queue_key <= $until order by queue_key limit 1";

impl Store {
    /// The levels that an integration's checks had last, as they are stored, to be changed by [`Store::save_levels`].
    pub async fn levels(&self, integration: IntegrationId) -> Result<Levels, Error> {
        let text: Option<String> = self
            .ask("select value levels from only $id")
            .bind("id", levels_record(integration))
            .read()
            .await?
            .one(0)?;
        let levels = text.as_deref().map(from_text).transpose()?;
        Ok(Levels {
            levels: levels.unwrap_or_default(),
            text,
        })
    }

    /// The same of all integrations that have any. For Hangar's own work.
    pub async fn all_levels(&self) -> Result<HashMap<IntegrationId, Levels>, Error> {
        #[derive(SurrealValue)]
        struct Kept {
            id: RecordId,
            levels: String,
        }
        let rows: Vec<Kept> = self
            .ask("select * from integration_checks")
            .read()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| {
                let levels = Levels {
                    levels: from_text(&row.levels)?,
                    text: Some(row.levels),
                };
                Ok((IntegrationId(id_of(&row.id)?), levels))
            })
            .collect()
    }

    /// Keeps what the levels became, with the changes that made them so, unless somebody else did since they were read or the
    /// integration is gone. Whether it was done.
    pub async fn save_levels(
        &self,
        integration: IntegrationId,
        before: &Levels,
        after: &[Since],
        changes: &[HealthChange],
    ) -> Result<bool, Error> {
        let rows: Vec<Row> = changes
            .iter()
            .map(|change| {
                let id = self.new_id(change.at);
                Row {
                    id: record_of("health_log", &[integration.0, id]),
                    integration: integration.0,
                    at: change.at,
                    check: change.check.word().to_owned(),
                    was: change.was.word().to_owned(),
                    level: change.level.word().to_owned(),
                    says: change.says.clone(),
                    latest_key: latest_first(change.at, id),
                }
            })
            .collect();
        self.ask(
            "{
                if (select value levels from only $id) != $before { return false };
                if (select value is_deleting from only $of) != false { return false };
                upsert $id set levels = $levels return none;
                insert into health_log $rows return none;
                if array::len($rows) > 0 {
                    delete (select value id from (select id, latest_key from health_log
                        where integration = $integration order by latest_key limit 50 start $kept)) return none;
                };
                return true;
            }",
        )
        .bind("id", levels_record(integration))
        .bind("of", record("plane_integrations", integration.0))
        .bind("before", before.text.clone())
        .bind("levels", to_text(&after)?)
        .bind("rows", rows)
        .bind("integration", integration.0)
        .bind("kept", KEPT)
        .write()
        .await?
        .value(0)
    }

    /// The health log of an integration, or of one of its checks, the latest first.
    pub async fn health_log(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        check: Option<Check>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<HealthChange>, Error> {
        let rows: Vec<Row> = self
            .ask(LOG)
            .bind("integration", integration.0)
            .bind("check", check.map(|check| check.word().to_owned()))
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows: Vec<(String, Option<HealthChange>)> = rows
            .into_iter()
            .map(|row| (row.latest_key.clone(), row.change()))
            .collect();
        let page = page(rows, limit);
        Ok(Page {
            rows: page.rows.into_iter().flatten().collect(),
            next: page.next,
        })
    }

    /// What was received for an integration and is not applied. For Hangar's own work.
    pub async fn backlog(
        &self,
        integration: IntegrationId,
        now: DateTime<Utc>,
    ) -> Result<Backlog, Error> {
        let sql = format!(
            "{DUE};
             select value id from webhook_bursts where state = 'dead' and integration = $integration limit $most;"
        );
        let mut answer = self
            .ask(&sql)
            .bind("integration", integration.0)
            .bind("until", crate::inbox::queue_key(now))
            .bind("most", i64::from(GIVEN_UP_MOST))
            .read()
            .await?;
        let (due, dead): (Vec<DateTime<Utc>>, Vec<RecordId>) = (answer.rows(0)?, answer.rows(1)?);
        Ok(Backlog {
            due_since: due.first().copied(),
            given_up: count(i64::try_from(dead.len()).unwrap_or(i64::MAX)),
        })
    }
}

/// What was read, to be compared when it is written.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    pub levels: Vec<Since>,
    text: Option<String>,
}

fn levels_record(integration: IntegrationId) -> RecordId {
    record("integration_checks", integration.0)
}
