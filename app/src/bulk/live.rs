use chrono::{DateTime, Utc};
use domain::bulk::{BulkItem, BulkState, ItemState};
use serde::Serialize;

use super::words;
use crate::{
    BulkReport,
    islands::live_bulk::BulkNow,
    paths,
    ui::{number::number, time::one_unit},
};

/// An item as its row shows it, in the page and in events alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub number: u32,
    /// The state in CSS classes.
    pub look: &'static str,
    pub word: &'static str,
    pub says: String,
    /// The run or the test; empty if there is none.
    pub href: String,
    pub link: &'static str,
}

impl Row {
    pub fn of(item: &BulkItem) -> Self {
        let (href, link) = match (item.run, item.test) {
            (Some(run), _) if item.state != ItemState::Waiting => (paths::run(run), "Open the run"),
            // A test is there once it is over.
            (_, Some(test)) if matches!(item.state, ItemState::Done | ItemState::Failed) => (
                paths::connection_test(item.integration, test),
                "Open the result",
            ),
            _ => (String::new(), ""),
        };
        let word = match item.state {
            ItemState::Skipped => "Skipped",
            ItemState::Waiting => "Waiting",
            ItemState::Running => "Under way",
            ItemState::Done => "Done",
            ItemState::Failed => "Failed",
            ItemState::NotDone => "Not done",
        };
        Self {
            number: item.number,
            look: item.state.word(),
            word,
            says: item.says.clone().unwrap_or_default(),
            href,
            link,
        }
    }
}

/// What an event tells: how far the operation is, and the rows that have changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    #[serde(flatten)]
    pub now: BulkNow,
    pub rows: Vec<Row>,
}

impl Event {
    /// What has changed since the page or an event `shown` before.
    pub fn since(shown: Option<&BulkReport>, report: &BulkReport, now: DateTime<Utc>) -> Self {
        let was = |item: &BulkItem| {
            shown.and_then(|shown| {
                let at = usize::try_from(item.number).ok()?.checked_sub(1)?;
                shown.items.get(at)
            })
        };
        let changed = report.items.iter().filter(|item| was(item) != Some(*item));
        Self {
            now: bulk_now(report, now),
            rows: changed.map(Row::of).collect(),
        }
    }
}

/// The operation in the island's plain values.
pub fn bulk_now(report: &BulkReport, now: DateTime<Utc>) -> BulkNow {
    let operation = &report.operation;
    let counts = operation.counts;
    let says = if operation.stop_requested {
        "Stopping: what is under way ends, nothing else begins."
    } else {
        "Under way. You can leave this page; it goes on."
    };
    let so_far = format!(
        "{} of {}",
        number(counts.ended().into()),
        number(counts.to_do().into())
    );
    let so_far = match words::result(counts) {
        told if told.is_empty() => so_far,
        told => format!("{so_far}: {told}"),
    };
    BulkNow {
        says: says.to_owned(),
        so_far,
        left: operation
            .time_left(now)
            .map(|left| format!("about {} left", one_unit(left)))
            .unwrap_or_default(),
        ended: counts.ended(),
        total: counts.to_do(),
        is_finished: operation.state == BulkState::Finished,
    }
}
