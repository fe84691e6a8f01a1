use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::mirror::WorkItem;

/// How thoroughly a copy was compared with Plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thoroughness {
    /// Plane's own count, and some work items field by field.
    Sampled,
    /// Every field of every work item: a walk over all of them does that.
    Whole,
}

impl Thoroughness {
    /// The word it is stored by.
    pub fn word(self) -> &'static str {
        match self {
            Thoroughness::Sampled => "sampled",
            Thoroughness::Whole => "whole",
        }
    }

    pub fn from_word(word: &str) -> Self {
        match word {
            "whole" => Thoroughness::Whole,
            _ => Thoroughness::Sampled,
        }
    }
}

/// What a comparison of a project's copy with Plane found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftCheck {
    pub at: DateTime<Utc>,
    pub thoroughness: Thoroughness,
    /// Plane's count of work items.
    pub planes: u64,
    /// Work items of which every field was compared.
    pub compared: u64,
    /// In Plane, and not here.
    pub missing: u64,
    /// Here, and not in Plane.
    pub extra: u64,
    /// Here, with other fields than in Plane.
    pub different: u64,
}

impl DriftCheck {
    pub fn is_equal(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.different == 0
    }
}

/// What the pages of a walk found that earlier walks should have brought: changes up to the watermark of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlooked {
    pub missing: u64,
    pub different: u64,
}

impl Overlooked {
    /// Counts what a page changes. Without a watermark there was no complete walk, so nothing was overlooked.
    pub fn count(
        &mut self,
        created: &[WorkItem],
        updated: &[WorkItem],
        watermark: Option<DateTime<Utc>>,
    ) {
        let Some(watermark) = watermark else { return };
        let known = |items: &[WorkItem]| {
            items
                .iter()
                .filter(|item| item.updated_at <= watermark)
                .count() as u64
        };
        self.missing += known(created);
        self.different += known(updated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{ProjectId, WorkItemId},
        mirror::Priority,
    };
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn item(updated: i64) -> WorkItem {
        WorkItem {
            id: WorkItemId(Uuid::from_u128(1)),
            project: ProjectId(Uuid::nil()),
            sequence_id: 1,
            name: "item".into(),
            description_html: String::new(),
            priority: Priority::None,
            state: None,
            labels: vec![],
            assignees: vec![],
            parent: None,
            start_date: None,
            target_date: None,
            completed_at: None,
            created_by: None,
            created_at: at(0),
            updated_at: at(updated),
        }
    }

    proptest! {
        #[test]
        fn only_what_is_not_newer_than_the_watermark_was_overlooked(
            created in prop::collection::vec(0i64..20, 0..9),
            updated in prop::collection::vec(0i64..20, 0..9),
            watermark in 0i64..20,
        ) {
            let items = |times: &[i64]| times.iter().map(|t| item(*t)).collect::<Vec<_>>();
            let mut overlooked = Overlooked::default();
            overlooked.count(&items(&created), &items(&updated), Some(at(watermark)));
            let upto = |times: &[i64]| times.iter().filter(|t| **t <= watermark).count() as u64;
            prop_assert_eq!(overlooked, Overlooked { missing: upto(&created), different: upto(&updated) });
            let mut first = Overlooked::default();
            first.count(&items(&created), &items(&updated), None);
            prop_assert_eq!(first, Overlooked::default());
        }
    }

    #[test]
    fn equal_means_nothing_is_missing_extra_or_different() {
        let equal = DriftCheck {
            at: at(0),
            thoroughness: Thoroughness::Whole,
            planes: 9,
            compared: 9,
            missing: 0,
            extra: 0,
            different: 0,
        };
        assert!(equal.is_equal());
        assert!(
            !DriftCheck {
                missing: 1,
                ..equal
            }
            .is_equal()
        );
        assert!(!DriftCheck { extra: 1, ..equal }.is_equal());
        assert!(
            !DriftCheck {
                different: 1,
                ..equal
            }
            .is_equal()
        );
        for word in [Thoroughness::Sampled, Thoroughness::Whole] {
            assert_eq!(Thoroughness::from_word(word.word()), word);
        }
    }
}
