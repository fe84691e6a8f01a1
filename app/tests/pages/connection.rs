use app::Failure;
use domain::page::Page;

use crate::{
    canned::{Canned, get, lead},
    integrations::{ID, one},
};

fn path() -> String {
    format!("/integrations/{ID}/connection")
}

#[tokio::test]
async fn whether_a_connection_works_is_told_in_a_sentence_with_every_test_that_told() {
    let page = get(one(), Some(lead()), &path()).await;
    assert_eq!(page.text("h1"), "Connection of Acme <product>");
    assert_eq!(
        page.text(".page-says"),
        "Failing For 4 min: the latest 3 tests failed."
    );
    assert_eq!(
        page.texts(".figure"),
        [
            "Latest tests passed2 / 5",
            "Certificate runs out in9 daysRenew it on Plane’s server.",
        ]
    );
    assert_eq!(
        page.attribute("svg[role=img]", "aria-label").as_deref(),
        Some("5 latest tests together: 3 failed"),
        "a picture says what it shows"
    );
    assert_eq!(
        page.text("tbody tr"),
        "2 min agoConnection failsPlane refused this key.somebody1944 ms"
    );
}

#[tokio::test]
async fn the_filter_and_both_files_are_links() {
    let page = get(one(), Some(lead()), &format!("{}?show=failed", path())).await;
    assert_eq!(page.texts(".chip[aria-current]"), ["Failed"]);
    for kind in ["csv", "json"] {
        let link = format!("a[href='{}.{kind}?show=failed']", path());
        assert!(page.has(&link), "{link}");
    }
}

#[tokio::test]
async fn a_connection_that_was_never_tested_says_when_it_will_be() {
    let mut canned = one();
    canned.tests = Ok(Page {
        rows: vec![],
        next: None,
    });
    if let Ok(row) = &mut canned.integration {
        row.health = Default::default();
    }
    let page = get(canned, Some(lead()), &path()).await;
    assert_eq!(page.text(".page-says"), "Not tested It was never tested.");
    assert!(page.text("main").contains("within a minute or two"));
    assert!(!page.has("svg[role=img]"));
}

#[tokio::test]
async fn the_list_marks_a_connection_that_fails() {
    let page = get(one(), Some(lead()), "/integrations").await;
    assert_eq!(
        page.text(&format!("a[href='{}']", path())),
        "Connection failing since 4 min ago"
    );
}

#[tokio::test]
async fn the_connection_of_what_is_not_there_is_not_found() {
    let nothing = Canned {
        integration: Err(Failure::NotFound),
        ..one()
    };
    assert_eq!(get(nothing, Some(lead()), &path()).await.status, 404);
}
