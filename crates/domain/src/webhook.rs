use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    ids::{ProjectId, WorkItemId},
    mirror::WorkItem,
};

/// What a delivery of Plane's webhooks says, in the portal's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub subject: Subject,
    pub change: Change,
    /// What changed; `None` if the body does not tell.
    pub entity: Option<Uuid>,
    pub project: Option<ProjectId>,
    /// What it is called, and a work item's number, if the body tells.
    pub title: Option<String>,
    pub number: Option<u64>,
    /// Plane's name of the field that changed, if it is one.
    pub field: Option<String>,
    /// Of the entity, when the event was sent.
    pub updated_at: Option<DateTime<Utc>>,
    /// The work item as it was when the event was sent, if the body holds it whole.
    pub item: Option<Box<WorkItem>>,
    /// Plane's own words: `issue updated`, `workitem.updated`.
    pub said: String,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Project,
    WorkItem,
    Cycle,
    Module,
    Comment,
    /// Something this version does not know.
    Other,
}

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Updated,
    Archived,
    Deleted,
    /// Something this version does not know.
    Other,
}

/// What an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand<'a> {
    /// The work item goes into the copy, unless what is there is newer.
    Apply(&'a WorkItem),
    /// Plane has to be asked for the work item: the event says that it went, or does not say how it is.
    Ask(ProjectId, WorkItemId),
    /// The project's cycles and modules are to be read again.
    Collections(ProjectId),
    /// Nothing: why, as a sentence.
    Nothing(&'static str),
}

impl Event {
    /// The event's name: `work_item.updated`; of one this version does not know, Plane's own words.
    pub fn name(&self) -> String {
        self.known_name().unwrap_or_else(|| self.said.clone())
    }

    /// The same, unless it is one that this version does not know.
    pub fn known_name(&self) -> Option<String> {
        Some(format!("{}.{}", self.subject.word()?, self.change.word()?))
    }

    /// What it asks for.
    pub fn demand(&self) -> Demand<'_> {
        match (self.subject, self.project) {
            (Subject::WorkItem, Some(project)) => match (&self.item, self.entity) {
                (Some(item), _) => Demand::Apply(item),
                (None, Some(id)) => Demand::Ask(project, WorkItemId(id)),
                (None, None) => Demand::Nothing("It does not say which work item it is about."),
            },
            // Plane's first format tells of a deletion without its project (plane-api.md section 8).
            (Subject::WorkItem, None) => Demand::Nothing(
                "It does not say which project it is about; the next full sync looks.",
            ),
            (Subject::Cycle | Subject::Module, Some(project)) => Demand::Collections(project),
            (Subject::Cycle | Subject::Module, None) => Demand::Nothing(
                "It does not say which project it is about; the next hour’s sync looks.",
            ),
            (Subject::Project, _) => Demand::Nothing("Every sync reads the projects."),
            (Subject::Comment, _) => Demand::Nothing("Comments are not copied."),
            (Subject::Other, _) => Demand::Nothing("This version does not know such an event."),
        }
    }
}

impl Subject {
    /// The first half of an event's name.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Subject::Project => Some("project"),
            Subject::WorkItem => Some("work_item"),
            Subject::Cycle => Some("cycle"),
            Subject::Module => Some("module"),
            Subject::Comment => Some("comment"),
            Subject::Other => None,
        }
    }
}

impl Change {
    /// The second half of an event's name.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Change::Created => Some("created"),
            Change::Updated => Some("updated"),
            Change::Archived => Some("archived"),
            Change::Deleted => Some("deleted"),
            Change::Other => None,
        }
    }
}
