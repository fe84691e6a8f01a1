//! One action on many integrations, through the front door.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{
    bulk::{BulkItem, BulkState, ItemState},
    ids::BulkId,
    run::RunFilter,
};
use fake_plane::{FakePlane, Fault, What, seed};

use crate::support::{
    HangarProcess, Person, TestPortal,
    portal::{ADMIN, LEAD},
};

fn id_of(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

/// Adds integrations of these names; their ids.
async fn connect(portal: &TestPortal, admin: &mut Person, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(id_of(&portal.connect(admin, name).await));
    }
    ids
}

/// Sends the list's form; the operation's page.
async fn plan(admin: &mut Person, ids: &[String], fields: &[(&str, &str)]) -> String {
    let mut form: Vec<(&str, &str)> = ids.iter().map(|id| ("ids[]", id.as_str())).collect();
    form.extend(fields);
    let answer = admin.post_on("/integrations", "plan_bulk", &form).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let page = answer.location();
    assert!(page.starts_with("/bulk/"), "{page}");
    page
}

async fn post(admin: &mut Person, function: &str, page: &str) -> String {
    let id = id_of(page);
    let answer = admin.post(function, &[("id", &id)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.location()
}

/// Starts an operation and waits for its end.
async fn run(portal: &TestPortal, admin: &mut Person, page: &str) {
    assert_eq!(post(admin, "start_bulk", page).await, page);
    portal.portal.bulk.idle().await;
}

async fn report(portal: &TestPortal, page: &str) -> app::BulkReport {
    let id: BulkId = id_of(page).parse().unwrap();
    let viewer = portal.viewer().await;
    let report = portal.portal.backend.bulk.operation(&viewer, id).await;
    report.unwrap()
}

fn states(items: &[BulkItem]) -> BTreeMap<&str, ItemState> {
    items
        .iter()
        .map(|item| (item.name.as_str(), item.state))
        .collect()
}

/// How often the fake Plane was asked for its projects: once by each sync.
fn asked(plane: &FakePlane, path_end: &str) -> usize {
    let requests = plane.requests();
    requests
        .iter()
        .filter(|seen| seen.path.ends_with(path_end))
        .count()
}

async fn runs(portal: &TestPortal) -> usize {
    let (viewer, all) = (portal.viewer().await, RunFilter::default());
    let runs = portal.portal.backend.runs.runs(&viewer, &all, None);
    runs.await.unwrap().rows.len()
}

#[tokio::test]
async fn nothing_is_done_before_the_start_and_nothing_twice_when_it_is_sent_twice() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let ids = connect(&portal, &mut admin, &["Acme", "Bolt", "Core"]).await;
    portal
        .sync(&mut admin, &format!("/integrations/{}", ids[0]))
        .await;
    let off = [("id", ids[2].as_str()), ("is_active", "false")];
    admin.post("set_integration_active", &off).await;
    portal.plane.forget_requests();

    let page = plan(&mut admin, &ids, &[("action", "sync")]).await;
    let look = admin.get(&page).await;
    assert_eq!(look.all("h1"), ["Sync 3 integrations"]);
    let figures = look.all(".figure-value");
    let known = report(&portal, &page).await.items[0].requests.count;
    assert!(known > 3, "what the last whole sync took");
    let requests = format!("at least {}", known + 2);
    assert_eq!(figures, ["2", "1", requests.as_str(), "a minute or more"]);
    let rows = look.all(".bulk-items tbody tr");
    assert!(rows[0].contains(&format!("about {known}")), "{rows:?}");
    assert!(rows[1].contains("at least 2"), "{rows:?}");
    assert!(rows[2].contains("Skipped It is inactive."), "{rows:?}");
    assert_eq!(
        portal.plane.requests().len(),
        0,
        "a look asks Plane nothing"
    );
    assert_eq!(runs(&portal).await, 1);

    // Sent twice at once, and once more when it is over.
    let mut other = portal.sign_in(ADMIN).await;
    let (first, second) = tokio::join!(
        post(&mut admin, "start_bulk", &page),
        post(&mut other, "start_bulk", &page)
    );
    assert_eq!(
        (first.as_str(), second.as_str()),
        (page.as_str(), page.as_str())
    );
    portal.portal.bulk.idle().await;
    run(&portal, &mut admin, &page).await;

    let report = report(&portal, &page).await;
    assert_eq!(report.operation.state, BulkState::Finished);
    let counts = report.operation.counts;
    assert_eq!((counts.done, counts.failed, counts.skipped), (2, 0, 1));
    assert_eq!(runs(&portal).await, 3, "each was synced once");
    assert_eq!(asked(&portal.plane, "/workspaces/acme/projects/"), 2);
    let over = admin.get(&page).await;
    assert!(over.all(".notice-title")[0].starts_with("2 done, 1 skipped."));
    assert!(over.has(".bulk-items tbody tr:nth-child(1) a.item-link[href^='/runs/']"));
    assert!(!over.has("form[action$=start_bulk]") && !over.has("form[action$=retry_bulk]"));
    for (id, told) in [(&ids[0], 1), (&ids[1], 1), (&ids[2], 0)] {
        let history = admin.get(&format!("/integrations/{id}/history")).await;
        let of_it: Vec<_> = history
            .all("tbody tr")
            .into_iter()
            .filter(|line| line.contains("Maya Started a sync. Part of a bulk operation"))
            .collect();
        assert_eq!(of_it.len(), told, "{of_it:?}");
    }
    let list = admin.get("/bulk").await.all("tbody tr");
    assert_eq!(list.len(), 1);
    assert!(list[0].contains("Sync 3 integrations"), "{list:?}");
    assert!(list[0].contains("Maya Done 2 done, 1 skipped"), "{list:?}");
}

#[tokio::test]
async fn settings_are_changed_once_and_what_is_so_already_is_skipped() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let ids = connect(&portal, &mut admin, &["Acme", "Bolt"]).await;
    let steps: [(&[(&str, &str)], &str); 5] = [
        (
            &[("action", "add_tag"), ("with_tag", " Prod ")],
            "Tagged prod.",
        ),
        (
            &[("action", "interval"), ("interval_minutes", "30")],
            "Synced every 30 min from now on.",
        ),
        (&[("action", "pause"), ("note", "Plane\nmoves")], "Paused."),
        (&[("action", "resume")], "Resumed."),
        (
            &[("action", "remove_tag"), ("with_tag", "prod")],
            "The tag prod was taken off.",
        ),
    ];
    for (fields, says) in steps {
        portal.clock.advance(TimeDelta::seconds(1));
        let page = plan(&mut admin, &ids, fields).await;
        assert_eq!(
            admin.get(&page).await.all(".figure-value")[2..],
            ["none", "at once"]
        );
        run(&portal, &mut admin, &page).await;
        let done = report(&portal, &page).await;
        for item in &done.items {
            assert_eq!(
                (item.state, item.says.as_deref()),
                (ItemState::Done, Some(says))
            );
        }
        // The same once more has nothing to do, and can't be started.
        let again = plan(&mut admin, &ids, fields).await;
        let look = admin.get(&again).await;
        assert!(
            look.words().contains("There is nothing to do"),
            "{fields:?}"
        );
        assert!(!look.has("form[action$=start_bulk]"));
        if says == "Tagged prod." {
            let list = admin.get("/integrations?tag=prod").await;
            assert_eq!(list.all(".integrations tbody tr").len(), 2);
            assert_eq!(list.all(".tags a"), ["prod", "prod"]);
        }
    }
    let page = admin
        .get(&format!("/integrations/{}/history", ids[0]))
        .await;
    let history = page.all("tbody td:nth-child(3)");
    let expected = [
        "Changed the tags.",
        "Resumed.",
        "Paused: Plane moves",
        "Changed the interval.",
        "Changed the tags.",
    ];
    for (line, says) in history.iter().zip(expected) {
        assert_eq!(line, &format!("{says} Part of a bulk operation ."));
    }
    let settings = portal.viewer().await;
    let id = ids[0].parse().unwrap();
    let row = portal.portal.backend.integrations.get(&settings, id).await;
    let integration = row.unwrap().integration;
    assert_eq!(integration.settings.interval_minutes, 30);
    assert!(integration.settings.tags.is_empty() && integration.paused.is_none());
}

