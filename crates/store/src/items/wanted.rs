use std::collections::{HashMap, HashSet};

use domain::mirror::{Priority, StateGroup, WorkItemFilter};
use uuid::Uuid;

use super::{Entry, words_of};

/// What an item must fulfil to be in a list; nothing set, nothing asked.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Each `" word "`, or `" wor"` for one that only begins so.
    words: Vec<String>,
    pub(crate) items: Option<HashSet<Uuid>>,
    pub(crate) number: Option<u64>,
    label: Option<Uuid>,
    assignee: Option<Uuid>,
    priority: Option<Priority>,
    group: Option<StateGroup>,
}

impl Wanted {
    /// All that a filter asks for, but for its search and its collection.
    pub(crate) fn of(filter: &WorkItemFilter) -> Self {
        Self {
            label: filter.label.map(|id| id.0),
            assignee: filter.assignee.map(|id| id.0),
            priority: filter.priority,
            group: filter.state_group,
            ..Self::default()
        }
    }

    /// Names with these words; the last of them may go on if somebody is in the middle of typing it.
    pub(crate) fn search(&mut self, q: &str) {
        let words: Vec<String> = q
            .split(|c: char| !c.is_alphanumeric())
            .filter_map(|word| words_of(word).into_iter().next())
            .collect();
        let is_typing = q.chars().last().is_some_and(char::is_alphanumeric);
        let last = words.len().saturating_sub(1);
        self.words = words
            .into_iter()
            .enumerate()
            .map(|(n, word)| match n == last && is_typing {
                true => format!(" {word}"),
                false => format!(" {word} "),
            })
            .collect();
        // The longest is the rarest, most often.
        self.words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    }

    pub(super) fn holds(&self, entry: &Entry, groups: &HashMap<Uuid, StateGroup>) -> bool {
        let group = || {
            let group = entry.state.and_then(|state| groups.get(&state).copied());
            group.unwrap_or(StateGroup::Unknown)
        };
        self.priority
            .is_none_or(|priority| entry.priority == priority)
            && self.number.is_none_or(|number| entry.number == number)
            && self.label.is_none_or(|label| entry.labels.contains(&label))
            && self
                .assignee
                .is_none_or(|member| entry.assignees.contains(&member))
            && self.group.is_none_or(|wanted| group() == wanted)
            && self
                .items
                .as_ref()
                .is_none_or(|items| items.contains(&entry.id))
            && self
                .words
                .iter()
                .all(|word| entry.words.contains(word.as_str()))
    }
}
