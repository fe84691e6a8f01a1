//! The ready-made workspaces are as their descriptions say, each time.

use fake_plane::{FakePlane, Options, State, seed};
use serde_json::Value;

use crate::client;

async fn get(plane: &FakePlane, key: &str, path: &str) -> Value {
    let url = format!("{}{path}", plane.url());
    client()
        .get(url)
        .header("X-API-Key", key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

fn visible(state: &State, slug: &str) -> usize {
    let workspace = state.workspace(slug).unwrap().id;
    let projects = state
        .projects
        .iter()
        .filter(|project| project.workspace == workspace);
    projects
        .flat_map(|p| p.items.all())
        .filter(|item| item.is_visible())
        .count()
}

#[tokio::test]
async fn the_demo_has_12_projects_and_5000_work_items_of_which_the_key_sees_11_projects() {
    let plane = FakePlane::start(Options::default()).await;
    plane.given(seed::demo);
    assert_eq!(plane.given(|state| visible(state, "acme")), 5000);
    let projects = get(&plane, seed::KEY, "/api/v1/workspaces/acme/projects/").await;
    let rows = projects["results"].as_array().unwrap();
    assert_eq!(rows.len(), 11);
    let count = |is: &dyn Fn(&Value) -> bool| rows.iter().filter(|row| is(row)).count();
    assert_eq!(count(&|row| row["is_member"] == false), 2);
    assert_eq!(count(&|row| !row["archived_at"].is_null()), 1);
    let unruly = get(
        &plane,
        seed::UNRULY_KEY,
        "/api/v1/workspaces/unruly/projects/",
    )
    .await;
    assert_eq!(unruly["total_count"], 3);
    let revoked = get(&plane, seed::REVOKED_KEY, "/api/v1/users/me/").await;
    assert_eq!(revoked["detail"], "Given API token is not valid");
}

#[tokio::test]
async fn the_unruly_workspace_misbehaves_and_acme_does_not() {
    let plane = FakePlane::start(Options {
        rate_limit: None,
        ..Options::default()
    })
    .await;
    plane.given(seed::demo);
    for fault in seed::unruly_faults() {
        // As in the demo, but without the waiting.
        if !matches!(fault.what, fake_plane::What::Latency(_)) {
            plane.fail(fault);
        }
    }
    let mut statuses = Vec::new();
    for _ in 0..12 {
        for (slug, key) in [("unruly", seed::UNRULY_KEY), ("acme", seed::KEY)] {
            let url = format!("{}/api/v1/workspaces/{slug}/projects/", plane.url());
            let answer = client()
                .get(url)
                .header("X-API-Key", key)
                .send()
                .await
                .unwrap();
            statuses.push((slug, answer.status().as_u16()));
        }
    }
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert!(
        count(("unruly", 500)) >= 2 && count(("unruly", 429)) >= 1 && count(("unruly", 200)) >= 5
    );
    assert_eq!(count(("acme", 200)), 12);
}

#[tokio::test]
async fn the_end_to_end_workspace_has_its_known_names_and_numbers() {
    let plane = FakePlane::start(Options::default()).await;
    plane.given(seed::e2e);
    let first = get(
        &plane,
        seed::KEY,
        "/api/v1/workspaces/acme/work-items/WEB-1/",
    )
    .await;
    assert_eq!(first["name"], "Ship it");
    let projects = get(&plane, seed::KEY, "/api/v1/workspaces/acme/projects/").await;
    let rows = projects["results"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["identifier"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["WEB", "OPS", "DES", "LEG", "MOB"]);
    let web = rows[0]["id"].as_str().unwrap();
    let path = format!("/api/v1/workspaces/acme/projects/{web}/work-items/?per_page=1");
    assert_eq!(get(&plane, seed::KEY, &path).await["total_count"], 348);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_keys_and_rows_and_another_seed_others() {
    let rows = async |seed| {
        let plane = FakePlane::start(Options {
            seed,
            ..Options::default()
        })
        .await;
        plane.given(seed::e2e);
        let keys = plane.given(|state| {
            let olga = state.users[0].id;
            state.add_key(olga, "further")
        });
        let items = get(
            &plane,
            seed::KEY,
            "/api/v1/workspaces/acme/work-items/OPS-9/",
        )
        .await;
        (items, keys)
    };
    let one = rows(1).await;
    assert_eq!(one, rows(1).await);
    let two = rows(2).await;
    assert!(one.0["id"] != two.0["id"] && one.1 != two.1);
}

#[tokio::test]
async fn a_big_project_is_read_to_its_end_without_gaps() {
    let plane = FakePlane::start(Options {
        rate_limit: None,
        ..Options::default()
    })
    .await;
    plane.given(|state| seed::big(state, 3500));
    let project = plane.given(|state| state.project_called("big", "BIG").unwrap().id);
    let mut numbers = Vec::new();
    for page in 0..4 {
        let path = format!(
            "/api/v1/workspaces/big/projects/{project}/work-items/\
             ?per_page=1000&cursor=1000:{page}:0&order_by=sequence_id&fields=sequence_id"
        );
        let body = get(&plane, seed::KEY, &path).await;
        let rows = body["results"].as_array().unwrap().iter();
        numbers.extend(rows.map(|row| row["sequence_id"].as_u64().unwrap()));
    }
    assert_eq!(numbers, (1..=3500).collect::<Vec<u64>>());
}
