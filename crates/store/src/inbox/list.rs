use domain::{
    actor::Viewer,
    ids::{BurstId, IntegrationId},
    inbox::{Burst, BurstFilter, BurstState},
    page::{Cursor, Page},
};
use uuid::Uuid;

use super::{BurstRow, burst_record};
use crate::{
    Store,
    error::Error,
    shape::{latest_first, page, write_cursor},
};

pub(crate) const LATEST: &str =
    "select * from webhook_bursts where latest_key > $after order by latest_key limit $limit";
pub(crate) const LATEST_OF: &str =
    "select * from webhook_bursts where integration = $integration and latest_key > $after
    order by latest_key limit $limit";
/// Of a state that is not `waiting`.
pub(crate) const LATEST_OF_STATE: &str =
    "select * from webhook_bursts where state = $state and queue_key > $after
    order by queue_key limit $limit";

/// Rows that are looked at for one page when a filter fits few: as many as a person would wait for.
const LOOKS: usize = 20;

impl Store {
    /// Bursts that a filter lets through, the latest first; those that wait, the one that is due first.
    pub async fn bursts(
        &self,
        _viewer: &Viewer,
        filter: &BurstFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<Burst>, Error> {
        let (sql, by_queue) = match (filter.state, filter.integration) {
            (Some(state), _) if state != BurstState::Done => (LATEST_OF_STATE, true),
            (_, Some(_)) => (LATEST_OF, false),
            _ => (LATEST, false),
        };
        let wanted = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let (from, until) = filter.bounds();
        // Later ones stand before it.
        let latest = until.map(|until| write_cursor(&latest_first(until, Uuid::nil())));
        let (mut found, mut after) = (Vec::new(), after.cloned().or(latest.filter(|_| !by_queue)));
        for _ in 0..LOOKS {
            let rows: Vec<BurstRow> = self
                .ask(sql)
                .page(after.as_ref(), limit.max(200))
                .bind("state", filter.state.map_or("", BurstState::word))
                .bind("integration", filter.integration.map(|id| id.0))
                .read()
                .await?
                .rows(0)?;
            let is_end = rows.len() <= usize::try_from(limit.max(200)).unwrap_or(usize::MAX);
            for row in rows {
                let key = match by_queue {
                    true => row.queue_key.clone(),
                    false => row.latest_key.clone(),
                };
                after = Some(write_cursor(&key));
                let burst = row.burst()?;
                if !by_queue && from.is_some_and(|from| burst.first_at < from) {
                    return Ok(page(found, limit)); // and so are all behind it
                }
                if filter.holds(&burst) {
                    found.push((key, burst));
                }
            }
            if is_end || found.len() >= wanted {
                return Ok(page(found, limit));
            }
        }
        // There may be more, further back: the next page goes on there.
        let mut all = page(found, limit);
        all.next = all.next.or(after);
        Ok(all)
    }

    /// One burst, with the keys of its events.
    pub async fn burst(
        &self,
        _viewer: &Viewer,
        integration: IntegrationId,
        burst: BurstId,
    ) -> Result<Option<(Burst, Vec<String>)>, Error> {
        let row: Option<BurstRow> = self
            .ask("select * from only $id")
            .bind("id", burst_record(integration, burst))
            .read()
            .await?
            .one(0)?;
        row.map(|row| Ok((row.clone().burst()?, row.keys)))
            .transpose()
    }
}
