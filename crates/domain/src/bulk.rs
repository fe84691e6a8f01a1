use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    connection_test::ConnectionTest,
    ids::{BulkId, IntegrationId, RunId, TestId, UserId},
    integration::{Integration, IntegrationRow, Standing},
    tag::{Tag, Tags},
};

/// For so many days operations are kept.
pub const BULK_KEPT_DAYS: i64 = 90;

/// What is done to each of many integrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum BulkAction {
    Test,
    Sync,
    /// The note may be empty.
    Pause {
        note: String,
    },
    Resume,
    Interval {
        minutes: u32,
    },
    AddTag {
        tag: Tag,
    },
    RemoveTag {
        tag: Tag,
    },
}

impl BulkAction {
    /// So many integrations at most are one operation.
    pub const MAX_ITEMS: usize = 1000;

    /// Why there is nothing to do for this integration; `None`: the action applies.
    pub fn nothing_to_do(&self, integration: &Integration) -> Option<String> {
        let settings = &integration.settings;
        let standing = integration.standing();
        let says = match self {
            BulkAction::Sync | BulkAction::Pause { .. } | BulkAction::Resume
                if standing == Standing::Inactive =>
            {
                "It is inactive."
            }
            BulkAction::Pause { .. } if standing == Standing::Paused => "It is paused already.",
            BulkAction::Resume if standing == Standing::Active => "It is not paused.",
            BulkAction::Interval { minutes } if settings.interval_minutes == *minutes => {
                return Some(format!("It is synced every {minutes} min already."));
            }
            BulkAction::AddTag { tag } if settings.tags.contains(tag) => {
                return Some(format!("It has the tag {tag} already."));
            }
            BulkAction::AddTag { .. } if settings.tags.is_full() => {
                return Some(format!(
                    "It has {} tags already; more are not possible.",
                    Tags::MAX
                ));
            }
            BulkAction::RemoveTag { tag } if !settings.tags.contains(tag) => {
                return Some(format!("It does not have the tag {tag}."));
            }
            _ => return None,
        };
        Some(says.to_owned())
    }

    /// Whether the integration is as the action makes it. Never so for a test or a sync: they leave it as it is.
    pub fn is_reached(&self, integration: &Integration) -> bool {
        let settings = &integration.settings;
        match self {
            BulkAction::Test | BulkAction::Sync => false,
            BulkAction::Pause { .. } => integration.paused.is_some(),
            BulkAction::Resume => integration.paused.is_none(),
            BulkAction::Interval { minutes } => settings.interval_minutes == *minutes,
            BulkAction::AddTag { tag } => settings.tags.contains(tag),
            BulkAction::RemoveTag { tag } => !settings.tags.contains(tag),
        }
    }

    /// How many requests to Plane it takes for one integration.
    pub fn requests(&self, row: &IntegrationRow) -> Requests {
        match self {
            BulkAction::Test => Requests::exactly(ConnectionTest::MAX_CALLS),
            BulkAction::Sync => match row.complete_requests {
                Some(requests) => Requests::exactly(requests),
                // The list of projects, and a page of work items for each.
                None => Requests {
                    count: 1 + row.member_projects.max(1),
                    is_at_least: true,
                },
            },
            _ => Requests::default(),
        }
    }

    /// How many integrations are worked on at once. Tests and syncs wait for Plane most of the time.
    pub fn at_once(&self) -> usize {
        match self {
            BulkAction::Test => 4,
            BulkAction::Sync => 8,
            _ => 1,
        }
    }
}

/// How many requests something takes, as far as can be told before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Requests {
    pub count: u32,
    /// It may be many more: nobody has counted yet.
    pub is_at_least: bool,
}

impl Requests {
    fn exactly(count: u32) -> Self {
        Self {
            count,
            is_at_least: false,
        }
    }
}

/// What a whole operation costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkCost {
    pub requests: u32,
    pub is_at_least: bool,
    /// 0: less than one.
    pub minutes: u32,
}

impl BulkCost {
    /// Requests with different keys go on side by side; those with one key share its limit, a number a minute.
    pub fn of<K: Ord>(
        parts: impl IntoIterator<Item = (K, Requests)>,
        limit: impl Fn(&K) -> u32,
    ) -> Self {
        let mut by_key: BTreeMap<K, u32> = BTreeMap::new();
        let mut cost = Self::default();
        for (key, requests) in parts {
            cost.requests = cost.requests.saturating_add(requests.count);
            cost.is_at_least |= requests.is_at_least;
            let sum = by_key.entry(key).or_default();
            *sum = sum.saturating_add(requests.count);
        }
        let minutes = by_key.iter().filter_map(|(key, sum)| {
            let limit = limit(key).max(1);
            // What one minute allows goes out at once.
            (*sum > limit).then(|| sum.div_ceil(limit))
        });
        cost.minutes = minutes.max().unwrap_or(0);
        cost
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkState {
    /// Looked at, and not started: nothing has been done.
    Planned,
    Running,
    Finished,
}

impl BulkState {
    /// The word in the store, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            BulkState::Planned => "planned",
            BulkState::Running => "running",
            BulkState::Finished => "finished",
        }
    }
}

