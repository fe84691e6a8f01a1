use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::Rule;
use crate::{
    ids::{IntegrationId, ProblemId},
    problems::{Class, ProblemEvent, Turn},
    tag::Tags,
};

/// So many days are looked back at.
pub const PREVIEW_DAYS: i64 = 7;

/// How often a rule would have begun to tell, by what happened to problems: `events` in the order in which they happened. What came
/// of something else, what was over before it was to be told, and what was told of already do not count; quiet hours are not looked at.
/// `group` says what is told together.
pub fn preview(
    rule: &Rule,
    events: &[ProblemEvent],
    tags: &HashMap<IntegrationId, Tags>,
    group: impl Fn(&ProblemEvent) -> String,
    now: DateTime<Utc>,
) -> u32 {
    let none = Tags::default();
    let mut open = BTreeMap::<ProblemId, (IntegrationId, Class)>::new();
    let mut told = BTreeMap::<String, BTreeSet<ProblemId>>::new();
    let mut times = 0;
    for (at, event) in events.iter().enumerate() {
        match event.turn {
            Turn::Opened | Turn::Back => {
                let mut others = open.values();
                let is_caused = others.any(|(integration, class)| {
                    *integration == event.integration && event.class.follows_from(*class)
                });
                open.insert(event.problem, (event.integration, event.class));
                let tags = tags.get(&event.integration).unwrap_or(&none);
                let concerns = rule.concerns(event.class, event.level, event.integration, tags);
                let mut later = events[at + 1..].iter();
                let end = later
                    .find(|later| later.problem == event.problem && later.turn == Turn::Resolved)
                    .map_or(now, |end| end.at);
                let lasted = end - event.at >= TimeDelta::minutes(rule.after_minutes.into());
                if concerns && !is_caused && lasted {
                    let members = told.entry(group(event)).or_default();
                    times += u32::from(members.is_empty());
                    members.insert(event.problem);
                }
            }
            Turn::Resolved => {
                open.remove(&event.problem);
                for members in told.values_mut() {
                    members.remove(&event.problem);
                }
            }
            _ => {}
        }
    }
    times
}
