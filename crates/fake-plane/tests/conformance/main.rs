//! Replays the recorded requests against the fake and compares: the fake must not drift from the real Plane.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod compare;
mod webhooks;
mod world;

use chrono::TimeDelta;
use compare::{Depth, Ids, differences, send};
use fake_plane::Role;
use serde_json::{Value, json};
use world::{INTEGRATION, OPS, World, id, recording, recordings};

/// Recordings that are not sent again one by one, and why.
const NOT_REPLAYED: [(&str, &str); 6] = [
    (
        "ui-",
        "the web app's own API, which wants a session: no client of the public API meets it",
    ),
    (
        "err-01-create-500-when-broker-down",
        "a 500 after a commit: `What::Status` stands in for the answer",
    ),
    (
        "paging-experiments",
        "replayed by `changes_between_pages_…`",
    ),
    ("rate-01-429", "replayed by `the_61st_request_…`"),
    (
        "rate-02-sequence",
        "replayed by `the_headers_of_64_requests_…`",
    ),
    ("webhook-", "deliveries, not requests: see webhooks.rs"),
];

/// Recordings whose values can't all be the same, and why.
const NOT_EXACT: [(&str, Depth, &str); 3] = [
    (
        "url-07-instances",
        Depth::Shape,
        "each server has its own id, name and dates",
    ),
    (
        "write-60-html-xss",
        Depth::But(&[
            "created_at",
            "updated_at",
            "description_html",
            "sequence_id",
            "sort_order",
        ]),
        "the fake does not sanitise; work items made in the web app used up numbers and places",
    ),
    (
        "write-61-create-with-created-at",
        Depth::But(&["created_at", "updated_at", "sequence_id", "sort_order"]),
        "work items made in the web app used up numbers and places",
    ),
];

/// Moments that the server chooses.
const MOMENTS: Depth = Depth::But(&["created_at", "updated_at", "completed_at"]);

fn is_replayed(name: &str) -> bool {
    NOT_REPLAYED
        .iter()
        .all(|(known, _)| !name.starts_with(known))
}

fn depth(name: &str, usual: Depth) -> Depth {
    NOT_EXACT
        .iter()
        .find(|(known, ..)| *known == name)
        .map_or(usual, |(_, depth, _)| *depth)
}