/// One action on many integrations, from the look before it to the last result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkOperation {
    pub id: BulkId,
    pub action: BulkAction,
    /// Who started it; before that, who planned it.
    pub by: UserId,
    pub by_name: String,
    pub state: BulkState,
    pub planned_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Somebody wants no further item to begin.
    pub stop_requested: bool,
    /// The operation whose failures this one tries again.
    pub retry_of: Option<BulkId>,
    pub cost: BulkCost,
    pub counts: BulkCounts,
}

impl BulkOperation {
    /// How long it will still take, if it goes on as it did so far.
    pub fn time_left(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let took = now - self.started_at?;
        let (ended, left) = (self.counts.ended(), self.counts.left());
        if self.state != BulkState::Running || ended == 0 || took < TimeDelta::zero() {
            return None;
        }
        let millis = took.num_milliseconds().saturating_mul(i64::from(left)) / i64::from(ended);
        TimeDelta::try_milliseconds(millis)
    }
}

/// How the items of an operation stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkCounts {
    pub skipped: u32,
    pub waiting: u32,
    pub running: u32,
    pub done: u32,
    pub failed: u32,
    pub not_done: u32,
}

impl BulkCounts {
    pub fn of<'a>(items: impl IntoIterator<Item = &'a BulkItem>) -> Self {
        let mut counts = Self::default();
        for item in items {
            *match item.state {
                ItemState::Skipped => &mut counts.skipped,
                ItemState::Waiting => &mut counts.waiting,
                ItemState::Running => &mut counts.running,
                ItemState::Done => &mut counts.done,
                ItemState::Failed => &mut counts.failed,
                ItemState::NotDone => &mut counts.not_done,
            } += 1;
        }
        counts
    }

    /// All there is to do, without what was skipped in the first place.
    pub fn to_do(self) -> u32 {
        self.left() + self.ended()
    }

    pub fn left(self) -> u32 {
        self.waiting + self.running
    }

    pub fn ended(self) -> u32 {
        self.done + self.failed + self.not_done
    }

    /// What a retry would do again.
    pub fn to_retry(self) -> u32 {
        self.failed + self.not_done
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Nothing was to be done.
    Skipped,
    Waiting,
    Running,
    Done,
    Failed,
    /// The operation was stopped before.
    NotDone,
}

impl ItemState {
    pub const ALL: [ItemState; 6] = [
        ItemState::Skipped,
        ItemState::Waiting,
        ItemState::Running,
        ItemState::Done,
        ItemState::Failed,
        ItemState::NotDone,
    ];

    /// The word in the store, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            ItemState::Skipped => "skipped",
            ItemState::Waiting => "waiting",
            ItemState::Running => "running",
            ItemState::Done => "done",
            ItemState::Failed => "failed",
            ItemState::NotDone => "not_done",
        }
    }

    /// Whether a retry would do it again.
    pub fn is_to_retry(self) -> bool {
        matches!(self, ItemState::Failed | ItemState::NotDone)
    }
}

/// One integration in an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem {
    /// Its place in the operation, from 1.
    pub number: u32,
    pub integration: IntegrationId,
    pub name: String,
    pub state: ItemState,
    /// Why it was skipped, what was done, or what went wrong.
    pub says: Option<String>,
    pub requests: Requests,
    /// The run of a sync, from before it starts: whoever goes on with the operation looks what became of it.
    pub run: Option<RunId>,
    /// The connection test, likewise.
    pub test: Option<TestId>,
}

