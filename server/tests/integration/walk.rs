//! How the copy follows a Plane that changes.

use chrono::TimeDelta;
use domain::{
    ids::{IntegrationId, ProjectId},
    mirror::WorkItemFilter,
    run::{Outcome, SyncRun},
};
use fake_plane::{Fault, State, What};
use uuid::Uuid;

use crate::support::{Person, TestPortal, portal::ADMIN};

/// A synced workspace, and the largest of its projects.
struct Copied {
    portal: TestPortal,
    admin: Person,
    acme: String,
    web: Uuid,
}

impl Copied {
    async fn new() -> Self {
        let portal = TestPortal::start().await;
        let mut admin = portal.admin().await;
        let acme = portal.connect(&mut admin, "Acme").await;
        let web = portal
            .plane
            .given(|state| state.project_called("acme", "WEB").unwrap().id);
        let mut copied = Self {
            portal,
            admin,
            acme,
            web,
        };
        let first = copied.sync().await;
        assert_eq!(first.outcome, Some(Outcome::Succeeded));
        copied
    }

    async fn sync(&mut self) -> SyncRun {
        // Later than anything in the copy, and within the hour in which states and labels are not read again.
        self.portal.clock.advance(TimeDelta::minutes(1));
        self.portal.plane.forget_requests();
        let run = self.portal.sync(&mut self.admin, &self.acme).await;
        self.run(&run).await
    }

    /// The run at this address, once it has ended.
    async fn ended(&self, run: &str) -> SyncRun {
        self.portal.portal.sync.idle().await;
        self.run(run).await
    }

    async fn run(&self, run: &str) -> SyncRun {
        let id = run.rsplit('/').next().unwrap().parse().unwrap();
        let viewer = self.portal.viewer().await;
        self.portal
            .portal
            .backend
            .runs
            .run(&viewer, id)
            .await
            .unwrap()
    }

    /// Changes Plane's data, and answers what the change answers.
    fn change<R>(&self, tell: impl FnOnce(&mut State) -> R) -> R {
        self.portal.plane.given(tell)
    }

    /// The project's work items that anybody may see in Plane, some of them.
    fn visible(&self, many: usize) -> Vec<Uuid> {
        self.change(|state| {
            let project = state.project(self.web).unwrap();
            let all = project.items.all().iter();
            all.filter(|item| item.is_visible())
                .map(|item| item.id)
                .take(many)
                .collect()
        })
    }

    fn paths(&self) -> Vec<String> {
        let seen = self.portal.plane.requests();
        seen.into_iter().map(|seen| seen.path).collect()
    }

    async fn total(&self) -> u64 {
        let viewer = self.portal.viewer().await;
        let integration = IntegrationId(self.acme.rsplit('/').next().unwrap().parse().unwrap());
        let project =
            self.portal
                .portal
                .backend
                .mirror
                .project(&viewer, integration, ProjectId(self.web));
        project.await.unwrap().total_work_items
    }

    /// The names of the work items that a text finds.
    async fn found(&self, q: &str) -> Vec<String> {
        let viewer = self.portal.viewer().await;
        let integration = IntegrationId(self.acme.rsplit('/').next().unwrap().parse().unwrap());
        let filter = WorkItemFilter {
            q: q.to_owned(),
            ..WorkItemFilter::default()
        };
        let page = self
            .portal
            .portal
            .backend
            .mirror
            .work_items(&viewer, integration, ProjectId(self.web), &filter, None)
            .await
            .unwrap();
        page.rows.into_iter().map(|row| row.name).collect()
    }
}

#[tokio::test]
async fn nothing_changed_costs_one_request_a_project() {
    let mut copied = Copied::new().await;

    let run = copied.sync().await;

    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    // The list of projects, and the latest changes of each of the three that the key's owner is a member of.
    assert_eq!(run.counts.requests, 4, "{:?}", copied.paths());
    assert_eq!((run.counts.created, run.counts.updated), (0, 0));
}

#[tokio::test]
async fn a_change_and_a_new_work_item_arrive_by_the_latest_changes_alone() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    let edited = copied.visible(1)[0];
    copied.change(|state| {
        state.edit_item(edited, |item| item.name = "Sprocket alignment".to_owned());
        let web = state.project_called("acme", "WEB").unwrap().id;
        state.create_item(web, "Sprocket replacement");
    });

    let run = copied.sync().await;

    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!((run.counts.created, run.counts.updated), (1, 1));
    assert_eq!(run.counts.requests, 4, "{:?}", copied.paths());
    let mut found = copied.found("sprocket").await;
    found.sort();
    assert_eq!(found, ["Sprocket alignment", "Sprocket replacement"]);
    assert_eq!(copied.total().await, before + 1);
}

