use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    ids::{IntegrationId, ProblemId},
    problems::{Class, ProblemEvent, Turn},
};

/// Something that may explain what a chart shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub kind: HappeningKind,
    pub from: DateTime<Utc>,
    /// When it was over; `None`: it was a moment.
    pub until: Option<DateTime<Utc>>,
    /// A sentence without the time.
    pub says: String,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HappeningKind {
    /// A key was replaced.
    Key,
    /// Settings were changed, or an integration came or went.
    Change,
    /// Another version of Hangar ran from then on.
    Upgrade,
    /// Plane could not be reached, or did not work.
    Outage,
    Maintenance,
}

/// Where there is more about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Nowhere,
    Integration(IntegrationId),
    Problem(ProblemId),
}

impl Happening {
    /// Whether any of it is in that time.
    pub fn is_within(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        self.from < to && self.until.unwrap_or(self.from) >= from
    }
}

/// What problems are called outages: Plane could not be reached, or did not work.
pub const OUTAGES: [Class; 6] = [
    Class::NetworkDns,
    Class::NetworkConnect,
    Class::NetworkTls,
    Class::NetworkTimeout,
    Class::PlaneFault,
    Class::PlaneResting,
];

/// The outages that turns of problems since `from` tell of, those at the same time as one. What is resolved without having begun since
/// then began before; what is not resolved goes on until `now`.
pub fn outages(
    turns: &[ProblemEvent],
    name: impl Fn(IntegrationId) -> String,
    from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Vec<Happening> {
    let mut turns: Vec<&ProblemEvent> = turns.iter().collect();
    turns.sort_by_key(|event| event.at);
    let mut open = BTreeMap::<ProblemId, (DateTime<Utc>, IntegrationId)>::new();
    let mut spans = Vec::new();
    for event in turns {
        match event.turn {
            Turn::Opened | Turn::Back => {
                open.entry(event.problem)
                    .or_insert((event.at, event.integration));
            }
            Turn::Resolved => {
                let began = open.remove(&event.problem);
                let (began, integration) = began.unwrap_or((from, event.integration));
                spans.push((began, event.at, integration, event.problem));
            }
            _ => {}
        }
    }
    let rest = open.into_iter();
    spans.extend(rest.map(|(problem, (from, integration))| (from, now, integration, problem)));
    spans.sort();

    let mut merged: Vec<(Happening, BTreeSet<IntegrationId>)> = Vec::new();
    for (from, until, integration, problem) in spans {
        match merged.last_mut() {
            Some((last, whose)) if last.until.is_some_and(|end| from <= end) => {
                last.until = last.until.max(Some(until));
                whose.insert(integration);
            }
            _ => {
                let outage = Happening {
                    kind: HappeningKind::Outage,
                    from,
                    until: Some(until),
                    says: String::new(),
                    place: Place::Problem(problem),
                };
                merged.push((outage, BTreeSet::from([integration])));
            }
        }
    }
    let tell = |(outage, whose): (Happening, BTreeSet<IntegrationId>)| Happening {
        says: match (whose.len(), whose.first()) {
            (1, Some(one)) => format!("Plane did not work for {}", name(*one)),
            (many, _) => format!("Plane did not work for {many} integrations"),
        },
        ..outage
    };
    merged.into_iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::checks::Level;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    fn turn(integration: u128, turn: Turn, minute: i64) -> ProblemEvent {
        ProblemEvent {
            problem: ProblemId(Uuid::from_u128(integration)),
            integration: IntegrationId(Uuid::from_u128(integration)),
            class: Class::NetworkConnect,
            level: Level::Bad,
            at: at(minute),
            turn,
            actor_name: None,
            says: String::new(),
        }
    }

    #[test]
    fn what_fails_at_the_same_time_is_one_outage() {
        let turns = [
            turn(1, Turn::Opened, 10),
            turn(2, Turn::Opened, 12),
            turn(1, Turn::Acknowledged, 13),
            turn(1, Turn::Resolved, 20),
            turn(2, Turn::Resolved, 25),
            turn(1, Turn::Back, 40),
        ];
        let name = |id: IntegrationId| format!("Acme {}", id.0.as_u128());
        let told: Vec<_> = outages(&turns, name, at(0), at(50))
            .into_iter()
            .map(|one| (one.from, one.until.unwrap(), one.says))
            .collect();
        assert_eq!(
            told,
            [
                (
                    at(10),
                    at(25),
                    "Plane did not work for 2 integrations".to_owned()
                ),
                (at(40), at(50), "Plane did not work for Acme 1".to_owned()),
            ]
        );
    }

    #[test]
    fn what_ends_without_having_begun_began_before() {
        let told = outages(
            &[turn(3, Turn::Resolved, 41)],
            |_| "Acme".to_owned(),
            at(5),
            at(50),
        );
        let spans: Vec<_> = told.iter().map(|one| (one.from, one.until)).collect();
        assert_eq!(spans, [(at(5), Some(at(41)))]);
    }

    #[test]
    fn a_time_has_what_touches_it() {
        let mut one = outages(
            &[turn(1, Turn::Opened, 10), turn(1, Turn::Resolved, 20)],
            |_| String::new(),
            at(0),
            at(50),
        )
        .remove(0);
        assert!(
            one.is_within(at(15), at(16))
                && one.is_within(at(0), at(11))
                && one.is_within(at(20), at(30))
        );
        assert!(!one.is_within(at(21), at(30)) && !one.is_within(at(0), at(10)));
        one.until = None;
        assert!(one.is_within(at(10), at(11)) && !one.is_within(at(11), at(20)));
    }
}
