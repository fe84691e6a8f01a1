use domain::{
    actor::Viewer,
    ids::IntegrationId,
    page::{Cursor, Page},
    run::RunSummary,
    timeline::{TimelineEntry, TimelineKind},
};

use crate::{
    Store,
    audit::{AuditRow, HISTORY},
    error::Error,
    health_log,
    problems::EventRow,
    runs::RunRow,
    shape::page,
};

const RUNS: &str =
    "select * from sync_runs where integration = $integration and latest_key > $after
    order by latest_key limit $limit";
pub(crate) const EVENTS: &str =
    "select * from problem_log where integration = $integration and latest_key > $after
    order by latest_key limit $limit";

impl Store {
    /// The latest runs of an integration, the latest first. For Hangar's own work.
    pub async fn latest_runs(
        &self,
        integration: IntegrationId,
        limit: u32,
    ) -> Result<Vec<RunSummary>, Error> {
        let rows: Vec<RunRow> = self
            .ask(RUNS)
            .bind("integration", integration.0)
            .bind("after", String::new())
            .bind("limit", i64::from(limit))
            .read()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| Ok(row.run()?.summary()))
            .collect()
    }

    /// What happened to an integration, of these kinds, the latest first. All tables sort by time and id in one text, so that one
    /// place holds for all of them.
    pub async fn happened(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        kinds: &[TimelineKind],
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<TimelineEntry>, Error> {
        let mut rows: Vec<(String, Option<TimelineEntry>)> = Vec::new();
        for kind in kinds {
            let sql = match kind {
                TimelineKind::Run => RUNS,
                TimelineKind::Change => HISTORY,
                TimelineKind::Health => health_log::LOG,
                TimelineKind::Problem => EVENTS,
            };
            let mut answer = self
                .ask(sql)
                .bind("integration", integration.0)
                .bind("check", None::<String>)
                .page(after, limit)
                .read()
                .await?;
            match kind {
                TimelineKind::Run => {
                    for row in answer.rows::<RunRow>(0)? {
                        let key = row.latest_key.clone();
                        rows.push((key, Some(TimelineEntry::Run(Box::new(row.run()?)))));
                    }
                }
                TimelineKind::Change => {
                    let found = answer.rows::<AuditRow>(0)?.into_iter();
                    rows.extend(found.map(|row| {
                        let key = row.latest_key.clone();
                        (key, Some(TimelineEntry::Change(row.entry())))
                    }));
                }
                TimelineKind::Health => {
                    let found = answer.rows::<health_log::Row>(0)?.into_iter();
                    rows.extend(found.map(|row| {
                        let key = row.latest_key.clone();
                        (key, row.change().map(TimelineEntry::Health))
                    }));
                }
                TimelineKind::Problem => {
                    let found = answer.rows::<EventRow>(0)?.into_iter();
                    rows.extend(found.map(|row| {
                        let key = row.latest_key.clone();
                        (key, row.event().map(TimelineEntry::Problem))
                    }));
                }
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let page = page(rows, limit);
        Ok(Page {
            rows: page.rows.into_iter().flatten().collect(),
            next: page.next,
        })
    }
}