#[tokio::test]
async fn what_is_deleted_or_archived_in_plane_leaves_the_copy_once_plane_confirms_it() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    let gone = copied.visible(3);
    copied.change(|state| {
        state.delete_item(gone[0]);
        state.delete_item(gone[1]);
        state.archive_item(gone[2]);
    });

    let run = copied.sync().await;

    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!((run.counts.suspected, run.counts.deleted), (3, 3));
    for id in &gone {
        let asked = format!("/work-items/{id}/");
        assert!(
            copied.paths().iter().any(|path| path.ends_with(&asked)),
            "{id}"
        );
    }
    assert_eq!(copied.total().await, before - 3);

    copied.change(|state| state.unarchive_item(gone[2]));
    let run = copied.sync().await;
    assert_eq!(run.counts.created, 1, "it came back");
    assert_eq!(copied.total().await, before - 2);
    let quiet = copied.sync().await;
    assert_eq!(quiet.counts.requests, 4, "{:?}", copied.paths());
}

#[tokio::test]
async fn so_much_missing_at_once_is_held_until_it_is_there_again() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    let many = copied.visible(before as usize / 4);
    copied.change(|state| many.iter().for_each(|id| state.archive_item(*id)));

    for _ in 0..2 {
        let run = copied.sync().await;
        assert_eq!(run.outcome, Some(Outcome::Held), "{:?}", run.reason);
        assert_eq!(run.counts.deleted, 0);
        assert_eq!(copied.total().await, before);
        let reason = run.reason.unwrap();
        assert!(reason.contains("Web Platform"), "{reason}");
    }

    copied.change(|state| many.iter().for_each(|id| state.unarchive_item(*id)));
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(copied.total().await, before);
}

#[tokio::test]
async fn what_is_held_costs_no_full_walk_and_goes_once_an_admin_releases_it() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    let many = copied.visible(before as usize / 4);
    copied.change(|state| many.iter().for_each(|id| state.delete_item(*id)));
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Held));
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Held), "it still waits");
    assert_eq!(run.counts.requests, 4, "{:?}", copied.paths());

    let project = format!("{}/projects/{}", copied.acme, copied.web);
    let page = copied.admin.get(&project).await.text;
    assert!(page.contains("no longer lists"), "{page}");
    let web = copied.web.to_string();
    let id = copied.acme.rsplit('/').next().unwrap().to_owned();
    let fields = [("id", id.as_str()), ("project", web.as_str())];
    let answer = copied.admin.post("release_held", &fields).await;
    let run = copied.ended(&answer.location()).await;
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{:?}", run.reason);
    assert_eq!(run.counts.deleted, many.len() as u64);
    assert_eq!(copied.total().await, before - many.len() as u64);

    let again = copied.admin.post("release_held", &fields).await;
    assert_eq!(again.status, 404, "nothing is held any more");
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(run.counts.requests, 4, "{:?}", copied.paths());
}

#[tokio::test]
async fn what_an_admin_puts_back_stays_until_it_is_taken_out_again() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    let gone = copied.visible(3);
    copied.change(|state| gone.iter().for_each(|id| state.archive_item(*id)));
    copied.sync().await;
    assert_eq!(copied.total().await, before - 3);

    let deleted = format!("{}/projects/{}/deleted", copied.acme, copied.web);
    let page = copied.admin.get(&deleted).await.text;
    assert_eq!(page.matches("Put back").count(), 3 + 1, "{page}");
    let (web, item) = (copied.web.to_string(), gone[0].to_string());
    let id = copied.acme.rsplit('/').next().unwrap().to_owned();
    let project = [("id", id.as_str()), ("project", web.as_str())];
    let one = [project[0], project[1], ("item", item.as_str())];
    let answer = copied.admin.post("restore_deleted", &one).await;
    let page = copied.admin.get(&answer.location()).await.text;
    assert!(
        page.contains("Plane does not have this work item"),
        "{page}"
    );
    copied.admin.post("restore_all_deleted", &project).await;
    assert_eq!(copied.total().await, before);

    // Also when everything is read, as once a day.
    copied.portal.clock.advance(TimeDelta::hours(25));
    copied.admin = copied.portal.sign_in(ADMIN).await;
    copied.change(|state| state.unarchive_item(gone[1]));
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Succeeded));
    assert_eq!(copied.total().await, before);

    let out = copied.admin.post("discard_kept", &one).await;
    assert_eq!(out.location(), deleted);
    assert_eq!(copied.total().await, before - 1);
    let back = [project[0], project[1], ("item", &gone[1].to_string())];
    let refused = copied.admin.post("discard_kept", &back).await;
    assert_eq!(refused.status, 404, "Plane lists it again");
}

