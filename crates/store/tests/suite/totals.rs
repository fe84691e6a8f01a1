use domain::{
    ids::{LabelId, WorkItemId},
    mirror::{Restore, WorkItem},
};
use proptest::prelude::*;

use crate::{
    support::{admin, at, id, integration, viewer, world},
    workspace::{Workspace, item, label},
};

/// Pages as Plane may send them: new, changed, older, doubled, with labels coming and going.
fn pages() -> impl Strategy<Value = Vec<Vec<WorkItem>>> {
    let one = (
        1u128..12,
        0i64..4,
        prop::collection::vec(201u128..205, 0..3),
    )
        .prop_map(|(n, updated, labels)| {
            let mut item = item(n, &format!("name {updated}"), updated);
            item.labels = labels.into_iter().map(|l| LabelId(id(l))).collect();
            item
        });
    prop::collection::vec(prop::collection::vec(one, 0..8), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..Default::default() })]

    #[test]
    fn totals_are_what_a_recount_gives(pages in pages()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let world = world().await;
            let store = &world.store;
            let acme = integration(store, 1, "Acme").await;
            let w = Workspace::synced(store, acme.id).await;
            for page in pages {
                w.apply(page.clone()).await;
                w.apply(page).await; // as after a crash: the same page again
            }

            let ids: Vec<WorkItemId> = (1..12).map(|n| item(n, "", 0).id).collect();
            let items = store.items_named(acme.id, w.project, &ids).await.unwrap();
            let row = store.project(&viewer(), acme.id, w.project).await.unwrap().unwrap();
            assert_eq!(row.total_work_items, items.len() as u64);
            let totals = store.totals(&viewer()).await.unwrap();
            assert_eq!(totals.work_items, items.len() as u64);
            let labels: Vec<_> =
                (201..205).map(|n| label(n, "label")).collect();
            store.apply_labels(&w.run, w.project, &labels, at(200)).await.unwrap();
            for count in store.facets(&viewer(), acme.id, w.project).await.unwrap().labels {
                let carry = items.iter().filter(|i| i.labels.contains(&count.label.id)).count();
                assert_eq!(count.work_items, carry as u64, "{:?}", count.label.id);
            }
            let listed = w.numbers(Default::default(), 3).await;
            assert_eq!(listed.len(), items.len());
        });
    }
}

/// The numbers 0, 1, 2 … below `n`, by a rule that looks like chance and is the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        // Knuth's constants for a linear congruential generator.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

#[tokio::test]
async fn after_ten_thousand_operations_the_totals_are_what_a_recount_gives() {
    const LABELS: std::ops::Range<u128> = 201..206;
    let world = world().await;
    let store = &world.store;
    let acme = integration(store, 1, "Acme").await;
    let w = Workspace::synced(store, acme.id).await;
    let labels: Vec<_> = LABELS.map(|n| label(n, "label")).collect();
    store
        .apply_labels(&w.run, w.project, &labels, at(5))
        .await
        .unwrap();
    let mut dice = Dice(7);
    let mut operations = 0;
    for round in 0.. {
        if operations >= 10_000 {
            break;
        }
        let some: Vec<WorkItem> = (0..250)
            .map(|_| {
                let mut item = item(
                    u128::from(1 + dice.below(400)),
                    "name",
                    dice.below(90) as i64,
                );
                let labels = LABELS.filter(|_| dice.below(3) == 0);
                item.labels = labels.map(|n| LabelId(id(n))).collect();
                item
            })
            .collect();
        let ids: Vec<WorkItemId> = some.iter().map(|item| item.id).collect();
        operations += some.len();
        match dice.below(5) {
            0 => {
                store
                    .remove_items(&w.run, w.project, &ids[..60], at(round))
                    .await
                    .unwrap();
            }
            1 => {
                let (admin, all) = (admin(), Restore::All);
                store
                    .restore_items(&admin, acme.id, w.project, all, at(round))
                    .await
                    .unwrap();
            }
            2 => {
                let kept = store.kept_items(acme.id, w.project).await.unwrap();
                for item in kept.into_iter().take(3) {
                    store
                        .discard_kept(&admin(), acme.id, w.project, item, at(round))
                        .await
                        .unwrap();
                }
            }
            _ => w.apply(some).await,
        }
    }

    let ids = store.item_ids(acme.id, w.project).await.unwrap();
    let items = store.items_named(acme.id, w.project, &ids).await.unwrap();
    assert!(items.len() > 100, "{} work items", items.len());
    let row = store
        .project(&viewer(), acme.id, w.project)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.total_work_items, items.len() as u64);
    assert_eq!(
        store.totals(&viewer()).await.unwrap().work_items,
        items.len() as u64
    );
    let counts = store
        .facets(&viewer(), acme.id, w.project)
        .await
        .unwrap()
        .labels;
    assert_eq!(counts.len(), 5);
    for count in counts {
        let carry = items
            .iter()
            .filter(|i| i.labels.contains(&count.label.id))
            .count();
        assert_eq!(count.work_items, carry as u64, "{:?}", count.label.id);
    }
}
