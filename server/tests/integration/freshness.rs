//! How old the copy of each kind of thing is, whatever the last run says.

use chrono::TimeDelta;
use domain::freshness::{Freshness, Kind};
use domain::mirror::{CopyState, ProjectFilter, ProjectRow};
use fake_plane::{Fault, What};
use serde_json::Value;

use crate::support::{Person, TestPortal};

struct World {
    portal: TestPortal,
    admin: Person,
    page: String,
}

impl World {
    async fn new() -> Self {
        let portal = TestPortal::start().await;
        let mut admin = portal.admin().await;
        let page = portal.connect(&mut admin, "Acme").await;
        Self {
            portal,
            admin,
            page,
        }
    }

    async fn sync_after(&mut self, minutes: i64) {
        self.portal.clock.advance(TimeDelta::minutes(minutes));
        self.portal.sync(&mut self.admin, &self.page).await;
        self.portal.portal.sync.idle().await;
    }

    /// The largest project, and its state.
    async fn web(&self) -> (ProjectRow, CopyState) {
        let viewer = self.portal.viewer().await;
        let filter = ProjectFilter {
            q: "WEB".to_owned(),
            ..ProjectFilter::default()
        };
        let mirror = &self.portal.portal.backend.mirror;
        let list = mirror.projects(&viewer, &filter, None).await.unwrap();
        let mut rows = list.rows.into_iter();
        let web = rows.find(|row| row.project.identifier == "WEB").unwrap();
        let state = web.state(self.portal.clock.now());
        (web, state)
    }
}

#[tokio::test]
async fn labels_that_fail_to_be_read_are_not_hidden_by_a_run_that_goes_on() {
    let mut world = World::new().await;
    world.sync_after(1).await;
    let (first, state) = world.web().await;
    assert_eq!(state, CopyState::Copied(Freshness::Fresh));
    assert!(
        Kind::ALL
            .iter()
            .all(|kind| first.copied.at(*kind).is_some())
    );

    // One project's labels alone; the others go on.
    let path = format!("{}/labels/", first.project.id);
    let fault = Fault::new(What::Status(500, String::new(), vec![])).on(&path);
    world.portal.plane.fail(fault);
    for _ in 0..3 {
        world.sync_after(61).await;
    }
    let (web, state) = world.web().await;
    assert_eq!(state, CopyState::Copied(Freshness::Stale));
    let now = world.portal.clock.now();
    assert_eq!(web.freshness_of(Kind::Labels, now), Some(Freshness::Stale));
    assert_eq!(web.copied.labels, first.copied.labels);

    let page = world.admin.get("/projects").await;
    let states = page.all("tbody td:nth-child(2)");
    assert_eq!(states[0], "Stale", "worst first: {states:?}");
    assert!(page.all("tbody th")[0].contains("WEB"));
    let chips = page.all(".chips a");
    assert!(chips.iter().any(|chip| chip == "Stale 1"), "{chips:?}");
    let only = world.admin.get("/projects?state=stale").await;
    assert_eq!(only.all("tbody th").len(), 1);

    world.portal.plane.heal();
    world.sync_after(16).await;
    assert_eq!(world.web().await.1, CopyState::Copied(Freshness::Fresh));
}

#[tokio::test]
async fn what_plane_withholds_from_a_key_is_told_and_makes_nothing_stale() {
    let mut world = World::new().await;
    let refused = r#"{"detail": "You do not have permission to perform this action."}"#;
    let fault = Fault::new(What::Status(403, refused.to_owned(), vec![])).on("/members/");
    world.portal.plane.fail(fault);
    world.sync_after(1).await;
    let (web, state) = world.web().await;
    assert_eq!(state, CopyState::Copied(Freshness::Fresh), "{web:?}");
    assert!(web.copied.is_withheld(Kind::Members));
    let page = world.admin.get("/projects?q=WEB").await;
    assert!(page.text.contains("withheld"));

    world.portal.plane.heal();
    world.sync_after(61).await;
    let (web, _) = world.web().await;
    assert!(web.copied.members.is_some());
}

#[tokio::test]
async fn projects_are_exported_as_the_page_shows_them_to_those_who_may_see_them() {
    let mut world = World::new().await;
    world.sync_after(1).await;
    let csv = world.admin.get("/projects.csv?q=web&sort=name").await;
    assert_eq!(csv.status, 200);
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let lines: Vec<&str> = csv.text.lines().collect();
    assert!(
        lines[0]
            .starts_with("integration,integration_name,project,identifier,name,state,fresh_as_of,")
    );
    assert!(lines[0].ends_with(",members_at,members_state"));
    assert_eq!(lines.len(), 2, "{}", csv.text);
    assert!(
        lines[1].contains(",Acme,") && lines[1].contains(",WEB,"),
        "{}",
        csv.text
    );

    let all = world.admin.get("/projects.json").await;
    let all: Value = serde_json::from_str(&all.text).unwrap();
    let of = |identifier: &str| {
        let mut rows = all.as_array().unwrap().iter();
        rows.find(|row| row["identifier"] == identifier).unwrap()
    };
    assert_eq!(of("WEB")["state"], "fresh");
    let kinds = of("WEB")["kinds"].as_array().unwrap();
    assert_eq!(kinds.len(), Kind::ALL.len());
    assert_eq!(
        (&kinds[0]["kind"], &kinds[0]["state"]),
        (&"work_items".into(), &"fresh".into())
    );
    let foreign = all
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["access"] == "not_member");
    assert_eq!(foreign.unwrap()["state"], "not_copied");

    let answer = world.portal.visitor().get("/projects.json").await;
    assert_ne!(answer.status, 200);
    assert!(!answer.text.contains("WEB"), "{}", answer.text);
}
