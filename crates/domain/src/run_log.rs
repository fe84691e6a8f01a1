use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::run::Phase;

/// A call to Plane as it is kept: no key, no body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiCall {
    /// Counted from 1 in each run.
    pub number: u32,
    pub method: String,
    /// With the ids in it, and the place in a list; nothing else of the query.
    pub path: String,
    /// Of the answer, if one came.
    pub status: Option<u16>,
    /// Why it failed, as a code.
    pub error: Option<String>,
    pub started_at: DateTime<Utc>,
    pub took_ms: u64,
    /// For Plane's limit, before it was sent.
    pub waited_ms: u64,
    /// Of the answer's body, after decompression.
    pub bytes: u64,
}

impl ApiCall {
    pub fn failed(&self) -> bool {
        self.error.is_some() || self.status.is_some_and(|status| status >= 400)
    }
}

/// So many calls of a run are kept; the others are only counted.
pub const CALLS_KEPT: u32 = 500;
/// Of those beyond, so many that failed are kept too.
pub const FAILED_CALLS_KEPT: u32 = 100;
/// For so many days the calls and the timeline of a run are kept.
pub const RECORD_KEPT_DAYS: i64 = 14;
/// For so many days a run itself is kept: longer than the longest chart, whose bars lead to runs. An integration's last one stays.
pub const RUN_KEPT_DAYS: i64 = 100;

/// What a run did when: milliseconds since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeline {
    /// One after the other, without gaps.
    pub spans: Vec<Span>,
    /// Waits for Plane's limit, one after the other.
    pub waits: Vec<Wait>,
    /// There was more than is kept: the last span stands for all that followed.
    pub is_cut: bool,
}

/// A phase of a run, of one project or of none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    pub phase: Phase,
    pub project: Option<String>,
    pub from_ms: u64,
    pub to_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    pub from_ms: u64,
    pub to_ms: u64,
}

/// Spans, and waits, that a timeline keeps.
const MOST: usize = 300;
/// Waits that are no further apart are one.
const NEAR_MS: u64 = 250;

impl Timeline {
    /// Begins a phase; the one before it ends.
    pub fn enter(&mut self, phase: Phase, project: Option<&str>, at_ms: u64) {
        let at_ms = self.reach(at_ms);
        let is_full = self.spans.len() == MOST;
        match self.spans.last_mut() {
            Some(last) if last.phase == phase && last.project.as_deref() == project => return,
            Some(last) if last.from_ms == at_ms => {
                last.phase = phase;
                last.project = project.map(ToOwned::to_owned);
                return;
            }
            _ if is_full => {
                self.is_cut = true;
                return;
            }
            _ => {}
        }
        self.spans.push(Span {
            phase,
            project: project.map(ToOwned::to_owned),
            from_ms: at_ms,
            to_ms: at_ms,
        });
    }

    /// The phase under way has lasted until now. Answers when that is: never before what is there already.
    pub fn reach(&mut self, at_ms: u64) -> u64 {
        let Some(last) = self.spans.last_mut() else {
            return at_ms;
        };
        last.to_ms = last.to_ms.max(at_ms);
        last.to_ms
    }

    /// Notes a wait. They are told in the order in which they ended.
    pub fn wait(&mut self, from_ms: u64, to_ms: u64) {
        let begin = self.waits.last().map_or(0, |last| last.to_ms);
        let wait = Wait {
            from_ms: from_ms.max(begin),
            to_ms,
        };
        if wait.to_ms <= wait.from_ms {
            return;
        }
        match self.waits.last_mut() {
            Some(last) if wait.from_ms - last.to_ms <= NEAR_MS => last.to_ms = wait.to_ms,
            _ => self.waits.push(wait),
        }
        if self.waits.len() > MOST {
            self.join_nearest();
        }
    }

    /// How long it is in all.
    pub fn length_ms(&self) -> u64 {
        let end = self.spans.last().map_or(0, |span| span.to_ms);
        self.waits.last().map_or(end, |wait| end.max(wait.to_ms))
    }

    /// How much of the time between was waited.
    pub fn waited_ms(&self, from_ms: u64, to_ms: u64) -> u64 {
        self.waits
            .iter()
            .map(|wait| {
                wait.to_ms
                    .min(to_ms)
                    .saturating_sub(wait.from_ms.max(from_ms))
            })
            .sum()
    }

    fn join_nearest(&mut self) {
        let gap = |at: &usize| self.waits[at + 1].from_ms - self.waits[*at].to_ms;
        if let Some(at) = (0..self.waits.len().saturating_sub(1)).min_by_key(gap) {
            let next = self.waits.remove(at + 1);
            self.waits[at].to_ms = next.to_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn phases_follow_each_other_without_gaps() {
        let mut timeline = Timeline::default();
        timeline.enter(Phase::Projects, None, 0);
        timeline.enter(Phase::WorkItems, Some("Web"), 400);
        timeline.enter(Phase::WorkItems, Some("Web"), 500);
        timeline.enter(Phase::Members, Some("Ops"), 900);
        timeline.enter(Phase::States, Some("Ops"), 900);
        timeline.reach(1000);
        let spans: Vec<_> = timeline
            .spans
            .iter()
            .map(|s| (s.phase, s.project.as_deref(), s.from_ms, s.to_ms))
            .collect();
        assert_eq!(
            spans,
            [
                (Phase::Projects, None, 0, 400),
                (Phase::WorkItems, Some("Web"), 400, 900),
                (Phase::States, Some("Ops"), 900, 1000),
            ]
        );
    }

    #[test]
    fn waits_that_touch_are_one() {
        let mut timeline = Timeline::default();
        for (from, to) in [(100, 200), (210, 300), (300, 300), (2000, 2500)] {
            timeline.wait(from, to);
        }
        let waits: Vec<_> = timeline
            .waits
            .iter()
            .map(|w| (w.from_ms, w.to_ms))
            .collect();
        assert_eq!(waits, [(100, 300), (2000, 2500)]);
        assert_eq!(timeline.waited_ms(250, 2100), 150);
    }

    proptest! {
        #[test]
        fn whatever_happens_it_is_in_order_and_not_too_long(
            steps in prop::collection::vec((0u64..5000, 0u64..5000, 0u8..7, any::<bool>()), 0..1500),
        ) {
            use Phase::{Deletions, Labels, Members, Projects, Starting, States, WorkItems};
            let phases = [Starting, Projects, Members, States, Labels, WorkItems, Deletions];
            let mut timeline = Timeline::default();
            let mut now = 0;
            for (pause, wait, phase, waits) in steps {
                now += pause;
                timeline.enter(phases[usize::from(phase)], Some("P"), now);
                if waits {
                    now += wait;
                    timeline.wait(now - wait, now);
                }
            }
            prop_assert!(timeline.spans.len() <= MOST && timeline.waits.len() <= MOST);
            prop_assert!(timeline.spans.iter().all(|span| span.from_ms <= span.to_ms));
            prop_assert!(timeline.spans.windows(2).all(|two| two[0].to_ms == two[1].from_ms));
            prop_assert!(timeline.waits.windows(2).all(|two| two[0].to_ms < two[1].from_ms));
            prop_assert!(timeline.waited_ms(0, u64::MAX) <= timeline.length_ms());
        }
    }
}
