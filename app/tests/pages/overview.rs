use app::{Failure, Totals};
use chrono::TimeDelta;
use domain::{
    freshness::Freshness,
    ids::IntegrationId,
    integration::{AuthScheme, Integration, IntegrationRow, IntegrationSettings, KeyHint},
    page::{Cursor, Page},
    run::Outcome,
};
use uuid::Uuid;

use crate::{
    canned::{Canned, admin, get, lead, now},
    sync::{finished, running},
};

/// An integration with a schedule of 15 minutes, last completely synced so many minutes ago.
pub(crate) fn integration(
    number: u128,
    name: &str,
    freshness: Freshness,
    minutes_ago: i64,
) -> IntegrationRow {
    IntegrationRow {
        integration: Integration {
            id: IntegrationId(Uuid::from_u128(number)),
            settings: IntegrationSettings {
                integration_name: name.parse().unwrap(),
                description: String::new(),
                base_url: "https://plane.acme.example".parse().unwrap(),
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
                last_four: "9f2c".into(),
                fingerprint: "0123456789abcdef".into(),
                replaced_at: now(),
            },
            version: 1,
            created_at: now(),
            updated_at: now(),
        },
        freshness,
        member_projects: 14,
        visible_projects: 16,
        total_work_items: 10_482,
        complete_at: (freshness != Freshness::Never)
            .then(|| now() - TimeDelta::minutes(minutes_ago)),
        complete_requests: None,
        last_run: Some(finished().summary()),
        health: Default::default(),
    }
}

#[tokio::test]
async fn a_new_portal_shows_an_admin_three_steps_and_where_to_begin() {
    let page = get(Canned::default(), Some(admin()), "/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text("h1"), "Overview");
    assert_eq!(page.count(".first-steps li"), 3);
    assert_eq!(
        page.attribute(".first-steps a.button", "href").unwrap(),
        "/integrations/new"
    );
    assert!(!page.has("table") && !page.has("script[type=module]"));
}

#[tokio::test]
async fn a_lead_of_a_new_portal_is_told_whom_to_ask() {
    let page = get(Canned::default(), Some(lead()), "/").await;
    assert!(!page.has("a[href='/integrations/new']"));
    assert!(
        page.text(".first-steps")
            .contains("An admin has to add the first integration.")
    );
}

#[tokio::test]
async fn the_worst_is_said_first_and_each_integration_has_its_line() {
    let mut failing = integration(1, "Acme product", Freshness::Stale, 47);
    failing.last_run.as_mut().unwrap().outcome = Some(Outcome::RateLimited);
    let mut never = integration(2, "Northwind", Freshness::Never, 0);
    never.last_run = None;
    let rows = vec![
        failing,
        never,
        integration(3, "Studio", Freshness::Fresh, 1),
    ];
    let canned = Canned {
        totals: Ok(Totals {
            integrations: 120,
            projects: 43,
            work_items: 61_204,
        }),
        integrations: Ok(Page {
            rows,
            next: Some(Cursor("x".into())),
        }),
        running: Ok(vec![running()]),
        ..Canned::default()
    };
    let page = get(canned, Some(lead()), "/").await;

    assert!(
        page.text(".page-says")
            .starts_with("120 integrations · 43 projects · 61,204 work items · as of ")
    );
    assert_eq!(
        page.text(".notice-title"),
        "Acme product is stale: last complete sync 47 min ago, its schedule is 15 min."
    );
    assert!(
        page.text(".notice-bad")
            .contains("1 more integration needs attention.")
    );
    assert_eq!(
        page.texts(".trust tbody td:nth-child(2)"),
        ["Stale", "Never synced", "Fresh"]
    );
    assert_eq!(
        page.texts(".trust tbody td:nth-child(3)"),
        ["47 min ago", "–", "1 min ago"]
    );
    assert_eq!(page.texts(".trust tbody td:nth-child(4)")[0], "14 of 16");
    assert!(page.texts(".trust tbody td:nth-child(6)")[0].starts_with("Rate limited"));
    assert_eq!(page.texts(".trust tbody td:nth-child(6)")[1], "–");
    assert!(
        page.texts(".section-head a")
            .contains(&"all 120".to_owned())
    );
    assert!(
        page.text(".running")
            .contains("Copying work items of Firmware.")
    );
    assert!(!page.has(".first-steps") && !page.has("main form"));
}

#[tokio::test]
async fn hostile_names_stay_text() {
    let row = integration(1, "<img src=x onerror=alert(1)>", Freshness::Late, 20);
    let canned = Canned {
        integrations: Ok(Page {
            rows: vec![row],
            next: None,
        }),
        ..Canned::default()
    };
    let page = get(canned, Some(admin()), "/").await;
    assert!(!page.has("img"));
    assert!(
        page.text(".notice-title")
            .starts_with("<img src=x onerror=alert(1)> is late")
    );
}

#[tokio::test]
async fn failures_have_their_pages() {
    let canned = Canned {
        totals: Err(Failure::Unavailable),
        ..Canned::default()
    };
    assert_eq!(get(canned, Some(admin()), "/").await.status, 503);
    let nobody = get(Canned::default(), None, "/").await;
    assert_eq!(
        (nobody.status, nobody.location.as_deref()),
        (303, Some("/sign-in?next=/"))
    );
}

#[tokio::test]
async fn problems_stand_on_the_overview_with_who_is_on_them() {
    let canned = Canned {
        problems: crate::problems::canned().problems,
        ..crate::integrations::one()
    };
    let page = get(canned, Some(lead()), "/").await;
    let rows = page.texts(".overview-problems li");
    assert_eq!(rows.len(), 1, "what comes of it is not told: {rows:?}");
    assert!(
        rows[0].starts_with("Open Plane itself failsAcme <product>, for 47 min, nobody is on it"),
        "{rows:?}"
    );
}
