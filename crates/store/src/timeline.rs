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
    connection_tests::{STANDING_OUT, TESTS_OF, TestRow},
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

    /// What happened to an integration, of one kind or of all, the latest first; among all, of the tests those that a person asked
    /// for or that ended otherwise than the one before. All tables sort by time and id in one text, so that one place holds for all
    /// of them.
    pub async fn happened(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        only: Option<TimelineKind>,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<TimelineEntry>, Error> {
        let mut rows: Vec<(String, Option<TimelineEntry>)> = Vec::new();
        let kinds = TimelineKind::ALL;
        for kind in kinds
            .into_iter()
            .filter(|kind| only.is_none_or(|only| only == *kind))
        {
            let sql = match kind {
                TimelineKind::Run => RUNS,
                TimelineKind::Test if only.is_none() => STANDING_OUT,
                TimelineKind::Test => TESTS_OF,
                TimelineKind::Change => HISTORY,
                TimelineKind::Health => health_log::LOG,
                TimelineKind::Problem => EVENTS,
            };
            let mut answer = self
                .ask(sql)
                .bind("integration", integration.0)
                .bind("check", None::<String>)
                .bind("only_failed", false)
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
                TimelineKind::Test => {
                    for row in answer.rows::<TestRow>(0)? {
                        let key = row.latest_key.clone();
                        rows.push((key, Some(TimelineEntry::Test(Box::new(row.test()?)))));
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