impl BulkItem {
    /// An item as the look before the operation shows it.
    pub fn planned(number: u32, action: &BulkAction, row: &IntegrationRow) -> Self {
        let skipped = action.nothing_to_do(&row.integration);
        Self {
            number,
            integration: row.integration.id,
            name: row.integration.settings.integration_name.to_string(),
            requests: match skipped {
                Some(_) => Requests::default(),
                None => action.requests(row),
            },
            state: match skipped {
                Some(_) => ItemState::Skipped,
                None => ItemState::Waiting,
            },
            says: skipped,
            run: None,
            test: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};
    use uuid::Uuid;

    use super::*;
    use crate::{
        freshness::Freshness,
        integration::{IntegrationSettings, KeyHint, Pause},
    };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn row(is_active: bool, is_paused: bool, minutes: u32, tags: &str) -> IntegrationRow {
        let paused = is_paused.then(|| Pause {
            at: at(0),
            by: UserId(Uuid::nil()),
            by_name: "Maya".into(),
            note: String::new(),
        });
        IntegrationRow {
            integration: Integration {
                id: IntegrationId(Uuid::from_u128(1)),
                settings: IntegrationSettings {
                    integration_name: "Acme".parse().unwrap(),
                    description: String::new(),
                    base_url: "https://api.plane.so".parse().unwrap(),
                    workspace: "acme".parse().unwrap(),
                    project_id: None,
                    auth_scheme: Default::default(),
                    interval_minutes: minutes,
                    quiet_hours: None,
                    test_minutes: 15,
                    key_expires_on: None,
                    tags: tags.parse().unwrap(),
                },
                is_active,
                paused,
                key: KeyHint {
                    last_four: "3f9a".into(),
                    fingerprint: "f00d".into(),
                    replaced_at: at(0),
                },
                version: 1,
                created_at: at(0),
                updated_at: at(0),
            },
            freshness: Freshness::Fresh,
            member_projects: 4,
            visible_projects: 5,
            total_work_items: 100,
            complete_at: Some(at(0)),
            complete_requests: Some(6),
            last_run: None,
            health: Default::default(),
        }
    }

    fn tag(text: &str) -> Tag {
        text.parse().unwrap()
    }

    fn actions() -> Vec<BulkAction> {
        vec![
            BulkAction::Test,
            BulkAction::Sync,
            BulkAction::Pause {
                note: "Move".into(),
            },
            BulkAction::Resume,
            BulkAction::Interval { minutes: 15 },
            BulkAction::AddTag { tag: tag("prod") },
            BulkAction::RemoveTag { tag: tag("prod") },
        ]
    }

    /// The integration after the action.
    fn applied(action: &BulkAction, row: &IntegrationRow) -> Integration {
        let mut integration = row.integration.clone();
        let settings = &mut integration.settings;
        match action.clone() {
            BulkAction::Test | BulkAction::Sync => {}
            BulkAction::Pause { note } => {
                integration.paused = Some(Pause {
                    at: at(1),
                    by: UserId(Uuid::nil()),
                    by_name: "Maya".into(),
                    note,
                });
            }
            BulkAction::Resume => integration.paused = None,
            BulkAction::Interval { minutes } => settings.interval_minutes = minutes,
            BulkAction::AddTag { tag } => settings.tags = settings.tags.clone().with(tag),
            BulkAction::RemoveTag { tag } => settings.tags = settings.tags.clone().without(&tag),
        }
        integration
    }

    #[test]
    fn what_would_change_nothing_is_skipped_and_says_why() {
        let check = |action: BulkAction, row: &IntegrationRow, says: Option<&str>| {
            assert_eq!(
                action.nothing_to_do(&row.integration).as_deref(),
                says,
                "{action:?}"
            );
        };
        let pause = || BulkAction::Pause {
            note: String::new(),
        };
        let (active, paused) = (row(true, false, 15, "eu"), row(true, true, 15, ""));
        let inactive = row(false, true, 15, "");
        check(BulkAction::Sync, &active, None);
        check(BulkAction::Sync, &paused, None);
        check(BulkAction::Sync, &inactive, Some("It is inactive."));
        check(BulkAction::Test, &inactive, None);
        check(pause(), &active, None);
        check(pause(), &paused, Some("It is paused already."));
        check(pause(), &inactive, Some("It is inactive."));
        check(BulkAction::Resume, &active, Some("It is not paused."));
        check(BulkAction::Resume, &paused, None);
        check(BulkAction::Resume, &inactive, Some("It is inactive."));
        check(BulkAction::Interval { minutes: 30 }, &active, None);
        check(
            BulkAction::Interval { minutes: 15 },
            &active,
            Some("It is synced every 15 min already."),
        );
        check(
            BulkAction::AddTag { tag: tag("eu") },
            &active,
            Some("It has the tag eu already."),
        );
        check(
            BulkAction::AddTag { tag: tag("us") },
            &row(true, false, 15, "a b c d e f g h i j"),
            Some("It has 10 tags already; more are not possible."),
        );
        check(
            BulkAction::RemoveTag { tag: tag("us") },
            &active,
            Some("It does not have the tag us."),
        );
    }

    #[test]
    fn a_sync_costs_what_the_last_whole_one_did_and_else_at_least_its_projects() {
        let known = row(true, false, 15, "");
        let unknown = IntegrationRow {
            complete_requests: None,
            ..known.clone()
        };
        let never = IntegrationRow {
            member_projects: 0,
            ..unknown.clone()
        };
        let requests = |row| BulkAction::Sync.requests(row);
        assert_eq!(requests(&known), Requests::exactly(6));
        for (row, count) in [(&unknown, 5), (&never, 2)] {
            let is_at_least = true;
            assert_eq!(requests(row), Requests { count, is_at_least });
        }
        assert_eq!(BulkAction::Resume.requests(&known), Requests::default());
    }

    #[test]
    fn keys_share_their_own_limit_and_nothing_else() {
        let parts = [("a", 100), ("b", 60), ("a", 61), ("free", 5000)]
            .map(|(key, count)| (key, Requests::exactly(count)));
        let limit = |key: &&str| if *key == "free" { 10_000 } else { 60 };
        let cost = BulkCost::of(parts, limit);
        assert_eq!(
            (cost.requests, cost.minutes, cost.is_at_least),
            (5221, 3, false)
        );
        assert_eq!(
            BulkCost::of([("b", Requests::exactly(60))], limit).minutes,
            0
        );
    }

    #[test]
    fn the_time_left_follows_from_what_was_done() {
        let operation = BulkOperation {
            id: BulkId(Uuid::nil()),
            action: BulkAction::Sync,
            by: UserId(Uuid::nil()),
            by_name: "Maya".into(),
            state: BulkState::Running,
            planned_at: at(0),
            started_at: Some(at(10)),
            finished_at: None,
            stop_requested: false,
            retry_of: None,
            cost: BulkCost::default(),
            counts: BulkCounts {
                skipped: 40,
                waiting: 28,
                running: 2,
                done: 9,
                failed: 1,
                not_done: 0,
            },
        };
        assert_eq!(operation.time_left(at(40)), Some(TimeDelta::seconds(90)));
        assert_eq!(operation.time_left(at(0)), None, "the clock was set back");
        assert_eq!(operation.counts.to_do(), 40);
        let begun = BulkOperation {
            counts: BulkCounts {
                waiting: 40,
                ..BulkCounts::default()
            },
            ..operation
        };
        assert_eq!(begun.time_left(at(40)), None);
    }

    #[test]
    fn words_are_those_of_json() {
        for state in ItemState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        for state in [BulkState::Planned, BulkState::Running, BulkState::Finished] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        for action in actions() {
            let json = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<BulkAction>(&json).unwrap(), action);
        }
    }

