use std::collections::{BTreeMap, BTreeSet};

use app::Integrations as _;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use domain::{ids::ProjectId, mirror::WorkItemFilter, run::Outcome};
use uuid::Uuid;

use super::{
    super::plan::{Edit, Run},
    Copied, World,
};

impl World {
    /// What must be true after any run, however it ended.
    pub(super) async fn check(
        &self,
        alive: &BTreeSet<(Uuid, Uuid)>,
        before: &Copied,
        touched: &BTreeSet<(Uuid, Uuid)>,
    ) {
        let copied = self.copied().await;
        let still = self.alive();
        let wrongly: Vec<_> = copied
            .deleted
            .difference(&before.deleted)
            .filter(|id| alive.contains(id) && still.contains(id) && !touched.contains(id))
            .collect();
        assert!(wrongly.is_empty(), "I2: taken out while alive: {wrongly:?}");
        self.check_told(&copied);
        self.check_watermarks(&copied).await;
        self.check_totals(&copied).await;
        let running = self.integrations.store.running(&self.viewer).await.unwrap();
        let ours = running
            .iter()
            .any(|run| run.integration == self.integration.id);
        assert!(!ours, "I8: a run is under way though nothing does it");
    }

    /// I3: whatever Plane changed up to the watermark is in the copy, as new at least.
    async fn check_watermarks(&self, copied: &Copied) {
        for project in self.projects {
            let walked = self
                .integrations
                .store
                .walked(self.integration.id, ProjectId(project));
            let (walked, ..) = walked.await.unwrap();
            let Some(watermark) = walked.watermark else {
                continue;
            };
            let visible: Vec<(Uuid, DateTime<Utc>)> = self.plane.given(|state| {
                let items = state.project(project).unwrap().items.all().iter();
                items
                    .filter(|item| item.is_visible() && item.updated_at <= watermark)
                    .map(|item| (item.id, told(item.updated_at)))
                    .collect()
            });
            for (item, updated_at) in visible {
                match copied.items.get(&(project, item)) {
                    Some(row) => assert!(
                        row.updated_at >= updated_at,
                        "I3: {item} of {updated_at} is behind the watermark {watermark}"
                    ),
                    None => assert!(
                        self.hidden.contains(&item),
                        "I3: {item} of {updated_at} is missing behind the watermark {watermark}"
                    ),
                }
            }
        }
    }

    /// The totals that writes keep are what counting says.
    async fn check_totals(&self, copied: &Copied) {
        let (store, id) = (&self.integrations.store, self.integration.id);
        let mut all = 0;
        for project in self.projects {
            let items = || copied.items.iter().filter(|((p, _), _)| *p == project);
            let (_, total, _) = store.walked(id, ProjectId(project)).await.unwrap();
            assert_eq!(total, items().count() as u64, "the total of {project}");
            all += total;
            let facets = store
                .facets(&self.viewer, id, ProjectId(project))
                .await
                .unwrap();
            for label in facets.labels {
                let carried = items().filter(|(_, item)| item.labels.contains(&label.label.id));
                assert_eq!(
                    label.work_items,
                    carried.count() as u64,
                    "the count of {}",
                    label.label.name
                );
            }
        }
        let row = self.integrations.get(&self.viewer, id).await.unwrap();
        assert_eq!(row.total_work_items, all, "the integration's total");
    }

    /// Once nothing changes any more and Plane is well, the copy is what Plane shows.
    pub(in crate::sync::simulation) async fn check_at_rest(&mut self) {
        self.plane.heal();
        for project in 0..2 {
            self.edit(Edit::UnarchiveProject(project));
            self.edit(Edit::Join(project));
        }
        // What was noted under a clock that was ahead counts until this one has caught up.
        self.jump(self.latest - self.integrations.clock.now());
        let mut outcome = None;
        for _ in 0..4 {
            // Longer than a day, so that everything is read; an admin lets go what is held.
            self.wait(TimeDelta::hours(25));
            self.admin_acts().await;
            outcome = self.run(Run::whole()).await;
            if outcome == Some(Outcome::Succeeded) {
                break;
            }
        }
        assert_eq!(
            outcome,
            Some(Outcome::Succeeded),
            "I8: it does not come to rest"
        );
        self.check_equal().await;
    }

