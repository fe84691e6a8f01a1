use std::collections::HashMap;

use chrono::TimeDelta;
use domain::{
    actor::User,
    ids::UserId,
    run::{Outcome, SyncRun, Trigger},
};

/// The code of an outcome in addresses, as JSON has it.
pub fn outcome_code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Partial => "partial",
        Outcome::Held => "held",
        Outcome::RateLimited => "rate_limited",
        Outcome::Unreachable => "unreachable",
        Outcome::Rejected => "rejected",
        Outcome::Interrupted => "interrupted",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    }
}

/// What the outcome means for the copy.
pub fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "Everything the key can read was copied.",
        Outcome::Partial => "Some projects could not be copied.",
        Outcome::Held => "So much is missing in Plane that nothing was removed here.",
        Outcome::RateLimited => "Plane’s rate limit was in the way for longer than a run waits.",
        Outcome::Unreachable => "Plane could not be reached.",
        Outcome::Rejected => "Plane refused the key or the workspace.",
        Outcome::Interrupted => "Hangar stopped while the run was under way.",
        Outcome::Failed => "The run failed.",
        Outcome::Cancelled => "Somebody cancelled the run.",
    }
}

/// What to do about it; nothing when all is well.
pub fn advice(outcome: Outcome) -> Option<&'static str> {
    Some(match outcome {
        Outcome::Succeeded => return None,
        Outcome::Partial => {
            "What could be read was copied. Check that the API key’s owner is a member of the projects named above, then sync again."
        }
        Outcome::Held => {
            "So much at once looks like a mistake, so nothing was removed here. What is back in Plane is found by the next sync. If it was meant, open these projects under Projects and release what is missing."
        }
        Outcome::RateLimited => {
            "Another program probably uses the same API key. Give Hangar a key of its own, or sync again in a few minutes."
        }
        Outcome::Unreachable => {
            "Test the connection: it says which step fails. What was copied before stays as it is."
        }
        Outcome::Rejected => {
            "Test the connection. If the key was revoked or has expired, create a new one in Plane under Profile → Personal access tokens and replace it here."
        }
        Outcome::Interrupted => "What was copied so far stays. Sync again to copy the rest.",
        Outcome::Failed => {
            "Sync again. If it fails the same way, the log has the details under this run’s id."
        }
        Outcome::Cancelled => "What was copied so far stays. Sync again to copy the rest.",
    })
}

/// Who or what set the run off.
pub fn trigger(trigger: Trigger, people: &HashMap<UserId, String>) -> String {
    match trigger {
        Trigger::Person(id) => people
            .get(&id)
            .cloned()
            .unwrap_or_else(|| "By hand".to_owned()),
        Trigger::Schedule => "schedule".to_owned(),
    }
}

/// Names by id, for [`trigger`].
pub fn names(people: Vec<User>) -> HashMap<UserId, String> {
    people
        .into_iter()
        .map(|person| (person.id, person.name.into()))
        .collect()
}

/// How long the run took; `None` while it is under way, and never negative.
pub fn took(run: &SyncRun) -> Option<TimeDelta> {
    run.finished_at
        .map(|end| (end - run.started_at).max(TimeDelta::zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_json() {
        for outcome in Outcome::ALL {
            assert_eq!(
                serde_json::to_value(outcome).unwrap(),
                outcome_code(outcome)
            );
        }
    }

    #[test]
    fn every_outcome_but_success_says_what_to_do() {
        for outcome in Outcome::ALL {
            assert_eq!(advice(outcome).is_none(), outcome == Outcome::Succeeded);
            assert!(meaning(outcome).ends_with('.'));
        }
    }
}