    proptest! {
        /// So that a process that goes on with a begun item can tell whether it was done, and never does it twice.
        #[test]
        fn what_was_done_is_reached_and_not_done_again(
            action in select(actions()),
            is_active: bool,
            is_paused: bool,
            minutes in select(vec![5u32, 15, 60]),
            tags in select(vec!["", "prod", "eu", "prod eu", "a b c d e f g h i prod", "a b c d e f g h i j"]),
        ) {
            let before = row(is_active, is_paused, minutes, tags);
            if action.nothing_to_do(&before.integration).is_none() {
                prop_assert!(!action.is_reached(&before.integration));
                let after = applied(&action, &before);
                let changes = !matches!(action, BulkAction::Test | BulkAction::Sync);
                prop_assert_eq!(action.is_reached(&after), changes);
                prop_assert_eq!(action.nothing_to_do(&after).is_some(), changes);
            }
        }

        #[test]
        fn every_item_is_counted_once_and_only_what_applies_costs(
            states in vec(select(ItemState::ALL.to_vec()), 0..30),
            action in select(actions()),
        ) {
            let row = row(false, false, 15, "");
            let planned = BulkItem::planned(1, &action, &row);
            prop_assert_eq!(planned.state == ItemState::Skipped, planned.says.is_some());
            prop_assert!(planned.state == ItemState::Waiting || planned.requests == Requests::default());
            let items: Vec<BulkItem> = states.iter().map(|state| BulkItem { state: *state, ..planned.clone() }).collect();
            let counts = BulkCounts::of(&items);
            prop_assert_eq!((counts.to_do() + counts.skipped) as usize, items.len());
            let to_retry = states.iter().filter(|state| state.is_to_retry()).count();
            prop_assert_eq!(counts.to_retry() as usize, to_retry);
        }

        #[test]
        fn more_requests_never_take_less_time(
            parts in vec((0u8..4, 0u32..200), 1..30),
            limit in 1u32..100,
        ) {
            let cost = |parts: &[(u8, u32)]| {
                let parts = parts.iter().map(|(key, count)| (*key, Requests::exactly(*count)));
                BulkCost::of(parts, |_| limit)
            };
            let (all, fewer) = (cost(&parts), cost(&parts[1..]));
            prop_assert!(all.minutes >= fewer.minutes && all.requests >= fewer.requests);
            // No key can go faster than its limit, and one alone is as slow as it gets.
            let one: u32 = parts.iter().map(|(_, count)| count).sum();
            prop_assert!(all.minutes <= one.div_ceil(limit));
        }
    }
}
