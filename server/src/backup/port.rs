use app::{BackupReport, BackupRow, Backups, Failure};
use async_trait::async_trait;
use domain::actor::{Admin, Viewer};

use super::{BackupService, LATEST, Plan, locked};
use crate::failure::from_store;

#[async_trait]
impl Backups for BackupService {
    async fn report(&self, viewer: &Viewer) -> Result<BackupReport, Failure> {
        let on = match &self.plan {
            Plan::On(on) => on,
            Plan::Off => return Ok(BackupReport::Off),
            Plan::Elsewhere => return Ok(BackupReport::Elsewhere),
        };
        let all = self
            .store
            .backups(viewer, LATEST)
            .await
            .map_err(from_store)?;
        let good = all.iter().find(|one| on.has(one));
        let known = self.known(on, good, all.first());
        let (next_at, level) = (known.due_at(), known.level(self.clock.now()));
        let under_way = *locked(&self.shared.under_way);
        let is_asked = locked(&self.shared.asked).is_some();
        Ok(BackupReport::On {
            every_hours: u32::try_from(on.every.num_hours()).unwrap_or(u32::MAX),
            keep: u32::try_from(on.keep).unwrap_or(u32::MAX),
            // Where things lie on the machine is for those who look after it.
            directory: viewer
                .is_admin()
                .then(|| on.directory.display().to_string()),
            next_at,
            level,
            is_under_way: under_way.is_some() || is_asked,
            rows: all
                .into_iter()
                .map(|backup| BackupRow {
                    is_there: on.has(&backup),
                    backup,
                })
                .collect(),
        })
    }

    async fn make(&self, admin: &Admin) -> Result<(), Failure> {
        let Plan::On(_) = &self.plan else {
            return Err(Failure::NotFound);
        };
        let now = self.clock.now();
        self.store
            .ask_for_backup(admin, now)
            .await
            .map_err(from_store)?;
        *locked(&self.shared.asked) = Some(admin.user().name.to_string());
        self.shared.wake.notify_one();
        Ok(())
    }
}