#[tokio::test]
async fn what_failed_is_told_with_what_to_do_and_retried_alone() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let mut ids = connect(&portal, &mut admin, &["Acme", "Bolt"]).await;
    let revoked = portal
        .connect_with(&mut admin, "Core", seed::REVOKED_KEY)
        .await;
    ids.push(id_of(&revoked));

    let page = plan(&mut admin, &ids, &[("action", "test")]).await;
    run(&portal, &mut admin, &page).await;
    let first = report(&portal, &page).await;
    use ItemState::{Done, Failed};
    let expected = BTreeMap::from([("Acme", Done), ("Bolt", Done), ("Core", Failed)]);
    assert_eq!(states(&first.items), expected);
    assert_eq!(
        first.items[0].says.as_deref(),
        Some("The connection works: this key sees 5 projects.")
    );
    let says = first.items[2].says.clone().unwrap();
    assert!(
        says.contains("key") && says.matches('.').count() >= 2,
        "what happened and what to do: {says}"
    );
    let over = admin.get(&page).await;
    assert_eq!(
        over.all("form[action$=retry_bulk] button"),
        ["Retry the 1 that failed"]
    );
    let result = over.attribute("#item-3 a.item-link", "href").unwrap();
    assert_eq!(admin.get(&result).await.status, 200);

    let retry = post(&mut admin, "retry_bulk", &page).await;
    assert_ne!(retry, page);
    assert_eq!(
        post(&mut admin, "retry_bulk", &page).await,
        retry,
        "one plan"
    );
    assert_eq!(admin.get("/bulk").await.all("tbody tr").len(), 2);
    let planned = report(&portal, &retry).await;
    assert_eq!(
        states(&planned.items),
        BTreeMap::from([("Core", ItemState::Waiting)])
    );
    let key = [("id", ids[2].as_str()), ("api_key", seed::KEY)];
    assert_eq!(admin.post("replace_key", &key).await.status, 303);
    run(&portal, &mut admin, &retry).await;
    let counts = report(&portal, &retry).await.operation.counts;
    assert_eq!((counts.done, counts.failed), (1, 0));
    assert_eq!(
        post(&mut admin, "retry_bulk", &page).await,
        retry,
        "still the same"
    );
}

