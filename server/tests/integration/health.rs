//! Connections are tested by themselves, and what that tells is kept, shown and exported.

use app::Integrations as _;
use chrono::TimeDelta;
use domain::{health::ConnectionState, ids::IntegrationId, range::Range, usage::Purpose};
use fake_plane::{Fault, What};

use crate::support::{Person, TestPortal};

struct World {
    portal: TestPortal,
    admin: Person,
    id: IntegrationId,
    /// Of its connection's page.
    path: String,
}

impl World {
    async fn new() -> Self {
        let portal = TestPortal::start().await;
        let mut admin = portal.admin().await;
        let page = portal.connect(&mut admin, "Acme").await;
        Self {
            id: page.rsplit('/').next().unwrap().parse().unwrap(),
            path: format!("{page}/connection"),
            portal,
            admin,
        }
    }

    /// So much later, what is due is tested. How many were.
    async fn later(&self, minutes: i64) -> usize {
        self.portal.clock.advance(TimeDelta::minutes(minutes));
        self.portal.portal.checks.check_due().await.unwrap()
    }

    async fn state(&self) -> ConnectionState {
        let viewer = self.portal.viewer().await;
        let row = self.portal.portal.integrations.get(&viewer, self.id).await;
        row.unwrap().health.connection.state
    }

    fn break_plane(&self) {
        let refused = What::Status(503, String::new(), Vec::new());
        self.portal.plane.fail(Fault::new(refused));
    }
}

#[tokio::test]
async fn a_connection_is_failing_after_three_tests_and_works_after_two() {
    use ConnectionState::{Failing, Unsteady, Works};
    let mut world = World::new().await;
    assert_eq!(world.later(0).await, 0, "not at once");
    assert_eq!(world.later(1).await, 1);
    assert_eq!(world.state().await, Works);
    assert_eq!(world.later(10).await, 0);

    world.break_plane();
    let mut states = Vec::new();
    for minutes in [5, 1, 1] {
        assert_eq!(world.later(minutes).await, 1);
        states.push(world.state().await);
    }
    assert_eq!(states, [Unsteady, Unsteady, Failing], "within two minutes");
    let list = world.admin.get("/integrations").await.words();
    assert!(
        list.contains("Connection failing since 2 min ago"),
        "{list}"
    );

    world.portal.plane.heal();
    assert_eq!(world.later(1).await, 0, "it is known");
    assert_eq!(world.later(15).await, 1);
    assert_eq!(world.state().await, Failing, "one may be luck");
    assert_eq!(world.later(1).await, 1);
    assert_eq!(world.state().await, Works);

    let page = world.admin.get(&world.path).await;
    assert_eq!(page.all("tbody tr").len(), 6);
    let failed = world
        .admin
        .get(&format!("{}?show=failed", world.path))
        .await
        .all("tbody tr");
    assert_eq!(failed.len(), 3);
    let by_schedule = |row: &String| row.contains("the schedule");
    assert!(failed.iter().all(by_schedule), "{failed:?}");
}

#[tokio::test]
async fn what_rests_is_left_alone_and_what_was_changed_is_tested_soon() {
    let mut world = World::new().await;
    assert_eq!(world.later(1).await, 1);
    let id = world.id.to_string();
    let off = [("id", &*id), ("is_active", "false")];
    let done = world.admin.post("set_integration_active", &off).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(world.later(60).await, 0);

    let on = [("id", &*id), ("is_active", "true")];
    let done = world.admin.post("set_integration_active", &on).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(world.later(1).await, 1);
    let paused = world.admin.post("pause_integration", &[("id", &*id)]).await;
    assert_eq!(paused.status, 303, "{}", paused.text);
    assert_eq!(world.later(60).await, 0);
}

#[tokio::test]
async fn a_scheduled_test_is_counted_as_one() {
    let world = World::new().await;
    assert_eq!(world.later(1).await, 1);
    let portal = &world.portal.portal;
    portal.integrations.usage.flush().await.unwrap();
    let viewer = world.portal.viewer().await;
    let health = &portal.backend.health;
    let budgets = health.budgets(&viewer, Range::Hours24).await.unwrap();
    let used = &budgets[0].users[0].usage.by_purpose;
    let checks = used.get(&Purpose::HealthCheck);
    assert!(checks.is_some_and(|tally| tally.calls > 0), "{used:?}");
}

#[tokio::test]
async fn tests_are_exported_as_the_page_shows_them_to_those_who_may_see_it() {
    let mut world = World::new().await;
    assert_eq!(world.later(1).await, 1);
    world.break_plane();
    assert_eq!(world.later(15).await, 1);

    let csv = world.admin.get(&format!("{}.csv", world.path)).await;
    assert_eq!(csv.status, 200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let name = format!("attachment; filename=\"connection-{}.csv\"", world.id);
    assert_eq!(csv.header("content-disposition"), Some(&*name));
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3, "{}", csv.text);
    assert!(lines[0].starts_with("started_at,success,status,error,"));
    assert!(lines[1].contains(",false,plane_fault,"), "{}", csv.text);
    assert!(lines[2].contains(",true,ok,"), "{}", csv.text);

    let failed = format!("{}.json?show=failed", world.path);
    let json = world.admin.get(&failed).await;
    let tests: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    assert_eq!(tests.as_array().unwrap().len(), 1);
    assert_eq!(tests[0]["isScheduled"], true);
    assert_eq!(tests[0]["status"], "plane_fault");

    let answer = world.portal.visitor().get(&failed).await;
    assert_ne!(answer.status, 200);
    assert!(!answer.text.contains("plane_fault"), "{}", answer.text);
    let elsewhere = "/integrations/019ab2c0-0000-7000-8000-000000000000/connection.csv";
    assert_eq!(world.admin.get(elsewhere).await.status, 404);
}
