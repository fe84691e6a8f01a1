//! Webhooks that are lost, doubled, late and out of order.

use std::{future::Future, pin::Pin};

use domain::{inbox::Effect, webhook::Event};

use super::world::{Copied, World};
use crate::sync::events::Applied;

/// A delivery that is being dealt with, and its body.
pub(super) type Arriving = (String, Pin<Box<dyn Future<Output = ()> + Send>>);

impl World {
    /// Deliveries arrive, each of them twice in a row; some will come once more, later.
    pub(super) async fn deliver(&mut self, deliveries: Vec<(usize, bool)>) {
        self.on_their_way.extend(self.plane.take_held());
        for (which, comes_again) in deliveries {
            let Some(place) = which.checked_rem(self.on_their_way.len()) else {
                return;
            };
            let body = match comes_again {
                true => self.on_their_way[place].clone(),
                false => self.on_their_way.remove(place),
            };
            let event = read(&body);
            let applied = self.apply(&event).await;
            self.trace.push(format!("{}: {applied:?}", event.name()));
            let Ok(Applied { effect, .. }) = applied else {
                // As when a portal answers nothing: Plane tries again.
                self.on_their_way.push(body);
                continue;
            };
            self.note(&event, effect);
            if effect.is_change() {
                let again = self.apply(&event).await;
                if let Ok(Applied { effect: again, .. }) = again {
                    self.note(&event, again);
                    let has_effect = matches!(again, Effect::Created | Effect::Updated);
                    assert!(
                        !has_effect,
                        "I6: {} had {effect:?} and {again:?}",
                        event.name()
                    );
                }
            }
        }
    }

    async fn apply(&self, event: &Event) -> Result<Applied, app::Failure> {
        let events = std::slice::from_ref(event);
        self.service.apply_events(&self.integration, events).await
    }

    /// One of those on their way is lost.
    pub(super) fn lose(&mut self, which: usize) {
        self.on_their_way.extend(self.plane.take_held());
        if let Some(place) = which.checked_rem(self.on_their_way.len()) {
            self.on_their_way.remove(place);
        }
    }

    /// A delivery to be dealt with while a run is under way.
    pub(super) fn arrival(&mut self, which: usize) -> Option<Arriving> {
        self.on_their_way.extend(self.plane.take_held());
        let place = which.checked_rem(self.on_their_way.len())?;
        let body = self.on_their_way.remove(place);
        let (service, integration) = (self.service.clone(), self.integration.clone());
        let event = read(&body);
        let arrival = async move {
            // One that fails is lost: a poll repairs that.
            let _ = service.apply_events(&integration, &[event]).await;
        };
        Some((body, Box::pin(arrival)))
    }

    fn note(&mut self, event: &Event, effect: Effect) {
        let (Some(project), Some(item)) = (event.project, event.entity) else {
            return;
        };
        match effect {
            // A fault may have said so of one that is there.
            Effect::Removed => drop(self.hidden.insert(item)),
            Effect::Created | Effect::Updated => {
                if let Some(at) = event.item.as_ref().map(|item| item.updated_at) {
                    let told = self.told.entry((project.0, item)).or_insert(at);
                    *told = at.max(*told);
                }
            }
            _ => {}
        }
    }

    /// I6: nothing older takes the place of what a webhook brought.
    pub(super) fn check_told(&self, copied: &Copied) {
        for (id, at) in &self.told {
            if let Some(item) = copied.items.get(id) {
                assert!(
                    item.updated_at >= *at,
                    "I6: {id:?} of {at} is of {} again",
                    item.updated_at
                );
            }
        }
    }
}

pub(super) fn read(body: &str) -> Event {
    plane::webhook::read(body.as_bytes(), None).event
}
