use chrono::{DateTime, Utc};

use super::{ByWhom, Problem, ProblemEvent, ProblemState, Turn};
use crate::ids::UserId;

/// What an admin says to a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProblemAct {
    Acknowledge,
    Reopen,
    Snooze {
        until: DateTime<Utc>,
    },
    Wake,
    /// Who sees to it; `None`: nobody.
    Assign(Option<(UserId, String)>),
    Note(String),
}

impl Problem {
    /// What the problem is after somebody said something to it, and the line for its story; `None`: it was so already, or it is none now.
    pub fn after(
        &self,
        act: &ProblemAct,
        (by, by_name): (UserId, &str),
        now: DateTime<Utc>,
    ) -> Option<(Problem, ProblemEvent)> {
        let state = self.state(now)?;
        let mut after = self.clone();
        let whom = |id, name: &str| ByWhom {
            id,
            name: name.to_owned(),
            at: now,
        };
        let (turn, says) = match act {
            ProblemAct::Acknowledge if state != ProblemState::Resolved => {
                after.acknowledged = Some(whom(by, by_name));
                (Turn::Acknowledged, "Acknowledged.".to_owned())
            }
            ProblemAct::Reopen if self.acknowledged.is_some() => {
                after.acknowledged = None;
                (Turn::Reopened, "No longer acknowledged.".to_owned())
            }
            ProblemAct::Snooze { until } if state != ProblemState::Resolved => {
                after.snoozed_until = Some(*until);
                let until = until.format("%Y-%m-%d %H:%M");
                (Turn::Snoozed, format!("Snoozed until {until} UTC."))
            }
            ProblemAct::Wake if self.snoozed_until.is_some() => {
                after.snoozed_until = None;
                (Turn::Woken, "No longer snoozed.".to_owned())
            }
            ProblemAct::Assign(owner) => {
                let owner = owner.as_ref().map(|(id, name)| whom(*id, name));
                let is_same = |a: &ByWhom, b: &ByWhom| a.id == b.id;
                match (&self.owner, &owner) {
                    (None, None) => return None,
                    (Some(a), Some(b)) if is_same(a, b) => return None,
                    _ => {}
                }
                let says = match &owner {
                    Some(owner) => format!("{} sees to it.", owner.name),
                    None => "Nobody sees to it.".to_owned(),
                };
                after.owner = owner;
                (Turn::Owner, says)
            }
            ProblemAct::Note(note) if *note != self.note => {
                after.note = note.clone();
                (Turn::Note, "The note was changed.".to_owned())
            }
            _ => return None,
        };
        if after == *self {
            return None;
        }
        let event = ProblemEvent {
            problem: self.id,
            integration: self.integration,
            class: self.class,
            level: self.level,
            at: now,
            turn,
            actor_name: Some(by_name.to_owned()),
            says,
        };
        Some((after, event))
    }
}
