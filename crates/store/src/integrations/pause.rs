use chrono::{DateTime, Utc};
use domain::{
    actor::Admin,
    ids::IntegrationId,
    integration::{Integration, Pause},
};

use crate::{Store, error::Error, shape::record};

impl Store {
    /// Stops the schedule of an integration; one that is paused already stays as it is. `None`: it is gone.
    pub async fn pause_integration(
        &self,
        admin: &Admin,
        id: IntegrationId,
        pause: &Pause,
    ) -> Result<Option<Integration>, Error> {
        let says = match pause.note.as_str() {
            "" => "Paused.".to_owned(),
            note => format!("Paused: {note}"),
        };
        let audit = self.admin_entry(admin, "integration.paused", Some(id), says, pause.at);
        self.ask(
            "{
                let $is = (select paused_at, is_deleting from only $id);
                if $is != none and !$is.is_deleting and $is.paused_at = none {
                    update $id set paused_at = $now, paused_by = $by, paused_by_name = $by_name, pause_note = $note,
                        updated_at = $now;
                    create audit content $audit;
                };
            }",
        )
        .bind("id", record("plane_integrations", id.0))
        .bind("now", pause.at)
        .bind("by", pause.by.0)
        .bind("by_name", pause.by_name.as_str())
        .bind("note", pause.note.as_str())
        .bind("audit", audit)
        .write()
        .await?;
        self.stored_integration(id).await
    }

    /// Lets the schedule go on. `None`: the integration is gone.
    pub async fn resume_integration(
        &self,
        admin: &Admin,
        id: IntegrationId,
        now: DateTime<Utc>,
    ) -> Result<Option<Integration>, Error> {
        let audit = self.admin_entry(admin, "integration.resumed", Some(id), "Resumed.", now);
        self.ask(
            "{
                let $is = (select paused_at, is_deleting from only $id);
                if $is != none and !$is.is_deleting and $is.paused_at != none {
                    update $id set paused_at = none, paused_by = none, paused_by_name = none, pause_note = none,
                        updated_at = $now;
                    create audit content $audit;
                };
            }",
        )
        .bind("id", record("plane_integrations", id.0))
        .bind("now", now)
        .bind("audit", audit)
        .write()
        .await?;
        self.stored_integration(id).await
    }
}
