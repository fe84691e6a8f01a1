use chrono::{DateTime, Utc};
use domain::{
    actor::Admin,
    ids::{IntegrationId, ProjectId},
    walk::Held,
};

use super::NOT_DELETING;
use crate::{
    Store,
    error::Error,
    shape::{from_json, record, record_of},
};

impl Store {
    /// Lets the next walk ask Plane for as many missing work items as are held in the project, and take out those that are
    /// gone. What was held; `None` if nothing is.
    pub async fn release_held(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        project: ProjectId,
        now: DateTime<Utc>,
    ) -> Result<Option<Held>, Error> {
        let audit = self.admin_entry(
            admin,
            "project.held_released",
            Some(integration),
            "Released work items that are missing in Plane.",
            now,
        );
        let sql = format!(
            "{{
                {NOT_DELETING}
                let $held = (select value held from only $project);
                if !$held {{ return none }};
                update $project set released = $held.absent return none;
                create audit content $audit return none;
                return $held;
            }}"
        );
        let held: Option<serde_json::Value> = self
            .ask(&sql)
            .bind(
                "integration_id",
                record("plane_integrations", integration.0),
            )
            .bind(
                "project",
                record_of("projects", &[integration.0, project.0]),
            )
            .bind("audit", audit)
            .write()
            .await?
            .one(0)?;
        held.map(from_json).transpose()
    }
}
