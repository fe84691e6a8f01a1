use chrono::{DateTime, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::checks::{Check, Finding};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
}

fn integration() -> IntegrationId {
    IntegrationId(Uuid::from_u128(7))
}

fn sighting(class: Class, minute: i64) -> Sighting {
    Sighting {
        class,
        endpoint: Some("projects/:id/work-items".to_owned()),
        project: Some(ProjectId(Uuid::from_u128(1))),
        at: at(minute),
        times: 1,
        is_end: false,
    }
}

fn finding(level: Level) -> Finding {
    Finding {
        check: Check::Freshness,
        level,
        says: "Older than twice the schedule: Web.".to_owned(),
    }
}

/// All problems of an integration, and what was told of them.
#[derive(Default)]
struct Known {
    problems: Vec<Problem>,
    turns: Vec<Turn>,
}

impl Known {
    fn look(
        &mut self,
        minute: i64,
        sightings: &[Sighting],
        findings: &[Finding],
        run: Option<Ended>,
        test: Option<Ended>,
    ) {
        let stands: Vec<Stands> = findings.iter().filter_map(Stands::of).collect();
        let seen = Seen {
            integration: integration(),
            sightings,
            stands: &stands,
            runs: run.as_slice(),
            tests: test.as_slice(),
        };
        for turned in round(&self.problems, &seen, at(minute)) {
            self.problems.retain(|known| known.id != turned.problem.id);
            self.problems.push(turned.problem);
            self.turns.extend(turned.event.map(|event| event.turn));
        }
    }

    fn see(&mut self, minute: i64, sightings: &[Sighting]) {
        self.look(minute, sightings, &[], None, None);
    }

    fn run(&mut self, minute: i64, is_good: bool) {
        let run = Some(Ended {
            started_at: at(minute),
            is_good,
        });
        self.look(minute, &[], &[], run, None);
    }

    fn only(&self) -> &Problem {
        assert_eq!(self.problems.len(), 1);
        &self.problems[0]
    }
}

#[test]
fn failures_alike_are_one_problem() {
    let mut known = Known::default();
    known.see(
        0,
        &[
            sighting(Class::BadRequest, 0),
            sighting(Class::BadRequest, 0),
        ],
    );
    known.see(5, &[sighting(Class::BadRequest, 4)]);
    let problem = known.only();
    assert_eq!((problem.count, problem.spells), (3, 1));
    assert_eq!((problem.first_at, problem.last_at), (at(0), at(4)));
    assert_eq!(problem.projects.len(), 1);
    assert_eq!(known.turns, [Turn::Opened]);

    let elsewhere = Sighting {
        endpoint: Some("projects".to_owned()),
        ..sighting(Class::BadRequest, 6)
    };
    known.see(6, &[elsewhere, sighting(Class::KeyInvalid, 6)]);
    assert_eq!(known.problems.len(), 3);
    let key = known
        .problems
        .iter()
        .find(|one| one.class == Class::KeyInvalid);
    assert_eq!(
        key.unwrap().endpoint,
        None,
        "where is of no matter for a key"
    );
}

#[test]
fn what_may_pass_is_a_problem_when_it_happens_often_within_an_hour() {
    let mut known = Known::default();
    let times = |times, minute| Sighting {
        times,
        ..sighting(Class::PlaneFault, minute)
    };
    known.see(0, &[times(3, 0)]);
    known.see(1, &[times(1, 1)]);
    assert_eq!(known.only().state(at(1)), None);
    known.see(70, &[times(2, 70)]);
    assert_eq!(known.only().state(at(70)), None, "an hour went by");
    known.see(72, &[times(2, 71), times(1, 72)]);
    assert_eq!(known.only().state(at(72)), Some(ProblemState::Open));
    assert_eq!(known.only().opened_at, Some(at(70)));
    assert_eq!(known.only().count, 9);
}

#[test]
fn what_a_run_ended_for_is_a_problem_at_once() {
    let mut known = Known::default();
    let end = Sighting {
        is_end: true,
        times: 0,
        ..sighting(Class::NetworkConnect, 3)
    };
    known.see(3, &[sighting(Class::NetworkConnect, 2), end]);
    assert_eq!(known.only().state(at(3)), Some(ProblemState::Open));
    assert_eq!(known.only().count, 1, "it is not counted twice");
}

