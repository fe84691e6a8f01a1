use chrono::{DateTime, Utc};
use domain::{
    actor::{Admin, Viewer},
    drift::{DriftCheck, Thoroughness},
    ids::{IntegrationId, ProjectId},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, latest_first, page, record, record_of, to_json},
};

#[derive(SurrealValue)]
pub(crate) struct DriftRow {
    id: RecordId,
    integration: Uuid,
    project: Uuid,
    at: DateTime<Utc>,
    thoroughness: String,
    planes: i64,
    compared: i64,
    missing: i64,
    extra: i64,
    different: i64,
    latest_key: String,
}

impl DriftRow {
    /// `id` makes a repeated transaction write the same record.
    pub(crate) fn new(ids: [Uuid; 2], id: Uuid, check: &DriftCheck) -> Self {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            id: record_of("drift_checks", &[ids[0], ids[1], id]),
            integration: ids[0],
            project: ids[1],
            at: check.at,
            thoroughness: check.thoroughness.word().to_owned(),
            planes: number(check.planes),
            compared: number(check.compared),
            missing: number(check.missing),
            extra: number(check.extra),
            different: number(check.different),
            latest_key: latest_first(check.at, id),
        }
    }

    fn check(self) -> DriftCheck {
        DriftCheck {
            at: self.at,
            thoroughness: Thoroughness::from_word(&self.thoroughness),
            planes: count(self.planes),
            compared: count(self.compared),
            missing: count(self.missing),
            extra: count(self.extra),
            different: count(self.different),
        }
    }
}

pub(crate) const CHECKS: &str = "select * from drift_checks
    where integration = $integration and project = $project and latest_key > $after order by latest_key limit $limit";

impl Store {
    /// A project's comparisons with Plane, the latest first.
    pub async fn drift_checks(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        project: ProjectId,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<DriftCheck>, Error> {
        let rows: Vec<DriftRow> = self
            .ask(CHECKS)
            .bind("integration", integration.0)
            .bind("project", project.0)
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| (row.latest_key.clone(), row.check()))
            .collect();
        Ok(page(rows, limit))
    }

    /// Keeps a comparison that somebody asked for.
    pub async fn save_drift_check(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        check: &DriftCheck,
    ) -> Result<(), Error> {
        let ids = [integration.0, project.0];
        let says = if check.is_equal() {
            "Compared a project with Plane: equal."
        } else {
            "Compared a project with Plane: not equal."
        };
        let audit = self.admin_entry(admin, "project.compared", Some(integration), says, check.at);
        self.ask(
            "{
                if (select value is_deleting from only $integration_id) != false { throw 'hangar:fenced' };
                upsert $row.id content $row return none;
                update $project set drift = $drift return none;
                create audit content $audit return none;
                return none;
            }",
        )
        .bind("integration_id", record("plane_integrations", ids[0]))
        .bind("project", record_of("projects", &ids))
        .bind("row", DriftRow::new(ids, self.new_id(check.at), check))
        .bind("drift", to_json(check)?)
        .bind("audit", audit)
        .write()
        .await
        .map(drop)
    }

    /// Makes the next run read everything of a project. Whether there is such a project.
    pub async fn request_full_walk(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let says = "Asked for everything in a project to be read again.";
        let audit = self.admin_entry(admin, "project.reread", Some(integration), says, now);
        self.ask(
            "{
                if (select value id from only $project) = none { return false };
                update $project set full_at = none return none;
                create audit content $audit return none;
                return true;
            }",
        )
        .bind(
            "project",
            record_of("projects", &[integration.0, project.0]),
        )
        .bind("audit", audit)
        .write()
        .await?
        .value(0)
    }

    /// Forgets comparisons made before then, some at a time. How many.
    pub async fn forget_drift_checks(&self, before: DateTime<Utc>) -> Result<u64, Error> {
        let forgotten: i64 = self
            .ask(
                "{
                    let $ids = (select value id from drift_checks where at < $before limit 1000);
                    delete $ids return none;
                    return array::len($ids);
                }",
            )
            .bind("before", before)
            .write()
            .await?
            .value(0)?;
        Ok(count(forgotten))
    }
}
