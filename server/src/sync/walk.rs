use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    changes::{Changes, changes},
    drift::{DriftCheck, Overlooked, Thoroughness},
    ids::WorkItemId,
    mirror::{Project, WorkItem},
    run::Phase,
    walk::{Absent, Held, Walk, Walked, absent},
};
use plane::{Cursor, Error, ListPage};
use store::{Checkpoint, Finished, Step};
use tracing::{debug, info};

use super::copy::{Copy, Stop, try_often};

/// A full walk that was left longer ago than this starts anew: too much may have moved between its pages.
const RESUME_WITHIN: TimeDelta = TimeDelta::hours(6);
/// So many suspected work items are asked for before those that are gone are taken out.
const CONFIRMATIONS: usize = 50;

/// What the walks over one project's work items found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) undecodable: u32,
    /// What an admin has to look at: these are not listed any more, and nothing was removed.
    pub(super) held: Option<Held>,
}

/// What became of the work items that a full walk did not see.
enum Asked {
    /// Each was confirmed to be gone, or is there.
    Settled,
    /// Some could not be asked for.
    Unsettled,
    /// So many that none was asked for.
    Held(Held),
}

/// Plane's total when a walk ended, and the copy's.
#[derive(Clone, Copy)]
struct Totals {
    planes: u64,
    ours: u64,
}

impl Totals {
    fn gap(self) -> i64 {
        i64::try_from(self.ours).unwrap_or(i64::MAX)
            - i64::try_from(self.planes).unwrap_or(i64::MAX)
    }
}

