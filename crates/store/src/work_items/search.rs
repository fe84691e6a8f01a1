//! How a list of work items is asked for.
//!
//! Every index begins with (integration, project) and ends with a column that holds a whole order. One condition in the
//! order of the latest change is a walk along its own index. In any other case the first condition with few hits gives
//! all of them, to be put in order in memory; and if all conditions have many hits, the order's own index is walked and
//! the conditions are checked on the way.

use domain::mirror::{Priority, StateGroup, WorkItemSort};
use uuid::Uuid;

use super::Candidate;
use crate::query::Ask;

/// What a row must fulfil.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Label(Uuid),
    Assignee(Uuid),
    Priority(Priority),
    Group(StateGroup),
    /// Its name has one of these words.
    Words(Vec<String>),
    /// One of these items.
    Items(Vec<Uuid>),
}

pub(crate) const LIST_COLUMNS: &str =
    "item, sequence_id, name, priority, state, labels, assignees, updated_at";

const CANDIDATE_COLUMNS: &str = "item, priority, state_group, labels, assignees, words";

/// Items from a number on; an index takes one bound only, so the caller looks where the number ends.
pub(crate) const NUMBERED: &str = "select item, priority, state_group, labels, assignees, words, oldest_key as sort_key,
        oldest_key
    from work_items with index work_items_oldest
    where integration = $integration and project = $project and oldest_key > $from order by oldest_key limit $limit";

/// The column that holds an order.
pub(crate) fn sort_column(sort: WorkItemSort) -> &'static str {
    match sort {
        WorkItemSort::Updated => "updated_key",
        WorkItemSort::Newest => "newest_key",
        WorkItemSort::Oldest => "oldest_key",
        WorkItemSort::Priority => "priority_key",
    }
}

/// A page along one index: `driver`'s in the order of the latest change, or the order's own. Variables: `$integration`,
/// `$project`, `$after`, `$limit` and those of the conditions.
pub(crate) fn ordered_query(
    driver: Option<&Condition>,
    rest: &[Condition],
    sort: WorkItemSort,
) -> String {
    let (index, column) = match (driver, sort) {
        (Some(driver), _) => (driver.index(), "updated_key"),
        (None, WorkItemSort::Newest) => ("work_items_newest", "newest_key"),
        (None, WorkItemSort::Oldest) => ("work_items_oldest", "oldest_key"),
        // The order of priorities is walked one priority at a time, each of them a driver.
        (None, WorkItemSort::Updated | WorkItemSort::Priority) => {
            ("work_items_updated", "updated_key")
        }
    };
    let driven = driver.map_or(String::new(), |driver| {
        format!(" and {}", driver.sql("driver"))
    });
    let rest: String = rest
        .iter()
        .enumerate()
        .map(|(i, condition)| format!(" and {}", condition.sql_any(&format!("rest{i}"))))
        .collect();
    format!(
        "select {LIST_COLUMNS}, {} as sort_key, {column} from work_items with index {index}
         where integration = $integration and project = $project{driven} and {column} > $after{rest}
         order by {column} limit $limit",
        sort_column(sort)
    )
}

/// The rows of `$ids`, in no order.
pub(crate) fn named_query(sort: WorkItemSort) -> String {
    let column = sort_column(sort);
    format!("select {CANDIDATE_COLUMNS}, {column} as sort_key from $ids")
}

/// All rows of one condition, in no order.
pub(crate) fn candidates_query(condition: &Condition, sort: WorkItemSort) -> String {
    let column = sort_column(sort);
    format!(
        "select {CANDIDATE_COLUMNS}, {column} as sort_key from work_items with index {}
         where integration = $integration and project = $project and {} limit $limit",
        condition.index(),
        condition.sql("driver")
    )
}

impl Condition {
    fn index(&self) -> &'static str {
        match self {
            Condition::Label(_) => "work_items_label",
            Condition::Assignee(_) => "work_items_assignee",
            Condition::Priority(_) => "work_items_priority",
            Condition::Group(_) => "work_items_group",
            Condition::Words(_) => "work_items_word",
            Condition::Items(_) => "work_items_updated",
        }
    }

    /// Its index is walked once for each value that fulfils it.
    pub(crate) fn variants(&self) -> usize {
        match self {
            Condition::Words(words) => words.len(),
            _ => 1,
        }
    }

    /// The condition with one value in `$name`, as its index can be asked.
    fn sql(&self, name: &str) -> String {
        match self {
            Condition::Label(_) => format!("labels contains ${name}"),
            Condition::Assignee(_) => format!("assignees contains ${name}"),
            Condition::Priority(_) => format!("priority = ${name}"),
            Condition::Group(_) => format!("state_group = ${name}"),
            Condition::Words(_) => format!("words contains ${name}"),
            Condition::Items(_) => format!("item inside ${name}"),
        }
    }

    /// The condition with all values in `$name`.
    fn sql_any(&self, name: &str) -> String {
        match self {
            Condition::Words(_) => format!("words containsany ${name}"),
            one => one.sql(name),
        }
    }

    /// Binds its `n`th value for [`ordered_query`] and [`candidates_query`].
    pub(crate) fn bind<'a>(&self, ask: Ask<'a>, name: &str, n: usize) -> Ask<'a> {
        match self {
            Condition::Label(id) | Condition::Assignee(id) => ask.bind(name, *id),
            Condition::Priority(priority) => ask.bind(name, priority.word()),
            Condition::Group(group) => ask.bind(name, group.word()),
            Condition::Words(words) => ask.bind(name, words.get(n).cloned().unwrap_or_default()),
            Condition::Items(items) => ask.bind(name, items.clone()),
        }
    }

    pub(crate) fn bind_all<'a>(&self, ask: Ask<'a>, name: &str) -> Ask<'a> {
        match self {
            Condition::Words(words) => ask.bind(name, words.clone()),
            one => one.bind(ask, name, 0),
        }
    }

    pub(crate) fn holds(&self, row: &Candidate) -> bool {
        match self {
            Condition::Label(id) => row.labels.contains(id),
            Condition::Assignee(id) => row.assignees.contains(id),
            Condition::Priority(priority) => row.priority == priority.word(),
            Condition::Group(group) => row.state_group == group.word(),
            Condition::Words(words) => words.iter().any(|word| row.words.contains(word)),
            Condition::Items(items) => items.contains(&row.item),
        }
    }
}
