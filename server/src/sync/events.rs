use app::Failure;
use domain::{
    ids::{ProjectId, WorkItemId},
    integration::Integration,
    mirror::WorkItem,
    webhook::{Demand, Event},
};
use plane::{Error, Lane};
use store::{Reread, Told};

use super::SyncService;
use crate::failure::{from_plane, from_store};

/// What an event did to the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Created,
    Updated,
    Removed,
    /// The copy said so already.
    Unchanged,
    /// The copy was newer.
    Stale,
    /// The next run looks sooner.
    Noted,
    /// Nothing: why, as a sentence.
    Nothing(&'static str),
}

impl SyncService {
    /// Does what an event asks for. Doing it twice, or after a later event, changes nothing more. An error is to be tried
    /// again.
    pub async fn apply_event(
        &self,
        integration: &Integration,
        event: &Event,
    ) -> Result<Effect, Failure> {
        let is_chosen = |project: ProjectId| {
            let only = integration.settings.project_id;
            only.is_none_or(|only| only == project)
        };
        if event.project.is_some_and(|project| !is_chosen(project)) {
            return Ok(Effect::Nothing("Its project is not synced."));
        }
        match event.demand() {
            Demand::Nothing(why) => Ok(Effect::Nothing(why)),
            Demand::Ask(project, item) => self.ask_for(integration, project, item).await,
            Demand::Collections(project) => {
                self.store()
                    .reread_soon(integration.id, project, Reread::Collections)
                    .await
                    .map_err(from_store)?;
                Ok(Effect::Noted)
            }
            Demand::Apply(item) => {
                let now = self.0.integrations.clock.now();
                let told = self.store().apply_told(integration.id, item, now).await;
                match told.map_err(from_store)? {
                    Told::Ask => self.ask_for(integration, item.project, item.id).await,
                    Told::NotCopied => Ok(Effect::Nothing("Its project is not copied yet.")),
                    Told::Unchanged => Ok(Effect::Unchanged),
                    Told::Stale => Ok(Effect::Stale),
                    Told::Created => self.refers(integration, item, Effect::Created).await,
                    Told::Updated => self.refers(integration, item, Effect::Updated).await,
                }
            }
        }
    }

    /// Asks Plane how a work item is, and makes the copy so.
    async fn ask_for(
        &self,
        integration: &Integration,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Effect, Failure> {
        let options = plane::Options {
            lane: Lane::FollowUp,
            ..self.0.options.clone()
        };
        let plane = self.plane_with(integration, options).await?;
        let answer = plane.work_item(project, item).await;
        let (store, now) = (self.store(), self.0.integrations.clock.now());
        match answer {
            Ok(there) => {
                // It may be one that the copy lets go and that is back.
                let told = store.apply_told(integration.id, &there, now).await;
                match told.map_err(from_store)? {
                    Told::Ask => {
                        store
                            .apply_asked(integration.id, &there, now)
                            .await
                            .map_err(from_store)?;
                        self.refers(integration, &there, Effect::Created).await
                    }
                    Told::NotCopied => Ok(Effect::Nothing("Its project is not copied yet.")),
                    Told::Unchanged | Told::Stale => Ok(Effect::Unchanged),
                    Told::Created => self.refers(integration, &there, Effect::Created).await,
                    Told::Updated => self.refers(integration, &there, Effect::Updated).await,
                }
            }
            Err(Error::NotFound) => {
                let removed = store.remove_asked(integration.id, project, item, now).await;
                match removed.map_err(from_store)? {
                    true => Ok(Effect::Removed),
                    false => Ok(Effect::Unchanged),
                }
            }
            Err(error) => Err(from_plane(&error)),
        }
    }

    /// Has states and labels read again soon if the item names one that is not known.
    async fn refers(
        &self,
        integration: &Integration,
        item: &WorkItem,
        effect: Effect,
    ) -> Result<Effect, Failure> {
        let (store, id) = (self.store(), integration.id);
        let known = store.known_states_and_labels(id, item.project).await;
        let (states, labels) = known.map_err(from_store)?;
        let is_known = item.state.is_none_or(|state| states.contains(&state))
            && item.labels.iter().all(|label| labels.contains(label));
        if !is_known {
            store
                .reread_soon(id, item.project, Reread::Around)
                .await
                .map_err(from_store)?;
        }
        Ok(effect)
    }
}
