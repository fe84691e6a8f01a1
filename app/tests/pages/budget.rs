use app::{KeyBudget, KeyUser};
use chrono::TimeDelta;
use domain::{
    ids::IntegrationId,
    range::Range,
    usage::{CallTally, Forecast, PlaneKey, Purpose, Slot, Usage},
};
use uuid::Uuid;

use crate::canned::{Answer, Canned, admin, get, lead, now};

fn tally(calls: u64) -> CallTally {
    let mut tally = CallTally {
        calls,
        waited_ms: 90_000,
        ..CallTally::default()
    };
    tally.took.add_many(120, calls);
    tally
}

fn usage(syncs: u64, tests: u64, peak: u64) -> Usage {
    let mut usage = Usage {
        peak,
        ..Usage::default()
    };
    for (purpose, calls) in [(Purpose::Sync, syncs), (Purpose::ConnectionTest, tests)] {
        if calls > 0 {
            usage.by_purpose.insert(purpose, tally(calls));
        }
    }
    usage
}

/// A key of sixty calls a minute that came close to it, two hours ago.
fn budget() -> KeyBudget {
    let range = Range::Hours24;
    let mut bars: Vec<_> = range
        .starts(now())
        .into_iter()
        .map(|start| (start, Usage::default()))
        .collect();
    bars[21].1 = usage(1_200, 3, 52);
    bars[23].1 = usage(40, 0, 8);
    let user = |n, name: &str, usage| KeyUser {
        integration: IntegrationId(Uuid::from_u128(n)),
        name: name.to_owned(),
        usage,
        full_sync: Some(124),
    };
    let mut failing = usage(1_000, 3, 52);
    let tally = failing.by_purpose.get_mut(&Purpose::Sync).unwrap();
    tally.failed.insert("plane_fault".to_owned(), 12);
    tally.failed.insert("timeout".to_owned(), 3);
    KeyBudget {
        key: PlaneKey {
            origin: "https://plane.example:8443".to_owned(),
            fingerprint: "ab12cd34".to_owned(),
        },
        limit: 60,
        free: 41,
        waiting: 2,
        bars,
        before: Some(tally_of_before()),
        forecast: Some(Forecast {
            calls: 47,
            hour: Slot::Hour.start(now()) + TimeDelta::hours(2),
        }),
        users: vec![
            user(1, "Acme", failing),
            user(2, "Mobile", usage(240, 0, 20)),
        ],
    }
}

fn tally_of_before() -> CallTally {
    tally(1_180)
}

async fn page(budgets: Vec<KeyBudget>, path: &str) -> Answer {
    let canned = Canned {
        budgets: Ok(budgets),
        ..Canned::default()
    };
    get(canned, Some(lead()), path).await
}

#[tokio::test]
async fn a_key_says_what_is_free_what_was_used_and_what_is_to_come() {
    let page = page(vec![budget()], "/budget").await;
    assert_eq!(page.text(".panel h2"), "Key ab12cd34 at plane.example:8443");
    assert_eq!(page.text(".panel-aside"), "used by 2 integrations");
    let figures = page.texts(".figure");
    assert_eq!(
        figures,
        [
            "Free now41 / 60 a minute2 calls wait for their turn",
            "Calls in 24 h1,2431,180 in the period before",
            "Busiest minute52 calls86 % of the limit",
            "Today’s peak, expected47 a minutearound 13:00 UTC, 78 % of the limit",
            "Waited for the limit4 min 30 sPlane refused none",
        ]
    );
    assert!(page.has(".tone-figure-late"), "52 of 60 is close");
    let rows = page.texts("table:has(caption) tbody tr");
    assert!(
        rows.contains(
            &"Acme1,003123 ms15 mostly plane fault3 min124 calls, about 3 min".to_owned()
        ),
        "{rows:?}"
    );
    assert!(!page.has("main form"), "a lead has nothing to press");
}

#[tokio::test]
async fn each_key_has_a_panel_whose_parts_carry_its_name() {
    let mut other = budget();
    "https://plane.other".clone_into(&mut other.key.origin);
    let page = page(vec![budget(), other], "/budget").await;
    let captions = page.texts("caption");
    assert_eq!(
        captions,
        [
            "Calls with key ab12cd34 at plane.example:8443",
            "Calls with key ab12cd34 at plane.example:8443 by integration",
            "Calls with key ab12cd34 at plane.other",
            "Calls with key ab12cd34 at plane.other by integration",
        ]
    );
}

