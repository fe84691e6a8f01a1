use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{BulkId, IntegrationId, UserId};

/// One line of history. Never a secret: keys are named by fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    pub at: DateTime<Utc>,
    /// `None`: Hangar itself, or nobody signed in.
    pub actor: Option<UserId>,
    pub actor_name: String,
    /// A stable code such as `integration.key_replaced`.
    pub action: String,
    pub integration: Option<IntegrationId>,
    /// The bulk operation that it was part of.
    pub bulk: Option<BulkId>,
    /// One sentence for people.
    pub says: String,
}
