use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Who a call is for, in the order in which they go. People go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Somebody waits for the answer.
    Interactive,
    /// What a webhook told of is fetched.
    FollowUp,
    #[default]
    Sync,
    /// Comparing what is copied with what is there; nobody waits for it.
    Reconcile,
}

impl Lane {
    /// In their order.
    pub const ALL: [Lane; 4] = [
        Lane::Interactive,
        Lane::FollowUp,
        Lane::Sync,
        Lane::Reconcile,
    ];
}

/// The calls that wait, each lane in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: [Queue; 4],
    tickets: u64,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<u64>,
    /// Calls of other lanes that were made while this one waited.
    passed: u32,
    /// Since when it waits; a call that is made begins the wait anew.
    since: Option<Instant>,
}

impl Lanes {
    /// Calls that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queues.iter().map(|queue| queue.waiting.len()).sum()
    }

    pub(super) fn enter(&mut self, lane: Lane, now: Instant) -> u64 {
        self.tickets += 1;
        let queue = &mut self.queues[lane as usize];
        queue.waiting.push_back(self.tickets);
        queue.since.get_or_insert(now);
        self.tickets
    }

    /// The ticket's owner made its call, or gave up.
    pub(super) fn leave(&mut self, lane: Lane, ticket: u64) {
        let queue = &mut self.queues[lane as usize];
        queue.waiting.retain(|waiting| *waiting != ticket);
        if queue.waiting.is_empty() {
            (queue.passed, queue.since) = (0, None);
        }
    }

    /// Who goes next. A lane that let a quarter of the limit pass goes before the higher ones, once: so each lane that
    /// waits gets a call out of any window's.
    pub(super) fn next(&self, limit: u32) -> Option<(Lane, u64)> {
        let waiting = || {
            let queues = Lane::ALL.into_iter().zip(&self.queues);
            queues.filter_map(|(lane, queue)| Some((lane, *queue.waiting.front()?, queue.passed)))
        };
        let passed_over = waiting()
            .filter(|(lane, ..)| self.is_passed_over(*lane, limit))
            .max_by_key(|(_, _, passed)| *passed);
        passed_over
            .or_else(|| waiting().next())
            .map(|(lane, ticket, _)| (lane, ticket))
    }

    /// A call of this lane is made.
    pub(super) fn made(&mut self, lane: Lane, now: Instant) {
        for (other, queue) in Lane::ALL.into_iter().zip(&mut self.queues) {
            if other == lane {
                queue.passed = 0;
                queue.since = queue.since.map(|_| now);
            } else if !queue.waiting.is_empty() {
                queue.passed += 1;
            }
        }
    }

    pub(super) fn is_passed_over(&self, lane: Lane, limit: u32) -> bool {
        self.queues[lane as usize].passed >= (limit / 4).max(1)
    }

    /// Whether a lane stood back for as long as it has to.
    pub(super) fn is_out_of_patience(&self, lane: Lane, patience: Duration, now: Instant) -> bool {
        let since = self.queues[lane as usize].since;
        since.is_some_and(|since| now - since >= patience)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.waiting.is_empty())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queues.iter().map(|queue| queue.waiting.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lanes_with(waiting: &[(Lane, usize)]) -> Lanes {
        let mut lanes = Lanes::default();
        for (lane, count) in waiting {
            (0..*count).for_each(|_| {
                lanes.enter(*lane, Instant::now());
            });
        }
        lanes
    }

    #[test]
    fn the_higher_lane_goes_first_and_within_a_lane_who_came_first() {
        let mut lanes = lanes_with(&[
            (Lane::Reconcile, 1),
            (Lane::Sync, 2),
            (Lane::Interactive, 1),
        ]);
        let mut order = Vec::new();
        while let Some((lane, ticket)) = lanes.next(60) {
            lanes.made(lane, Instant::now());
            lanes.leave(lane, ticket);
            order.push((lane, ticket));
        }
        let expected = [
            (Lane::Interactive, 4),
            (Lane::Sync, 2),
            (Lane::Sync, 3),
            (Lane::Reconcile, 1),
        ];
        assert_eq!(order, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn however_many_wait_each_lane_gets_a_call_out_of_a_windows(
            limit in 8u32..400,
            floods in prop::collection::vec(any::<bool>(), 4),
        ) {
            let flooded: Vec<_> = Lane::ALL.into_iter().zip(floods).filter(|(_, flood)| *flood).collect();
            let mut lanes = lanes_with(&flooded.iter().map(|(lane, _)| (*lane, 700)).collect::<Vec<_>>());
            let mut since = [0u32; 4];
            for _ in 0..600 {
                let Some((lane, ticket)) = lanes.next(limit) else { break };
                lanes.made(lane, Instant::now());
                lanes.leave(lane, ticket);
                for (waiting, _) in &flooded {
                    since[*waiting as usize] += 1;
                }
                since[lane as usize] = 0;
                prop_assert!(since.iter().all(|passed| *passed < limit), "{since:?}");
            }
        }
    }
}
