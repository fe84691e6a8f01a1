//! Believable words: names of work items, labels and people, picked by a hash so that they are the same each time.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::state::{Priority, Project, ProjectState, StateGroup, WorkItem};

pub(crate) const LABELS: [(&str, &str); 12] = [
    ("bug", "#d73a4a"),
    ("feature", "#0e8a16"),
    ("chore", "#6a737d"),
    ("docs", "#0075ca"),
    ("performance", "#fbca04"),
    ("security", "#b60205"),
    ("accessibility", "#7057ff"),
    ("customer request", "#1d76db"),
    ("good first issue", "#7ae582"),
    ("blocked", "#111111"),
    ("regression", "#e99695"),
    ("needs design", "#f9d0c4"),
];

pub(crate) const PEOPLE: [(&str, &str); 10] = [
    ("Ada", "Lovelace"),
    ("Grace", "Hopper"),
    ("Linus", "Berg"),
    ("Amina", "Diallo"),
    ("Kenji", "Sato"),
    ("Marta", "Kowalska"),
    ("Tomás", "Herrera"),
    ("Priya", "Nair"),
    ("Jonas", "Weber"),
    ("Leila", "Haddad"),
];

const VERBS: [&str; 16] = [
    "Fix",
    "Add",
    "Remove",
    "Speed up",
    "Redesign",
    "Investigate",
    "Document",
    "Test",
    "Refactor",
    "Localise",
    "Simplify",
    "Migrate",
    "Retry",
    "Validate",
    "Cache",
    "Monitor",
];

const THINGS: [&str; 24] = [
    "the login page",
    "password reset mails",
    "CSV export",
    "the invoice list",
    "search results",
    "dark mode",
    "push notifications",
    "the onboarding tour",
    "avatar uploads",
    "rate limiting",
    "the billing webhook",
    "session time-outs",
    "the audit log",
    "team invitations",
    "the settings form",
    "date pickers",
    "keyboard navigation",
    "the mobile menu",
    "background jobs",
    "the pricing table",
    "file previews",
    "the API client",
    "error messages",
    "the status page",
];

const PLACES: [&str; 16] = [
    "",
    "",
    "",
    " on Safari",
    " on Android",
    " for guests",
    " for large workspaces",
    " after an upgrade",
    " on slow networks",
    " in the admin area",
    " for right-to-left languages",
    " during maintenance",
    " with single sign-on",
    " in the EU region",
    " when offline",
    " on first start",
];

const REASONS: [&str; 6] = [
    "Reported by three customers this month.",
    "Found while testing the last release.",
    "Comes up in every support review.",
    "Needed before the next audit.",
    "Agreed in the planning meeting.",
    "Blocks two other teams.",
];

/// Fills a blank work item with name, description, state, priority, people, labels and dates.
pub(crate) fn dress(item: &mut WorkItem, project: &Project, until: DateTime<Utc>) {
    let mut dice = Dice::new(item.id);
    let verb = dice.pick(&VERBS);
    let thing = dice.pick(&THINGS);
    let place = dice.pick(&PLACES);
    item.name = format!("{verb} {thing}{place}");
    let reason = dice.pick(&REASONS);
    item.description_html = format!(
        "<p>{verb} {thing}{place}. {reason}</p><ul><li>Reproduce</li><li>Cover by a test</li></ul>"
    );
    item.priority = *dice.pick(&[
        Priority::Urgent,
        Priority::High,
        Priority::High,
        Priority::Medium,
        Priority::Medium,
        Priority::Medium,
        Priority::Low,
        Priority::Low,
        Priority::None,
        Priority::None,
    ]);
    let left = (until - item.created_at).num_minutes().max(1);
    item.updated_at = item.created_at + TimeDelta::minutes(dice.below(left.min(20 * 24 * 60)));
    if !project.states.is_empty() {
        let state = weighted(&mut dice, project);
        item.state = state.id;
        if state.group == StateGroup::Completed {
            item.completed_at = Some(item.updated_at);
        }
    }
    if !project.members.is_empty() {
        for _ in 0..dice.below(3) {
            let person = dice.pick(&project.members).user;
            if !item.assignees.contains(&person) {
                item.assignees.push(person);
            }
        }
        item.created_by = Some(project.members[0].user);
    }
    if !project.labels.is_empty() {
        for _ in 0..dice.below(4) {
            let label = dice.pick(&project.labels).id;
            if !item.labels.contains(&label) {
                item.labels.push(label);
            }
        }
    }
    if dice.below(3) == 0 {
        let start = item.created_at.date_naive() + TimeDelta::days(dice.below(7));
        item.start_date = Some(start);
        item.target_date = Some(start + TimeDelta::days(1 + dice.below(30)));
    }
}

/// A state; most work is done, little is cancelled.
fn weighted<'p>(dice: &mut Dice, project: &'p Project) -> &'p ProjectState {
    let weight = |state: &ProjectState| match state.group {
        StateGroup::Completed => 9,
        StateGroup::Cancelled => 1,
        _ => 3,
    };
    let mut left = dice.below(project.states.iter().map(weight).sum());
    let found = project.states.iter().find(|state| {
        left -= weight(state);
        left < 0
    });
    found.unwrap_or(&project.states[0])
}

/// Numbers that follow from an id.
struct Dice(u64);

impl Dice {
    fn new(id: Uuid) -> Self {
        let (high, low) = id.as_u64_pair();
        Self(high ^ low)
    }

    /// From 0 up to, not including, `limit`.
    fn below(&mut self, limit: i64) -> i64 {
        // splitmix64: one multiplication chain per roll, no state to seed.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let roll = (z ^ (z >> 31)) >> 1;
        i64::try_from(roll).unwrap_or(0) % limit.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let count = i64::try_from(from.len()).unwrap_or(1);
        let at = usize::try_from(self.below(count)).unwrap_or(0);
        &from[at]
    }
}