#[tokio::test]
async fn the_chart_and_its_table_say_the_same() {
    let page = page(vec![budget()], "/budget").await;
    let titles = page.texts(".chart-drawing title");
    assert_eq!(titles.len(), 24);
    assert!(
        titles[21].ends_with("1,203, of it Syncs 1,200, Connection tests 3"),
        "{}",
        titles[21]
    );
    assert_eq!(page.texts(".legend li"), ["Syncs", "Connection tests"]);
    let rows = page.texts(".chart-table tbody tr");
    assert_eq!(rows.len(), 24);
    assert!(rows[0].ends_with("40040"), "the latest first: {}", rows[0]);
    assert!(rows[2].ends_with("1,20031,203"), "{}", rows[2]);
    let caption = page.text(".chart figcaption");
    assert!(
        caption.starts_with("Calls with key ab12cd34 at plane.example:8443 The last 24 h up to"),
        "{caption}"
    );
    let label = page.attribute(".chart-drawing", "aria-label").unwrap();
    assert!(label.contains("at most 1,203 calls in 1 h"), "{label}");
}

#[tokio::test]
async fn a_bar_says_its_numbers_in_a_line_without_a_script() {
    let page = page(vec![budget()], "/budget").await;
    let lines = page.texts(".chart-detail");
    assert_eq!(lines.len(), 24);
    assert_eq!(
        lines[21], "18 Nov 09:00: 1,203, of it Syncs 1,200, …",
        "cut for narrow screens"
    );
    assert!(!page.has("script") && !page.has("[style]"));
    assert!(
        !page.has(".chart-drawing a") && !page.has(".chart-drawing [tabindex]"),
        "nothing to go to"
    );
}

#[tokio::test]
async fn the_range_is_in_the_address_and_an_unknown_one_is_a_day() {
    let current = async |path: &str| {
        page(vec![budget()], path)
            .await
            .texts(".chip[aria-current]")
    };
    assert_eq!(current("/budget?range=7d").await, ["7 d"]);
    assert_eq!(current("/budget?range=yesterday").await, ["24 h"]);
    let page = page(vec![budget()], "/budget?range=30d").await;
    assert_eq!(
        page.attribute(".chip", "href").as_deref(),
        Some("/budget?range=6h")
    );
}

#[tokio::test]
async fn without_a_key_it_says_when_there_will_be_something() {
    let none = page(vec![], "/budget").await;
    assert_eq!(none.text(".empty h2"), "No key yet");
    let quiet = KeyBudget {
        bars: Range::Hours24
            .starts(now())
            .into_iter()
            .map(|start| (start, Usage::default()))
            .collect(),
        before: None,
        forecast: None,
        waiting: 0,
        users: vec![],
        ..budget()
    };
    let canned = Canned {
        budgets: Ok(vec![quiet]),
        ..Canned::default()
    };
    let page = get(canned, Some(admin()), "/budget").await;
    assert_eq!(page.text(".panel-aside"), "no integration uses it any more");
    let label = page.attribute(".chart-drawing", "aria-label").unwrap();
    assert!(label.contains("No call in the last 24 h"), "{label}");
    assert_eq!(page.text(".chart-nothing"), "Nothing in this time");
    assert!(!page.has(".series-1") && !page.has(".chart-ground, .chart-table"));
}

#[tokio::test]
async fn every_call_stands_in_a_list() {
    let call = |status, error: Option<&str>| domain::usage::CallRecord {
        integration: Some(crate::integrations::ID),
        key: domain::usage::PlaneKey {
            origin: "https://plane.acme.example".to_owned(),
            fingerprint: "ab12".to_owned(),
        },
        purpose: domain::usage::Purpose::Sync,
        endpoint: "projects/:id/labels".to_owned(),
        status,
        error: error.map(str::to_owned),
        ended_at: crate::canned::now(),
        took_ms: 1_204,
        waited_ms: 0,
        bytes: 48_211,
        remaining: Some(41),
        project: None,
    };
    let canned = Canned {
        all_calls: domain::page::Page {
            rows: vec![
                call(Some(200), None),
                call(Some(502), Some("plane_fault")),
                call(None, Some("timeout")),
            ],
            next: None,
        },
        ..crate::integrations::one()
    };
    let path = format!("/integrations/{}/calls", crate::integrations::ID);
    let page = get(canned, Some(lead()), &format!("{path}?show=failed")).await;
    let rows = page.texts("[aria-label='Calls to Plane'] tbody tr");
    assert!(
        rows[0].contains("Syncs200") && rows[0].contains("1,204 ms") && rows[0].contains("41"),
        "{rows:?}"
    );
    assert!(
        rows[1].contains("502 plane fault") && rows[2].contains("timeout"),
        "{rows:?}"
    );
    assert_eq!(page.texts(".chip[aria-current]"), ["Failed"]);
    assert!(page.has(&format!("a[href='{path}.csv?show=failed']")));
    let page = get(crate::integrations::one(), Some(lead()), &path).await;
    assert_eq!(page.text(".empty h2"), "No calls");
}
