use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Copies;
use crate::{
    freshness::{Freshness, Kind},
    ids::IntegrationId,
    mirror::{CopyState, ProjectRow},
};

/// How old the copies of each integration's projects are at a moment.
pub type Sampled = BTreeMap<IntegrationId, Copies>;

/// Looks at all projects as of that moment. What rests, and what the key can't read, is not looked at; nor is what nobody knows the
/// age of.
pub fn sample<'a>(
    projects: impl IntoIterator<Item = &'a ProjectRow>,
    at: DateTime<Utc>,
) -> Sampled {
    let mut sampled = Sampled::new();
    for row in projects {
        let CopyState::Copied(state) = row.state(at) else {
            continue;
        };
        let (is_fresh, is_good) = match state {
            Freshness::Fresh => (true, true),
            Freshness::Late => (false, true),
            Freshness::Stale | Freshness::Never => (false, false),
            Freshness::Unknown | Freshness::Paused | Freshness::Inactive => continue,
        };
        let copies = sampled.entry(row.integration).or_default();
        copies.looked_at += 1;
        copies.fresh += u64::from(is_fresh);
        copies.good += u64::from(is_good);
        if let Some(copied) = row.copied.at(Kind::WorkItems) {
            let lag = u64::try_from((at - copied).num_seconds()).unwrap_or(0);
            copies.lag_s.add(lag);
            copies.largest_lag_s = copies.largest_lag_s.max(lag);
        }
    }
    sampled
}
