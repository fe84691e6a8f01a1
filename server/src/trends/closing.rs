use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::IntegrationId,
    integration::IntegrationRow,
    objective::{Kept, Maintenance},
    trend::{Copies, Stretch, Trend, sample},
};
use store::{ProjectRows, TrendRow};

use super::TrendsService;

/// Whatever ends in a stretch is written down by then.
const GRACE: TimeDelta = TimeDelta::seconds(30);
/// What nobody looked at for longer stays unknown: how old copies were is told by what they are now, back to here.
const LOOKED_BACK: TimeDelta = TimeDelta::days(2);

type Each = BTreeMap<IntegrationId, Trend>;

impl TrendsService {
    /// Closes the stretches that are over, an hour's at most. Whether there are more of them.
    pub(super) async fn close_some(&self) -> Result<bool, store::Error> {
        let now = self.clock.now();
        let end = Stretch::Short.start(now - GRACE);
        let known = self.store.trends_closed_until().await?;
        let first = known.unwrap_or(end - Stretch::Short.length());
        let from = first.max(end - LOOKED_BACK);
        self.lags.save(&self.store, known).await?;
        if from >= end {
            return Ok(false);
        }
        let hour = Stretch::Hour.start(from);
        let to = end.min(hour + Stretch::Hour.length());
        let rows = self.close(from, to, now).await?;
        // Another portal on this database may have been faster, and wrote the same.
        self.store.close_trends(known, to, &rows).await?;
        Ok(to < end)
    }

    /// What the stretches from then until then hold, all of one hour, and the hour and the day with them.
    async fn close(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<TrendRow>, store::Error> {
        let (hour, day) = (Stretch::Hour.start(from), Stretch::Day.start(from));
        let all = self.store.all_integrations(now).await?;
        let projects = self.store.all_projects(now).await?;
        let maintenance = self.store.maintenance(from).await?;

        let before = self.store.trends_of_each(Stretch::Short, hour, from);
        let mut of_hour = sum(before.await?);
        let mut rows = Vec::new();
        let mut start = from;
        while start < to {
            let each = self
                .measure(start, &all, &projects, &maintenance, &of_hour)
                .await?;
            add(&mut of_hour, &each);
            rows.push(row(Stretch::Short, start, each));
            start += Stretch::Short.length();
        }
        let before = self.store.trends_of_each(Stretch::Hour, day, hour);
        let mut of_day = sum(before.await?);
        add(&mut of_day, &of_hour);
        rows.push(row(Stretch::Hour, hour, of_hour));
        rows.push(row(Stretch::Day, day, of_day));
        Ok(rows)
    }

    /// One short stretch. `of_hour`: the stretches of the same hour before it.
    async fn measure(
        &self,
        start: DateTime<Utc>,
        all: &[IntegrationRow],
        projects: &ProjectRows,
        maintenance: &[Maintenance],
        of_hour: &Each,
    ) -> Result<Each, store::Error> {
        let end = start + Stretch::Short.length();
        let mut each = Each::new();
        for (id, copies) in sample(projects.iter(), end) {
            each.entry(id).or_default().copies = copies;
        }
        for run in self.store.runs_ended(start, end).await? {
            each.entry(run.integration).or_default().runs.add(&run);
        }
        for lags in self.store.lags(start).await? {
            for (id, lags) in lags {
                each.entry(id).or_default().webhooks.lag_ms.merge(&lags);
            }
        }
        let ids: Vec<IntegrationId> = all.iter().map(|row| row.integration.id).collect();
        for (id, hour) in self.store.webhook_hour(&ids, start).await? {
            // Counted by the hour: what is new is this stretch's.
            let known = of_hour.get(&id).map(|trend| &trend.webhooks);
            let new = |now: u64, known: Option<u64>| now.saturating_sub(known.unwrap_or(0));
            let webhooks = &mut each.entry(id).or_default().webhooks;
            webhooks.told = new(hour.told, known.map(|known| known.told));
            webhooks.caught = new(hour.caught, known.map(|known| known.caught));
            webhooks.deliveries = new(hour.deliveries, known.map(|known| known.deliveries));
        }
        let quiet: BTreeSet<IntegrationId> = all
            .iter()
            .filter(|row| is_quiet(row, start))
            .map(|row| row.integration.id)
            .collect();
        for (id, trend) in &mut each {
            if maintenance.iter().any(|one| one.covers(*id, start, end)) {
                continue;
            }
            let nothing = Copies::default();
            let copies = match quiet.contains(id) {
                true => &nothing,
                false => &trend.copies,
            };
            trend.kept = Kept::new(copies, &trend.runs, &trend.webhooks);
        }
        each.retain(|_, trend| !trend.is_empty());
        Ok(each)
    }
}

/// In its quiet hours a copy is meant to age; what is too old after them is brought up to date at once, which takes its time.
fn is_quiet(row: &IntegrationRow, start: DateTime<Utc>) -> bool {
    let quiet = row.integration.settings.quiet_hours.as_ref();
    quiet
        .is_some_and(|quiet| quiet.contain(start) || quiet.contain(start - Stretch::Short.length()))
}

fn sum(rows: Vec<TrendRow>) -> Each {
    let mut sum = Each::new();
    for (id, trend) in rows.iter().flat_map(|row| &row.each) {
        sum.entry(*id).or_default().merge(trend);
    }
    sum
}

fn add(sum: &mut Each, each: &Each) {
    for (id, trend) in each {
        sum.entry(*id).or_default().merge(trend);
    }
}

fn row(stretch: Stretch, start: DateTime<Utc>, each: Each) -> TrendRow {
    TrendRow {
        stretch,
        start,
        each: each.into_iter().collect(),
    }
}
