use std::{fmt, str::FromStr};

use chrono::TimeDelta;
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
id!(/** Failures alike, of one integration. */ ProblemId);
id!(/** Where alerts go. UUID v7. */ ChannelId);
id!(/** Who is told of what. UUID v7. */ RuleId);
id!(/** One message to one channel. */ DeliveryId);
id!(/** A time in which nothing counts for objectives. UUID v7. */ MaintenanceId);
id!(/** A screen that shows the overview without signing in. UUID v7. */ ScreenId);
id!(/** One copy of the whole database. UUID v7. */ BackupId);
id!(/** A form that was sent with mistakes, kept for its sender. UUID v4: it must not be guessable. */ DraftId);
id!(/** Plane's project. */ ProjectId);
id!(/** Plane's work item. */ WorkItemId);
id!(/** Plane's label. */ LabelId);
id!(/** Plane's cycle or module. */ CollectionId);
id!(/** Plane's workflow state. */ StateId);
id!(/** A member of a Plane workspace. */ MemberId);

impl ProblemId {
    /// The same for the same failures, whoever meets them first. The groups of an integration are few, and nobody chooses their names,
    /// so a simple hash will do.
    pub fn of(integration: IntegrationId, class: &str, endpoint: Option<&str>) -> Self {
        let endpoint = endpoint.unwrap_or_default();
        let parts = [
            integration.0.as_bytes(),
            class.as_bytes(),
            endpoint.as_bytes(),
        ];
        Self(Uuid::from_u128(fnv(parts)))
    }
}

/// One number for all of these, told apart: FNV-1a of 128 bits.
pub(crate) fn fnv<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let bytes = parts.into_iter().flat_map(|part| part.iter().chain(&[0]));
    bytes.fold(START, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}

impl IntegrationId {
    /// Hangar itself, where a problem is no integration's.
    pub const PORTAL: IntegrationId = IntegrationId(Uuid::nil());

    /// A part of `length` that is this integration's own, the same whoever asks and whenever: so that what many do on one
    /// schedule is spread.
    pub fn share_of(self, length: TimeDelta) -> TimeDelta {
        // SplitMix64's last steps: ids that were made one after the other differ in few bits only.
        let (high, low) = self.0.as_u64_pair();
        let mut mixed = high ^ low;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (mixed >> 48) as i64;
        TimeDelta::milliseconds(length.num_milliseconds() * share / (1 << 16))
    }
}
