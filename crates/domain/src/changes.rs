use std::collections::HashMap;

use crate::{ids::WorkItemId, mirror::WorkItem};

/// What a page of fetched work items means for the stored ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub created: Vec<WorkItem>,
    pub updated: Vec<WorkItem>,
    pub unchanged: u64,
}

impl Changes {
    /// Rows to write.
    pub fn writes(&self) -> impl Iterator<Item = &WorkItem> {
        self.created.iter().chain(&self.updated)
    }
}

/// Compares a fetched page with the stored items of the same ids. Newest wins: an item that is older than the stored
/// one (a page read before a webhook was applied) changes nothing. Absence from a page means nothing at all.
/// An item that comes twice in the page counts once, with its newest version.
pub fn changes(fetched: Vec<WorkItem>, stored: &HashMap<WorkItemId, WorkItem>) -> Changes {
    let mut newest: Vec<WorkItem> = Vec::with_capacity(fetched.len());
    let mut place: HashMap<WorkItemId, usize> = HashMap::with_capacity(fetched.len());
    for item in fetched {
        match place.get(&item.id) {
            Some(&i) if newest[i].updated_at <= item.updated_at => newest[i] = item,
            Some(_) => {}
            None => {
                place.insert(item.id, newest.len());
                newest.push(item);
            }
        }
    }

    let mut changes = Changes::default();
    for item in newest {
        match stored.get(&item.id) {
            None => changes.created.push(item),
            Some(old) if old.updated_at > item.updated_at || *old == item => changes.unchanged += 1,
            Some(_) => changes.updated.push(item),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::ProjectId, mirror::Priority};
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn item(id: u8, name: u8, updated: i64) -> WorkItem {
        let at = DateTime::from_timestamp(1_800_000_000 + updated, 0).unwrap();
        WorkItem {
            id: WorkItemId(Uuid::from_u128(u128::from(id))),
            project: ProjectId(Uuid::nil()),
            sequence_id: u64::from(id),
            name: format!("item {name}"),
            description_html: String::new(),
            priority: Priority::None,
            state: None,
            labels: vec![],
            assignees: vec![],
            parent: None,
            start_date: None,
            target_date: None,
            completed_at: None,
            created_by: None,
            created_at: at,
            updated_at: at,
        }
    }

    fn apply(stored: &mut HashMap<WorkItemId, WorkItem>, page: Vec<WorkItem>) -> Changes {
        let changes = changes(page, stored);
        stored.extend(changes.writes().map(|i| (i.id, i.clone())));
        changes
    }

    prop_compose! {
        fn page()(raw in prop::collection::vec((0u8..8, 0u8..4, 0i64..6), 0..20)) -> Vec<WorkItem> {
            raw.into_iter().map(|(id, name, updated)| item(id, name, updated)).collect()
        }
    }

    proptest! {
        #[test]
        fn the_same_page_again_changes_nothing(old in page(), new in page()) {
            let mut stored = HashMap::new();
            apply(&mut stored, old);
            apply(&mut stored, new.clone());
            let before = stored.clone();
            let mut last = HashMap::new();
            for i in new {
                let older = last.get(&i.id).is_some_and(|l: &WorkItem| l.updated_at > i.updated_at);
                if !older { last.insert(i.id, i); }
            }
            let again = apply(&mut stored, last.into_values().filter(|i| before[&i.id] == *i).collect());
            prop_assert!(again.created.is_empty() && again.updated.is_empty());
            prop_assert_eq!(stored, before);
        }

        #[test]
        fn time_never_goes_backwards(old in page(), new in page()) {
            let mut stored = HashMap::new();
            apply(&mut stored, old);
            let before = stored.clone();
            apply(&mut stored, new);
            for (id, item) in before {
                prop_assert!(stored[&id].updated_at >= item.updated_at);
            }
        }

        #[test]
        fn every_item_is_counted_once(old in page(), new in page()) {
            let mut stored = HashMap::new();
            apply(&mut stored, old);
            let ids: std::collections::HashSet<_> = new.iter().map(|i| i.id).collect();
            let c = apply(&mut stored, new);
            prop_assert_eq!(c.created.len() + c.updated.len() + c.unchanged as usize, ids.len());
        }
    }
}