#[tokio::test]
async fn what_plane_does_not_confirm_stays_and_is_asked_for_again() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    let gone = copied.visible(2);
    copied.change(|state| gone.iter().for_each(|id| state.delete_item(*id)));
    let refused = r#"{"detail":"You do not have permission to perform this action."}"#;
    for id in &gone {
        let fault = Fault::new(What::Status(403, refused.to_owned(), vec![]));
        copied
            .portal
            .plane
            .fail(fault.on(&format!("/work-items/{id}/")));
    }

    let run = copied.sync().await;
    assert_eq!((run.counts.suspected, run.counts.deleted), (2, 0));
    assert_eq!(copied.total().await, before);

    copied.portal.plane.heal();
    let run = copied.sync().await;
    assert_eq!(run.counts.deleted, 2);
    assert_eq!(copied.total().await, before - 2);
}

#[tokio::test]
async fn a_membership_that_was_lost_removes_nothing() {
    let mut copied = Copied::new().await;
    let before = copied.total().await;
    copied.change(|state| state.archive_project(state.project_called("acme", "WEB").unwrap().id));
    copied.sync().await;
    assert_eq!(copied.total().await, before);

    // Plane answers 200 with nothing for a list that one may not see (plane-api.md, section 12).
    copied.change(|state| state.unarchive_project(state.project_called("acme", "WEB").unwrap().id));
    let empty = r#"{"grouped_by":null,"sub_grouped_by":null,"total_count":0,"next_cursor":"1000:1:0","prev_cursor":"1000:-1:1","next_page_results":false,"prev_page_results":false,"count":0,"total_pages":0,"total_results":0,"extra_stats":null,"results":[]}"#;
    let fault = Fault::new(What::Status(200, empty.to_owned(), vec![]));
    let list = format!("/projects/{}/work-items/", copied.web);
    copied.portal.plane.fail(fault.on(&list));
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Held), "{:?}", run.reason);
    assert_eq!(copied.total().await, before);
}

#[tokio::test]
async fn a_label_made_since_is_known_when_a_work_item_carries_it() {
    let mut copied = Copied::new().await;
    let item = copied.visible(1)[0];
    let made = copied.change(|state| {
        let web = state.project_called("acme", "WEB").unwrap().id;
        let label = state.add_label(web, "sprocket", "#2266aa");
        state.edit_item(item, |item| {
            item.labels = vec![label];
            item.name = "Sprocket alignment".to_owned();
        });
        label
    });

    copied.sync().await;

    let viewer = copied.portal.viewer().await;
    let integration = IntegrationId(copied.acme.rsplit('/').next().unwrap().parse().unwrap());
    let mirror = &copied.portal.portal.backend.mirror;
    let labels = mirror
        .labels(&viewer, integration, ProjectId(copied.web))
        .await
        .unwrap();
    let label = labels
        .iter()
        .find(|count| count.label.id.0 == made)
        .unwrap();
    assert_eq!(
        (label.label.name.as_str(), label.work_items),
        ("sprocket", 1)
    );
}

#[tokio::test]
async fn a_full_walk_comes_once_a_day_and_finds_what_moved_no_time() {
    let mut copied = Copied::new().await;
    let moved = copied.visible(1)[0];
    copied.change(|state| {
        let web = state.project_called("acme", "WEB").unwrap().id;
        let project = state.project_mut(web).unwrap();
        // As a label that was deleted in Plane: `updated_at` does not move (plane-api.md, section 4).
        project.items.get_mut(moved).unwrap().name = "Sprocket alignment".to_owned();
    });
    copied.sync().await;
    assert!(copied.found("sprocket").await.is_empty());

    copied.portal.clock.advance(TimeDelta::hours(24));
    copied.admin = copied.portal.sign_in(ADMIN).await;
    copied.sync().await;
    assert_eq!(copied.found("sprocket").await, ["Sprocket alignment"]);
}

#[tokio::test]
async fn cycles_and_modules_come_with_their_work_items_and_follow_within_the_hour() {
    let mut copied = Copied::new().await;
    let some = copied.visible(5);
    copied.change(|state| {
        state.add_cycle(copied.web, "Sprint sprocket", None, &some[..3]);
        state.add_module(copied.web, "Sprocket engine", &some[2..]);
    });
    copied.portal.clock.advance(TimeDelta::hours(1));
    let run = copied.sync().await;
    assert_eq!(run.outcome, Some(Outcome::Succeeded), "{:?}", run.reason);

    let page = format!("{}/projects/{}/collections", copied.acme, copied.web);
    let page = copied.admin.get(&page).await;
    let names = page.all("tbody th");
    assert!(
        names.iter().any(|name| name == "Sprint sprocket"),
        "{names:?}"
    );
    let item = format!(
        "{}/projects/{}/work-items/{}",
        copied.acme, copied.web, some[2]
    );
    let page = copied.admin.get(&item).await.words();
    assert!(
        page.contains("Sprint sprocket") && page.contains("Sprocket engine"),
        "{page}"
    );

    // One more in the cycle: its count tells, and the module's work items are not asked for again.
    copied.change(|state| {
        let project = state.project_mut(copied.web).unwrap();
        let cycle = project
            .cycles
            .iter_mut()
            .find(|c| c.name == "Sprint sprocket")
            .unwrap();
        cycle.items.push(some[4]);
    });
    copied.portal.clock.advance(TimeDelta::hours(1));
    copied.sync().await;
    let asked: Vec<String> = copied.paths();
    let items = |kind: &str| asked.iter().filter(|path| path.contains(kind)).count();
    assert_eq!(
        (items("/cycle-issues/"), items("/module-issues/")),
        (1, 0),
        "{asked:?}"
    );
    let item = format!(
        "{}/projects/{}/work-items/{}",
        copied.acme, copied.web, some[4]
    );
    let page = copied.admin.get(&item).await.words();
    assert!(page.contains("Sprint sprocket"), "{page}");
}

