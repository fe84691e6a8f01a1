use app::{CheckNow, Failure};
use chrono::TimeDelta;
use domain::{
    checks::{Check, Finding, HealthChange, Level},
    page::{Cursor, Page},
};

use crate::{
    canned::{Canned, get, lead, now},
    integrations::{ID, one},
};

fn path() -> String {
    format!("/integrations/{ID}/health")
}

fn check(check: Check, level: Level, minutes: Option<i64>) -> CheckNow {
    CheckNow {
        finding: Finding {
            check,
            level,
            says: format!("{} is {}.", check.name(), level.word()),
        },
        since: minutes.map(|minutes| now() - TimeDelta::minutes(minutes)),
    }
}

fn canned() -> Canned {
    let change = HealthChange {
        integration: ID,
        at: now() - TimeDelta::minutes(3),
        check: Check::Drift,
        was: Level::Good,
        level: Level::Warning,
        says: "<b>It drifted.</b>".to_owned(),
    };
    Canned {
        checks: Ok(vec![
            check(Check::Freshness, Level::Good, Some(90)),
            check(Check::Webhook, Level::Unknown, None),
            check(Check::Drift, Level::Warning, Some(3)),
            check(Check::Key, Level::Bad, Some(47)),
        ]),
        log: Ok(Page {
            rows: vec![change],
            next: Some(Cursor("n".into())),
        }),
        ..one()
    }
}

#[tokio::test]
async fn the_worst_check_stands_first_with_its_reason_and_the_way_to_it() {
    let page = get(canned(), Some(lead()), &path()).await;
    assert_eq!(page.text("h1"), "Health of Acme <product>");
    assert_eq!(
        page.text(".page-says"),
        "Bad 1 thing to see to, 1 more to look at."
    );
    assert_eq!(
        page.texts("[aria-label=Checks] tbody tr"),
        [
            "API keyBadAPI key is bad.Since 47 min ago",
            "DriftLook at thisDrift is warning.Since 3 min ago",
            "FreshnessGoodFreshness is good.Since 1 h ago",
            "WebhookUnknownWebhook is unknown.",
        ]
    );
    let to = page.attribute("[aria-label=Checks] tbody a", "href");
    assert_eq!(to.unwrap(), format!("/integrations/{ID}/connection"));
    assert_eq!(
        page.texts("[aria-label='Health log'] tbody tr"),
        ["DriftLook at this<b>It drifted.</b>3 min ago"]
    );
    assert!(!page.has("main b"), "what is told is text");
    assert!(!page.has("main form"), "nothing that a lead can't do");
}

#[tokio::test]
async fn the_log_is_filtered_in_the_address_which_the_files_keep() {
    let page = get(canned(), Some(lead()), &format!("{}?check=drift", path())).await;
    assert_eq!(page.texts(".chip[aria-current]"), ["Drift"]);
    for kind in ["csv", "json"] {
        assert!(page.has(&format!("a[href='{}.{kind}?check=drift']", path())));
    }
    let next = page.attribute("a[rel=next]", "href").unwrap();
    assert!(next.contains("check=drift"), "{next}");
}

#[tokio::test]
async fn a_log_without_a_line_says_why() {
    let empty = || Canned {
        log: Ok(Page::empty()),
        ..canned()
    };
    let page = get(empty(), Some(lead()), &path()).await;
    assert_eq!(page.text(".empty h2"), "Nothing has changed yet");
    let page = get(empty(), Some(lead()), &format!("{}?check=key", path())).await;
    assert_eq!(page.text(".empty h2"), "Nothing of this check");
    let nobody = Canned {
        integration: Err(Failure::NotFound),
        ..canned()
    };
    assert_eq!(get(nobody, Some(lead()), &path()).await.status, 404);
}
