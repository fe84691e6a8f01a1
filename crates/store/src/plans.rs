use chrono::DateTime;
use domain::{
    ids::IntegrationId,
    run::{Outcome, RunFilter, RunState, RunTime, TriggerKind},
};
use uuid::Uuid;

use crate::{OpenOptions, Store};

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
        .bind("problem", id)
        .bind("channel", id)
        .bind("now", DateTime::from_timestamp(0, 0))
        .bind("outcome", "failed")
        .bind("trigger", "schedule")
        .bind("q", "x")
        .bind("state", "dead")
        .bind("until", "x")
        .bind("behind", id)
        .bind("only_failed", false)
        .bind("after", "x")
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
async fn work_items_that_changed_or_went_are_found_by_an_index() {
    let store = store().await;
    check_exact(&store, crate::items::CHANGED, "item_buckets_changed").await;
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
    check_exact(
        &store,
        crate::connection_tests::STANDING_OUT,
        "connection_tests_standing_out",
    )
    .await;
    check(&store, crate::health_log::LOG, "health_log_integration").await;
    check(&store, crate::health_log::DUE, "webhook_bursts_due").await;
    check(&store, crate::problems::RESOLVED, "problems_stage").await;
    check_exact(&store, crate::problems::STORY, "problem_log_problem").await;
    check_exact(&store, crate::timeline::EVENTS, "problem_log_integration").await;
    check(&store, crate::alerts::LATEST, "alert_deliveries_latest").await;
    check(&store, crate::backups::LATEST, "backups_latest").await;
    check(&store, crate::alerts::LATEST_OF, "alert_deliveries_channel").await;
    check(&store, crate::alerts::DUE, "alert_deliveries_due").await;
    check_exact(&store, crate::bulk::LATEST, "bulk_operations_latest").await;
    check_exact(&store, crate::bulk::UNDER_WAY, "bulk_operations_state").await;
    check_exact(&store, crate::runs::RUNNING, "sync_runs_running").await;
    let of = Some(IntegrationId(Uuid::nil()));
    let failed = Some(RunState::Ended(Outcome::Failed));
    let scheduled = Some(TriggerKind::Schedule);
    for (integration, state, trigger, index) in [
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
            state,
            trigger,
            time: RunTime::Days7,
        };
        check_exact(&store, &crate::runs::list_query(&filter), index).await;
        let running = RunFilter {
            state: Some(RunState::Running),
            ..filter
        };
        let query = crate::runs::list_query(&running);
        check(&store, &query, "sync_runs_running").await;
    }
    check_exact(&store, crate::runs::BEFORE, "sync_runs_integration").await;
    check(&store, crate::users::ALL, "users_email").await;
}

#[tokio::test]
async fn what_is_old_is_found_by_an_index() {
    let store = store().await;
    let old = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for (sql, index) in [
        (crate::sync::OLD_CALLS, "run_calls_age"),
        (crate::sync::OLD_TIMELINES, "run_timelines_age"),
        (crate::sync::OLD_RUNS, "sync_runs_finished"),
        (crate::bulk::OLD, "bulk_operations_state"),
    ] {
        let plan: String = store
            .ask(&format!("explain {sql}"))
            .bind("before", old)
            .bind("last", vec!["x"])
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
async fn what_charts_are_drawn_over_with_is_found_by_an_index() {
    let store = store().await;
    let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    for (sql, index) in [
        (crate::trends::ENDED, "sync_runs_finished"),
        (crate::trends::MAINTENANCE, "maintenance_ends"),
        (crate::trends::CHANGES, "audit_action"),
        (crate::trends::TURNS, "problem_log_class"),
    ] {
        let plan: String = store
            .ask(&format!("explain {sql}"))
            .bind("from", at)
            .bind("to", at + chrono::TimeDelta::minutes(5))
            .bind("after", at)
            .bind("action", "integration.updated")
            .bind("class", "network.connect")
            .bind("until", "x")
            .bind("most", 100)
            .read()
            .await
            .unwrap()
            .value(0)
            .unwrap();
        assert!(plan.contains(&format!("index: {index}")), "{plan}");
        for slow in ["TableScan", "Sort"] {
            assert!(!plan.contains(slow), "{plan}");
        }
    }
}

#[tokio::test]
async fn the_schedules_walk_an_index() {
    let store = store().await;
    for sql in [crate::schedule::SCHEDULED, crate::connection_tests::CHECKED] {
        let plan = plan(&store, sql).await;
        let index = "index: plane_integrations_active, access: [true]";
        assert!(plan.contains(index), "{plan}");
        for slow in ["TableScan", "Sort"] {
            assert!(!plan.contains(slow), "{plan}");
        }
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

#[tokio::test]
async fn webhooks_are_listed_and_worked_off_by_an_index() {
    use crate::inbox::{DUE, LATEST, LATEST_OF, LATEST_OF_STATE, WAITING};
    let store = store().await;
    check_exact(&store, LATEST, "webhook_bursts_latest").await;
    check_exact(&store, LATEST_OF, "webhook_bursts_integration").await;
    check_exact(&store, LATEST_OF_STATE, "webhook_bursts_state").await;
    check_exact(&store, WAITING, "webhook_bursts_due").await;
    check(&store, DUE, "webhook_bursts_due").await;
}
