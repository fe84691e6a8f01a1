//! The API under `/__fake/`, as a program that is not Rust uses it.

use fake_plane::{FakePlane, Options, seed};
use serde_json::{Value, json};

use crate::client;

struct Admin(FakePlane);

impl Admin {
    async fn start() -> Self {
        let plane = FakePlane::start(Options::default()).await;
        plane.given(seed::e2e);
        Self(plane)
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/__fake/{path}", self.0.url());
        let sent = client()
            .post(url)
            .header("Content-Type", "application/json");
        let answer = sent.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}/__fake/{path}", self.0.url());
        client()
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn plane(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/api/v1/{path}", self.0.url());
        let answer = client()
            .get(url)
            .header("X-API-Key", seed::KEY)
            .send()
            .await
            .unwrap();
        (
            answer.status().as_u16(),
            answer.json().await.unwrap_or(Value::Null),
        )
    }
}

#[tokio::test]
async fn things_are_edited_by_the_names_that_people_use() {
    let fake = Admin::start().await;
    let edit = json!({
        "op": "edit_item", "workspace": "acme", "item": "WEB-2",
        "name": "Fix it", "state": "In Progress", "priority": "urgent", "labels": ["docs"],
    });
    assert_eq!(fake.post("edit", edit).await.0, 200);
    let (_, item) = fake
        .plane("workspaces/acme/work-items/WEB-2/?expand=state,labels")
        .await;
    assert_eq!(
        (&item["name"], &item["priority"]),
        (&json!("Fix it"), &json!("urgent"))
    );
    assert_eq!(item["state"]["name"], "In Progress");
    assert_eq!(item["labels"][0]["name"], "docs");

    for edit in [
        json!({ "op": "delete_item", "workspace": "acme", "item": "WEB-3" }),
        json!({ "op": "archive_item", "workspace": "acme", "item": "WEB-4" }),
        json!({ "op": "create_item", "workspace": "acme", "project": "WEB", "name": "New" }),
        json!({ "op": "rename_label", "workspace": "acme", "project": "WEB", "label": "bug", "name": "defect" }),
        json!({ "op": "archive_project", "workspace": "acme", "project": "DES" }),
        json!({ "op": "leave_project", "workspace": "acme", "project": "OPS", "user": "inge" }),
    ] {
        let (status, answer) = fake.post("edit", edit.clone()).await;
        assert!(
            status == 200 && answer["id"].is_string(),
            "{edit}: {answer}"
        );
    }
    assert_eq!(fake.plane("workspaces/acme/work-items/WEB-3/").await.0, 404);
    assert_eq!(fake.plane("workspaces/acme/work-items/OPS-1/").await.0, 403);
    let state = fake.get("state").await;
    let web = &state["workspaces"][0]["projects"][0];
    assert_eq!(web["work_items"], 347);
    assert_eq!(web["labels"][0], "defect");
}

#[tokio::test]
async fn unknown_names_are_404_and_unknown_operations_are_refused() {
    let fake = Admin::start().await;
    let edit = json!({ "op": "delete_item", "workspace": "acme", "item": "WEB-9999" });
    assert_eq!(fake.post("edit", edit).await.0, 404);
    assert_eq!(fake.post("edit", json!({ "op": "explode" })).await.0, 422);
}

#[tokio::test]
async fn faults_limits_and_keys_are_switched_and_requests_are_told() {
    let fake = Admin::start().await;
    let fault = json!({ "what": { "status": [503, "{}", []] }, "on_path": "users/me", "times": 1 });
    assert_eq!(fake.post("faults", fault).await.0, 204);
    assert_eq!(fake.plane("users/me/").await.0, 503);
    assert_eq!(fake.plane("users/me/").await.0, 200);
    assert_eq!(fake.post("faults", json!({ "what": "drop" })).await.0, 204);
    let healed = client()
        .delete(format!("{}/__fake/faults", fake.0.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(healed.status(), 204);

    assert_eq!(
        fake.post("rate-limit", json!({ "per_minute": 1 })).await.0,
        204
    );
    assert_eq!(fake.plane("users/me/").await.0, 200);
    assert_eq!(fake.plane("users/me/").await.0, 429);
    assert_eq!(
        fake.post("rate-limit", json!({ "per_minute": null }))
            .await
            .0,
        204
    );

    let revoke = json!({ "op": "revoke_key", "key": seed::KEY });
    assert_eq!(fake.post("edit", revoke).await.0, 200);
    assert_eq!(fake.plane("users/me/").await.0, 403);

    let seen = fake.get("requests").await;
    let statuses: Vec<_> = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|seen| seen["status"].clone())
        .collect();
    assert_eq!(statuses, [503, 200, 200, 429, 403]);
}
