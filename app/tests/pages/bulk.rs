use app::{BulkReport, Draft, Failure};
use chrono::TimeDelta;
use domain::{
    bulk::{
        BulkAction, BulkCost, BulkCounts, BulkItem, BulkOperation, BulkState, ItemState, Requests,
    },
    ids::{BulkId, IntegrationId, RunId, TestId, UserId},
    integration::IntegrationCounts,
    page::Page,
};
use uuid::Uuid;

use crate::{
    canned::{Answer, Canned, admin, get, lead, now},
    integrations::{ID, one},
};

fn item(number: u32, state: ItemState, says: &str) -> BulkItem {
    BulkItem {
        number,
        integration: IntegrationId(Uuid::from_u128(number.into())),
        name: format!("Acme <{number}>"),
        state,
        says: Some(says.to_owned()).filter(|says| !says.is_empty()),
        requests: Requests::default(),
        run: None,
        test: None,
    }
}

fn report(state: BulkState, action: BulkAction, items: Vec<BulkItem>) -> BulkReport {
    let is_started = state != BulkState::Planned;
    BulkReport {
        operation: BulkOperation {
            id: BulkId(Uuid::from_u128(70)),
            action,
            by: UserId(Uuid::from_u128(1)),
            by_name: "Maya Keller".into(),
            state,
            planned_at: now() - TimeDelta::minutes(5),
            started_at: is_started.then(|| now() - TimeDelta::minutes(4)),
            finished_at: (state == BulkState::Finished).then(|| now() - TimeDelta::minutes(1)),
            stop_requested: false,
            retry_of: None,
            cost: BulkCost {
                requests: 1204,
                is_at_least: true,
                minutes: 21,
            },
            counts: BulkCounts::of(&items),
        },
        items,
    }
}

async fn page(report: BulkReport, user: domain::actor::User) -> Answer {
    let canned = Canned {
        operation: Ok(report),
        ..Canned::default()
    };
    let page = get(
        canned,
        Some(user),
        "/bulk/00000000-0000-0000-0000-000000000046",
    )
    .await;
    assert_eq!(page.status, 200);
    page
}

#[tokio::test]
async fn the_look_before_an_operation_says_what_it_would_do_and_cost() {
    let mut items = vec![
        item(1, ItemState::Waiting, ""),
        item(2, ItemState::Waiting, ""),
        item(3, ItemState::Skipped, "It is inactive."),
    ];
    items[0].requests.count = 17;
    items[1].requests = Requests {
        count: 5,
        is_at_least: true,
    };
    let plan = report(BulkState::Planned, BulkAction::Sync, items);
    let answer = page(plan.clone(), admin()).await;
    assert_eq!(answer.text("h1"), "Sync 3 integrations");
    assert_eq!(
        answer.texts(".figure-value"),
        ["2", "1", "at least 1,204", "at least 21 min"]
    );
    assert_eq!(
        answer.texts(".bulk-items tbody tr .number"),
        ["Requests: about 17", "Requests: at least 5", "Requests: –"]
    );
    assert_eq!(answer.text("#item-3 .item-says"), "It is inactive.");
    assert!(answer.has("form[action='/api/ui/start_bulk'] [name=id]"));
    assert!(!answer.has("script"), "nothing moves yet");

    let seen = page(plan, lead()).await;
    assert!(!seen.has("main form"));
    assert!(seen.text(".notice").contains("an admin can start it"));
}

#[tokio::test]
async fn what_has_nothing_to_do_can_not_be_started() {
    let items = vec![item(1, ItemState::Skipped, "It is paused already.")];
    let note = "Plane <moves>".to_owned();
    let plan = report(BulkState::Planned, BulkAction::Pause { note }, items);
    let answer = page(plan, admin()).await;
    assert_eq!(answer.text(".empty h2"), "There is nothing to do");
    assert!(!answer.has("form[action='/api/ui/start_bulk']"));
    assert!(
        answer
            .texts("main p")
            .contains(&"Note: Plane <moves>".to_owned())
    );
}

#[tokio::test]
async fn an_operation_under_way_shows_how_far_it_is_also_without_javascript() {
    let mut items = vec![
        item(1, ItemState::Done, "12 work items read."),
        item(2, ItemState::Failed, "Rejected: Plane refused the key."),
        item(3, ItemState::Running, ""),
        item(4, ItemState::Waiting, ""),
    ];
    items[2].run = Some(RunId(Uuid::from_u128(9)));
    let running = report(BulkState::Running, BulkAction::Sync, items);
    let answer = page(running.clone(), admin()).await;
    assert_eq!(
        answer.texts(".live-run-place span"),
        ["2 of 4: 1 done, 1 failed", "about 4 min left"]
    );
    let bar = |name| answer.attribute("progress", name);
    assert_eq!(
        (bar("value").unwrap(), bar("max").unwrap()),
        ("2".into(), "4".into())
    );
    assert_eq!(
        answer.texts(".item-state"),
        ["Done", "Failed", "Under way", "Waiting"]
    );
    let run = answer.attribute("#item-3 .item-link", "href").unwrap();
    assert!(run.starts_with("/runs/"), "{run}");
    assert!(answer.attribute("#item-4 .item-link", "hidden").is_some());
    assert!(answer.has("form[action='/api/ui/stop_bulk']") && answer.has("script"));

    let seen = page(running.clone(), lead()).await;
    assert!(!seen.has("main form"));
    let mut stopping = running;
    stopping.operation.stop_requested = true;
    let answer = page(stopping, admin()).await;
    assert!(answer.text(".live-run-headline").starts_with("Stopping"));
    assert!(!answer.has("form[action='/api/ui/stop_bulk']"));
}

