use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::IntegrationId,
    objective::{BUDGET_DAYS, Kept, Objective, ObjectiveState, Targets, Windows},
    trend::{Stretch, Trend},
};
use store::Store;

/// The budget is compared with what it was so long before.
pub(super) const BUDGET_BEFORE: TimeDelta = TimeDelta::days(7);

/// What closed stretches say, read once for all who look until another one is closed.
pub(super) struct Board {
    /// Up to when it says something.
    pub(super) until: Option<DateTime<Utc>>,
    /// Of all integrations together, as far back as a dashboard and the period before it look.
    trends: HashMap<Stretch, Vec<(DateTime<Utc>, Trend)>>,
    windows: BTreeMap<IntegrationId, Windows>,
    /// What the budgets were [`BUDGET_BEFORE`].
    before: BTreeMap<IntegrationId, Kept>,
    targets: HashMap<IntegrationId, Targets>,
}

impl Board {
    pub(super) async fn read(store: &Store, now: DateTime<Utc>) -> Result<Self, store::Error> {
        let until = store.trends_closed_until().await?;
        let end = until.unwrap_or(now);
        let mut trends = HashMap::new();
        for stretch in Stretch::ALL {
            let back = match stretch {
                Stretch::Short => TimeDelta::hours(13),
                Stretch::Hour => TimeDelta::days(15),
                Stretch::Day => TimeDelta::days(181),
            };
            trends.insert(stretch, store.trends(stretch, end - back, end).await?);
        }
        let (windows, before) = windows(store, end).await?;
        Ok(Self {
            until,
            trends,
            windows,
            before,
            targets: store.targets().await?,
        })
    }

    /// The stretches of all integrations together, the oldest first.
    pub(super) fn trends(&self, stretch: Stretch) -> &[(DateTime<Utc>, Trend)] {
        self.trends.get(&stretch).map_or(&[], Vec::as_slice)
    }

    /// All of those that begin from `from` until before `to`, added.
    pub(super) fn sum(&self, stretch: Stretch, from: DateTime<Utc>, to: DateTime<Utc>) -> Trend {
        let mut sum = Trend::default();
        let within = self.trends(stretch).iter();
        let within = within.filter(|(start, _)| (from..to).contains(start));
        within.for_each(|(_, trend)| sum.merge(trend));
        sum
    }

    pub(super) fn targets_of(&self, id: IntegrationId) -> Targets {
        self.targets.get(&id).copied().unwrap_or_default()
    }

    /// How the objectives of an integration stand.
    pub(super) fn objectives(&self, id: IntegrationId) -> [ObjectiveState; 3] {
        let (targets, windows) = (self.targets_of(id), self.windows.get(&id));
        let windows = windows.copied().unwrap_or_default();
        Objective::ALL.map(|one| ObjectiveState::new(one, targets.of(one), &windows))
    }

    /// What was left of one of its error budgets [`BUDGET_BEFORE`].
    pub(super) fn left_before(&self, id: IntegrationId, objective: Objective) -> Option<f64> {
        let tally = self.before.get(&id)?.of(objective);
        tally.left(self.targets_of(id).of(objective))
    }
}

/// What each integration kept in all windows up to `end`, and of its budget [`BUDGET_BEFORE`].
async fn windows(
    store: &Store,
    end: DateTime<Utc>,
) -> Result<
    (
        BTreeMap<IntegrationId, Windows>,
        BTreeMap<IntegrationId, Kept>,
    ),
    store::Error,
> {
    let mut windows = BTreeMap::<IntegrationId, Windows>::new();
    let since = |hours| end - TimeDelta::hours(hours);
    let shorts = store.kept_of_each(Stretch::Short, since(6), end).await?;
    for (start, each) in shorts {
        let age = end - start;
        for (id, kept) in each {
            let of = windows.entry(id).or_default();
            of.hours6.merge(&kept);
            if age <= TimeDelta::hours(1) {
                of.hour1.merge(&kept);
            }
            if age <= TimeDelta::minutes(30) {
                of.minutes30.merge(&kept);
            }
            if age <= TimeDelta::minutes(5) {
                of.minutes5.merge(&kept);
            }
        }
    }
    // The hour that goes on is one of them.
    let first = Stretch::Hour.start(end - TimeDelta::seconds(1)) - TimeDelta::hours(71);
    for (_, each) in store.kept_of_each(Stretch::Hour, first, end).await? {
        for (id, kept) in each {
            windows.entry(id).or_default().days3.merge(&kept);
        }
    }
    let mut before = BTreeMap::<IntegrationId, Kept>::new();
    let days = TimeDelta::days(BUDGET_DAYS - 1);
    let first = Stretch::Day.start(end - TimeDelta::seconds(1)) - days;
    let from = first - BUDGET_BEFORE;
    for (start, each) in store.kept_of_each(Stretch::Day, from, end).await? {
        for (id, kept) in each {
            if start >= first {
                windows.entry(id).or_default().budget.merge(&kept);
            }
            if start < from + days + TimeDelta::days(1) {
                before.entry(id).or_default().merge(&kept);
            }
        }
    }
    Ok((windows, before))
}
