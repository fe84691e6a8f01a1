use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    ids::ProblemId,
    page::{Cursor, Page},
    problems::{Caused, Problem, ProblemEvent, ProblemFilter, ProblemList, ProblemState},
};

use super::{EventRow, ProblemRow};
use crate::{
    Store,
    error::Error,
    shape::{count, latest_first, page, read_cursor},
};

pub(crate) const RESOLVED: &str = "select * from problems where stage = 'resolved' and latest_key > $after
        and ($integration = none or integration = $integration) and ($class = none or class = $class)
        and ($owner = none or owner = $owner)
    order by latest_key limit $limit";

const RESOLVED_COUNT: &str = "select value count from (select count() from problems where stage = 'resolved'
        and ($integration = none or integration = $integration) and ($class = none or class = $class)
        and ($owner = none or owner = $owner) group all)";

pub(crate) const STORY: &str =
    "select * from problem_log where problem = $problem and latest_key > $after
    order by latest_key limit $limit";

impl Store {
    /// One page of problems: the open ones first, what comes of another one behind the others, then the worst, then the latest. The
    /// resolved ones by when they were.
    pub async fn problems(
        &self,
        viewer: &Viewer,
        filter: &ProblemFilter,
        after: Option<&Cursor>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<ProblemList, Error> {
        let all = self.unresolved_problems().await?;
        let mut list = ProblemList::default();
        let mut counts = BTreeMap::<ProblemState, u32>::new();
        let (mut rows, behind) = (Vec::new(), read_cursor(after));
        for problem in all.iter().filter(|one| filter.holds(one)) {
            let Some(state) = problem.state(now) else {
                continue;
            };
            *counts.entry(state).or_default() += 1;
            if filter.state.is_some_and(|wanted| wanted != state) {
                continue;
            }
            list.integrations.insert(problem.integration);
            let cause = problem.cause(all.iter());
            let key = format!(
                "{}{}{}{}",
                state as u8,
                u8::from(cause.is_some()),
                problem.level as u8,
                latest_first(problem.opened_at.unwrap_or(now), problem.id.0),
            );
            if key > behind {
                rows.push((key, Caused::of(problem, cause)));
            }
        }
        let resolved = self.count_resolved(filter).await?;
        if resolved > 0 {
            counts.insert(ProblemState::Resolved, resolved);
        }
        list.counts = counts.into_iter().collect();
        let page = match filter.state {
            Some(ProblemState::Resolved) => {
                let page = self.resolved_problems(viewer, filter, after, limit).await?;
                Page {
                    rows: page.rows.iter().map(|one| Caused::of(one, None)).collect(),
                    next: page.next,
                }
            }
            _ => {
                rows.sort_by(|(a, _), (b, _)| a.cmp(b));
                page(rows, limit)
            }
        };
        (list.rows, list.next) = (page.rows, page.next);
        Ok(list)
    }

    async fn count_resolved(&self, filter: &ProblemFilter) -> Result<u32, Error> {
        let is_of_all = ProblemFilter {
            state: None,
            ..filter.clone()
        } == ProblemFilter::default();
        if is_of_all {
            let read = self.read_resolved_count(filter);
            let known = self.known(&self.inner.resolved, None, read).await;
            return known.map(|count| *count);
        }
        self.read_resolved_count(filter).await
    }

    async fn read_resolved_count(&self, filter: &ProblemFilter) -> Result<u32, Error> {
        let rows: Vec<i64> = self
            .ask(RESOLVED_COUNT)
            .bind("integration", filter.integration.map(|id| id.0))
            .bind("class", filter.class.map(|class| class.word().to_owned()))
            .bind("owner", filter.owner.map(|id| id.0))
            .read()
            .await?
            .rows(0)?;
        Ok(count(rows.first().copied().unwrap_or_default()))
    }

    async fn resolved_problems(
        &self,
        _viewer: &Viewer,
        filter: &ProblemFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<Problem>, Error> {
        let rows: Vec<ProblemRow> = self
            .ask(RESOLVED)
            .bind("integration", filter.integration.map(|id| id.0))
            .bind("class", filter.class.map(|class| class.word().to_owned()))
            .bind("owner", filter.owner.map(|id| id.0))
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let known = rows.into_iter().map(|row| {
            let key = row.latest_key.clone();
            Ok((key, row.known()?))
        });
        let page = page(known.collect::<Result<Vec<_>, Error>>()?, limit);
        let rows = page.rows.into_iter().flatten();
        Ok(Page {
            rows: rows.map(|known| known.problem).collect(),
            next: page.next,
        })
    }

    /// What happened to a problem, the latest first.
    pub async fn problem_story(
        &self,
        _viewer: &Viewer,
        id: ProblemId,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<ProblemEvent>, Error> {
        let rows: Vec<EventRow> = self
            .ask(STORY)
            .bind("problem", id.0)
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| (row.latest_key.clone(), row.event()));
        let page = page(rows.collect(), limit);
        Ok(Page {
            rows: page.rows.into_iter().flatten().collect(),
            next: page.next,
        })
    }
}
