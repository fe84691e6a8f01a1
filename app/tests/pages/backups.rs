use app::{BackupReport, BackupRow};
use chrono::TimeDelta;
use domain::{
    backup::{Backup, Failed, Made},
    checks::Level,
    ids::BackupId,
};

use crate::canned::{Answer, Canned, admin, get, lead, now};

const BUTTON: &str = "form[action='/api/ui/make_backup'] button";

fn row(hours_ago: i64, made: Result<Made, Failed>, is_there: bool) -> BackupRow {
    BackupRow {
        backup: Backup {
            id: BackupId(uuid::Uuid::from_u128(u128::try_from(hours_ago).unwrap())),
            started_at: now() - TimeDelta::hours(hours_ago),
            took_ms: 7_400,
            asked_by: (hours_ago == 26).then(|| "Maya".to_owned()),
            made,
        },
        is_there,
    }
}

fn made(file: &str) -> Result<Made, Failed> {
    Ok(Made {
        file: file.to_owned(),
        bytes: 13_200_000,
        records: 10_482,
    })
}

fn report(level: Level, rows: Vec<BackupRow>) -> Canned {
    Canned {
        backups: BackupReport::On {
            every_hours: 24,
            keep: 14,
            directory: Some("/var/lib/hangar/backups".to_owned()),
            next_at: now() + TimeDelta::hours(22),
            level,
            is_under_way: false,
            rows,
        },
        ..Canned::default()
    }
}

fn three() -> Vec<BackupRow> {
    let full = Failed {
        says: "There is too little room.".to_owned(),
    };
    vec![
        row(2, Err(full), false),
        row(26, made("hangar-b.surql.gz"), true),
        row(50, made("hangar-a.surql.gz"), false),
    ]
}

async fn page(canned: Canned) -> Answer {
    get(canned, Some(admin()), "/settings/backups").await
}

#[tokio::test]
async fn it_says_what_is_kept_what_failed_and_how_to_restore() {
    let page = page(report(Level::Good, three())).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text("h1"), "Backups");
    let rows = page.texts("tbody tr");
    assert_eq!(rows.len(), 3);
    assert!(rows[0].contains("Failed") && rows[0].contains("There is too little room."));
    assert!(
        rows[1].contains("Verified") && rows[1].contains("13 MB"),
        "{}",
        rows[1]
    );
    assert!(
        rows[1].contains("10,482 records") && rows[1].contains("7 s"),
        "{}",
        rows[1]
    );
    assert!(rows[1].contains("Asked for by Maya"), "{}", rows[1]);
    assert!(rows[2].contains("Not kept any more"), "{}", rows[2]);
    assert_eq!(
        page.text("textarea"),
        "hangar restore /var/lib/hangar/backups/hangar-b.surql.gz --data NEW_DIRECTORY",
        "the latest that can be restored"
    );
    assert!(page.html.contains("The latest 14") && page.html.contains("Every day"));
    assert!(page.html.contains("in 22 h"));
    assert_eq!(page.text(BUTTON), "Back up now");
    assert!(!page.has(".notice"));
}

#[tokio::test]
async fn a_lead_sees_no_button_and_no_place() {
    let page = get(
        report(Level::Good, three()),
        Some(lead()),
        "/settings/backups",
    )
    .await;
    assert_eq!(page.status, 200);
    assert!(!page.has(BUTTON));
    assert!(!page.html.contains("/var/lib"));
    assert_eq!(page.texts("tbody tr").len(), 3);
    let visitor = get(report(Level::Good, three()), None, "/settings/backups").await;
    assert_eq!(visitor.status, 303);
}

#[tokio::test]
async fn what_is_old_or_under_way_is_said_first() {
    let old = page(report(Level::Bad, three())).await;
    assert!(
        old.text(".notice-bad")
            .contains("There is no recent backup")
    );
    let mut canned = report(Level::Bad, three());
    if let BackupReport::On { is_under_way, .. } = &mut canned.backups {
        *is_under_way = true;
    }
    let now = page(canned).await;
    assert!(now.text(".notice").contains("A backup is under way"));
    assert!(!now.has(".notice-bad"));
}

#[tokio::test]
async fn without_any_it_says_why() {
    let first = page(report(Level::Good, vec![])).await;
    assert!(first.text(".empty").contains("No backup yet"));
    assert!(first.has(BUTTON));
    for (backups, says) in [
        (BackupReport::Off, "Backups are switched off"),
        (BackupReport::Elsewhere, "not in Hangar’s own files"),
    ] {
        let canned = Canned {
            backups,
            ..Canned::default()
        };
        let page = page(canned).await;
        assert_eq!(page.status, 200);
        assert!(page.text(".empty").contains(says), "{}", page.html);
        assert!(!page.has(BUTTON) && !page.has("table"));
    }
    let settings = get(Canned::default(), Some(lead()), "/settings").await;
    assert!(settings.has("a[href='/settings/backups']"));
}
