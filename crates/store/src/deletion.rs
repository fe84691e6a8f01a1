use chrono::{DateTime, Utc};
use domain::{actor::Admin, ids::IntegrationId};
use surrealdb::types::RecordId;
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{record, records_under},
};

/// Rows a transaction: far below the memtable, and short for whoever waits behind it.
const BATCH: i64 = 500;

/// Tables whose record ids begin with the integration's.
const UNDER: [&str; 27] = [
    "sightings",
    "problem_log",
    "health_log",
    "call_batches",
    "usage_minutes",
    "usage_hours",
    "usage_days",
    "webhook_hours",
    "webhook_told",
    "webhook_bursts",
    "webhook_events",
    "webhook_quarantine",
    "collections",
    "drift_checks",
    "run_calls",
    "run_timelines",
    "item_buckets",
    "long_descriptions",
    "deleted_items",
    "kept_items",
    "walk_pages",
    "label_counts",
    "labels",
    "states",
    "project_members",
    "members",
    "checkpoints",
];

impl Store {
    /// Deletes an integration with its projects, work items, runs and tests; its history stays. From the first moment
    /// it is gone for everyone; the rest may take a while, and [`Store::finish_deletions`] ends what a crash cut short.
    /// `Busy` while a run is under way. Whether there was something to delete.
    pub async fn delete_integration(
        &self,
        admin: &Admin,
        id: IntegrationId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let audit = self.admin_entry(
            admin,
            "integration.deleted",
            Some(id),
            "Deleted, with its copy.",
            now,
        );
        let marked: bool = self
            .ask(
                "{
                    let $deleting = (select value is_deleting from only $id);
                    if $deleting = none { return false };
                    let $lease = (select * from only $lease_id);
                    if $lease != none and $lease.run != none and $lease.until > $now { throw 'hangar:busy' };
                    delete $webhook_id return none;
                    upsert $lease_id set epoch = ($lease.epoch ?? 0) + 1, run = none, owner = none, until = $now,
                        seconds = 0;
                    if !$deleting {
                        update $id set is_deleting = true, is_active = false, version += 1, updated_at = $now;
                        create audit content $audit;
                    };
                    return true;
                }",
            )
            .bind("id", record("plane_integrations", id.0))
            .bind("lease_id", record("sync_leases", id.0))
            .bind("webhook_id", record("webhooks", id.0))
            .bind("now", now)
            .bind("audit", audit)
            .write()
            .await?
            .value(0)?;
        if marked {
            self.delete_children(id).await?;
        }
        Ok(marked)
    }

    /// Ends deletions that a crash cut short. Called at start.
    pub async fn finish_deletions(&self) -> Result<(), Error> {
        let ids: Vec<Uuid> = self
            .ask("select value uid from plane_integrations where is_deleting = true")
            .read()
            .await?
            .rows(0)?;
        for id in ids {
            self.delete_children(IntegrationId(id)).await?;
        }
        Ok(())
    }

    /// Removes, some at a time, the rows of tables that a schema change has put others in the place of; in one go they would
    /// be too many for a transaction. Called now and then, until nothing is left.
    pub async fn forget_replaced(&self) -> Result<(), Error> {
        for table in ["work_items", "item_words"] {
            let sql = format!(
                "{{
                    let $ids = (select value id from {table} limit $batch);
                    delete $ids return none;
                    return array::len($ids);
                }}"
            );
            loop {
                let gone: i64 = self
                    .ask(&sql)
                    .bind("batch", BATCH)
                    .write()
                    .await?
                    .value(0)?;
                if gone < BATCH {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn delete_children(&self, id: IntegrationId) -> Result<(), Error> {
        // Replays are about several integrations, and name what they were about.
        self.ask(
            "update webhook_replays set lines = lines.filter(|$line| $line.integration != $id) return none",
        )
        .bind("id", id.to_string())
        .write()
        .await?;
        for table in UNDER.into_iter().chain(["projects"]) {
            let range = records_under(table, &[id.0]);
            self.delete_batches("select value id from $range limit $batch", &range, id)
                .await?;
        }
        for table in ["connection_tests", "sync_runs", "problems"] {
            let of = format!("select value id from {table} where integration = $id limit $batch");
            self.delete_batches(&of, &records_under("checkpoints", &[id.0]), id)
                .await?;
        }
        // The row itself last: as long as it is there, the deletion can be found and ended.
        self.ask("{ delete $facts; delete $levels; delete $lease; delete $sizes; delete $targets; delete $row; }")
            .bind("facts", record("integration_facts", id.0))
            .bind("levels", record("integration_checks", id.0))
            .bind("lease", record("sync_leases", id.0))
            .bind("sizes", record("call_sizes", id.0))
            .bind("targets", record("objectives", id.0))
            .bind("row", record("plane_integrations", id.0))
            .write()
            .await
            .map(drop)
    }

    async fn delete_batches(
        &self,
        select: &str,
        range: &RecordId,
        id: IntegrationId,
    ) -> Result<(), Error> {
        let sql = format!(
            "{{ let $ids = ({select}); delete $ids return none; return array::len($ids); }}"
        );
        loop {
            let deleted: i64 = self
                .ask(&sql)
                .bind("range", range.clone())
                .bind("id", id.0)
                .bind("batch", BATCH)
                .write()
                .await?
                .value(0)?;
            if deleted < BATCH {
                return Ok(());
            }
        }
    }
}