#[tokio::test]
async fn an_operation_that_is_over_says_what_came_of_it_and_offers_what_is_left() {
    let mut items = vec![
        item(1, ItemState::Done, "The connection works."),
        item(2, ItemState::Failed, "Plane refused this key. Replace it."),
        item(
            3,
            ItemState::NotDone,
            "Somebody stopped the operation before.",
        ),
    ];
    items[1].test = Some(TestId(Uuid::from_u128(9)));
    let over = report(BulkState::Finished, BulkAction::Test, items.clone());
    let answer = page(over.clone(), admin()).await;
    assert_eq!(
        answer.text(".notice-title"),
        "1 done, 1 failed, 1 not done."
    );
    assert!(answer.has(".notice-bad") && answer.text(".notice").contains("It took 3 min."));
    assert_eq!(
        answer.text("form[action='/api/ui/retry_bulk'] button"),
        "Retry the 2 that failed or were not done"
    );
    let result = answer.attribute("#item-2 .item-link", "href").unwrap();
    assert!(result.contains("/tests/"), "{result}");
    assert!(!page(over, lead()).await.has("main form"));

    let mut whole = report(BulkState::Finished, BulkAction::Test, items[..1].to_vec());
    whole.operation.retry_of = Some(BulkId(Uuid::from_u128(71)));
    let answer = page(whole, admin()).await;
    assert!(answer.has(".notice-good") && !answer.has("main form"));
    assert!(answer.has("a[href='/bulk/00000000-0000-0000-0000-000000000047']"));
}

#[tokio::test]
async fn the_list_of_operations_says_who_did_what_and_what_came_of_it() {
    let prod = || "prod".parse().unwrap();
    let one = vec![item(1, ItemState::Done, "")];
    let failed = vec![item(1, ItemState::Failed, "")];
    let waiting = vec![item(1, ItemState::Waiting, "")];
    let rows = vec![
        report(BulkState::Planned, BulkAction::Resume, waiting).operation,
        report(
            BulkState::Finished,
            BulkAction::AddTag { tag: prod() },
            failed,
        )
        .operation,
        report(
            BulkState::Finished,
            BulkAction::Interval { minutes: 30 },
            one,
        )
        .operation,
    ];
    let operations = Ok(Page { rows, next: None });
    let canned = Canned {
        operations,
        ..Canned::default()
    };
    let answer = get(canned, Some(lead()), "/bulk").await;
    assert_eq!(
        answer.texts("tbody th"),
        [
            "Resume 1 integration",
            "Tag 1 integration with prod",
            "Sync 1 integration every 30 min"
        ]
    );
    assert_eq!(
        answer.texts("tbody .badge"),
        ["Not started", "Failed in part", "Done"]
    );
    let empty = get(Canned::default(), Some(admin()), "/bulk").await;
    assert!(empty.has(".empty"));
    let missing = get(Canned::default(), Some(admin()), "/bulk/x").await;
    assert_eq!(missing.status, 404);
    let away = Canned {
        operations: Err(Failure::Unavailable),
        ..Canned::default()
    };
    assert_eq!(get(away, Some(admin()), "/bulk").await.status, 503);
    assert_eq!(get(Canned::default(), None, "/bulk").await.status, 303);
}

#[tokio::test]
async fn an_admin_can_choose_rows_in_the_list_and_a_lead_can_not() {
    let mut canned = Canned {
        counts: IntegrationCounts {
            active: 214,
            ..IntegrationCounts::default()
        },
        matching: Some(214),
        ..one()
    };
    canned
        .integrations
        .as_mut()
        .unwrap()
        .rows
        .iter_mut()
        .for_each(|row| row.integration.settings.tags = "prod, eu".parse().unwrap());
    let answer = get(canned.clone(), Some(admin()), "/integrations").await;
    assert_eq!(answer.text(".bulk-choice label"), "All 214 integrations");
    let tick = "tbody input[type=checkbox][form=bulk][name='ids[]']";
    assert_eq!(answer.attribute(tick, "value"), Some(ID.to_string()));
    assert_eq!(
        answer.attribute(tick, "aria-label").unwrap(),
        "Choose Acme <product>"
    );
    assert!(!answer.has("form form") && answer.has("tbody form[action='/api/ui/start_sync']"));
    assert_eq!(answer.texts(".tags a"), ["eu", "prod"]);
    assert_eq!(
        answer.attribute(".tags a", "href").unwrap(),
        "/integrations?tag=eu"
    );

    let some = get(
        canned.clone(),
        Some(admin()),
        "/integrations?tag=eu&show=fresh",
    )
    .await;
    assert_eq!(some.text(".bulk-choice label"), "All 214 that match");
    assert_eq!(
        some.attribute("#bulk [name=filter]", "value").unwrap(),
        "?show=fresh&tag=eu"
    );
    assert_eq!(
        some.attribute(".tagged a", "href").unwrap(),
        "/integrations?show=fresh"
    );
    assert_eq!(some.attribute(".search [name=tag]", "value").unwrap(), "eu");

    let seen = get(canned.clone(), Some(lead()), "/integrations").await;
    assert!(!seen.has("[type=checkbox]") && !seen.has("#bulk") && !seen.has("script"));

    canned.draft = Some(Draft {
        values: [("ids", ID.to_string()), ("action", "interval".into())]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        errors: [("interval_minutes".to_owned(), "Enter a number.".to_owned())].into(),
        message: Some("Nothing was done yet.".into()),
        ..Draft::default()
    });
    let draft = "/integrations?draft=019ab2c0-0000-7000-8000-000000000000";
    let back = get(canned, Some(admin()), draft).await;
    assert!(back.attribute(tick, "checked").is_some());
    assert!(back.has("#bulk option[value=interval][selected]"));
    assert!(back.has(".notice a[href='#field-interval_minutes']"));
}
