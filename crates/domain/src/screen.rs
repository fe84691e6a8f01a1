use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ids::ScreenId, text::Name};

/// A screen on a wall that shows the overview without anybody signing in: whoever has its address sees what a lead sees there, and
/// nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Screen {
    pub id: ScreenId,
    pub name: Name,
    /// Who added it.
    pub by: String,
    pub created_at: DateTime<Utc>,
    /// When it was last shown, within a minute.
    pub seen_at: Option<DateTime<Utc>>,
}