#[test]
fn two_rounds_without_it_resolve_it_and_it_can_come_back() {
    let mut known = Known::default();
    known.see(0, &[sighting(Class::BadRequest, 0)]);
    known.run(1, false);
    known.run(2, true);
    known.run(2, true);
    assert_eq!(known.only().clean, 1, "the same run is one round");
    known.run(3, true);
    assert_eq!(known.only().state(at(3)), Some(ProblemState::Resolved));
    known.run(4, true);
    assert_eq!(known.turns, [Turn::Opened, Turn::Resolved]);

    known.see(9, &[sighting(Class::BadRequest, 9)]);
    assert_eq!(known.only().state(at(9)), Some(ProblemState::Open));
    assert_eq!(
        (known.only().spells, known.only().opened_at),
        (2, Some(at(9)))
    );
    assert_eq!(known.turns.last(), Some(&Turn::Back));

    known.run(10, true);
    known.see(11, &[sighting(Class::BadRequest, 11)]);
    known.run(12, true);
    assert_eq!(known.only().clean, 1, "it happened in between");
}

#[test]
fn rounds_between_two_looks_all_count() {
    let mut known = Known::default();
    known.see(0, &[sighting(Class::BadRequest, 0)]);
    let ended = |minute| Ended {
        started_at: at(minute),
        is_good: true,
    };
    let seen = Seen {
        integration: integration(),
        sightings: &[],
        stands: &[],
        runs: &[ended(3), ended(-1), ended(2)],
        tests: &[],
    };
    let turned = round(&known.problems, &seen, at(4));
    let state = turned[0].problem.state(at(4));
    assert_eq!(state, Some(ProblemState::Resolved), "whatever their order");
}

#[test]
fn tests_say_nothing_about_what_only_runs_ask_for() {
    let test = |minute| {
        Some(Ended {
            started_at: at(minute),
            is_good: true,
        })
    };
    let mut known = Known::default();
    known.see(
        0,
        &[
            sighting(Class::BadRequest, 0),
            sighting(Class::KeyInvalid, 0),
        ],
    );
    for minute in 1..4 {
        known.look(minute, &[], &[], None, test(minute));
    }
    let open: Vec<Class> = known
        .problems
        .iter()
        .filter(|one| one.is_unresolved())
        .map(|one| one.class)
        .collect();
    assert_eq!(open, [Class::BadRequest]);
}

#[test]
fn a_check_is_a_problem_for_as_long_as_it_says_so() {
    let mut known = Known::default();
    let look =
        |known: &mut Known, minute, level| known.look(minute, &[], &[finding(level)], None, None);
    look(&mut known, 0, Level::Good);
    assert!(known.problems.is_empty());
    for minute in 1..5 {
        look(&mut known, minute, Level::Bad);
    }
    assert_eq!(
        (known.only().count, known.only().opened_at),
        (1, Some(at(1)))
    );
    assert_eq!(known.only().says, finding(Level::Bad).says);
    look(&mut known, 5, Level::Good);
    look(&mut known, 6, Level::Unknown);
    look(&mut known, 7, Level::Bad);
    look(&mut known, 8, Level::Good);
    assert!(known.only().is_unresolved(), "two in a row");
    look(&mut known, 9, Level::Good);
    assert_eq!(known.turns, [Turn::Opened, Turn::Resolved]);
}

#[test]
fn what_people_say_to_it_is_kept_until_it_is_resolved() {
    let mut known = Known::default();
    known.see(0, &[sighting(Class::BadRequest, 0)]);
    let (me, you) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let act = |known: &mut Known, act: ProblemAct, minute| {
        let after = known.only().after(&act, (me, "Maya"), at(minute));
        let is_done = after.is_some();
        if let Some((problem, event)) = after {
            known.problems = vec![problem];
            known.turns.push(event.turn);
        }
        is_done
    };
    assert!(act(&mut known, ProblemAct::Acknowledge, 1));
    assert_eq!(known.only().state(at(1)), Some(ProblemState::Acknowledged));
    assert!(act(&mut known, ProblemAct::Snooze { until: at(60) }, 2));
    assert_eq!(known.only().state(at(2)), Some(ProblemState::Snoozed));
    assert_eq!(known.only().state(at(60)), Some(ProblemState::Acknowledged));
    assert!(act(
        &mut known,
        ProblemAct::Assign(Some((you, "Noor".to_owned()))),
        3
    ));
    assert!(!act(
        &mut known,
        ProblemAct::Assign(Some((you, "Noor".to_owned()))),
        4
    ));
    assert!(act(
        &mut known,
        ProblemAct::Note("Ask the hoster.".to_owned()),
        5
    ));
    known.run(6, true);
    known.run(7, true);
    assert_eq!(known.only().state(at(8)), Some(ProblemState::Resolved));
    assert!(!act(&mut known, ProblemAct::Acknowledge, 8));
    known.see(9, &[sighting(Class::BadRequest, 9)]);
    assert_eq!(
        known.only().state(at(9)),
        Some(ProblemState::Open),
        "nobody took note of this one"
    );
    assert_eq!(known.only().note, "Ask the hoster.");
    assert!(known.only().owner.is_some());
}

