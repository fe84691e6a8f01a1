use chrono::TimeDelta;
use domain::silence::{LEARNT_WEEKS, looks_at_hours, silence};
use tracing::warn;

use super::InboxService;

impl InboxService {
    /// Looks at every webhook: whether it has become silent, by what polls had to catch and by what is usual at this hour of the
    /// week. A delivery ends that by itself.
    pub async fn look_for_silence(&self) -> Result<(), store::Error> {
        let now = self.now();
        let from = now - TimeDelta::weeks(LEARNT_WEEKS);
        for hook in self.store().webhooks().await? {
            let id = hook.integration;
            let (missed, first_at, last_at) = (hook.missed, hook.first_at, hook.last_at);
            let hours = match looks_at_hours(missed, first_at, last_at, now) {
                true => self.store().webhook_hours(id, from).await?,
                false => Vec::new(),
            };
            let is = silence(&hours, missed, first_at, last_at, now);
            let was = hook.silence.map(|(why, _)| why);
            if is == was {
                continue;
            }
            if let (Some(why), None) = (is, was) {
                warn!(integration = %id, ?why, "a webhook has become silent");
            }
            self.store().set_silence(id, is, hook.last_at, now).await?;
            self.changed();
        }
        Ok(())
    }
}
