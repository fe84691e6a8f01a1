use domain::{
    ids::{LabelId, WorkItemId},
    mirror::WorkItem,
};
use proptest::prelude::*;

use crate::{
    support::{at, id, integration, viewer, world},
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
            let items = store.stored_items(acme.id, w.project, &ids).await.unwrap();
            let row = store.project(&viewer(), acme.id, w.project).await.unwrap().unwrap();
            assert_eq!(row.total_work_items, items.len() as u64);
            let totals = store.totals(&viewer()).await.unwrap();
            assert_eq!(totals.work_items, items.len() as u64);
            let labels: Vec<_> =
                (201..205).map(|n| label(n, "label")).collect();
            store.apply_labels(&w.run, w.project, &labels, at(200)).await.unwrap();
            for count in store.facets(&viewer(), acme.id, w.project).await.unwrap().labels {
                let carry = items.values().filter(|i| i.labels.contains(&count.label.id)).count();
                assert_eq!(count.work_items, carry as u64, "{:?}", count.label.id);
            }
            let listed = w.numbers(Default::default(), 3).await;
            assert_eq!(listed.len(), items.len());
        });
    }
}
