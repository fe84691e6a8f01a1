//! Changes are seen as a client of Plane sees them.

use fake_plane::{Options, Version};
use serde_json::{Value, json};

use crate::Acme;

#[tokio::test]
async fn an_edit_moves_updated_at_and_a_renamed_or_deleted_label_does_not() {
    let acme = Acme::start(Options::default(), 5).await;
    let item = acme
        .plane
        .given(|state| state.project(acme.project).unwrap().items.all()[0].id);
    let path = format!(
        "/api/v1/workspaces/acme/projects/{}/work-items/{item}/",
        acme.project
    );
    let read = async || -> Value { acme.get(&path).await.json().await.unwrap() };

    let start = read().await;
    acme.plane
        .given(|state| state.relabel(item, &["bug", "docs"]));
    let labelled = read().await;
    assert_ne!(labelled["updated_at"], start["updated_at"]);
    assert_eq!(labelled["labels"].as_array().unwrap().len(), 2);

    acme.plane.given(|state| {
        let project = state.project(acme.project).unwrap();
        let [bug, docs] = ["bug", "docs"].map(|name| project.label_called(name).unwrap().id);
        state.rename_label(bug, "defect");
        state.delete_label(docs);
    });
    let after = read().await;
    assert_eq!(after["updated_at"], labelled["updated_at"]);
    assert_eq!(after["labels"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn moving_to_a_completed_state_sets_completed_at_and_moving_back_clears_it() {
    let acme = Acme::start(Options::default(), 0).await;
    let item = acme
        .plane
        .given(|state| state.add_item(acme.project, "Ship it"));
    let completed = || {
        acme.plane.given(|state| {
            let item = state
                .project(acme.project)
                .unwrap()
                .items
                .get(item)
                .unwrap();
            item.completed_at
        })
    };
    acme.plane.given(|state| state.move_to(item, "Done"));
    assert!(completed().is_some());
    acme.plane.given(|state| state.move_to(item, "Todo"));
    assert!(completed().is_none());
}

#[tokio::test]
async fn deleted_and_archived_items_vanish_alike_and_numbers_are_not_given_again() {
    let acme = Acme::start(Options::default(), 4).await;
    let ids: Vec<_> = acme.plane.given(|state| {
        let items = state.project(acme.project).unwrap().items.all();
        items.iter().map(|item| item.id).collect()
    });
    acme.plane.given(|state| {
        state.delete_item(ids[3]);
        state.archive_item(ids[2]);
    });
    assert_eq!(acme.items("").await["total_count"], 2);
    for gone in &ids[2..] {
        let path = format!(
            "/api/v1/workspaces/acme/projects/{}/work-items/{gone}/",
            acme.project
        );
        let answer = acme.get(&path).await;
        assert_eq!(answer.status(), 404);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body,
            json!({ "error": "The requested resource does not exist." })
        );
    }
    acme.plane.given(|state| {
        state.unarchive_item(ids[2]);
        state.add_item(acme.project, "the fifth");
    });
    let page = acme.items("order_by=sequence_id&fields=sequence_id").await;
    let numbers = page["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["sequence_id"].clone());
    assert_eq!(numbers.collect::<Value>(), json!([1, 2, 3, 5]));
}

#[tokio::test]
async fn an_edit_between_pages_of_the_newest_first_comes_again() {
    let acme = Acme::start(Options::default(), 15).await;
    let numbers = |page: &Value| -> Vec<u64> {
        let rows = page["results"].as_array().unwrap().iter();
        rows.map(|row| row["sequence_id"].as_u64().unwrap())
            .collect()
    };
    let query = "per_page=5&order_by=-updated_at&fields=sequence_id";
    let first = numbers(&acme.items(query).await);
    let unread = (1..=15).find(|n| !first.contains(n)).unwrap();
    acme.plane.given(|state| {
        let (_, item) = state.item_called("acme", &format!("WEB-{unread}")).unwrap();
        state.edit_item(item, |item| item.name.push('!'));
    });
    let second = numbers(&acme.items(&format!("{query}&cursor=5:1:0")).await);
    let third = numbers(&acme.items(&format!("{query}&cursor=5:2:0")).await);
    assert_eq!(second[0], first[4]);
    assert!(!second.contains(&unread) && !third.contains(&unread));
    assert_eq!(numbers(&acme.items(query).await)[0], unread);
}

#[tokio::test]
async fn older_versions_lack_what_came_later() {
    let project_path = |acme: &Acme, rest: &str| {
        format!("/api/v1/workspaces/acme/projects/{}/{rest}/", acme.project)
    };
    for (version, me, items, summary) in [
        (Version::V1_3_1, 200, 200, 200),
        (Version::V1_0, 200, 404, 404),
        (Version::V0_27, 404, 404, 404),
    ] {
        let acme = Acme::start(
            Options {
                version,
                ..Options::default()
            },
            1,
        )
        .await;
        assert_eq!(acme.status("/api/v1/users/me/").await, me);
        assert_eq!(acme.status(&project_path(&acme, "work-items")).await, items);
        assert_eq!(acme.status(&project_path(&acme, "summary")).await, summary);
        assert_eq!(acme.status(&project_path(&acme, "issues")).await, 200);
        let instance: Value = acme.get("/api/instances/").await.json().await.unwrap();
        let name = instance["instance"]["current_version"].as_str().unwrap();
        assert_eq!(Version::parse(name), Some(version));
    }
}

#[tokio::test]
async fn without_a_limit_there_are_no_limit_headers_and_no_429() {
    let acme = Acme::start(
        Options {
            rate_limit: None,
            ..Options::default()
        },
        1,
    )
    .await;
    for _ in 0..70 {
        let answer = acme.get("/api/v1/users/me/").await;
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers().contains_key("x-ratelimit-remaining"));
    }
    acme.plane.set_rate_limit(Some(1));
    assert_eq!(acme.status("/api/v1/users/me/").await, 200);
    assert_eq!(acme.status("/api/v1/users/me/").await, 429);
}

#[tokio::test]
async fn the_request_log_never_holds_a_key() {
    let acme = Acme::start(Options::default(), 1).await;
    acme.status(&format!("/api/v1/users/me/?api_key={}&x=1", acme.key))
        .await;
    acme.status("/api/v1/users/me/").await;
    let log = serde_json::to_string(&acme.plane.requests()).unwrap();
    assert!(!log.contains(&acme.key));
    assert!(log.contains("api_key=***&x=1"));
}
