use chrono::TimeDelta;
use domain::{
    audit::AuditEntry,
    checks::{Check, HealthChange, Level},
    ids::ProblemId,
    page::{Cursor, Page},
    problems::{Class, ProblemEvent, Turn},
    timeline::TimelineEntry,
};

use crate::{
    canned::{Canned, get, lead, now},
    integrations::{ID, failed_test, one},
};

fn canned() -> Canned {
    let run = one().runs.unwrap().rows.remove(0);
    let at = |minutes| now() - TimeDelta::minutes(minutes);
    let rows = vec![
        TimelineEntry::Problem(ProblemEvent {
            problem: ProblemId::of(ID, "auth.key_invalid", None),
            integration: ID,
            class: Class::KeyInvalid,
            level: Level::Bad,
            at: at(1),
            turn: Turn::Acknowledged,
            actor_name: Some("Maya".to_owned()),
            says: "Acknowledged.".to_owned(),
        }),
        TimelineEntry::Health(HealthChange {
            integration: ID,
            at: at(2),
            check: Check::Key,
            was: Level::Good,
            level: Level::Bad,
            says: "<b>Refused.</b>".to_owned(),
        }),
        TimelineEntry::Test(Box::new(failed_test())),
        TimelineEntry::Run(Box::new(run)),
        TimelineEntry::Change(AuditEntry {
            at: at(9),
            actor: None,
            actor_name: "Jonas".to_owned(),
            action: "integration.updated".to_owned(),
            integration: Some(ID),
            bulk: None,
            says: "Changed the schedule.".to_owned(),
        }),
    ];
    Canned {
        timeline: Page {
            rows,
            next: Some(Cursor("n".into())),
        },
        ..one()
    }
}

#[tokio::test]
async fn the_timeline_is_one_stream_with_the_way_to_each_thing() {
    let path = format!("/integrations/{ID}/timeline");
    let page = get(canned(), Some(lead()), &path).await;
    let rows = page.texts("[aria-label=Timeline] tbody tr");
    assert_eq!(
        rows[0],
        "Plane refuses the API keySeen toAcknowledged.by Maya1 min ago"
    );
    assert_eq!(rows[1], "API keyBad<b>Refused.</b>2 min ago");
    assert_eq!(
        rows[2],
        "Connection testConnection failsPlane refused this key.by somebody2 min ago"
    );
    assert!(rows[3].starts_with("Sync runRejected"), "{rows:?}");
    assert_eq!(rows[4], "ChangeChanged the schedule.by Jonas9 min ago");
    assert_eq!(page.count("[aria-label=Timeline] tbody a"), 4);
    let test = format!("/integrations/{ID}/tests/{}", failed_test().id);
    assert!(page.has(&format!("[aria-label=Timeline] a[href='{test}']")));
    assert!(
        page.text(".page-says")
            .contains("otherwise than the one before")
    );
    assert!(!page.has("main b") && !page.has("main form"));

    let page = get(canned(), Some(lead()), &format!("{path}?show=health")).await;
    assert_eq!(page.texts(".chip[aria-current]"), ["Checks"]);
    assert_eq!(page.count("[aria-label=Timeline] tbody tr"), 1);
    assert!(page.has(&format!("a[href='{path}.csv?show=health']")));
    let page = get(canned(), Some(lead()), &format!("{path}?show=test")).await;
    assert_eq!(page.texts(".chip[aria-current]"), ["Connection tests"]);
    assert_eq!(page.count("[aria-label=Timeline] tbody tr"), 1);
    assert!(!page.text(".page-says").contains("before"), "all of them");
    let next = page.attribute("a[rel=next]", "href").unwrap();
    assert!(next.contains("show=test"), "{next}");
    let page = get(one(), Some(lead()), &path).await;
    assert_eq!(page.text(".empty h2"), "Nothing has happened yet");
}
