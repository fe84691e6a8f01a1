use std::sync::{Arc, OnceLock, PoisonError};

use app::Charts;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::Viewer,
    ids::IntegrationId,
    integration::IntegrationRow,
    problems::{ProblemEvent, Turn},
    range::Range,
    trend::{Happening, HappeningKind, OUTAGES, Place, Trend, outages},
    usage::{Subject, Usage},
};

use super::TrendsService;

/// For so long charts are drawn from what was read.
const KNOWN_FOR: TimeDelta = TimeDelta::seconds(10);
/// What is drawn over charts of what people did.
const CHANGES: [&str; 6] = [
    "integration.created",
    "integration.updated",
    "integration.deleted",
    "integration.paused",
    "integration.resumed",
    "webhook.created",
];

impl TrendsService {
    pub(super) async fn charts_of(
        &self,
        viewer: &Viewer,
        of: Option<IntegrationId>,
        range: Range,
    ) -> Result<Arc<Charts>, store::Error> {
        let now = self.clock.now();
        let known = || self.charts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |at: DateTime<Utc>| (TimeDelta::zero()..KNOWN_FOR).contains(&(now - at));
        if let Some((at, charts)) = known().get(&(of, range))
            && is_new(*at)
        {
            return Ok(charts.clone());
        }
        let charts = Arc::new(self.read_charts(viewer, of, range, now).await?);
        let mut known = known();
        known.retain(|_, (at, _)| is_new(*at));
        known.insert((of, range), (now, charts.clone()));
        Ok(charts)
    }

    async fn read_charts(
        &self,
        viewer: &Viewer,
        of: Option<IntegrationId>,
        range: Range,
        now: DateTime<Utc>,
    ) -> Result<Charts, store::Error> {
        let (starts, board) = (range.starts(now), self.board().await?);
        let mut bars: Vec<(DateTime<Utc>, Option<Trend>)> =
            starts.iter().map(|start| (*start, None)).collect();
        let mut add = |start, trend: &Trend| {
            if let Some(bar) = range.bar_of(start, now) {
                bars[bar].1.get_or_insert_default().merge(trend);
            }
        };
        match of {
            None => {
                let trends = board.trends(range.stretch()).iter();
                trends.for_each(|(start, trend)| add(*start, trend));
            }
            Some(id) => {
                let rows = self
                    .store
                    .trends_of_each(range.stretch(), range.start(now), now);
                for row in rows.await? {
                    for (_, trend) in row.each.iter().filter(|(one, _)| *one == id) {
                        add(row.start, trend);
                    }
                }
            }
        }

        let subject = of.map_or(Subject::All, Subject::Integration);
        let (slot, first) = (range.slot(), range.start(now));
        let end = slot.start(now) + slot.length();
        let mut calls: Vec<(DateTime<Utc>, Usage)> = starts
            .iter()
            .map(|start| (*start, Usage::default()))
            .collect();
        for row in self.store.usage(viewer, &subject, slot, first, end).await? {
            if let Some(bar) = range.bar_of(row.start, now) {
                calls[bar].1.merge(&row.usage);
            }
        }

        let all = self.store.all_integrations(now).await?;
        Ok(Charts {
            of,
            range,
            now,
            until: board.until.unwrap_or(now),
            bars,
            calls,
            schedule: usual_schedule(&all, of),
            happenings: self.happenings(viewer, of, first, now).await?,
            drawn: OnceLock::new(),
        })
    }

    /// What happened from then on, the oldest first.
    async fn happenings(
        &self,
        viewer: &Viewer,
        of: Option<IntegrationId>,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Happening>, store::Error> {
        let names = self.store.integration_names(viewer).await?;
        let name = |id: IntegrationId| {
            let name = names.get(&id).cloned();
            name.unwrap_or_else(|| "an integration that is gone".to_owned())
        };
        let is_of = |id: Option<IntegrationId>| of.is_none() || id.is_none() || id == of;
        let mut found = Vec::new();

        for (kind, actions) in [
            (HappeningKind::Key, &["integration.key_replaced"][..]),
            (HappeningKind::Change, &CHANGES[..]),
        ] {
            let entries = self.store.changes_since(actions, from).await?;
            for entry in entries.into_iter().filter(|entry| is_of(entry.integration)) {
                let whose = entry.integration.map(name).unwrap_or_default();
                let place = entry
                    .integration
                    .filter(|id| names.contains_key(id))
                    .map_or(Place::Nowhere, Place::Integration);
                found.push(Happening {
                    kind,
                    from: entry.at,
                    until: None,
                    says: format!("{whose}, {}: {}", entry.actor_name, entry.says),
                    place,
                });
            }
        }
        let turns = self.store.turns_since(&OUTAGES, from).await?;
        let mut turns: Vec<ProblemEvent> = turns
            .into_iter()
            .filter(|event| is_of(Some(event.integration)))
            .collect();
        // What has gone on since before has no turn in this time.
        for problem in self.store.unresolved_problems().await?.iter() {
            let is_one = OUTAGES.contains(&problem.class) && is_of(Some(problem.integration));
            if let Some(at) = problem.opened_at.filter(|at| is_one && *at < from) {
                turns.push(ProblemEvent {
                    problem: problem.id,
                    integration: problem.integration,
                    class: problem.class,
                    level: problem.level,
                    at,
                    turn: Turn::Opened,
                    actor_name: None,
                    says: String::new(),
                });
            }
        }
        found.extend(outages(&turns, name, from, now));
        for one in self.store.maintenance(from).await? {
            if is_of(one.integration) {
                let whose = one
                    .integration
                    .map_or_else(|| "all integrations".to_owned(), name);
                found.push(Happening {
                    kind: HappeningKind::Maintenance,
                    from: one.from,
                    until: Some(one.until.min(now)),
                    says: format!("Maintenance of {whose}: {}", one.reason),
                    place: Place::Nowhere,
                });
            }
        }
        // The first one is where the record begins, no upgrade.
        for (at, version) in self.store.versions().await?.into_iter().skip(1) {
            found.push(Happening {
                kind: HappeningKind::Upgrade,
                from: at,
                until: None,
                says: format!("Hangar {version} ran from here on"),
                place: Place::Nowhere,
            });
        }
        found.retain(|one| one.is_within(from, now));
        found.sort_by_key(|one| (one.from, one.kind));
        Ok(found)
    }
}

/// The interval that most of the integrations have.
fn usual_schedule(all: &[IntegrationRow], of: Option<IntegrationId>) -> Option<TimeDelta> {
    let mut intervals: Vec<u32> = all
        .iter()
        .filter(|row| of.is_none_or(|id| row.integration.id == id))
        .filter(|row| !row.freshness.is_resting())
        .map(|row| row.integration.settings.interval_minutes)
        .collect();
    intervals.sort_unstable();
    let usual = intervals
        .chunk_by(|a, b| a == b)
        .max_by_key(|same| same.len())?;
    Some(TimeDelta::minutes(usual[0].into()))
}
