use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::Admin,
    audit::AuditEntry,
    ids::{IntegrationId, MaintenanceId},
    objective::{Maintenance, Targets},
    problems::{Class, ProblemEvent},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    audit::AuditRow,
    error::Error,
    problems::EventRow,
    shape::{from_text, id_of, latest_first, record, to_text},
};

/// So many times of maintenance are read at once.
const MAINTENANCE_MOST: i64 = 500;
/// So many of each kind are drawn over a chart.
const MARKS_MOST: i64 = 100;

#[derive(SurrealValue)]
struct TargetsRow {
    id: RecordId,
    targets: String,
}

#[derive(SurrealValue)]
struct MaintenanceRow {
    id: RecordId,
    integration: Option<Uuid>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    reason: String,
    by: String,
}

impl Store {
    /// What is promised of each integration of which that is not the default.
    pub async fn targets(&self) -> Result<HashMap<IntegrationId, Targets>, Error> {
        let rows: Vec<TargetsRow> = self.ask("select * from objectives").read().await?.rows(0)?;
        let rows = rows.into_iter();
        rows.map(|row| Ok((IntegrationId(id_of(&row.id)?), from_text(&row.targets)?)))
            .collect()
    }

    /// Keeps what is promised of an integration. Whether it is there.
    pub async fn save_targets(
        &self,
        admin: &Admin,
        id: IntegrationId,
        targets: &Targets,
        says: String,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let audit = self.admin_entry(admin, "objectives.saved", Some(id), says, now);
        self.ask(
            "{
                if (select value is_deleting from only $integration) != false { return false };
                upsert $id set targets = $targets return none;
                create audit content $audit return none;
                return true;
            }",
        )
        .bind("integration", record("plane_integrations", id.0))
        .bind("id", record("objectives", id.0))
        .bind("targets", to_text(targets)?)
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// Maintenance that ends after that, the first to begin first.
    pub async fn maintenance(&self, after: DateTime<Utc>) -> Result<Vec<Maintenance>, Error> {
        let rows: Vec<MaintenanceRow> = self
            .ask(MAINTENANCE)
            .bind("after", after)
            .bind("most", MAINTENANCE_MOST)
            .read()
            .await?
            .rows(0)?;
        let found: Result<Vec<Maintenance>, Error> = rows
            .into_iter()
            .map(|row| {
                Ok(Maintenance {
                    id: MaintenanceId(id_of(&row.id)?),
                    integration: row.integration.map(IntegrationId),
                    from: row.starts_at,
                    until: row.ends_at,
                    reason: row.reason,
                    by: row.by,
                })
            })
            .collect();
        let mut found = found?;
        found.sort_by_key(|one| (one.from, one.id));
        Ok(found)
    }

    /// Keeps an announced maintenance.
    pub async fn add_maintenance(
        &self,
        admin: &Admin,
        maintenance: &Maintenance,
        says: String,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let of = maintenance.integration;
        let audit = self.admin_entry(admin, "maintenance.added", of, says, now);
        let row = MaintenanceRow {
            id: record("maintenance", maintenance.id.0),
            integration: of.map(|id| id.0),
            starts_at: maintenance.from,
            ends_at: maintenance.until,
            reason: maintenance.reason.clone(),
            by: maintenance.by.clone(),
        };
        self.ask(
            "{
                insert ignore into maintenance $row return none;
                insert ignore into audit $audit return none;
                return none;
            }",
        )
        .bind("row", row)
        .bind("audit", audit)
        .write()
        .await
        .map(drop)
    }

    /// Ends a maintenance now, or forgets it if it did not begin. Whether it was there, and not over.
    pub async fn end_maintenance(
        &self,
        admin: &Admin,
        id: MaintenanceId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let audit = self.admin_entry(
            admin,
            "maintenance.ended",
            None,
            "Ended a maintenance.",
            now,
        );
        self.ask(
            "{
                let $known = (select * from only $id);
                if $known = none or $known.ends_at <= $now { return false };
                if $known.starts_at >= $now { delete $id return none } else { update $id set ends_at = $now return none };
                create audit content object::extend($audit, { integration: $known.integration }) return none;
                return true;
            }",
        )
        .bind("id", record("maintenance", id.0))
        .bind("audit", audit)
        .bind("now", now)
        .write()
        .await?
        .value(0)
    }

    /// Remembers which version runs, if it is another one than before.
    pub async fn note_version(&self, version: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.ask(
            "{
                let $latest = (select at, version from portal_versions order by at desc limit 1)[0];
                if $latest.version = $version { return none };
                create $id set at = $now, version = $version return none;
                return none;
            }",
        )
        .bind("id", record("portal_versions", self.new_id(now)))
        .bind("version", version.to_owned())
        .bind("now", now)
        .write()
        .await
        .map(drop)
    }

    /// Which versions ran, and from when on, the first first.
    pub async fn versions(&self) -> Result<Vec<(DateTime<Utc>, String)>, Error> {
        #[derive(SurrealValue)]
        struct Row {
            at: DateTime<Utc>,
            version: String,
        }
        let rows: Vec<Row> = self
            .ask("select at, version from portal_versions order by at")
            .read()
            .await?
            .rows(0)?;
        Ok(rows.into_iter().map(|row| (row.at, row.version)).collect())
    }

    /// What was done by one of these actions from then on, the latest first.
    pub async fn changes_since(
        &self,
        actions: &[&str],
        from: DateTime<Utc>,
    ) -> Result<Vec<AuditEntry>, Error> {
        let mut found = Vec::new();
        for action in actions {
            let rows: Vec<AuditRow> = self
                .ask(CHANGES)
                .bind("action", (*action).to_owned())
                .bind("until", latest_first(from, Uuid::max()))
                .bind("most", MARKS_MOST)
                .read()
                .await?
                .rows(0)?;
            found.extend(rows.into_iter().map(AuditRow::entry));
        }
        found.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        Ok(found)
    }

    /// Turns of problems of these classes from then on, the latest first.
    pub async fn turns_since(
        &self,
        classes: &[Class],
        from: DateTime<Utc>,
    ) -> Result<Vec<ProblemEvent>, Error> {
        let mut found = Vec::new();
        for class in classes {
            let rows: Vec<EventRow> = self
                .ask(TURNS)
                .bind("class", class.word().to_owned())
                .bind("until", latest_first(from, Uuid::max()))
                .bind("most", MARKS_MOST)
                .read()
                .await?
                .rows(0)?;
            found.extend(rows.into_iter().filter_map(EventRow::event));
        }
        found.sort_by_key(|event| std::cmp::Reverse(event.at));
        Ok(found)
    }
}

pub(crate) const MAINTENANCE: &str =
    "select * from maintenance where ends_at > $after order by ends_at limit $most";

pub(crate) const CHANGES: &str = "select * from audit where action = $action and latest_key < $until order by latest_key limit $most";

pub(crate) const TURNS: &str = "select * from problem_log where class = $class and latest_key < $until order by latest_key limit $most";
