use std::collections::BTreeMap;

use app::{Failure, KeyBudget, KeyUser};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::Viewer,
    integration::{IntegrationFilter, IntegrationRow, Selection},
    range::Range,
    usage::{CallTally, FORECAST_DAYS, PlaneKey, Slot, Subject, Usage, forecast},
};
use plane::BudgetKey;
use store::UsageRow;

use super::HealthService;
use crate::{failure::from_store, integrations::plane_key};

impl HealthService {
    pub(super) async fn key_budgets(
        &self,
        viewer: &Viewer,
        range: Range,
    ) -> Result<Vec<KeyBudget>, Failure> {
        let now = self.clock.now();
        let all = Selection::Matching(IntegrationFilter::default());
        let rows = self.store.selected_integrations(viewer, &all, now).await;
        let mut users = BTreeMap::<PlaneKey, Vec<IntegrationRow>>::new();
        for row in rows.map_err(from_store)? {
            let integration = &row.integration;
            let key = plane_key(&integration.settings.base_url, &integration.key.fingerprint);
            users.entry(key).or_default().push(row);
        }
        let mut budgets = Vec::with_capacity(users.len());
        for (key, rows) in users {
            budgets.push(self.budget(viewer, key, rows, range, now).await?);
        }
        budgets.sort_by_key(|budget| std::cmp::Reverse(busy(budget)));
        Ok(budgets)
    }
    async fn budget(
        &self,
        viewer: &Viewer,
        key: PlaneKey,
        rows: Vec<IntegrationRow>,
        range: Range,
        now: DateTime<Utc>,
    ) -> Result<KeyBudget, Failure> {
        let subject = Subject::Key(key.clone());
        let start = range.start(now);
        let mut bars: Vec<(DateTime<Utc>, Usage)> = range
            .starts(now)
            .into_iter()
            .map(|start| (start, Usage::default()))
            .collect();
        let mut before: Option<CallTally> = None;
        for row in self
            .usage(viewer, &subject, range, start - (now - start), now)
            .await?
        {
            match range.bar_of(row.start, now) {
                Some(bar) => bars[bar].1.merge(&row.usage),
                None => before.get_or_insert_default().merge(&row.usage.total()),
            }
        }

        let week = Slot::Day.start(now) - TimeDelta::days(FORECAST_DAYS);
        let hours = self
            .store
            .usage(viewer, &subject, Slot::Hour, week, now)
            .await;
        let peaks: Vec<_> = hours
            .map_err(from_store)?
            .into_iter()
            .map(|row| (row.start, row.usage.peak))
            .collect();

        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            let mut usage = Usage::default();
            let subject = Subject::Integration(row.integration.id);
            for one in self.usage(viewer, &subject, range, start, now).await? {
                if one.fingerprint == key.fingerprint {
                    usage.merge(&one.usage);
                }
            }
            users.push(KeyUser {
                integration: row.integration.id,
                name: row.integration.settings.integration_name.to_string(),
                usage,
                full_sync: row.complete_requests,
            });
        }
        users.sort_by_key(|user| std::cmp::Reverse(user.usage.calls()));

        let state = self.budgets.state(&BudgetKey {
            origin: key.origin.clone(),
            fingerprint: key.fingerprint.clone(),
        });
        Ok(KeyBudget {
            key,
            limit: state.limit,
            free: state.free,
            waiting: state.waiting,
            bars,
            before,
            forecast: forecast(&peaks, now),
            users,
        })
    }

    async fn usage(
        &self,
        viewer: &Viewer,
        subject: &Subject,
        range: Range,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<UsageRow>, Failure> {
        let slot = range.slot();
        let to = slot.start(now) + slot.length();
        self.store
            .usage(viewer, subject, slot, slot.start(from), to)
            .await
            .map_err(from_store)
    }
}

/// How close the key came to its limit, in thousandths.
fn busy(budget: &KeyBudget) -> u64 {
    let peak = budget
        .bars
        .iter()
        .map(|(_, usage)| usage.peak)
        .max()
        .unwrap_or(0);
    peak * 1000 / u64::from(budget.limit.max(1))
}
