use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    ids::UserId,
    problems::{ByWhom, Problem, ProblemEvent, Turn},
};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
}

fn rule() -> Rule {
    let id = |n| RuleId(Uuid::from_u128(n));
    let [broken, _] = Rule::built_in(id(1), id(2)).unwrap();
    broken
}

fn problem(class: Class, integration: u128, minute: i64) -> Problem {
    let integration = IntegrationId(Uuid::from_u128(integration));
    Problem {
        id: ProblemId::of(integration, class.word(), None),
        integration,
        class,
        endpoint: None,
        level: class.level(),
        says: format!("{}.", class.name()),
        first_at: at(minute),
        last_at: at(minute),
        count: 1,
        opened_at: Some(at(minute)),
        resolved_at: None,
        spells: 1,
        hours: Default::default(),
        projects: Default::default(),
        clean: 0,
        clean_at: None,
        pending: None,
        acknowledged: None,
        snoozed_until: None,
        owner: None,
        note: String::new(),
    }
}

/// What is told from look to look.
struct Told {
    rule: Rule,
    incidents: Vec<Incident>,
    told: Vec<(i64, MessageKind, usize)>,
}

impl Told {
    fn by(rule: Rule) -> Self {
        Self {
            rule,
            incidents: vec![],
            told: vec![],
        }
    }

    fn look(&mut self, minute: i64, problems: &[Problem], is_quiet: bool) {
        let tags = Tags::default();
        let alertable = |problem| Alertable {
            problem,
            integration_name: "Acme",
            tags: &tags,
            origin: "https://plane.example",
            fingerprint: "ab12",
            is_caused: problem.cause(problems).is_some(),
        };
        let all: Vec<_> = problems.iter().map(alertable).collect();
        for decision in decide(&self.rule, &self.incidents, &all, is_quiet, at(minute)) {
            let incident = decision.incident;
            self.incidents.retain(|known| known.group != incident.group);
            if let Some(kind) = decision.tells {
                self.told.push((minute, kind, incident.integrations.len()));
            }
            self.incidents.push(incident);
        }
    }
}

