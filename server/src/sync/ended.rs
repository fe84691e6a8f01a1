use chrono::{DateTime, TimeDelta, Utc};
use domain::{mirror::Project, run::Outcome};
use plane::Error;

/// How a walk ended.
pub(super) enum Ended {
    /// Everything was read but what is named here.
    Copied {
        left_out: Vec<LeftOut>,
    },
    /// Plane, or the way there, is in trouble.
    Plane(Error),
    /// Nothing moved for too long.
    Stuck,
    Store(store::Error),
    Cancelled,
}

/// A project that could not be copied whole, and why.
pub(super) struct LeftOut {
    pub(super) project: String,
    pub(super) why: String,
    /// It waits for somebody to look, rather than for the next run.
    pub(super) is_held: bool,
}

impl LeftOut {
    pub(super) fn partly(project: &Project, why: String) -> Self {
        Self {
            project: project.name.clone(),
            why,
            is_held: false,
        }
    }
}

/// The outcome of a run that this error ended.
pub(super) fn outcome_of(error: &Error) -> Outcome {
    match error {
        Error::BadKey
        | Error::NoCredentials
        | Error::NoAccess
        | Error::NotFound
        | Error::Policy(_) => Outcome::Rejected,
        Error::Dns
        | Error::Refused
        | Error::Timeout
        | Error::Tls(_)
        | Error::Network
        | Error::Resting { .. } => Outcome::Unreachable,
        Error::RateLimited { .. } => Outcome::RateLimited,
        _ => Outcome::Failed,
    }
}

/// Why this error ended a run; with the time from when Plane may be asked again, if it is known.
pub(super) fn reason_of(error: &Error, now: DateTime<Utc>) -> String {
    let Some(until) = error
        .retry_after()
        .and_then(|wait| Some(now + TimeDelta::from_std(wait).ok()?))
    else {
        return error.sentence();
    };
    // Whole seconds, and not before.
    let until = (until + TimeDelta::milliseconds(999)).format("%H:%M:%S");
    match error {
        Error::Resting { .. } => {
            format!("Plane failed five times in a row; the next try is at {until} UTC.")
        }
        _ => format!("Plane's rate limit for this key is used up until {until} UTC."),
    }
}

/// What a partial run says of what it left out: the first three by name.
pub(super) fn left_out_sentence(left_out: &[LeftOut]) -> String {
    let named: Vec<String> = left_out
        .iter()
        .take(3)
        .map(|l| format!("{}: {}", l.project, l.why))
        .collect();
    let more = left_out.len().saturating_sub(3);
    let rest = if more > 0 {
        format!(" And {more} more.")
    } else {
        String::new()
    };
    format!("{}{rest}", named.join(" "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_outcome_names_whose_fault_it_is() {
        assert_eq!(outcome_of(&Error::BadKey), Outcome::Rejected);
        assert_eq!(outcome_of(&Error::Timeout), Outcome::Unreachable);
        assert_eq!(
            outcome_of(&Error::PlaneFault { status: 502 }),
            Outcome::Failed
        );
    }

    #[test]
    fn a_wait_is_told_by_its_end() {
        let now = DateTime::from_timestamp(1_800_000_000, 400_000_000).unwrap();
        let wait = Duration::from_secs(57);
        let limited = Error::RateLimited { retry_after: wait };
        assert_eq!(
            reason_of(&limited, now),
            "Plane's rate limit for this key is used up until 08:00:58 UTC."
        );
        let resting = Error::Resting { retry_after: wait };
        assert!(reason_of(&resting, now).ends_with("the next try is at 08:00:58 UTC."));
        assert_eq!(reason_of(&Error::BadKey, now), Error::BadKey.sentence());
    }

    #[test]
    fn three_are_named_and_the_rest_is_counted() {
        let left_out: Vec<LeftOut> = (1..=5)
            .map(|n| LeftOut {
                project: format!("P{n}"),
                why: "Plane answered 500.".to_owned(),
                is_held: false,
            })
            .collect();
        let sentence = left_out_sentence(&left_out);
        assert!(
            sentence.contains("P3")
                && !sentence.contains("P4")
                && sentence.ends_with("And 2 more."),
            "{sentence}"
        );
    }
}
