use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::ProjectId,
    problems::{Class, Sighting},
    run::Outcome,
};
use plane::{Call, Error};

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
    /// What failed; `None`: a check tells of it.
    pub(super) failure: Option<Failed>,
}

/// What kind of failure something was left out for, and where.
#[derive(Clone)]
pub(super) struct Failed {
    class: Class,
    endpoint: Option<String>,
    project: Option<ProjectId>,
    /// Whether the call that failed was counted by itself.
    is_counted: bool,
}

impl Failed {
    /// What this error stands for; `last` is the latest call that failed.
    pub(super) fn of(
        error: &Error,
        last: Option<&Call>,
        project: Option<ProjectId>,
    ) -> Option<Self> {
        let class = Class::of_code(error.code())?;
        let last = last.filter(|call| call.error == Some(error.code()));
        Some(Self {
            class,
            endpoint: last.map(Call::endpoint),
            project,
            is_counted: last.is_some() && Class::of_call(error.code()).is_some(),
        })
    }

    /// Of what was no failed call.
    pub(super) fn here(class: Class, project: Option<ProjectId>) -> Self {
        Self {
            class,
            endpoint: None,
            project,
            is_counted: false,
        }
    }

    /// As it is told.
    pub(super) fn sighting(self, at: DateTime<Utc>) -> Sighting {
        Sighting {
            class: self.class,
            endpoint: self.endpoint,
            project: self.project,
            at,
            times: u32::from(!self.is_counted),
            is_end: true,
        }
    }
}

impl Ended {
    /// What it ended for.
    pub(super) fn failures(&self, last: Option<&Call>) -> Vec<Failed> {
        match self {
            Ended::Copied { left_out } => {
                let failures = left_out.iter();
                failures.filter_map(|left| left.failure.clone()).collect()
            }
            Ended::Plane(error) => Failed::of(error, last, None).into_iter().collect(),
            Ended::Stuck => vec![Failed::here(Class::RunStalled, None)],
            Ended::Store(_) => vec![Failed::here(Class::Storage, None)],
            Ended::Cancelled => vec![],
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
    fn what_was_counted_as_a_call_is_not_counted_again() {
        let call = |error| Call {
            number: 1,
            method: "GET",
            path: "/api/v1/workspaces/acme/projects/".to_owned(),
            status: None,
            error,
            after: Duration::ZERO,
            took: Duration::ZERO,
            waited: Duration::ZERO,
            bytes: 0,
            remaining: None,
        };
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let told = |error: &Error, last: Option<&str>| {
            let last = last.map(|_| call(Some("timeout")));
            let failed = Failed::of(error, last.as_ref(), None)?;
            let sighting = failed.sighting(at);
            Some((sighting.class, sighting.endpoint, sighting.times))
        };
        let place = Some("projects".to_owned());
        assert_eq!(
            told(&Error::Timeout, Some("timeout")),
            Some((Class::NetworkTimeout, place, 0))
        );
        assert_eq!(
            told(&Error::NoAccess, Some("timeout")),
            Some((Class::Forbidden, None, 1)),
            "the latest call failed for another reason"
        );
        let resting = Error::Resting {
            retry_after: Duration::ZERO,
        };
        assert_eq!(told(&resting, None), Some((Class::PlaneResting, None, 1)));
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
                failure: None,
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