#[test]
fn one_message_tells_of_a_server_that_is_gone_and_one_of_its_end() {
    let mut told = Told::by(rule());
    let mut problems: Vec<Problem> = (1..=40)
        .map(|n| problem(Class::NetworkConnect, n, 0))
        .collect();
    problems.extend((1..=40).map(|n| problem(Class::CopyStale, n, 0)));
    for minute in 0..30 {
        told.look(minute, &problems, false);
    }
    assert_eq!(told.told, [(0, MessageKind::Opened, 40)]);
    // The copies are young again a little later than the server is back.
    told.look(31, &[], false);
    told.look(32, &[], false);
    assert_eq!(told.told[1..], [(31, MessageKind::Closed, 40)]);

    told.look(50, &problems[..1], false);
    assert_eq!(told.incidents[0].number, 2, "another one");
    let names: std::collections::HashSet<_> = (1..=2)
        .map(|number| {
            Incident {
                number,
                ..told.incidents[0].clone()
            }
            .name()
        })
        .collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn what_joins_is_told_once_an_hour_and_what_lasts_once_a_day() {
    let mut told = Told::by(rule());
    told.look(0, &[problem(Class::PlaneFault, 1, 0)], false);
    let both = [
        problem(Class::PlaneFault, 1, 0),
        problem(Class::NetworkConnect, 2, 5),
    ];
    for minute in [5, 30, 59, 60, 61, 600, 1499, 1500, 1501] {
        told.look(minute, &both, false);
    }
    assert_eq!(
        told.told,
        [
            (0, MessageKind::Opened, 1),
            (60, MessageKind::Updated, 2),
            (1500, MessageKind::Reminder, 2),
        ]
    );
}

#[test]
fn what_somebody_has_taken_note_of_is_not_told_and_nobody_is_reminded() {
    let mut told = Told::by(rule());
    let by = ByWhom {
        id: UserId(Uuid::nil()),
        name: "Maya".to_owned(),
        at: at(0),
    };
    let known = Problem {
        acknowledged: Some(by),
        ..problem(Class::KeyInvalid, 1, 0)
    };
    told.look(1, std::slice::from_ref(&known), false);
    assert!(told.told.is_empty());
    let snoozed = Problem {
        snoozed_until: Some(at(100)),
        ..problem(Class::KeyInvalid, 1, 0)
    };
    told.look(2, std::slice::from_ref(&snoozed), false);
    assert!(told.told.is_empty());
    told.look(100, &[snoozed], false);
    for minute in [1600, 1700] {
        told.look(minute, std::slice::from_ref(&known), false);
    }
    told.look(1800, &[], false);
    let kinds: Vec<_> = told
        .told
        .iter()
        .map(|(minute, kind, _)| (*minute, *kind))
        .collect();
    assert_eq!(
        kinds,
        [(100, MessageKind::Opened), (1800, MessageKind::Closed)]
    );
}

#[test]
fn quiet_hours_hold_back_what_lasts_and_swallow_what_passes() {
    let mut told = Told::by(rule());
    let stale = [problem(Class::CopyStale, 1, 0)];
    told.look(1, &stale, true);
    told.look(2, &[], true);
    told.look(3, &stale, true);
    assert!(told.told.is_empty());
    told.look(4, &stale, false);
    told.look(5, &[], true);
    told.look(6, &[], false);
    let kinds: Vec<_> = told
        .told
        .iter()
        .map(|(minute, kind, _)| (*minute, *kind))
        .collect();
    assert_eq!(kinds, [(4, MessageKind::Opened), (6, MessageKind::Closed)]);
}

#[test]
fn a_rule_tells_of_what_it_concerns_once_it_has_lasted() {
    let drift = || [problem(Class::CopyDrift, 1, 0)];
    let mut broken = Told::by(rule());
    broken.look(1, &drift(), false);
    assert!(broken.told.is_empty(), "that is only to be looked at");

    let mut look = Told::by(Rule {
        pressing: Pressing::ToLookAt,
        after_minutes: 10,
        tells_end: false,
        classes: [Class::CopyDrift].into(),
        ..rule()
    });
    look.look(9, &drift(), false);
    look.look(10, &drift(), false);
    look.look(11, &[], false);
    assert_eq!(look.told, [(10, MessageKind::Opened, 1)]);
    assert!(look.incidents[0].closed_at.is_some());

    let tagged = Rule {
        scope: Scope::Tag("ops".parse().unwrap()),
        ..rule()
    };
    let concerns = |tags: &str| {
        tagged.concerns(
            Class::KeyInvalid,
            Level::Bad,
            IntegrationId(Uuid::nil()),
            &tags.parse().unwrap(),
        )
    };
    assert!(concerns("ops, eu") && !concerns("eu"));
}

fn event(turn: Turn, class: Class, integration: u128, minute: i64) -> ProblemEvent {
    let problem = problem(class, integration, minute);
    ProblemEvent {
        problem: problem.id,
        integration: problem.integration,
        class,
        level: class.level(),
        at: at(minute),
        turn,
        actor_name: None,
        says: String::new(),
    }
}

#[test]
fn a_preview_counts_what_would_have_been_told() {
    let would = |rule: &Rule, events: &[ProblemEvent]| {
        let group = |event: &ProblemEvent| group_of(event.class, event.problem, "o", "f");
        preview(rule, events, &HashMap::new(), group, at(1000))
    };
    let events = [
        event(Turn::Opened, Class::NetworkConnect, 1, 0),
        event(Turn::Opened, Class::NetworkConnect, 2, 1), // the same server
        event(Turn::Opened, Class::CopyStale, 1, 30),     // comes of it
        event(Turn::Resolved, Class::NetworkConnect, 1, 40),
        event(Turn::Resolved, Class::NetworkConnect, 2, 41),
        event(Turn::Resolved, Class::CopyStale, 1, 42),
        event(Turn::Acknowledged, Class::CopyStale, 1, 42),
        event(Turn::Back, Class::NetworkConnect, 1, 100),
        event(Turn::Resolved, Class::NetworkConnect, 1, 103),
        event(Turn::Opened, Class::CopyDrift, 1, 200), // only to be looked at
        event(Turn::Opened, Class::KeyInvalid, 3, 300),
    ];
    assert_eq!(would(&rule(), &events), 3);
    let patient = Rule {
        after_minutes: 5,
        ..rule()
    };
    assert_eq!(would(&patient, &events), 2, "three minutes are not told");
    assert_eq!(would(&rule(), &[]), 0);
}

#[test]
fn a_message_that_does_not_get_through_is_tried_for_a_day() {
    let wait = |minutes: i64, tries, asked: Option<i64>, chance| {
        let asked = asked.map(TimeDelta::seconds);
        retry_after(at(0), tries, asked, chance, at(minutes)).map(|wait| wait.num_seconds())
    };
    assert_eq!(wait(0, 1, None, 1.0), Some(10));
    assert_eq!(wait(0, 1, None, 0.0), Some(5));
    assert_eq!(wait(0, 2, None, 1.0), Some(30));
    assert_eq!(
        wait(0, 50, None, 1.0),
        Some(3600),
        "no later than in an hour"
    );
    assert_eq!(
        wait(0, 1, Some(120), 1.0),
        Some(120),
        "as long as it asks for"
    );
    assert_eq!(wait(24 * 60 - 30, 9, None, 1.0), None);
}

#[test]
fn forms_are_read() {
    assert_eq!(Rule::parse_reminder(""), Ok(0));
    assert_eq!(Rule::parse_reminder("4"), Ok(4));
    assert!(Rule::parse_reminder("3").is_err() && Rule::parse_reminder("169").is_err());
    assert_eq!(Rule::parse_after("1440"), Ok(1440));
    assert!(Rule::parse_after("-1").is_err());
    let addresses = parse_addresses("a@example.com; B@example.com,\na@example.com").unwrap();
    assert_eq!(addresses.len(), 2);
    assert!(parse_addresses(" , ").is_err() && parse_addresses("a@b@c").is_err());
    for kind in ChannelKind::ALL {
        assert_eq!(ChannelKind::from_slug(kind.slug()), Some(kind));
    }
    for security in MailSecurity::ALL {
        assert_eq!(MailSecurity::from_slug(security.slug()), Some(security));
    }
    for pressing in Pressing::ALL {
        assert_eq!(Pressing::from_slug(pressing.slug()), Some(pressing));
    }
    for state in DeliveryState::ALL {
        assert_eq!(DeliveryState::from_slug(state.slug()), Some(state));
    }
}

proptest! {
    #[test]
    fn an_incident_is_opened_before_it_is_closed_and_each_message_has_its_own_id(
        looks in prop::collection::vec((1i64..200, prop::collection::vec(0usize..6, 0..4), any::<bool>()), 1..60),
    ) {
        let classes = [Class::NetworkConnect, Class::KeyInvalid, Class::CopyStale, Class::PlaneFault, Class::Storage, Class::CopyDrift];
        let mut told = Told::by(rule());
        let (mut minute, mut ids) = (0, std::collections::HashSet::new());
        let mut open = std::collections::HashSet::new();
        for (pause, present, is_quiet) in looks {
            minute += pause;
            let mut present: Vec<usize> = present;
            present.sort_unstable();
            present.dedup();
            let problems: Vec<Problem> = present.iter().map(|n| problem(classes[*n], 1, minute)).collect();
            let before = told.incidents.clone();
            told.look(minute, &problems, is_quiet);
            for incident in &told.incidents {
                let old = before.iter().find(|old| old.group == incident.group);
                if old.is_some_and(|old| old == incident) {
                    continue;
                }
                let id = incident.delivery(ChannelId(Uuid::nil()));
                prop_assert!(ids.insert(id), "a message twice");
                match incident.closed_at {
                    None => { open.insert(incident.name()); }
                    Some(_) => prop_assert!(open.remove(&incident.name())),
                }
            }
        }
    }
}
