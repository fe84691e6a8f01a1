use app::Failure;
use domain::{
    ids::{ProjectId, WorkItemId},
    inbox::{Effect, demand_of},
    integration::Integration,
    mirror::WorkItem,
    replay::Replayed,
    usage::Purpose,
    webhook::{Demand, Event},
};
use plane::{Error, Lane};
use store::{Reread, Told};

use super::SyncService;
use crate::failure::{from_plane, from_store};

/// What events did to the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    pub effect: Effect,
    /// Why nothing was done, as a sentence.
    pub says: Option<&'static str>,
}

impl From<Effect> for Applied {
    fn from(effect: Effect) -> Self {
        Self { effect, says: None }
    }
}

const NOT_SYNCED: &str = "Its project is not synced.";
const NOT_COPIED: &str = "Its project is not copied yet.";

/// Whether all that these events are about is synced.
fn is_chosen(integration: &Integration, events: &[Event]) -> bool {
    let only = integration.settings.project_id;
    let mut projects = events.iter().filter_map(|event| event.project);
    projects.all(|project| only.is_none_or(|only| only == project))
}

fn ignored(why: &'static str) -> Applied {
    Applied {
        effect: Effect::Ignored,
        says: Some(why),
    }
}

impl SyncService {
    /// Does what events of one thing ask for together, whatever their order. Doing it twice, or after a later event, changes
    /// nothing more. An error is to be tried again.
    pub async fn apply_events(
        &self,
        integration: &Integration,
        events: &[Event],
    ) -> Result<Applied, Failure> {
        if !is_chosen(integration, events) {
            return Ok(ignored(NOT_SYNCED));
        }
        match demand_of(events) {
            Demand::Nothing(why) => Ok(ignored(why)),
            Demand::Ask(project, item) => self.ask_for(integration, project, item).await,
            Demand::Collections(project) => {
                self.store()
                    .reread_soon(integration.id, project, Reread::Collections)
                    .await
                    .map_err(from_store)?;
                Ok(Effect::Noted.into())
            }
            Demand::Apply(item) => {
                let now = self.0.integrations.clock.now();
                let told = self.store().apply_told(integration.id, item, now).await;
                match told.map_err(from_store)? {
                    Told::Ask => self.ask_for(integration, item.project, item.id).await,
                    told => self.settle(integration, item, told).await,
                }
            }
        }
    }

    /// What [`SyncService::apply_events`] would do, as far as can be told without asking Plane.
    pub async fn foresee(
        &self,
        integration: &Integration,
        events: &[Event],
    ) -> Result<(Replayed, Option<&'static str>), Failure> {
        let asks = |is_copied: bool| match is_copied {
            true => (Replayed::Asks, None),
            false => (Replayed::Ignored, Some(NOT_COPIED)),
        };
        if !is_chosen(integration, events) {
            return Ok((Replayed::Ignored, Some(NOT_SYNCED)));
        }
        let (store, id) = (self.store(), integration.id);
        Ok(match demand_of(events) {
            Demand::Nothing(why) => (Replayed::Ignored, Some(why)),
            Demand::Ask(project, _) => {
                asks(store.is_copied(id, project).await.map_err(from_store)?)
            }
            Demand::Collections(_) => (Replayed::Noted, None),
            Demand::Apply(item) => match store.compare_told(id, item).await.map_err(from_store)? {
                Told::Created => (Replayed::Created, None),
                Told::Updated => (Replayed::Updated, None),
                Told::Unchanged => (Replayed::Unchanged, None),
                Told::Stale => (Replayed::Stale, None),
                Told::Ask => (Replayed::Asks, None),
                Told::NotCopied => asks(false),
            },
        })
    }

    /// What became of a work item that was told or asked for.
    async fn settle(
        &self,
        integration: &Integration,
        item: &WorkItem,
        told: Told,
    ) -> Result<Applied, Failure> {
        match told {
            Told::NotCopied => Ok(ignored(NOT_COPIED)),
            Told::Unchanged | Told::Ask => Ok(Effect::Unchanged.into()),
            Told::Stale => Ok(Effect::Stale.into()),
            Told::Created => self.refers(integration, item, Effect::Created).await,
            Told::Updated => self.refers(integration, item, Effect::Updated).await,
        }
    }

    /// Asks Plane how a work item is, and makes the copy so.
    async fn ask_for(
        &self,
        integration: &Integration,
        project: ProjectId,
        item: WorkItemId,
    ) -> Result<Applied, Failure> {
        let is_copied = self.store().is_copied(integration.id, project).await;
        if !is_copied.map_err(from_store)? {
            return Ok(ignored(NOT_COPIED));
        }
        let options = plane::Options {
            lane: Lane::FollowUp,
            ..self.0.options.clone()
        };
        let plane = self
            .plane_with(integration, options, Purpose::Webhook)
            .await?;
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
                    // What Plane just answered is how it is.
                    Told::Stale => Ok(Effect::Unchanged.into()),
                    told => self.settle(integration, &there, told).await,
                }
            }
            Err(Error::NotFound) => {
                let removed = store.remove_asked(integration.id, project, item, now).await;
                match removed.map_err(from_store)? {
                    true => Ok(Effect::Removed.into()),
                    false => Ok(Effect::Unchanged.into()),
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
    ) -> Result<Applied, Failure> {
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
        Ok(effect.into())
    }
}
