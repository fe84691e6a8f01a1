//! What fails is one problem however often it does, says what to do, and is resolved by itself.

use chrono::TimeDelta;
use domain::problems::ProblemState;
use fake_plane::{Fault, What};
use serde_json::Value;

use crate::support::Watched;

impl Watched {
    /// The problems that the list exports with this filter.
    async fn problems(&mut self, filter: &str) -> Vec<Value> {
        let answer = self.admin.get(&format!("/problems.json?{filter}")).await;
        serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{}", answer.text))
    }

    /// What each of them is, and where it stands.
    async fn states(&mut self, filter: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.problems(filter).await.into_iter();
        all.map(|one| (text(&one["class"]), text(&one["state"])))
            .collect()
    }
}

fn states(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(class, state)| ((*class).to_owned(), (*state).to_owned()))
        .collect()
}

fn refused_key() -> Fault {
    let refused = r#"{"error": "Given API token is not valid", "error_code": ""}"#;
    Fault::new(What::Status(403, refused.to_owned(), vec![]))
}

#[tokio::test]
async fn a_refused_key_is_one_problem_with_what_comes_of_it_until_it_is_taken_again() {
    let mut world = Watched::new().await;
    world.later(16).await;
    world.later(16).await;
    assert!(world.problems("").await.is_empty());
    let page = world.admin.get("/problems").await;
    assert!(page.text.contains("Nothing fails right now."));
    assert!(page.text.contains("No problems"));

    world.portal.plane.fail(refused_key());
    world.later(16).await;
    assert_eq!(
        world.states("").await,
        states(&[("auth.key_invalid", "open")]),
        "at once, and nothing else for the same reason"
    );
    for _ in 0..3 {
        world.later(16).await;
    }
    let expected = states(&[("auth.key_invalid", "open"), ("copy.stale", "open")]);
    assert_eq!(world.states("").await, expected, "what comes of it is last");
    let both = world.problems("").await;
    assert_eq!(both[1]["cause"], both[0]["id"]);
    assert!(both[0]["count"].as_u64().unwrap() >= 4, "{}", both[0]);
    assert!(
        both[0]["advice"]
            .as_str()
            .unwrap()
            .contains("replace the key")
    );

    let key = format!("/problems/{}", both[0]["id"].as_str().unwrap());
    let stale = format!("/problems/{}", both[1]["id"].as_str().unwrap());
    let page = world.admin.get(&key).await;
    assert!(page.text.contains("Make a new key in Plane"));
    assert!(page.text.contains("What comes of it") && page.text.contains(&stale));
    assert!(
        page.has("form[action$=test_integration]"),
        "what to do next"
    );
    let page = world.admin.get(&stale).await;
    assert!(page.text.contains("This comes of something else") && page.text.contains(&key));

    world.portal.plane.heal();
    for minutes in [16, 1, 1, 16] {
        world.later(minutes).await;
    }
    world.portal.clock.advance(TimeDelta::minutes(1));
    world.portal.portal.health.watch().await.unwrap();
    assert!(world.problems("").await.is_empty(), "by itself");
    let resolved = world.states("state=resolved").await;
    assert_eq!(resolved.len(), 2);
    assert!(resolved.contains(&("auth.key_invalid".to_owned(), "resolved".to_owned())));
    let page = world.admin.get(&key).await;
    assert!(page.text.contains("Resolved") && page.text.contains("Two runs or tests went well."));

    world.portal.plane.fail(refused_key());
    world.later(16).await;
    assert_eq!(world.states("").await[0].0, "auth.key_invalid");
    let page = world.admin.get(&key).await;
    assert!(page.text.contains("Came back"), "the same one");
}

