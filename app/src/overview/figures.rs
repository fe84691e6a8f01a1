use chrono::{DateTime, Utc};
use domain::{freshness::Freshness, integration::IntegrationRow};
use leptos::prelude::*;

use crate::{
    Totals,
    ui::{
        badge::Tone,
        number::number,
        panel::{Figure, Figures},
        time::one_unit,
    },
};

/// The numbers above the list. `rows` stand worst first; `is_all`: there are no more.
#[component]
pub fn OverviewFigures(
    rows: Vec<IntegrationRow>,
    is_all: bool,
    totals: Totals,
    now: DateTime<Utc>,
) -> impl IntoView {
    let fresh = fresh(&rows, is_all);
    let oldest = oldest(&rows, now);
    let (lag, lag_of) =
        oldest.unwrap_or_else(|| ("–".to_owned(), "Nothing is synced yet.".to_owned()));
    let (lag, lag_unit) = lag.split_once(' ').unwrap_or((&lag, ""));
    let (lag, lag_unit) = (lag.to_owned(), lag_unit.to_owned());
    let unreadable = is_all.then(|| unreadable(&rows)).flatten();
    view! {
        <Figures>
            <Figure label="Integrations fresh" value=fresh.value unit=fresh.of tone=fresh.tone>{fresh.says}</Figure>
            <Figure label="Oldest copy" value=lag unit=lag_unit>{lag_of}</Figure>
            <Figure label="Projects" value=number(u64::from(totals.projects))>{unreadable}</Figure>
            <Figure label="Work items" value=number(totals.work_items)/>
        </Figures>
    }
    .into_any()
}

/// How many copies are fresh, of those that should be.
#[derive(Debug, PartialEq, Eq)]
struct Fresh {
    value: String,
    of: String,
    says: String,
    tone: Tone,
}

fn fresh(rows: &[IntegrationRow], is_all: bool) -> Fresh {
    let with = |freshness| rows.iter().filter(|row| row.freshness == freshness).count();
    let active = rows
        .iter()
        .filter(|row| !row.freshness.is_resting())
        .count();
    let words = [
        (Freshness::Stale, "stale"),
        (Freshness::Late, "late"),
        (Freshness::Never, "never synced"),
        (Freshness::Unknown, "unknown"),
        (Freshness::Paused, "paused"),
        (Freshness::Inactive, "inactive"),
    ];
    let mut says: Vec<_> = words
        .into_iter()
        .map(|(freshness, word)| (with(freshness), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    if !is_all {
        says.push(format!("among the worst {}", rows.len()));
    }
    let tone = if with(Freshness::Stale) > 0 {
        Tone::Bad
    } else if with(Freshness::Fresh) == active {
        Tone::Idle
    } else {
        Tone::Late
    };
    Fresh {
        value: with(Freshness::Fresh).to_string(),
        of: format!("/ {active}"),
        says: says.join(", "),
        tone,
    }
}

/// The age of the oldest active copy, and whose it is.
fn oldest(rows: &[IntegrationRow], now: DateTime<Utc>) -> Option<(String, String)> {
    let row = rows
        .iter()
        .filter(|row| !row.freshness.is_resting() && row.complete_at.is_some())
        .min_by_key(|row| row.complete_at)?;
    let name = row.integration.settings.integration_name.to_string();
    Some((one_unit(now - row.complete_at?), name))
}

/// Projects that Plane lists but the keys can't read.
fn unreadable(rows: &[IntegrationRow]) -> Option<String> {
    let n: u32 = rows
        .iter()
        .map(|row| row.visible_projects.saturating_sub(row.member_projects))
        .sum();
    (n > 0).then(|| format!("{} of them the keys can’t read", number(u64::from(n))))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::{
        ids::IntegrationId,
        integration::{AuthScheme, Integration, IntegrationSettings, KeyHint},
    };

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000, 0).unwrap()
    }

    fn row(name: &str, freshness: Freshness, minutes_ago: Option<i64>) -> IntegrationRow {
        IntegrationRow {
            integration: Integration {
                id: IntegrationId(uuid::Uuid::nil()),
                settings: IntegrationSettings {
                    integration_name: name.parse().unwrap(),
                    description: String::new(),
                    base_url: "https://plane.example".parse().unwrap(),
                    workspace: "acme".parse().unwrap(),
                    project_id: None,
                    auth_scheme: AuthScheme::ApiKey,
                    interval_minutes: 15,
                    quiet_hours: None,
                    test_minutes: 15,
                    key_expires_on: None,
                    tags: Default::default(),
                },
                is_active: freshness != Freshness::Inactive,
                paused: None,
                key: KeyHint {
                    last_four: String::new(),
                    fingerprint: String::new(),
                    replaced_at: now(),
                },
                version: 1,
                created_at: now(),
                updated_at: now(),
            },
            freshness,
            member_projects: 3,
            visible_projects: 4,
            total_work_items: 1,
            complete_at: minutes_ago.map(|m| now() - TimeDelta::minutes(m)),
            complete_requests: None,
            last_run: None,
            health: Default::default(),
        }
    }

    #[test]
    fn inactive_copies_do_not_count_as_not_fresh() {
        let rows = [
            row("A", Freshness::Fresh, Some(1)),
            row("B", Freshness::Inactive, Some(900)),
        ];
        let fresh = fresh(&rows, true);
        assert_eq!((fresh.value.as_str(), fresh.of.as_str()), ("1", "/ 1"));
        assert_eq!(
            (fresh.says.as_str(), fresh.tone),
            ("1 inactive", Tone::Idle)
        );
        assert_eq!(
            oldest(&rows, now()),
            Some(("1 min".to_owned(), "A".to_owned()))
        );
    }

    #[test]
    fn the_worst_sets_the_colour() {
        let rows = [
            row("A", Freshness::Stale, Some(47)),
            row("B", Freshness::Never, None),
            row("C", Freshness::Fresh, Some(2)),
        ];
        let fresh = fresh(&rows, false);
        assert_eq!(fresh.says, "1 stale, 1 never synced, among the worst 3");
        assert_eq!(fresh.tone, Tone::Bad);
        assert_eq!(
            oldest(&rows, now()),
            Some(("47 min".to_owned(), "A".to_owned()))
        );
        assert_eq!(
            unreadable(&rows).as_deref(),
            Some("3 of them the keys can’t read")
        );
    }

    #[test]
    fn without_a_sync_there_is_no_oldest_copy() {
        assert_eq!(oldest(&[row("A", Freshness::Never, None)], now()), None);
        assert_eq!(
            fresh(&[row("A", Freshness::Never, None)], true).tone,
            Tone::Late
        );
    }
}