#[tokio::test]
async fn only_a_whole_success_of_a_sync_is_one() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let ids = connect(&portal, &mut admin, &["Acme"]).await;
    portal
        .plane
        .fail(Fault::new(What::WrongTypes).on("/work-items/"));
    let page = plan(&mut admin, &ids, &[("action", "sync")]).await;
    run(&portal, &mut admin, &page).await;
    let report = report(&portal, &page).await;
    assert_eq!(report.items[0].state, ItemState::Failed);
    let says = report.items[0].says.as_deref().unwrap();
    assert!(says.starts_with("Partial: "), "{says}");
}

#[tokio::test]
async fn all_that_match_means_the_filter_and_not_the_page() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let names: Vec<String> = (0..55).map(|n| format!("Site {n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["Other"]).collect();
    let ids = connect(&portal, &mut admin, &names).await;
    let list = admin.get("/integrations?q=site").await;
    assert_eq!(list.all(".integrations tbody tr").len(), 50, "a page");
    assert_eq!(list.all(".bulk-choice label"), ["All 55 that match"]);
    let filter = list.attribute("#bulk [name=filter]", "value").unwrap();
    let fields = [
        ("all", "true"),
        ("filter", filter.as_str()),
        ("action", "add_tag"),
        ("with_tag", "site"),
    ];
    // What is ticked as well adds nothing.
    let page = plan(&mut admin, &ids[54..], &fields).await;
    run(&portal, &mut admin, &page).await;
    let report = report(&portal, &page).await;
    assert_eq!(report.items.len(), 55);
    assert_eq!(report.operation.counts.done, 55);
    assert!(report.items.iter().all(|item| item.name != "Other"));
    let tagged = admin.get("/integrations?tag=site").await;
    assert_eq!(tagged.all(".bulk-choice label"), ["All 55 that match"]);
}

#[tokio::test]
async fn a_form_with_a_mistake_comes_back_with_what_was_ticked_and_typed() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let ids = connect(&portal, &mut admin, &["Acme", "Bolt"]).await;
    let send = async |admin: &mut Person, fields: &[(&str, &str)]| {
        let answer = admin
            .post_on("/integrations?sort=name", "plan_bulk", fields)
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let back = answer.location();
        assert!(back.starts_with("/integrations?sort=name&draft="), "{back}");
        admin.get(&back).await
    };
    let page = send(&mut admin, &[("action", "resume")]).await;
    let notice = page.all(".notice").join(" ");
    assert!(notice.contains("Choose integrations first"), "{notice}");
    assert!(page.has("#bulk option[value=resume][selected]"));

    let ticked = [
        ("ids[]", ids[1].as_str()),
        ("action", "add_tag"),
        ("with_tag", "two words"),
    ];
    let page = send(&mut admin, &ticked).await;
    assert_eq!(
        page.attribute("#bulk [name=with_tag]", "value").as_deref(),
        Some("two words")
    );
    assert!(page.all(".field-error")[0].contains("one word"));
    let is_ticked = |id: &str| page.has(&format!("input[type=checkbox][value='{id}'][checked]"));
    assert!(is_ticked(&ids[1]) && !is_ticked(&ids[0]));
    assert_eq!(admin.get("/bulk").await.all("tbody tr").len(), 0);
}