#[tokio::test]
async fn failures_are_counted_where_they_happen_and_passing_ones_are_no_problem() {
    let mut world = Watched::new().await;
    world.later(16).await;
    let broken = || Fault::new(What::Status(502, String::new(), vec![])).on("/labels/");
    // One run overcomes that.
    world.portal.plane.fail(broken().times(2));
    world.later(61).await;
    assert!(world.problems("").await.is_empty());

    world.portal.plane.heal();
    world.portal.plane.fail(broken());
    world.later(61).await;
    let all = world.problems("").await;
    assert_eq!(all.len(), 2, "with what comes of it: {all:?}");
    assert_eq!(all[0]["class"], "plane.5xx");
    assert_eq!(all[0]["endpoint"], "projects/:id/labels");
    let failed = world.portal.plane.requests();
    let failed = failed.iter().filter(|one| one.path.contains("/labels/"));
    // Those of the first sync went well: one for each project that is read.
    let well = world.portal.plane.requests();
    let well = well
        .iter()
        .filter(|one| one.path.contains("/labels/") && one.status == 200);
    let expected = failed.count() - well.count();
    assert_eq!(
        all[0]["count"].as_u64().unwrap(),
        expected as u64,
        "{}",
        all[0]
    );
    let page = world
        .admin
        .get(&format!("/problems/{}", all[0]["id"].as_str().unwrap()))
        .await;
    assert!(page.text.contains("Projects affected"));
    // Each of them, one by one.
    let calls = format!("{}/calls", world.page);
    assert!(page.has(&format!("a[href='{calls}?show=failed']")));
    let shown = world.admin.get(&format!("{calls}?show=failed")).await;
    let rows = shown.all("[aria-label='Calls to Plane'] tbody tr");
    assert_eq!(
        rows.len() as u64,
        all[0]["count"].as_u64().unwrap(),
        "{rows:?}"
    );
    assert!(
        rows.iter()
            .all(|row| row.contains("502 plane fault") && row.contains("Syncs"))
    );
    let file = world.admin.get(&format!("{calls}.json")).await;
    let file: Vec<Value> = serde_json::from_str(&file.text).unwrap();
    let seen = world.portal.plane.requests();
    let seen = seen.iter().filter(|one| one.path.starts_with("/api/v1/"));
    assert_eq!(file.len(), seen.count(), "every call is there");
    let csv = world.admin.get(&format!("{calls}.csv?show=failed")).await;
    assert_eq!(csv.text.lines().count(), rows.len() + 1);
    assert!(page.has("form[action$=start_sync]"), "with what it costs:");
    assert!(page.text.contains("to Plane."));

    world.portal.plane.heal();
    world.later(61).await;
    let left = world.states("class=plane.5xx").await;
    assert_eq!(left.len(), 1, "one clean run is not two");
    world.later(16).await;
    world.later(16).await;
    assert!(world.problems("").await.is_empty());
}

#[tokio::test]
async fn people_say_who_is_on_it_and_leads_only_read() {
    let mut world = Watched::new().await;
    world.later(16).await;
    world.portal.plane.fail(refused_key());
    world.later(16).await;
    let id = world.problems("").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/problems/{id}");
    let me = world.portal.viewer().await;
    let owner = me.user().id.to_string();

    let said = world
        .admin
        .post("acknowledge_problem", &[("id", &id)])
        .await;
    assert_eq!(said.location(), path);
    assert_eq!(world.states("state=acknowledged").await.len(), 1);
    let said = world
        .admin
        .post("assign_problem", &[("id", &id), ("owner", &owner)])
        .await;
    assert_eq!(said.location(), path);
    let said = world
        .admin
        .post("note_problem", &[("id", &id), ("note", " Asked <IT>. ")])
        .await;
    assert_eq!(said.location(), path);
    let said = world
        .admin
        .post("snooze_problem", &[("id", &id), ("hours", "4")])
        .await;
    assert_eq!(said.location(), path);
    assert_eq!(
        world.problems("state=snoozed").await[0]["note"],
        "Asked <IT>."
    );
    assert_eq!(world.problems("owner=me").await.len(), 1);
    for (field, wrong) in [("owner", "4"), ("hours", "0721")] {
        let action = if field == "owner" {
            "assign_problem"
        } else {
            "snooze_problem"
        };
        let refused = world
            .admin
            .post(action, &[("id", &id), (field, wrong)])
            .await;
        assert_eq!(refused.status, 422, "{field}: {}", refused.text);
    }
    let page = world.admin.get(&path).await;
    for word in [
        "Asked &lt;IT&gt;.",
        "nobody is told of it until",
        "sees to it.",
        "Snoozed until",
    ] {
        assert!(page.text.contains(word), "{word}");
    }
    world.portal.clock.advance(TimeDelta::hours(5));
    assert_eq!(
        world.states("").await[0].1,
        ProblemState::Acknowledged.slug(),
        "the snooze is over"
    );

    let mut lead = world.portal.lead().await;
    let page = lead.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("Make a new key in Plane") && page.text.contains("Asked &lt;IT&gt;.")
    );
    assert!(!page.has("main form"), "no dead buttons");
    let csv = lead.get("/problems.csv").await;
    assert!(
        csv.text.starts_with("id,class,name,integration,"),
        "{}",
        csv.text
    );
    assert!(csv.text.contains(&id));
}

