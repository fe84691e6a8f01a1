use domain::{
    collection::{Collection, CollectionKind},
    mirror::{Access, Priority, ProjectRow, State, StateGroup},
};

use crate::ui::time::date;

/// Whether a project's work items can be read, in a few words for a list.
pub fn access(access: Access) -> &'static str {
    match access {
        Access::Readable => "Readable",
        Access::NotMember => "Not a member in Plane: its work items can’t be read",
        Access::Archived => "Archived in Plane: what was copied stays",
        Access::Gone => "Not in Plane’s list any more: what was copied stays",
    }
}

/// What follows from the access, beside its badge; nothing for a readable project.
pub fn access_means(access: Access) -> Option<&'static str> {
    match access {
        Access::Readable => None,
        Access::NotMember => Some("Its work items can’t be read."),
        Access::Archived | Access::Gone => Some("What was copied stays."),
    }
}

/// What to do about a project that is not copied any more, or never was; nothing for a readable one.
pub fn access_advice(access: Access) -> Option<&'static str> {
    match access {
        Access::Readable => None,
        Access::NotMember => Some(
            "Add the owner of the API key to this project in Plane, or use the key of somebody who belongs to it. Then sync again.",
        ),
        Access::Archived => Some(
            "Plane lists no work items of archived projects. Restore it in Plane to go on copying it.",
        ),
        Access::Gone => {
            Some("It was deleted in Plane, or the API key’s owner can’t see it any more.")
        }
    }
}

/// Why the table of a project is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptiness {
    /// The filter leaves nothing.
    NoMatch,
    /// The key can't read them.
    NotMember,
    /// No sync has come this far.
    NothingCopied,
    /// Plane has none either.
    None,
    /// The address asks for more than there is.
    PastTheEnd,
}

/// Why a table without rows is empty.
pub fn emptiness(project: &ProjectRow, is_narrow: bool, is_further_page: bool) -> Emptiness {
    if is_further_page {
        Emptiness::PastTheEnd
    } else if is_narrow && project.total_work_items > 0 {
        Emptiness::NoMatch
    } else if project.access == Access::NotMember {
        Emptiness::NotMember
    } else if project.copied.work_items.is_none() {
        Emptiness::NothingCopied
    } else if is_narrow {
        Emptiness::NoMatch
    } else {
        Emptiness::None
    }
}

/// A state group as a person reads it.
pub fn group(group: StateGroup) -> &'static str {
    match group {
        StateGroup::Backlog => "Backlog",
        StateGroup::Unstarted => "Unstarted",
        StateGroup::Started => "Started",
        StateGroup::Completed => "Completed",
        StateGroup::Cancelled => "Cancelled",
        StateGroup::Triage => "Triage",
        StateGroup::Unknown => "Unknown group",
    }
}

/// The group to name beside a state's own name: nothing when both say the same.
pub fn group_beside(state: &State) -> Option<&'static str> {
    let word = group(state.group);
    (!state.name.trim().eq_ignore_ascii_case(word)).then_some(word)
}

/// A priority as a person reads it.
pub fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Urgent => "Urgent",
        Priority::High => "High",
        Priority::Medium => "Medium",
        Priority::Low => "Low",
        Priority::None => "None",
    }
}

/// "Cycle Sprint 1", as a filter names it.
pub fn collection(collection: &Collection) -> String {
    format!("{} {}", collection_kind(collection.kind), collection.name)
}

/// What puts work items together, in Plane's word.
pub fn collection_kind(kind: CollectionKind) -> &'static str {
    match kind {
        CollectionKind::Cycle => "Cycle",
        CollectionKind::Module => "Module",
    }
}

/// From when to when, as far as either is known.
pub fn collection_days(collection: &Collection) -> String {
    match (collection.starts_on, collection.ends_on) {
        (None, None) => "–".to_owned(),
        (Some(from), None) => format!("from {}", date(from)),
        (None, Some(to)) => format!("until {}", date(to)),
        (Some(from), Some(to)) => format!("{} to {}", date(from), date(to)),
    }
}

/// What the forms about a project send.
pub fn fields_of(project: &ProjectRow) -> Vec<(&'static str, String)> {
    vec![
        ("id", project.integration.to_string()),
        ("project", project.project.id.to_string()),
    ]
}

/// `WEB-7`.
pub fn identifier(project: &ProjectRow, sequence_id: u64) -> String {
    format!("{}-{sequence_id}", project.project.identifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{
        freshness::Copied,
        ids::{IntegrationId, ProjectId},
        integration::Standing,
        mirror::Project,
    };
    use uuid::Uuid;

    fn project() -> ProjectRow {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        ProjectRow {
            integration: IntegrationId(Uuid::from_u128(1)),
            integration_name: "Acme product".into(),
            workspace: "acme".into(),
            interval_minutes: 15,
            standing: Standing::Active,
            project: Project {
                id: ProjectId(Uuid::from_u128(2)),
                identifier: "WEB".into(),
                name: "Website".into(),
                description: String::new(),
                is_public: true,
                is_member: true,
                archived_at: None,
                total_members: 3,
                created_at: at,
                updated_at: at,
            },
            access: Access::Readable,
            total_work_items: 348,
            total_labels: 4,
            copied: Copied {
                work_items: Some(at),
                ..Default::default()
            },
            held: None,
            drift: None,
            counted_at: None,
        }
    }

    #[test]
    fn an_empty_table_says_why() {
        let check = |change: fn(&mut ProjectRow), is_narrow, is_further, expected| {
            let mut row = project();
            change(&mut row);
            assert_eq!(emptiness(&row, is_narrow, is_further), expected);
        };
        check(|_| {}, true, false, Emptiness::NoMatch);
        check(|_| {}, false, true, Emptiness::PastTheEnd);
        check(|p| p.total_work_items = 0, false, false, Emptiness::None);
        check(|p| p.total_work_items = 0, true, false, Emptiness::NoMatch);
        let fresh = |p: &mut ProjectRow| (p.total_work_items, p.copied.work_items) = (0, None);
        check(fresh, false, false, Emptiness::NothingCopied);
        check(fresh, true, false, Emptiness::NothingCopied);
        let foreign = |p: &mut ProjectRow| (p.total_work_items, p.access) = (0, Access::NotMember);
        check(foreign, false, false, Emptiness::NotMember);
        check(foreign, true, false, Emptiness::NotMember);
    }
}