#[tokio::test]
async fn a_lead_sees_what_was_done_and_can_do_nothing() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let ids = connect(&portal, &mut admin, &["Acme"]).await;
    let page = plan(&mut admin, &ids, &[("action", "pause")]).await;
    let mut lead = portal.lead().await;
    let list = lead.get("/integrations").await;
    assert!(!list.has("#bulk") && !list.has("[type=checkbox]"));
    let look = lead.get(&page).await;
    assert_eq!(look.status, 200);
    assert!(!look.has("main form"));
    for function in ["start_bulk", "stop_bulk", "retry_bulk"] {
        let answer = lead.post(function, &[("id", &id_of(&page))]).await;
        assert_eq!(answer.status, 403, "{function}");
    }
    assert_eq!(
        report(&portal, &page).await.operation.state,
        BulkState::Planned
    );
}

#[tokio::test]
async fn a_stop_lets_what_is_under_way_end_and_tells_the_rest_as_not_done() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let names: Vec<String> = (1..=10).map(|n| format!("Acme {n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ids = connect(&portal, &mut admin, &names).await;
    let ops = portal
        .plane
        .given(|state| state.project_called("acme", "OPS").unwrap().id);
    let slow = Fault::new(What::Latency(3_600_000)).on(&format!("/projects/{ops}/work-items/"));
    portal.plane.fail(slow);

    let page = plan(&mut admin, &ids, &[("action", "sync")]).await;
    let mut changes = portal.portal.bulk.changes();
    post(&mut admin, "start_bulk", &page).await;
    while report(&portal, &page).await.operation.counts.running < 8 {
        changes.recv().await.unwrap();
    }
    let under_way = admin.get(&page).await;
    assert_eq!(
        under_way.all(".live-run-headline"),
        ["Under way. You can leave this page; it goes on."]
    );
    assert!(under_way.words().contains("0 of 10"));
    assert_eq!(
        under_way.all(".item-running").len(),
        8,
        "at most eight at once"
    );

    post(&mut admin, "stop_bulk", &page).await;
    let stopping = admin.get(&page).await;
    assert!(stopping.all(".live-run-headline")[0].starts_with("Stopping"));
    assert!(!stopping.has("form[action$=stop_bulk]"));
    // What is under way ends: here, because somebody cancels it.
    let viewer = portal.viewer().await;
    let running = portal.portal.backend.runs.running(&viewer).await.unwrap();
    assert_eq!(running.len(), 8);
    for run in running {
        post(&mut admin, "cancel_run", &format!("/runs/{}", run.id)).await;
    }
    portal.portal.bulk.idle().await;
    let over = report(&portal, &page).await;
    let counts = over.operation.counts;
    assert_eq!((counts.failed, counts.not_done, counts.done), (8, 2, 0));
    assert_eq!(
        over.items[9].says.as_deref(),
        Some("Somebody stopped the operation before.")
    );
    let page = admin.get(&page).await;
    assert_eq!(
        page.all("form[action$=retry_bulk] button"),
        ["Retry the 10 that failed or were not done"]
    );
}

#[tokio::test]
async fn who_is_no_admin_any_more_changes_nothing_by_what_was_started_before() {
    let portal = TestPortal::start().await;
    let mut admin = portal.admin().await;
    let ids = connect(&portal, &mut admin, &["Acme"]).await;
    portal.lead().await;
    let viewer = portal.viewer().await;
    let people = portal
        .portal
        .backend
        .accounts
        .people(&viewer)
        .await
        .unwrap();
    let lead = people.iter().find(|person| person.email.as_str() == LEAD);
    let lead = lead.unwrap().id.to_string();
    let role = |role| [("id", lead.clone()), ("role", String::from(role))];
    let set_role = async |admin: &mut Person, fields: [(&str, String); 2]| {
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        assert_eq!(admin.post("set_role", &fields).await.status, 303);
    };
    set_role(&mut admin, role("admin")).await;
    let slow = Fault::new(What::Latency(3_600_000)).on("/workspaces/acme/projects/");
    portal.plane.fail(slow);
    let mut jonas = portal.sign_in(LEAD).await;
    let page = plan(&mut jonas, &ids, &[("action", "sync")]).await;
    let mut changes = portal.portal.bulk.changes();
    post(&mut jonas, "start_bulk", &page).await;
    while report(&portal, &page).await.items[0].run.is_none() {
        changes.recv().await.unwrap();
    }
    // The process ends, he loses his right, and another process goes on.
    portal.portal.bulk.stop().await;
    set_role(&mut admin, role("lead")).await;
    let next = server::bulk::BulkService::new(
        portal.portal.integrations.clone(),
        portal.portal.sync.clone(),
    );
    assert_eq!(next.take_over().await.unwrap().len(), 1);
    next.idle().await;
    let over = report(&portal, &page).await;
    assert_eq!(over.operation.state, BulkState::Finished);
    assert_eq!(over.items[0].state, ItemState::NotDone);
    assert_eq!(
        over.items[0].says.as_deref(),
        Some("Jonas is not an admin any more.")
    );
}

/// Waits until the operation's page shows `what`; the page is asked again as events of the operation come.
async fn watch(
    admin: &mut Person,
    page: &str,
    what: impl Fn(&crate::support::person::Answer) -> bool,
) {
    let live = format!("/live{page}");
    let mut events = admin.open(reqwest::Method::GET, &live, &[], None).await;
    loop {
        let answer = admin.get(page).await;
        if what(&answer) {
            return;
        }
        let event = events.chunk().await.unwrap();
        assert!(
            event.is_some(),
            "it ended: {}",
            admin.get(page).await.words()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_it_goes_on_with_what_was_not_done_and_does_nothing_again() {
    let plane = FakePlane::start(fake_plane::Options {
        rate_limit: None,
        ..Default::default()
    })
    .await;
    plane.given(seed::e2e);
    let data = tempfile::tempdir().unwrap();
    let hangar = HangarProcess::set_up(data.path(), &[]);
    let mut admin = hangar.admin().await;
    let project = |name| plane.given(|state| state.project_called("acme", name).unwrap().id);
    let (web, ops) = (project("WEB").to_string(), project("OPS").to_string());
    let mut ids = Vec::new();
    // Four are quick, eight are under way for ever, two wait for their turn.
    for n in 1..=14 {
        let fields = [
            ("integration_name", format!("Acme {n:02}")),
            ("base_url", plane.url()),
            ("workspace", "acme".to_owned()),
            ("project_id", if n <= 4 { web.clone() } else { ops.clone() }),
            ("api_key", seed::KEY.to_owned()),
            ("interval_minutes", "1440".to_owned()),
        ];
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let answer = admin.post("create_integration", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        ids.push(id_of(&answer.location()));
    }
    let slow = What::Latency(3_600_000);
    plane.fail(Fault::new(slow).on(&format!("/projects/{ops}/work-items/")));
    let page = plan(&mut admin, &ids, &[("action", "sync")]).await;
    post(&mut admin, "start_bulk", &page).await;
    watch(&mut admin, &page, |page| {
        page.all(".item-done").len() == 4 && page.all(".item-running").len() == 8
    })
    .await;
    let before = admin.get(&page).await;
    hangar.kill();
    plane.heal();

    let hangar = HangarProcess::start(data.path(), &[]);
    let mut admin = hangar.admin().await;
    watch(&mut admin, &page, |page| page.all(".item-done").len() == 14).await;
    let after = admin.get(&page).await;
    for (n, id) in (1..).zip(&ids) {
        let link = format!("#item-{n} a.item-link");
        if n <= 4 {
            let runs = [&before, &after].map(|page| page.attribute(&link, "href"));
            assert_eq!(runs[0], runs[1], "it was not done again");
        }
        let runs = format!("/runs?integration={id}&outcome=succeeded");
        let runs = admin.get(&runs).await.all(".runs tbody tr");
        assert_eq!(runs.len(), 1, "each was synced once: {runs:?}");
        let history = admin.get(&format!("/integrations/{id}/history")).await;
        let history = history.all("tbody tr");
        let told = history
            .iter()
            .filter(|line| line.contains("Started a sync."));
        assert_eq!(told.count(), 1, "{history:?}");
    }
    hangar.stop();
}