#[tokio::test]
async fn everything_that_is_affected_is_retried_together_with_its_cost_first() {
    let mut world = Watched::new().await;
    let other = world.portal.connect(&mut world.admin, "Beta").await;
    world.later(16).await;
    world.portal.plane.fail(refused_key());
    world.later(16).await;
    assert_eq!(world.problems("").await.len(), 2);

    let page = world.admin.get("/problems").await;
    assert!(
        page.text.contains("Test all 2 integrations affected"),
        "{}",
        page.text
    );
    assert_eq!(page.all("form[aria-label='Retry all'] button").len(), 2);
    let all = world.problems("").await;
    let ids: Vec<&str> = all
        .iter()
        .map(|one| one["integration"].as_str().unwrap())
        .collect();
    for id in &ids {
        assert!(page.has(&format!("form[aria-label='Retry all'] input[value='{id}']")));
    }
    world.portal.plane.heal();
    let fields: Vec<(&str, &str)> = ids
        .iter()
        .map(|id| ("ids[]", *id))
        .chain([("action", "test")])
        .collect();
    let plan = world.admin.post("plan_bulk", &fields).await;
    let page = world.admin.get(&plan.location()).await;
    assert!(page.text.contains("at most 6"), "three for each");
    let id = plan.location().rsplit('/').next().unwrap().to_owned();
    let started = world.admin.post("start_bulk", &[("id", &id)]).await;
    assert_eq!(started.status, 303);
    world.portal.portal.bulk.idle().await;

    world.later(16).await;
    world.later(16).await;
    assert!(world.problems("").await.is_empty(), "both are well again");

    let gone = other.rsplit('/').next().unwrap();
    let deleted = [("id", gone), ("typed_name", "Beta")];
    let deleted = world.admin.post("delete_integration", &deleted).await;
    assert_eq!(deleted.status, 303, "{}", deleted.text);
    assert_eq!(world.problems("state=resolved").await.len(), 1);
}

#[tokio::test]
async fn a_plane_that_is_gone_and_one_that_is_none_say_different_things() {
    let cases: [(What, &str); 4] = [
        (What::Drop, "network.connect"),
        (What::HtmlWith200, "target.not_plane"),
        (What::GarbageJson, "data.parse"),
        (
            What::Redirect("https://elsewhere.example/".to_owned()),
            "target.not_plane",
        ),
    ];
    for (what, class) in cases {
        let mut world = Watched::new().await;
        world.later(16).await;
        world.portal.plane.fail(Fault::new(what.clone()));
        for _ in 0..4 {
            world.later(16).await;
        }
        let classes: Vec<String> = world
            .states("")
            .await
            .into_iter()
            .map(|(class, _)| class)
            .collect();
        assert_eq!(
            classes.first().map(String::as_str),
            Some(class),
            "{what:?}: {classes:?}"
        );
        assert_eq!(
            classes.last().map(String::as_str),
            Some("copy.stale"),
            "{what:?}"
        );
        world.portal.plane.heal();
    }
}