#[test]
fn what_comes_of_something_else_names_it() {
    let mut known = Known::default();
    known.see(0, &[sighting(Class::KeyInvalid, 0)]);
    known.look(1, &[], &[finding(Level::Bad)], None, None);
    let stale = known
        .problems
        .iter()
        .find(|one| one.class == Class::CopyStale)
        .unwrap();
    assert_eq!(
        stale.cause(&known.problems).map(|cause| cause.class),
        Some(Class::KeyInvalid)
    );
    let key = known
        .problems
        .iter()
        .find(|one| one.class == Class::KeyInvalid)
        .unwrap();
    assert_eq!(key.cause(&known.problems), None);
}

#[test]
fn the_trend_is_of_the_last_week() {
    let mut known = Known::default();
    let day = 24 * 60;
    for (minute, times) in [(-8 * day, 9), (-6 * day + 60, 2), (-30, 3), (0, 1)] {
        let many = Sighting {
            times,
            ..sighting(Class::BadRequest, minute)
        };
        known.see(minute, &[many]);
    }
    assert_eq!(known.only().trend(7, at(0)), [0, 2, 0, 0, 0, 0, 4]);
    assert_eq!(known.only().count, 15);
    assert!(known.only().hours.len() <= 3);
}

proptest! {
    #[test]
    fn whatever_happens_the_counts_add_up(steps in prop::collection::vec((0i64..30, 0u8..5, any::<bool>()), 1..80)) {
        let mut known = Known::default();
        let (mut minute, mut seen) = (0, 0);
        for (pause, what, is_good) in steps {
            minute += pause;
            match what {
                0 | 1 => {
                    seen += 1;
                    known.see(minute, &[sighting(Class::PlaneFault, minute)]);
                }
                2 => known.see(minute, &[Sighting { is_end: true, times: 0, ..sighting(Class::PlaneFault, minute) }]),
                _ => known.run(minute, is_good),
            }
        }
        let count: u64 = known.problems.iter().map(|one| one.count).sum();
        prop_assert_eq!(count, seen);
        // It is told in turns: opened, resolved, back, resolved, …
        for (n, turn) in known.turns.iter().enumerate() {
            let expected = match n {
                0 => Turn::Opened,
                n if n % 2 == 1 => Turn::Resolved,
                _ => Turn::Back,
            };
            prop_assert_eq!(*turn, expected);
        }
        let is_open = known.problems.iter().any(Problem::is_unresolved);
        prop_assert_eq!(is_open, known.turns.len() % 2 == 1);
    }

    #[test]
    fn a_group_has_one_id(integration: u128, a in "[a-z:/]{0,12}", b in "[a-z:/]{0,12}") {
        let id = |endpoint: &str| ProblemId::of(IntegrationId(Uuid::from_u128(integration)), "plane.5xx", Some(endpoint));
        prop_assert_eq!(id(&a) == id(&b), a == b);
    }

    #[test]
    fn a_trend_is_in_the_past(times in prop::collection::vec(-20_000i64..0, 0..40), parts in 1usize..50) {
        let mut known = Known::default();
        for minute in times {
            known.see(minute, &[sighting(Class::BadRequest, minute)]);
        }
        if let Some(problem) = known.problems.first() {
            let trend = problem.trend(parts, at(0));
            prop_assert_eq!(trend.len(), parts);
            prop_assert!(trend.iter().sum::<u64>() <= problem.count);
        }
    }
}

#[test]
fn words_are_read_back() {
    for state in ProblemState::ALL {
        assert_eq!(ProblemState::from_slug(state.slug()), Some(state));
    }
    for turn in Turn::ALL {
        assert_eq!(Turn::from_word(turn.word()), Some(turn));
    }
}
