use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::time::Instant;

use crate::Error;

/// So many failures in a row mean that the origin is down.
const FAILURES: u32 = 5;

/// Leaves an origin alone that fails again and again, whoever calls it; shared by all its keys.
#[derive(Debug)]
pub(crate) struct Breaker {
    rest: Duration,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    pub(crate) fn new(rest: Duration) -> Self {
        Self {
            rest,
            circuit: Mutex::default(),
        }
    }

    /// Whether a call may be made; if not, how long until one is tried.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        let now = Instant::now();
        let admitted = self.circuit().admit(self.rest, now);
        admitted.map_err(|until| Error::Resting {
            retry_after: until - now,
        })
    }

    /// What became of a call; who was not asked for admittance tells it as well.
    pub(crate) fn note(&self, error: Option<&Error>) {
        if error.is_some_and(Error::is_outage) {
            self.circuit().failed(self.rest, Instant::now());
        } else {
            self.circuit().answered();
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// What was seen of an origin. All times are arguments.
#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    /// Nothing is sent before then, and after it one call, until that is answered.
    open_until: Option<Instant>,
}

impl Circuit {
    fn admit(&mut self, rest: Duration, now: Instant) -> Result<(), Instant> {
        match self.open_until {
            None => Ok(()),
            Some(until) if now < until => Err(until),
            Some(_) => {
                // The probe. If nobody tells what became of it, the next one may try.
                self.open_until = Some(now + rest);
                Ok(())
            }
        }
    }

    fn answered(&mut self) {
        *self = Circuit::default();
    }

    fn failed(&mut self, rest: Duration, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.open_until = Some(now + rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::AnswerFlaw;

    const REST: Duration = Duration::from_secs(60);

    #[test]
    fn only_an_outage_counts() {
        let breaker = Breaker::new(REST);
        for _ in 0..20 {
            breaker.note(Some(&Error::BadKey));
            breaker.note(Some(&Error::NotFound));
            breaker.note(Some(&Error::BadAnswer(AnswerFlaw::NotUnderstood)));
        }
        assert_eq!(breaker.admit(), Ok(()));
        for _ in 0..FAILURES {
            breaker.note(Some(&Error::PlaneFault { status: 502 }));
        }
        assert!(matches!(breaker.admit(), Err(Error::Resting { .. })));
        breaker.note(None);
        assert_eq!(breaker.admit(), Ok(()), "a person's call got through");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Wait(u64),
        Ask,
        Fail,
        Answer,
    }

    proptest! {
        #[test]
        fn an_open_breaker_lets_one_call_through_in_each_rest_and_any_answer_closes_it(
            steps in prop::collection::vec(
                prop_oneof![
                    (0u64..40_000).prop_map(Step::Wait),
                    Just(Step::Ask), Just(Step::Fail), Just(Step::Fail), Just(Step::Fail), Just(Step::Answer),
                ],
                1..200,
            ),
        ) {
            let mut now = Instant::now();
            let mut circuit = Circuit::default();
            let (mut in_a_row, mut quiet_since) = (0, None::<Instant>);
            for step in steps {
                match step {
                    Step::Wait(ms) => now += Duration::from_millis(ms),
                    Step::Fail => {
                        circuit.failed(REST, now);
                        in_a_row += 1;
                        if in_a_row >= FAILURES {
                            quiet_since = Some(now);
                        }
                    }
                    Step::Answer => {
                        circuit.answered();
                        (in_a_row, quiet_since) = (0, None);
                    }
                    Step::Ask => match (circuit.admit(REST, now), quiet_since) {
                        (Ok(()), None) => {}
                        (Ok(()), Some(since)) => {
                            prop_assert!(now >= since + REST);
                            quiet_since = Some(now);
                        }
                        (Err(until), Some(since)) => {
                            prop_assert!(now < since + REST);
                            prop_assert_eq!(until, since + REST);
                        }
                        (Err(_), None) => prop_assert!(false, "closed after {in_a_row} failures"),
                    },
                }
            }
        }
    }
}
