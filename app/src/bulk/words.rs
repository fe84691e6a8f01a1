use domain::bulk::{BulkAction, BulkCost, BulkCounts, BulkOperation, BulkState, Requests};

use crate::ui::{
    badge::{Shape, Tone},
    number::{count, number},
};

/// What an operation does, as its heading.
pub fn title(operation: &BulkOperation) -> String {
    let counts = operation.counts;
    let these = count(
        (counts.to_do() + counts.skipped).into(),
        "integration",
        "integrations",
    );
    match &operation.action {
        BulkAction::Test => format!("Test the connection of {these}"),
        BulkAction::Sync => format!("Sync {these}"),
        BulkAction::Pause { .. } => format!("Pause {these}"),
        BulkAction::Resume => format!("Resume {these}"),
        BulkAction::Interval { minutes } => format!("Sync {these} every {minutes} min"),
        BulkAction::AddTag { tag } => format!("Tag {these} with {tag}"),
        BulkAction::RemoveTag { tag } => format!("Take the tag {tag} off {these}"),
    }
}

/// `211 done, 3 failed, 2 skipped`
pub fn result(counts: BulkCounts) -> String {
    let parts = [
        (counts.done, "done"),
        (counts.failed, "failed"),
        (counts.not_done, "not done"),
        (counts.skipped, "skipped"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", number(n.into())))
        .collect();
    told.join(", ")
}

/// State of an operation: colour, shape, word. Only what was done whole is green.
pub fn look(operation: &BulkOperation) -> (Tone, Shape, &'static str) {
    let counts = operation.counts;
    match operation.state {
        BulkState::Planned => (Tone::Idle, Shape::Ring, "Not started"),
        BulkState::Running if operation.stop_requested => {
            (Tone::Accent, Shape::Turning, "Stopping")
        }
        BulkState::Running => (Tone::Accent, Shape::Turning, "Running"),
        BulkState::Finished if counts.failed > 0 => (Tone::Bad, Shape::Triangle, "Failed in part"),
        BulkState::Finished if counts.not_done > 0 => (Tone::Late, Shape::Half, "Stopped"),
        BulkState::Finished => (Tone::Good, Shape::Dot, "Done"),
    }
}

/// The requests of one item, before it is done.
pub fn requests(action: &BulkAction, requests: Requests) -> String {
    match requests.count {
        0 => "–".to_owned(),
        n => format!(
            "{} {}",
            how_sure(action, requests.is_at_least),
            number(n.into())
        ),
    }
}

/// The requests of a whole operation.
pub fn all_requests(action: &BulkAction, cost: BulkCost) -> String {
    match cost.requests {
        0 => "none".to_owned(),
        n => format!(
            "{} {}",
            how_sure(action, cost.is_at_least),
            number(n.into())
        ),
    }
}

/// How long it will take, as far as Plane's limit decides it.
pub fn time(cost: BulkCost) -> String {
    match (cost.requests, cost.minutes, cost.is_at_least) {
        (0, ..) => "at once".to_owned(),
        (_, 0, false) => "less than a minute".to_owned(),
        (_, 0, true) => "a minute or more".to_owned(),
        (_, minutes, false) => format!("about {} min", number(minutes.into())),
        (_, minutes, true) => format!("at least {} min", number(minutes.into())),
    }
}

fn how_sure(action: &BulkAction, is_at_least: bool) -> &'static str {
    match action {
        BulkAction::Test => "at most",
        _ if is_at_least => "at least",
        _ => "about",
    }
}

/// The button that tries again what this operation left; `None` when there is nothing.
pub fn retry(counts: BulkCounts) -> Option<String> {
    let n = |n: u32| number(n.into());
    Some(match (counts.failed, counts.not_done) {
        (0, 0) => return None,
        (failed, 0) => format!("Retry the {} that failed", n(failed)),
        (0, not_done) => format!("Do the {} that were not done", n(not_done)),
        (failed, not_done) => format!(
            "Retry the {} that failed or were not done",
            n(failed + not_done)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(done: u32, failed: u32, not_done: u32, skipped: u32) -> BulkCounts {
        BulkCounts {
            done,
            failed,
            not_done,
            skipped,
            ..BulkCounts::default()
        }
    }

    #[test]
    fn a_result_names_what_there_is() {
        assert_eq!(
            result(counts(1211, 3, 0, 2)),
            "1,211 done, 3 failed, 2 skipped"
        );
        assert_eq!(result(counts(0, 0, 7, 0)), "7 not done");
    }

    #[test]
    fn a_retry_is_offered_for_what_is_left_alone() {
        assert_eq!(retry(counts(5, 0, 0, 9)), None);
        assert_eq!(
            retry(counts(5, 3, 0, 0)).unwrap(),
            "Retry the 3 that failed"
        );
        assert_eq!(
            retry(counts(5, 0, 4, 0)).unwrap(),
            "Do the 4 that were not done"
        );
        assert_eq!(
            retry(counts(5, 3, 4, 0)).unwrap(),
            "Retry the 7 that failed or were not done"
        );
    }

    #[test]
    fn a_cost_says_how_sure_it_is() {
        let cost = |requests, minutes, is_at_least| BulkCost {
            requests,
            minutes,
            is_at_least,
        };
        let check = |cost: BulkCost, says: &str, takes: &str| {
            assert_eq!(all_requests(&BulkAction::Sync, cost), says);
            assert_eq!(time(cost), takes);
        };
        check(cost(0, 0, false), "none", "at once");
        check(cost(60, 0, false), "about 60", "less than a minute");
        check(cost(60, 0, true), "at least 60", "a minute or more");
        check(cost(1204, 21, false), "about 1,204", "about 21 min");
        check(cost(1204, 21, true), "at least 1,204", "at least 21 min");
        assert_eq!(
            all_requests(&BulkAction::Test, cost(9, 0, false)),
            "at most 9"
        );
    }
}
