//! A work item as it is stored, with its sort keys and search words.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    ids::{IntegrationId, LabelId, MemberId, ProjectId, StateId, WorkItemId},
    mirror::{Priority, WorkItem},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    error::Error,
    shape::{count, latest_first, parse, record_of},
};

/// Numbers are below this; far above what a project ever has.
const MOST: u64 = 0xff_ffff_ffff;

#[derive(SurrealValue)]
pub(crate) struct ItemRow {
    id: RecordId,
    integration: Uuid,
    project: Uuid,
    pub(crate) item: Uuid,
    sequence_id: i64,
    name: String,
    description_html: String,
    priority: String,
    state: Option<Uuid>,
    state_group: String,
    labels: Vec<Uuid>,
    assignees: Vec<Uuid>,
    parent: Option<Uuid>,
    start_date: Option<String>,
    target_date: Option<String>,
    completed_at: Option<DateTime<Utc>>,
    created_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    pub(crate) copied_at: DateTime<Utc>,
    words: Vec<String>,
    updated_key: String,
    oldest_key: String,
    newest_key: String,
    priority_key: String,
}

impl ItemRow {
    pub(crate) fn new(
        integration: IntegrationId,
        project: ProjectId,
        item: &WorkItem,
        state_group: &str,
        now: DateTime<Utc>,
    ) -> Self {
        let id = item.id.0;
        let updated_key = latest_first(item.updated_at, id);
        Self {
            id: record_of("work_items", &[integration.0, project.0, id]),
            integration: integration.0,
            project: project.0,
            item: id,
            sequence_id: i64::try_from(item.sequence_id).unwrap_or(i64::MAX),
            name: item.name.clone(),
            description_html: item.description_html.clone(),
            priority: item.priority.word().to_owned(),
            state: item.state.map(|id| id.0),
            state_group: state_group.to_owned(),
            labels: item.labels.iter().map(|id| id.0).collect(),
            assignees: item.assignees.iter().map(|id| id.0).collect(),
            parent: item.parent.map(|id| id.0),
            start_date: item.start_date.map(|date| date.to_string()),
            target_date: item.target_date.map(|date| date.to_string()),
            completed_at: item.completed_at,
            created_by: item.created_by.map(|id| id.0),
            created_at: item.created_at,
            updated_at: item.updated_at,
            copied_at: now,
            words: words_of(&item.name).into_iter().collect(),
            oldest_key: oldest_key(item.sequence_id, id),
            newest_key: format!("{:010x}{}", MOST - item.sequence_id.min(MOST), id.simple()),
            priority_key: format!("{}{updated_key}", item.priority.rank()),
            updated_key,
        }
    }

    pub(crate) fn item(self) -> Result<WorkItem, Error> {
        let date = |text: Option<String>| text.as_deref().map(parse::<NaiveDate>).transpose();
        Ok(WorkItem {
            id: WorkItemId(self.item),
            project: ProjectId(self.project),
            sequence_id: count(self.sequence_id),
            name: self.name,
            description_html: self.description_html,
            priority: Priority::from_word(&self.priority),
            state: self.state.map(StateId),
            labels: self.labels.into_iter().map(LabelId).collect(),
            assignees: self.assignees.into_iter().map(MemberId).collect(),
            parent: self.parent.map(WorkItemId),
            start_date: date(self.start_date)?,
            target_date: date(self.target_date)?,
            completed_at: self.completed_at,
            created_by: self.created_by.map(MemberId),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

fn oldest_key(sequence_id: u64, id: Uuid) -> String {
    format!("{}{}", number_prefix(sequence_id), id.simple())
}

/// What the keys of all items with this number begin with.
pub(crate) fn number_prefix(sequence_id: u64) -> String {
    format!("{:010x}", sequence_id.min(MOST))
}

/// The words that a name is found by: lower case, letters and digits, each once; the first few of a very long name.
pub(crate) fn words_of(name: &str) -> BTreeSet<String> {
    const WORDS: usize = 24;
    const LETTERS: usize = 32;
    name.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .map(|word| word.chars().take(LETTERS).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_words() {
        let words = words_of("Fix the CSV-export: Größe, größe & 2nd try");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(
            words,
            ["2nd", "csv", "export", "fix", "größe", "the", "try"]
        );
    }
}