#[tokio::test]
async fn what_no_time_tells_of_is_found_once_a_day_and_told_as_drift() {
    let mut copied = Copied::new().await;
    let drift = format!("{}/projects/{}/drift", copied.acme, copied.web);
    let page = copied.admin.get(&drift).await.words();
    assert!(page.contains("Nothing was compared yet"), "{page}");

    // A label that is deleted leaves its work items without moving any time of theirs.
    let carrying = copied.change(|state| {
        let project = state.project(copied.web).unwrap();
        let carried = |label: &Uuid| {
            let items = project.items.all().iter().filter(|item| item.is_visible());
            items.filter(|item| item.labels.contains(label)).count()
        };
        let labels = project
            .labels
            .iter()
            .map(|label| (carried(&label.id), label.id));
        let (carrying, label) = labels.max().unwrap();
        state.delete_label(label);
        carrying
    });
    // The first page of the latest changes shows some of them.
    let seen = copied.sync().await.counts.updated;
    let overlooked = carrying as u64 - seen;
    assert!(overlooked > 0, "{carrying} carried it, {seen} were seen");
    copied.portal.clock.advance(TimeDelta::hours(25));
    copied.admin = copied.portal.sign_in(ADMIN).await;
    copied.sync().await;
    let page = copied.admin.get(&drift).await;
    let row = page.all("tbody tr")[0].clone();
    assert!(
        row.contains(&format!("+0 / −0 / {overlooked} changed")),
        "{row}"
    );
    assert!(row.contains("Every field"), "{row}");

    copied.portal.clock.advance(TimeDelta::hours(25));
    copied.admin = copied.portal.sign_in(ADMIN).await;
    copied.sync().await;
    let page = copied.admin.get(&drift).await.words();
    assert!(page.contains("Verified equal: every field of"), "{page}");
}

#[tokio::test]
async fn an_admin_compares_at_a_stated_cost_and_has_everything_read_again() {
    let mut copied = Copied::new().await;
    let (id, web) = (
        copied.acme.rsplit('/').next().unwrap().to_owned(),
        copied.web.to_string(),
    );
    let fields = [("id", id.as_str()), ("project", web.as_str())];
    let drift = format!("{}/projects/{}/drift", copied.acme, copied.web);
    let page = copied.admin.get(&drift).await.words();
    assert!(page.contains("Compare now (6 requests)"), "{page}");

    copied.portal.plane.forget_requests();
    let answer = copied.admin.post("compare_project", &fields).await;
    assert_eq!(answer.location(), drift);
    assert_eq!(copied.paths().len(), 6, "{:?}", copied.paths());
    let page = copied.admin.get(&drift).await.words();
    assert!(page.contains("Verified equal: Plane’s count of"), "{page}");

    // Archived and not yet noticed: it is here, and not in Plane.
    let archived = copied.visible(2);
    copied.change(|state| archived.iter().for_each(|item| state.archive_item(*item)));
    copied.portal.clock.advance(TimeDelta::minutes(1));
    copied.admin.post("compare_project", &fields).await;
    let page = copied.admin.get(&drift).await;
    assert!(
        page.all("tbody tr")[0].contains("+0 / −2"),
        "{}",
        page.words()
    );

    copied.portal.clock.advance(TimeDelta::minutes(1));
    let answer = copied.admin.post("reread_project", &fields).await;
    let run = copied.ended(&answer.location()).await;
    assert_eq!(
        (run.outcome, run.counts.deleted),
        (Some(Outcome::Succeeded), 2)
    );
    let page = copied.admin.get(&drift).await;
    assert!(
        page.all("tbody tr")[0].contains("Every field"),
        "{}",
        page.words()
    );

    copied
        .portal
        .plane
        .fail(Fault::new(What::Status(500, String::new(), vec![])));
    let refused = copied.admin.post("compare_project", &fields).await;
    assert_eq!(refused.status, 502, "{}", refused.words());
}
