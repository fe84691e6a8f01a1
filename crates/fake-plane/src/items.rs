//! A project's work items, and the orders they are asked for in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use uuid::Uuid;

use crate::state::WorkItem;

/// A project's work items with the orders that were asked for, kept until something changes.
#[derive(Debug, Default)]
pub struct Items {
    rows: Vec<WorkItem>,
    by_id: HashMap<Uuid, usize>,
    orders: Mutex<HashMap<String, Arc<[u32]>>>,
}

impl Items {
    pub fn all(&self) -> &[WorkItem] {
        &self.rows
    }

    pub fn get(&self, id: Uuid) -> Option<&WorkItem> {
        self.by_id.get(&id).map(|&at| &self.rows[at])
    }

    /// A visible one.
    pub fn visible(&self, id: Uuid) -> Option<&WorkItem> {
        self.get(id).filter(|item| item.is_visible())
    }

    /// Every change passes here, so that a kept order can't be out of date.
    pub fn get_mut(&mut self, id: Uuid) -> Option<&mut WorkItem> {
        self.forget_orders();
        self.by_id.get(&id).map(|&at| &mut self.rows[at])
    }

    pub fn all_mut(&mut self) -> &mut [WorkItem] {
        self.forget_orders();
        &mut self.rows
    }

    pub fn push(&mut self, item: WorkItem) {
        self.forget_orders();
        self.by_id.insert(item.id, self.rows.len());
        self.rows.push(item);
    }

    /// Places of the visible items in the order called `name`, computed by `sort` when it isn't kept yet.
    pub(crate) fn in_order(
        &self,
        name: &str,
        sort: impl FnOnce(&[WorkItem], &mut [u32]),
    ) -> Arc<[u32]> {
        let mut orders = self.orders.lock().expect("no holder of this lock panics");
        if let Some(order) = orders.get(name) {
            return order.clone();
        }
        let mut places: Vec<u32> = (0u32..)
            .zip(&self.rows)
            .filter(|(_, item)| item.is_visible())
            .map(|(place, _)| place)
            .collect();
        sort(&self.rows, &mut places);
        let order: Arc<[u32]> = places.into();
        orders.insert(name.to_owned(), order.clone());
        order
    }

    fn forget_orders(&mut self) {
        self.orders
            .get_mut()
            .expect("no holder of this lock panics")
            .clear();
    }
}
