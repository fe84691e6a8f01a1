use chrono::DateTime;
use domain::{
    ids::IntegrationId,
    mirror::{Priority, StateGroup, WorkItemSort},
    run::{Outcome, RunFilter, RunTime, TriggerKind},
};
use uuid::Uuid;

use crate::{
    OpenOptions, Store,
    work_items::{Condition, NUMBERED, candidates_query, ordered_query},
};

/// The plan of a query walks this index, forward, and stops at the limit; nothing is sorted, no table is read whole.
async fn check(store: &Store, sql: &str, index: &str) {
    let plan = plan(store, sql).await;
    assert!(
        plan.contains(&format!("IndexScan [ctx: Db] [index: {index}, ")),
        "{sql}\n{plan}"
    );
    assert!(plan.contains("direction: Forward"), "{sql}\n{plan}");
    assert!(plan.contains("imit: "), "{sql}\n{plan}");
    for slow in ["TableScan", "Sort", "Backward", "DynamicScan"] {
        assert!(!plan.contains(slow), "{sql}\n{plan}");
    }
}

/// As [`check`], and the index alone decides: no row is read in vain.
async fn check_exact(store: &Store, sql: &str, index: &str) {
    check(store, sql, index).await;
    let plan = plan(store, sql).await;
    assert!(!plan.contains("Filter "), "{sql}\n{plan}");
}

async fn plan(store: &Store, sql: &str) -> String {
    let id = Uuid::from_u128(7);
    store
        .ask(&format!("explain {sql}"))
        .bind("integration", id)
        .bind("project", id)
        .bind("driver", id)
        .bind("rest0", id)
        .bind("outcome", "failed")
        .bind("trigger", "schedule")
        .bind("q", "x")
        .bind("after", "x")
        .bind("from", "0000000007")
        .bind("limit", 51)
        .read()
        .await
        .unwrap()
        .value(0)
        .unwrap()
}

async fn store() -> Store {
    Store::open(
        OpenOptions::new("mem://"),
        DateTime::from_timestamp(0, 0).unwrap(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn lists_of_work_items_walk_an_index() {
    use WorkItemSort::{Newest, Oldest, Updated};
    let store = store().await;
    for (sort, index) in [
        (Updated, "work_items_updated"),
        (Newest, "work_items_newest"),
        (Oldest, "work_items_oldest"),
    ] {
        check_exact(&store, &ordered_query(None, &[], sort), index).await;
        let rest = [Condition::Assignee(Uuid::nil())];
        check(&store, &ordered_query(None, &rest, sort), index).await;
    }
    for (driver, index) in [
        (Condition::Label(Uuid::nil()), "work_items_label"),
        (Condition::Assignee(Uuid::nil()), "work_items_assignee"),
        (Condition::Priority(Priority::High), "work_items_priority"),
        (Condition::Group(StateGroup::Started), "work_items_group"),
        (Condition::Words(vec!["csv".into()]), "work_items_word"),
    ] {
        check_exact(&store, &ordered_query(Some(&driver), &[], Updated), index).await;
        check_exact(&store, &candidates_query(&driver, Newest), index).await;
    }
    let (urgent, rest) = (
        Condition::Priority(Priority::Urgent),
        [Condition::Label(Uuid::nil())],
    );
    check(
        &store,
        &ordered_query(Some(&urgent), &rest, WorkItemSort::Priority),
        "work_items_priority",
    )
    .await;
    check_exact(&store, NUMBERED, "work_items_oldest").await;
    check_exact(&store, crate::sync::DELETED, "deleted_items_project").await;
}

#[tokio::test]
async fn all_other_lists_walk_an_index() {
    let store = store().await;
    check_exact(&store, crate::audit::HISTORY, "audit_integration").await;
    check(
        &store,
        crate::connection_tests::TESTS_OF,
        "connection_tests_latest",
    )
    .await;
    check_exact(&store, crate::bulk::LATEST, "bulk_operations_latest").await;
    check_exact(&store, crate::bulk::UNDER_WAY, "bulk_operations_state").await;
    check_exact(&store, crate::runs::RUNNING, "sync_runs_running").await;
    let (of, failed) = (Some(IntegrationId(Uuid::nil())), Some(Outcome::Failed));
    let scheduled = Some(TriggerKind::Schedule);
    for (integration, outcome, trigger, index) in [
        (None, None, None, "sync_runs_latest"),
        (of, None, None, "sync_runs_integration"),
        (None, failed, None, "sync_runs_outcome"),
        (of, failed, None, "sync_runs_both"),
        (None, None, scheduled, "sync_runs_trigger"),
        (of, None, scheduled, "sync_runs_trigger_of"),
        (None, failed, scheduled, "sync_runs_trigger_outcome"),
        (of, failed, scheduled, "sync_runs_trigger_both"),
    ] {
        let filter = RunFilter {
            integration,
            outcome,
            trigger,
            time: RunTime::Days7,
        };
        check_exact(&store, &crate::runs::list_query(&filter), index).await;
    }
    check_exact(&store, crate::runs::BEFORE, "sync_runs_integration").await;
    for searching in [false, true] {
        check(
            &store,
            &crate::projects::list_query(true, searching),
            "projects_integration",
        )
        .await;
        check(
            &store,
            &crate::projects::list_query(false, searching),
            "projects_name",
        )
        .await;
    }
    check(&store, crate::users::ALL, "users_email").await;
}

#[tokio::test]
async fn what_is_old_is_found_by_an_index() {
    let store = store().await;
    let old = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for (sql, index) in [
        (crate::sync::OLD_CALLS, "run_calls_age"),
        (crate::sync::OLD_TIMELINES, "run_timelines_age"),
        (crate::bulk::OLD, "bulk_operations_state"),
    ] {
        let plan: String = store
            .ask(&format!("explain {sql}"))
            .bind("before", old)
            .bind("state", "planned")
            .bind("batch", 500)
            .read()
            .await
            .unwrap()
            .value(0)
            .unwrap();
        assert!(plan.contains(&format!("index: {index}")), "{plan}");
        assert!(!plan.contains("TableScan"), "{plan}");
    }
}

#[tokio::test]
async fn the_schedule_walks_an_index() {
    let plan = plan(&store().await, crate::schedule::SCHEDULED).await;
    let index = "index: plane_integrations_active, access: [true]";
    assert!(plan.contains(index), "{plan}");
    for slow in ["TableScan", "Sort"] {
        assert!(!plan.contains(slow), "{plan}");
    }
}

#[tokio::test]
async fn the_seeds_query_walks_an_index_and_ranges_of_ids() {
    let plan = plan(&store().await, crate::integrations::ACTIVE).await;
    assert!(
        plan.contains("index: plane_integrations_active, access: [true]"),
        "{plan}"
    );
    assert!(plan.contains("RecordIdScan"), "{plan}");
    assert!(!plan.contains("TableScan"), "{plan}");
}