impl Copy<'_> {
    /// Brings a project's work items up to date: by the latest changes, or by all of them if that is due or if the
    /// totals say that something is missing on either side.
    pub(super) async fn work_items(
        &self,
        project: &Project,
        walked: &Walked,
        walk: Walk,
        left: Option<Checkpoint>,
    ) -> Result<Found, Stop> {
        self.phase(Phase::WorkItems, Some(project));
        let now = self.clock.now();
        let left = left.filter(|left| now - left.started_at < RESUME_WITHIN);
        if let (Some(left), Walk::Full) = (&left, walk) {
            return self.full(project, walked, left.clone(), true).await;
        }
        let newest = try_often!(self, self.plane.changed_work_items(project.id, None))?;
        let watermark = newest.rows.iter().map(|item| item.updated_at).max();
        if let Walk::Recent { since } = walk
            && let Some((undecodable, totals)) = self.recent(project, newest, since).await?
        {
            let gap = totals.gap();
            // A difference that a full walk has found before is not worth another one.
            if walked.explains(gap) {
                let finished = Finished {
                    complete_at: now,
                    watermark,
                    is_full: false,
                    held: None,
                    gap: Some(gap),
                    drift: None,
                };
                self.finish(project, &finished).await?;
                return Ok(Found {
                    undecodable,
                    held: walked.held,
                });
            }
            info!(project = %project.id, gap, "the totals differ: everything is read");
        }
        let start = Checkpoint {
            project: project.id,
            cursor: String::new(),
            page: 0,
            started_at: now,
            watermark,
            overlooked: Overlooked::default(),
        };
        self.full(project, walked, start, false).await
    }

    /// Reads the latest changes, back to `since`. Answers how many rows were not understood, and the totals; `None` if some
    /// changes may have been missed.
    async fn recent(
        &self,
        project: &Project,
        newest: ListPage<WorkItem>,
        since: DateTime<Utc>,
    ) -> Result<Option<(u32, Totals)>, Stop> {
        let mut page = newest;
        let (mut undecodable, mut has_asked) = (0, false);
        loop {
            // Rows that were removed from pages already read have drawn unread ones there.
            if page.shifted {
                return Ok(None);
            }
            undecodable += page.undecodable;
            let reaches = page.rows.last().is_some_and(|item| item.updated_at < since);
            let next = page.next.take().filter(|_| !reaches);
            let (planes, number) = (page.total, page.page);
            let read = page.rows.len() as u64;
            let changes = self.compare(project, page.rows).await?;
            // A label of the whole workspace is never listed, so asking once must do.
            if !has_asked && self.refers_to_unknown(project, &changes).await? {
                has_asked = true;
                self.around(project).await?;
                self.phase(Phase::WorkItems, Some(project));
            }
            self.live.update(|progress, counts| {
                counts.items += read;
                progress.page = number;
                progress.items_done += read;
            });
            self.write(project, &changes, None).await?;
            match next {
                Some(next) => {
                    page =
                        try_often!(self, self.plane.changed_work_items(project.id, Some(&next)))?;
                }
                None => {
                    // Webhooks may have added to it meanwhile.
                    let walked = self.store.walked(self.run.integration, project.id);
                    let (_, ours, _) = walked.await?;
                    return Ok(Some((undecodable, Totals { planes, ours })));
                }
            }
        }
    }

    /// Reads everything, page by page, from a checkpoint on; then asks for what was not seen.
    async fn full(
        &self,
        project: &Project,
        walked: &Walked,
        mut at: Checkpoint,
        is_resumed: bool,
    ) -> Result<Found, Stop> {
        let id = project.id;
        let cursor: Option<Cursor> = at.cursor.parse().ok();
        if !is_resumed {
            self.begin(project).await?;
        }
        let mut page = if is_resumed && cursor.is_none() {
            None // no cursor after a page means that it was the last one
        } else {
            Some(self.fetch(project, cursor.as_ref()).await?)
        };
        let (mut undecodable, mut planes, mut again) = (0, None, false);
        while let Some(read) = page {
            if read.shifted && !again {
                // Rows were removed from pages already read, so as many unread ones moved there.
                self.begin(project).await?;
                (again, undecodable) = (true, 0);
                at.overlooked = Overlooked::default();
                page = Some(self.fetch(project, None).await?);
                continue;
            }
            undecodable += read.undecodable;
            planes = Some(read.total);
            let seen: Vec<WorkItemId> = read.rows.iter().map(|item| item.id).collect();
            let changes = self.compare(project, read.rows).await?;
            at.overlooked
                .count(&changes.created, &changes.updated, walked.watermark);
            at.cursor = read
                .next
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            at.page = read.page;
            self.live.update(|progress, counts| {
                counts.items += seen.len() as u64;
                progress.page = read.page;
                progress.pages = Some(read.pages);
                progress.items_done += seen.len() as u64;
                progress.items_total = Some(read.total);
            });
            let step = Step {
                checkpoint: &at,
                seen: &seen,
            };
            // The next page is on its way while this one is stored.
            let next = async {
                match &read.next {
                    Some(next) => self.fetch(project, Some(next)).await.map(Some),
                    None => Ok(None),
                }
            };
            let (written, next) = tokio::join!(self.write(project, &changes, Some(step)), next);
            written?;
            page = next?;
        }

        let (asked, extra) = if undecodable == 0 {
            self.ask_for_absent(project, walked, at.started_at).await?
        } else {
            (Asked::Settled, 0) // a row that was not understood was not seen either, so nothing is known of absences
        };
        let now = self.clock.now();
        let (_, ours, _) = self.store.walked(self.run.integration, id).await?;
        let totals = Totals {
            planes: planes.unwrap_or(ours),
            ours,
        };
        // Rows that were not understood explain as many that are missing here, and nothing else.
        let explained = undecodable == 0 || totals.gap() == -i64::from(undecodable);
        let held = match asked {
            Asked::Held(held) => Some(held),
            // Nothing is known of what is absent, so what was held stays held.
            _ if undecodable > 0 => walked.held,
            Asked::Settled | Asked::Unsettled => None,
        };
        let is_open = matches!(asked, Asked::Unsettled) || !explained;
        let finished = Finished {
            complete_at: at.started_at,
            watermark: at.watermark,
            // What is still open makes the next run read everything again; what is held waits for an admin, or for Plane's
            // total to change.
            is_full: !is_open,
            held,
            gap: (!is_open).then(|| totals.gap()),
            drift: walked.watermark.filter(|_| !is_open).map(|_| DriftCheck {
                at: now,
                thoroughness: Thoroughness::Whole,
                planes: totals.planes,
                compared: totals.planes,
                missing: at.overlooked.missing,
                extra,
                different: at.overlooked.different,
            }),
        };
        self.finish(project, &finished).await?;
        Ok(Found { undecodable, held })
    }

    /// Asks Plane for each work item that a complete walk did not see, and takes out what it says is not there. An error
    /// ends the asking: what is suspected stays until it is confirmed. Answers how many Plane does not have, too.
    async fn ask_for_absent(
        &self,
        project: &Project,
        walked: &Walked,
        began_at: DateTime<Utc>,
    ) -> Result<(Asked, u64), Stop> {
        let (integration, id) = (self.run.integration, project.id);
        let seen: HashSet<WorkItemId> = self.store.seen_items(integration, id).await?;
        let mut stored = self.store.item_ids(integration, id).await?;
        let kept = self.store.kept_items(integration, id).await?;
        let back: Vec<WorkItemId> = kept.intersection(&seen).copied().collect();
        if !back.is_empty() {
            let now = self.clock.now();
            self.writing()
                .await
                .forget_kept(self.run, id, &back, now)
                .await?;
        }
        stored.retain(|item| !kept.contains(item));
        let released = walked.released.unwrap_or(0) as usize;
        let suspected = match absent(&stored, &seen, released) {
            Absent::Suspected(suspected) => suspected,
            Absent::Held { absent, of } => {
                self.live
                    .update(|_, counts| counts.suspected += absent as u64);
                let held = Held {
                    absent: u32::try_from(absent).unwrap_or(u32::MAX),
                    of: u32::try_from(of).unwrap_or(u32::MAX),
                    at: began_at,
                };
                return Ok((Asked::Held(held), absent as u64));
            }
        };
        if suspected.is_empty() {
            return Ok((Asked::Settled, 0));
        }
        self.phase(Phase::Deletions, Some(project));
        self.live
            .update(|_, counts| counts.suspected += suspected.len() as u64);
        let mut extra = 0;
        for some in suspected.chunks(CONFIRMATIONS) {
            let (gone, error) = self.ask_for(project, some).await?;
            let now = self.clock.now();
            let removed = self
                .writing()
                .await
                .remove_items(self.run, id, &gone, now)
                .await?;
            self.live.update(|_, counts| counts.deleted += removed);
            extra += removed;
            self.changed();
            if let Some(error) = error {
                debug!(project = %id, code = error.code(), "what is suspected stays suspected");
                return Ok((Asked::Unsettled, extra));
            }
        }
        Ok((Asked::Settled, extra))
    }

    /// Which of these Plane says are not there, up to the first answer that says neither yes nor no.
    async fn ask_for(
        &self,
        project: &Project,
        suspected: &[WorkItemId],
    ) -> Result<(Vec<WorkItemId>, Option<Error>), Stop> {
        let mut gone = Vec::new();
        for item in suspected {
            match try_often!(self, self.plane.work_item(project.id, *item)) {
                Err(Error::NotFound) => gone.push(*item),
                // It moved while the pages were read.
                Ok(there) => {
                    let changes = self.compare(project, vec![there]).await?;
                    self.write(project, &changes, None).await?;
                }
                Err(error) => return Ok((gone, Some(error))),
            }
        }
        Ok((gone, None))
    }

    /// One page of everything.
    async fn fetch(
        &self,
        project: &Project,
        cursor: Option<&Cursor>,
    ) -> Result<ListPage<WorkItem>, Error> {
        try_often!(self, self.plane.work_items(project.id, cursor))
    }

    async fn begin(&self, project: &Project) -> Result<(), Stop> {
        let now = self.clock.now();
        let writing = self.writing().await;
        Ok(writing.begin_walk(self.run, project.id, now).await?)
    }

    async fn finish(&self, project: &Project, finished: &Finished) -> Result<(), Stop> {
        let now = self.clock.now();
        let writing = self.writing().await;
        Ok(writing
            .finish_walk(self.run, project.id, finished, now)
            .await?)
    }

    async fn compare(&self, project: &Project, rows: Vec<WorkItem>) -> Result<Changes, Stop> {
        let stored = self
            .store
            .stored_items(self.run.integration, project.id, &rows)
            .await?;
        Ok(changes(rows, &stored))
    }

    /// Whether changed work items name a state or a label that was made since those were read.
    async fn refers_to_unknown(&self, project: &Project, changes: &Changes) -> Result<bool, Stop> {
        if changes.writes().next().is_none() {
            return Ok(false);
        }
        let (states, labels) = self
            .store
            .known_states_and_labels(self.run.integration, project.id)
            .await?;
        let is_known = |item: &WorkItem| {
            item.state.is_none_or(|state| states.contains(&state))
                && item.labels.iter().all(|label| labels.contains(label))
        };
        Ok(!changes.writes().all(is_known))
    }

    /// Counts and stores what a page changes.
    async fn write(
        &self,
        project: &Project,
        changes: &Changes,
        step: Option<Step<'_>>,
    ) -> Result<(), Stop> {
        self.live.update(|_, counts| {
            counts.created += changes.created.len() as u64;
            counts.updated += changes.updated.len() as u64;
            counts.unchanged += changes.unchanged;
        });
        self.live.note(self.plane.usage(), None);
        let changed: Vec<_> = changes.writes().map(|item| item.updated_at).collect();
        if !changed.is_empty() {
            self.store
                .count_caught(self.run.integration, project.id, &changed, self.clock.now())
                .await?;
        }
        let (progress, counts) = (self.live.progress(), self.live.counts());
        self.writing()
            .await
            .apply_items(
                self.run,
                project.id,
                changes,
                step,
                &progress,
                &counts,
                self.clock.now(),
            )
            .await?;
        self.changed();
        Ok(())
    }
}
