use chrono::TimeDelta;
use domain::{
    actor::User,
    drift::{DriftCheck, Thoroughness},
    page::Page,
};

use crate::{
    canned::{Answer, Canned, admin, get, lead, now},
    mirror::{PROJECT, project},
};

/// A comparison so many days ago that found this missing, not in Plane, and different.
fn check(days: i64, [missing, extra, different]: [u64; 3]) -> DriftCheck {
    DriftCheck {
        at: now() - TimeDelta::days(days),
        thoroughness: Thoroughness::Whole,
        planes: 1_348,
        compared: 1_348,
        missing,
        extra,
        different,
    }
}

async fn page(checks: Vec<DriftCheck>, user: User) -> Answer {
    let canned = Canned {
        project: Ok(project()),
        drift_checks: Ok(Page {
            rows: checks,
            next: None,
        }),
        ..Canned::default()
    };
    get(canned, Some(user), &format!("{PROJECT}/drift")).await
}

#[tokio::test]
async fn without_a_comparison_there_is_no_trend_and_with_one_it_says_what_it_waits_for() {
    let none = page(vec![], admin()).await;
    assert_eq!(none.text(".empty h2"), "Nothing was compared yet");
    assert!(!none.has(".trend") && !none.has("table"));

    let one = page(vec![check(1, [0, 0, 0])], admin()).await;
    assert!(one.text(".panel").contains("from the second one on"));
    assert!(!one.has(".trend"));
    assert_eq!(one.texts("tbody .badge"), ["Equal"]);
}

#[tokio::test]
async fn the_trend_shows_what_the_table_says_the_oldest_first() {
    let checks = vec![
        check(0, [0, 0, 0]),
        check(1, [0, 0, 40]),
        check(2, [30, 9, 1]),
        check(3, [0, 0, 0]),
    ];
    let page = page(checks, lead()).await;
    let columns = page.texts("svg[role=img] svg");
    assert_eq!(columns.len(), 4);
    assert!(columns[1].ends_with("+30 / −9 / 1 changed"), "{columns:?}");
    assert!(columns[2].ends_with("+0 / −0 / 40 changed"), "{columns:?}");
    assert_eq!(page.count("svg[role=img] .trend-equal"), 2);
    assert_eq!(page.count("svg[role=img] rect"), 4);
    // As tall as the largest, and as tall as that in three parts, of which none is too small to be seen.
    let tall = |class: &str| {
        page.attribute(&format!("svg[role=img] rect{class}"), "height")
            .unwrap()
    };
    assert_eq!(
        [".trend-missing", ".trend-extra", ".trend-different"].map(tall),
        ["60", "18", "3"]
    );
    assert_eq!(page.texts("svg[role=img] > g > text")[0], "40");
    assert_eq!(
        page.text(".panel-aside"),
        "4 comparisons: 2 equal, 2 differed, at most by 40 work items"
    );
    assert!(page.text("svg[role=img] desc").contains("4 comparisons"));
    assert_eq!(page.count("tbody tr"), 4, "the table says the same");
    assert!(!page.has("form[action='/api/ui/compare_project']"));
    assert!(!page.has("[style]"));
}

#[tokio::test]
async fn a_copy_that_never_differed_has_a_trend_without_a_scale() {
    let page = page(vec![check(0, [0; 3]), check(1, [0; 3])], admin()).await;
    assert_eq!(page.text(".panel-aside"), "2 comparisons, all equal");
    assert_eq!(page.count("svg[role=img] .trend-equal"), 2);
    assert!(!page.has("svg[role=img] rect") && !page.has(".trend-most"));
    assert!(page.has("form[action='/api/ui/compare_project']"));
}