#[tokio::test]
async fn every_recorded_read_is_answered_as_recorded() {
    let world = World::start().await;
    let mut replayed = 0;
    let mut wrong = Vec::new();
    let reads = recordings()
        .into_iter()
        .filter(|name| is_replayed(name) && !name.starts_with("write-"));
    for name in reads {
        let recording = recording(&name);
        prepare(&world, &name);
        // A fresh window each, or the replay would be stopped by the limit.
        world.plane.set_rate_limit(Some(60));
        let answer = send(&world.plane.url(), &recording, &Ids::new()).await;
        let different = differences(&recording, &answer, depth(&name, Depth::Exact), &Ids::new());
        wrong.extend(
            different
                .into_iter()
                .take(5)
                .map(|line| format!("{name}: {line}")),
        );
        replayed += 1;
        tidy(&world, &name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(replayed, 140);
}

/// What had been changed on the recorded server before that request.
fn prepare(world: &World, name: &str) {
    world.plane.given(|state| match name {
        "auth-20-user-deactivated" => {
            let big = state.add_project("acme", "Big", "BIG");
            state.project_mut(big).unwrap().created_at = world::moment("2026-11-23T18:40:00Z");
            state.join_project(big, id(INTEGRATION), Role::Admin);
        }
        "auth-21-removed-from-workspace-projects" => {
            state.leave_workspace("acme", id(INTEGRATION));
        }
        "tz-01-user-timezone-kolkata" => state.set_zone(id(INTEGRATION), 5 * 60 + 30),
        _ => {}
    });
}

fn tidy(world: &World, name: &str) {
    world.plane.given(|state| match name {
        "auth-20-user-deactivated" => {
            let big = state.project_called("acme", "BIG").unwrap().id;
            state.delete_project(big);
        }
        "auth-22-removed-from-workspace-workitems" => {
            state.join_workspace("acme", id(INTEGRATION), Role::Member);
            // Back to the place the member had.
            let members = &mut state.workspace_mut("acme").unwrap().members;
            let back = members.pop().unwrap();
            members.insert(1, back);
        }
        "tz-01-user-timezone-kolkata" => state.set_zone(id(INTEGRATION), 0),
        _ => {}
    });
}

#[tokio::test]
async fn every_recorded_write_is_answered_as_recorded() {
    let world = World::start().await;
    let mut ids = Ids::new();
    let mut replayed = 0;
    let mut wrong = Vec::new();
    for name in recordings()
        .into_iter()
        .filter(|name| name.starts_with("write-"))
    {
        let recording = recording(&name);
        world.pass(TimeDelta::seconds(1));
        world.plane.set_rate_limit(Some(60));
        let answer = send(&world.plane.url(), &recording, &ids).await;
        let got: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        learn(&recording["response"]["body_json"], &got, &mut ids);
        let different = differences(&recording, &answer, depth(&name, MOMENTS), &ids);
        replayed += 1;
        wrong.extend(different.into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(replayed, 51);
}

/// The ids of what was made, also inside arrays.
fn learn(recorded: &Value, got: &Value, ids: &mut Ids) {
    match (recorded, got) {
        (Value::Array(recorded), Value::Array(got)) => {
            recorded
                .iter()
                .zip(got)
                .for_each(|(recorded, got)| learn(recorded, got, ids));
        }
        (Value::Object(recorded), Value::Object(got)) => {
            for member in ["id", "description"] {
                if let (Some(Value::String(recorded)), Some(Value::String(got))) =
                    (recorded.get(member), got.get(member))
                    && recorded != got
                    && recorded.parse::<uuid::Uuid>().is_ok()
                {
                    ids.insert(recorded.clone(), got.clone());
                }
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_61st_request_within_a_minute_is_refused_as_recorded() {
    let world = World::start().await;
    let recording = recording("rate-01-429");
    for _ in 0..60 {
        send(&world.plane.url(), &recording, &Ids::new()).await;
    }
    world.pass(TimeDelta::seconds(3));
    let answer = send(&world.plane.url(), &recording, &Ids::new()).await;
    let different = differences(&recording, &answer, Depth::Exact, &Ids::new());
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert_eq!(answer.headers["retry-after"], "57");
}

#[tokio::test]
async fn the_headers_of_64_requests_in_a_row_are_those_recorded() {
    let world = World::start().await;
    let sequence = recording("rate-02-sequence");
    let first = &sequence[0];
    let start = first["reset"].as_str().unwrap().parse::<i64>().unwrap() - 60;
    let mut wrong = Vec::new();
    for step in sequence
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["status"].is_number())
    {
        let elapsed = (step["t"].as_f64().unwrap() * 1000.0) as i64;
        let start = chrono::DateTime::from_timestamp(start, 0).unwrap();
        world.set_now(start + TimeDelta::milliseconds(elapsed));
        let answer = send(&world.plane.url(), &recording("auth-01-me-ok"), &Ids::new()).await;
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        let got = json!([
            answer.status,
            header("x-ratelimit-remaining"),
            header("retry-after")
        ]);
        let expected = json!([step["status"], step["remaining"], step["retry_after"]]);
        if got != expected {
            wrong.push(format!(
                "request {}: {got} instead of {expected}",
                step["n"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn changes_between_pages_repeat_and_skip_what_they_did_on_the_real_server() {
    let world = World::start().await;
    let ops = id(OPS);
    for n in 1..=15 {
        world.pass(TimeDelta::seconds(1));
        world
            .plane
            .given(|state| state.add_item(ops, &format!("item {n}")));
    }
    let create = || {
        world.plane.given(|state| state.add_item(ops, "one more"));
    };
    let delete = |name: &str| {
        world.plane.given(|state| {
            let (_, item) = state.item_called("acme", name).unwrap();
            state.delete_item(item);
        });
    };
    let expected = recording("paging-experiments");
    world.plane.set_rate_limit(None);

    let pages = sweep(&world, "-created_at", create).await;
    assert_eq!(pages, expected["insert between pages -created_at"]["pages"]);
    let pages = sweep(&world, "-created_at", || delete("OPS-16")).await;
    assert_eq!(
        pages,
        expected["delete newest between pages -created_at"]["pages"]
    );
    let pages = sweep(&world, "created_at", create).await;
    assert_eq!(pages, expected["insert between pages created_at"]["pages"]);
    let pages = sweep(&world, "sequence_id", || delete("OPS-1")).await;
    assert_eq!(
        pages,
        expected["delete oldest (OPS-1) between pages sequence_id"]["pages"]
    );
}

/// Three pages of five, with a change after the first.
async fn sweep(world: &World, order: &str, change: impl FnOnce()) -> Value {
    let mut change = Some(change);
    let mut pages = Vec::new();
    for page in 0..3 {
        let mut request = recording("wi-01-list-100");
        request["request"]["path"] = format!(
            "/api/v1/workspaces/acme/projects/{OPS}/work-items/\
             ?per_page=5&cursor=5:{page}:0&order_by={order}&fields=sequence_id"
        )
        .into();
        let answer = send(&world.plane.url(), &request, &Ids::new()).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let rows = body["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["sequence_id"].clone());
        pages.push(rows.collect::<Value>());
        if let Some(change) = change.take() {
            change();
        }
    }
    Value::Array(pages)
}

#[test]
fn the_tables_name_recordings_that_exist() {
    let all = recordings();
    let named = NOT_REPLAYED
        .iter()
        .map(|(name, _)| *name)
        .chain(NOT_EXACT.iter().map(|row| row.0));
    for name in named {
        assert!(
            all.iter().any(|known| known.starts_with(name)),
            "{name} is no recording"
        );
    }
}