    /// I1: the copy is what Plane shows.
    pub(in crate::sync::simulation) async fn check_equal(&self) {
        let copied = self.copied().await;
        let alive = self.alive();
        let ours: BTreeSet<_> = copied.items.keys().copied().collect();
        let expected: BTreeSet<_> = alive.union(&copied.kept).copied().collect();
        assert_eq!(ours, expected, "I1: other work items than Plane's");
        assert!(
            copied.kept.is_disjoint(&alive),
            "what Plane lists is no longer kept against it"
        );
        for (project, id) in alive {
            let planes = self.plane.given(|state| {
                state
                    .project(project)
                    .unwrap()
                    .items
                    .get(id)
                    .unwrap()
                    .clone()
            });
            let row = &copied.items[&(project, id)];
            let seen = (
                row.name.clone(),
                row.updated_at,
                row.state.map(|id| id.0),
                row.labels.iter().map(|id| id.0).collect::<BTreeSet<_>>(),
            );
            let there = (
                planes.name,
                told(planes.updated_at),
                Some(planes.state),
                planes.labels.into_iter().collect::<BTreeSet<_>>(),
            );
            assert_eq!(seen, there, "I1: {id} differs");
        }
        for project in self.projects {
            let facets = self.integrations.store.facets(
                &self.viewer,
                self.integration.id,
                ProjectId(project),
            );
            let ours: BTreeMap<Uuid, String> = facets
                .await
                .unwrap()
                .labels
                .into_iter()
                .map(|row| (row.label.id.0, row.label.name))
                .collect();
            let planes: BTreeMap<Uuid, String> = self.plane.given(|state| {
                let labels = state.project(project).unwrap().labels.iter();
                labels.map(|l| (l.id, l.name.clone())).collect()
            });
            assert_eq!(ours, planes, "I1: other labels than Plane's");
            self.check_cycles(project, &copied).await;
        }
        self.check_history().await;
        self.integrations.budgets.stop().await;
    }

    async fn check_cycles(&self, project: Uuid, copied: &Copied) {
        let planes: BTreeMap<Uuid, BTreeSet<Uuid>> = self.plane.given(|state| {
            let project = state.project(project).unwrap();
            let cycles = project.cycles.iter().map(|cycle| {
                let items = cycle.items.iter().copied();
                let visible = items.filter(|item| project.items.visible(*item).is_some());
                (cycle.id, visible.collect())
            });
            cycles.collect()
        });
        let (store, id) = (&self.integrations.store, self.integration.id);
        let mut ours = BTreeMap::new();
        for cycle in store
            .collections(&self.viewer, id, ProjectId(project))
            .await
            .unwrap()
        {
            let filter = WorkItemFilter {
                collection: Some(cycle.id),
                ..WorkItemFilter::default()
            };
            let page = store.work_items(&self.viewer, id, ProjectId(project), &filter, None, 500);
            let items = page.await.unwrap().rows.into_iter().map(|row| row.id.0);
            // What an admin keeps though Plane does not have it, is in no cycle there.
            let items = items.filter(|item| !copied.kept.contains(&(project, *item)));
            ours.insert(cycle.id.0, items.collect());
        }
        assert_eq!(ours, planes, "I1: other cycles than Plane's");
    }

    /// I7: the history has a line for each thing that an admin did, and no other.
    async fn check_history(&self) {
        let (mut after, mut acts) = (None, 0);
        loop {
            let page = self
                .integrations
                .store
                .history(&self.viewer, Some(self.integration.id), after.as_ref(), 50)
                .await
                .unwrap();
            let words = ["project.held_released", "work_item.restored"];
            let rows = page.rows.iter();
            acts += rows
                .filter(|row| words.contains(&row.action.as_str()))
                .count();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(acts, self.acts, "I7: acts of admins in the history");
    }
}

/// A time as Plane's JSON tells it: in microseconds.
fn told(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}
