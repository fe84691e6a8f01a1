use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(/** A person who signs in. UUID v7. */ UserId);
id!(/** One integration. UUID v7. */ IntegrationId);
id!(/** One sync run. UUID v7. */ RunId);
id!(/** One connection test. UUID v7. */ TestId);
id!(/** One bulk operation. */ BulkId);
id!(/** Events of one thing that came one soon after the other. UUID v7. */ BurstId);
id!(/** Kept events that are applied once more. UUID v7. */ ReplayId);
id!(/** A form that was sent with mistakes, kept for its sender. UUID v4: it must not be guessable. */ DraftId);
id!(/** Plane's project. */ ProjectId);
id!(/** Plane's work item. */ WorkItemId);
id!(/** Plane's label. */ LabelId);
id!(/** Plane's cycle or module. */ CollectionId);
id!(/** Plane's workflow state. */ StateId);
id!(/** A member of a Plane workspace. */ MemberId);
