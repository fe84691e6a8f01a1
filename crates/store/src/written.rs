//! Which of the tables that pages know by heart ([`crate::known`]) were written, as far as this process knows.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
    sync::{Mutex, PoisonError},
};

use surrealdb::types::{RecordId, RecordIdKey, Value, Variables};
use uuid::Uuid;

/// A table of which something is known by heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Table {
    Projects,
    Integrations,
    Facts,
    Problems,
}

impl Table {
    const ALL: [Table; 4] = [
        Table::Projects,
        Table::Integrations,
        Table::Facts,
        Table::Problems,
    ];

    fn name(self) -> &'static str {
        match self {
            Table::Projects => "projects",
            Table::Integrations => "plane_integrations",
            Table::Facts => "integration_facts",
            Table::Problems => "problems",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }
}

/// What a write may have changed: every table that its text or one of its values names. A change can't reach a record otherwise: there
/// are no events, no references, and no stored links to these tables (`migrate` tests that).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    tables: BTreeSet<Table>,
    /// Of projects that were named by their ids, whose they are.
    projects_of: BTreeSet<Uuid>,
}

impl Touched {
    pub(crate) fn by(sql: &str, variables: &Variables) -> Self {
        let mut touched = Self::default();
        for table in Table::ALL {
            if names(sql, table.name()) {
                touched.tables.insert(table);
            }
        }
        for (_, value) in variables.iter() {
            touched.look(value);
        }
        touched
    }

    fn look(&mut self, value: &Value) {
        match value {
            Value::RecordId(id) => self.look_at_id(id),
            Value::Array(values) => values.iter().for_each(|value| self.look(value)),
            Value::Object(fields) => fields.iter().for_each(|(_, value)| self.look(value)),
            Value::String(text) => self.tables.extend(Table::of(text)),
            Value::Table(table) => self.tables.extend(Table::of(table.as_str())),
            _ => {}
        }
    }

    fn look_at_id(&mut self, id: &RecordId) {
        match (Table::of(id.table.as_str()), integration_of(&id.key)) {
            (Some(Table::Projects), Some(integration)) => {
                self.projects_of.insert(integration);
            }
            (table, _) => self.tables.extend(table),
        }
    }
}

/// Whose projects an id, or a range of ids, stands for.
fn integration_of(key: &RecordIdKey) -> Option<Uuid> {
    let first = |key: &RecordIdKey| match key {
        RecordIdKey::Array(parts) => match parts.first() {
            Some(Value::Uuid(id)) => Some(Uuid::from(*id)),
            _ => None,
        },
        _ => None,
    };
    match key {
        RecordIdKey::Range(range) => {
            let bound = |bound: &Bound<RecordIdKey>| match bound {
                Bound::Included(key) | Bound::Excluded(key) => first(key),
                Bound::Unbounded => None,
            };
            bound(&range.start).filter(|of| bound(&range.end) == Some(*of))
        }
        key => first(key),
    }
}

/// Whether a query names a table: as a word of its own that is neither a variable nor a field of something.
fn names(sql: &str, table: &str) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = sql.as_bytes();
    sql.match_indices(table).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let is_other = is_word(before) || matches!(before, Some(b'$' | b'.'));
        !is_other && !is_word(bytes.get(at + table.len()))
    })
}

/// How often which table was written.
#[derive(Default)]
pub(crate) struct Written(Mutex<Times>);

#[derive(Default)]
struct Times {
    tables: HashMap<Table, u64>,
    /// Of projects, by integration, beside those that were written by a query that names the table.
    projects_of: HashMap<Uuid, u64>,
}

impl Written {
    pub(crate) fn count(&self, touched: &Touched) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for table in &touched.tables {
            *times.tables.entry(*table).or_default() += 1;
        }
        for integration in &touched.projects_of {
            *times.projects_of.entry(*integration).or_default() += 1;
        }
    }

    /// Grows with each write of one of the tables; for projects ask [`Written::times_of`].
    pub(crate) fn times(&self, tables: &[Table]) -> u64 {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |table| times.tables.get(table).copied().unwrap_or_default();
        tables.iter().map(of).sum()
    }

    /// Grows with each write of projects of an integration.
    pub(crate) fn times_of(
        &self,
        integrations: impl IntoIterator<Item = Uuid>,
    ) -> HashMap<Uuid, u64> {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = times
            .tables
            .get(&Table::Projects)
            .copied()
            .unwrap_or_default();
        let of = |id| times.projects_of.get(&id).copied().unwrap_or_default();
        integrations
            .into_iter()
            .map(|id| (id, all + of(id)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{record, record_of, records_all, records_behind, records_under};

    const ONE: Uuid = Uuid::from_u128(1);

    fn touched(sql: &str, value: impl surrealdb::types::SurrealValue) -> Touched {
        let mut variables = Variables::new();
        variables.insert("x", value);
        Touched::by(sql, &variables)
    }

    #[test]
    fn a_text_names_a_table_only_by_its_own_word() {
        for (sql, expected) in [
            ("delete projects where a = 1", vec![Table::Projects]),
            ("update projects:x set a = 1", vec![Table::Projects]),
            (
                "update $projects set member_projects = 1, x.projects = 2",
                vec![],
            ),
            ("update problems_log", vec![]),
            (
                "delete (select value id from problems); update plane_integrations",
                vec![Table::Integrations, Table::Problems],
            ),
        ] {
            let found: Vec<Table> = touched(sql, 0).tables.into_iter().collect();
            assert_eq!(found, expected, "{sql}");
        }
    }

    #[test]
    fn projects_are_told_by_whose_they_are() {
        let of = |value: RecordId| touched("update $x", value);
        for id in [
            record_of("projects", &[ONE, Uuid::from_u128(2)]),
            records_under("projects", &[ONE]),
            records_behind("projects", &[ONE], Some([ONE, Uuid::from_u128(7)])),
        ] {
            let found = of(id);
            assert!(found.tables.is_empty(), "{found:?}");
            assert_eq!(found.projects_of.into_iter().collect::<Vec<_>>(), [ONE]);
        }
        let all = of(records_all("projects", None));
        assert!(all.tables.contains(&Table::Projects), "{all:?}");
    }

    #[test]
    fn what_a_value_holds_deep_inside_is_found() {
        let row = serde_json::json!({ "table": "integration_facts" });
        assert!(touched("x", row).tables.contains(&Table::Facts));
        let ids = vec![vec![record("plane_integrations", ONE)]];
        assert!(touched("x", ids).tables.contains(&Table::Integrations));
        let other = record("sync_runs", ONE);
        assert_eq!(touched("x", other), Touched::default());
    }

    #[test]
    fn writes_are_counted_by_table_and_of_projects_by_integration() {
        let (written, two) = (Written::default(), Uuid::from_u128(2));
        written.count(&touched("update $x", record_of("projects", &[ONE, two])));
        written.count(&touched("update problems", 0));
        assert_eq!(written.times(&[Table::Problems, Table::Facts]), 1);
        assert_eq!(written.times(&[Table::Integrations]), 0);
        let before = written.times_of([ONE, two]);
        assert_eq!((before[&ONE], before[&two]), (1, 0));
        written.count(&touched("delete projects", 0));
        let after = written.times_of([ONE, two]);
        assert_eq!((after[&ONE], after[&two]), (2, 1), "all of them");
    }
}
