//! The fake's webhooks against the captured deliveries.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use fake_plane::webhooks::{python_json, signature};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::compare::{Depth, Ids, compare, send};
use crate::world::{World, recording, recordings};

/// The captured deliveries with a body.
fn captured() -> impl Iterator<Item = (String, Value, String)> {
    let names = recordings()
        .into_iter()
        .filter(|name| name.starts_with("webhook-"));
    names.filter_map(|name| {
        let recording = recording(&name);
        let raw = recording["raw_utf8"].as_str()?.to_owned();
        (!raw.is_empty()).then_some((name, recording, raw))
    })
}

#[test]
fn every_captured_body_is_written_again_byte_for_byte_and_signed_alike() {
    // Every secret in the recordings belonged to a throw-away server.
    let secret = "plane_wh_482ad50d60c95a9ca87de1b285acb058";
    let mut count = 0;
    for (name, recording, raw) in captured() {
        let body: Value = serde_json::from_str(&raw).unwrap();
        assert!(python_json(&body) == raw, "{name} is written otherwise");
        let headers = recording["headers"].as_array().unwrap();
        let signed = headers
            .iter()
            .find(|pair| pair[0] == "X-Plane-Signature")
            .unwrap();
        assert_eq!(signed[1], signature(secret, raw.as_bytes()), "{name}");
        count += 1;
    }
    assert!(count >= 25, "only {count} captured bodies");
}

/// Which write caused which captured deliveries, in the order of their fields.
const CAUSES: [(&str, &[&str]); 12] = [
    ("write-01-create-wi", &["webhook-issue-created-001"]),
    (
        "write-11-update-one-field",
        &["webhook-issue-updated-priority-002"],
    ),
    (
        "write-12-update-three-fields",
        &[
            "webhook-issue-updated-3-fields-003",
            "webhook-issue-updated-3-fields-004",
            "webhook-issue-updated-3-fields-005",
        ],
    ),
    (
        "write-13-update-labels",
        &["webhook-issue-updated-labels-006"],
    ),
    ("write-14-update-noop", &[]),
    (
        "write-15-update-assignees",
        &["webhook-issue-updated-assignees-007"],
    ),
    ("write-16-comment-create", &["webhook-comment-created-008"]),
    ("write-17-comment-update", &["webhook-comment-updated-009"]),
    (
        "write-40-project-update",
        &["webhook-project-updated-010", "webhook-project-updated-011"],
    ),
    ("write-42-project-create", &["webhook-project-created-013"]),
    ("write-50-cycle-create", &["webhook-cycle-created-015"]),
    ("write-54-module-create", &["webhook-module-created-017"]),
];

#[tokio::test]
async fn the_recorded_writes_cause_the_captured_deliveries() {
    let world = World::start().await;
    let mut received = Receiver::start(StatusCode::OK).await;
    let secret = world
        .plane
        .given(|state| state.add_webhook("acme", &received.url).1);
    let mut ids = Ids::new();
    let mut wrong = Vec::new();
    for (write, deliveries) in CAUSES {
        let recorded = recording(write);
        let answer = send(&world.plane.url(), &recorded, &ids).await;
        let got: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        crate::learn(&recorded["response"]["body_json"], &got, &mut ids);
        let mut bodies = Vec::new();
        for _ in deliveries {
            let (headers, body) = received.next().await;
            assert_eq!(
                headers["x-plane-signature"],
                signature(&secret, body.as_bytes()).as_str()
            );
            assert_eq!(headers["user-agent"], "Autopilot");
            assert_eq!(headers["content-type"], "application/json");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(headers["x-plane-event"], body["event"].as_str().unwrap());
            assert!(headers.contains_key("x-plane-delivery"));
            bodies.push(body);
        }
        for name in deliveries {
            let raw = recording(name)["raw_utf8"].as_str().unwrap().to_owned();
            let expected: Value = serde_json::from_str(&raw).unwrap();
            let field = &expected["activity"]["field"];
            match bodies
                .iter()
                .find(|body| body["activity"]["field"] == *field)
            {
                Some(got) => {
                    let mut different = Vec::new();
                    compare("", &expected, got, Depth::Shape, &mut different);
                    for member in ["event", "action"] {
                        if expected[member] != got[member] {
                            different.push(format!("{member} is {}", got[member]));
                        }
                    }
                    wrong.extend(different.into_iter().map(|line| format!("{name}: {line}")));
                }
                None => wrong.push(format!("{name}: no delivery for {field}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(received.is_empty(), "more deliveries than recorded");
}

/// A server that takes webhooks.
pub(crate) struct Receiver {
    pub(crate) url: String,
    taken: mpsc::UnboundedReceiver<(HeaderMap, String)>,
    server: tokio::task::JoinHandle<()>,
}

type Sink = Arc<Mutex<mpsc::UnboundedSender<(HeaderMap, String)>>>;

impl Receiver {
    pub(crate) async fn start(answer: StatusCode) -> Self {
        let (sink, taken) = mpsc::unbounded_channel();
        let take = move |State(sink): State<Sink>, headers: HeaderMap, body: String| async move {
            let _ = sink.lock().unwrap().send((headers, body));
            answer
        };
        let sink: Sink = Arc::new(Mutex::new(sink));
        let router = Router::new().fallback(take).with_state(sink);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, taken, server }
    }

    pub(crate) async fn next(&mut self) -> (HeaderMap, String) {
        let wait = std::time::Duration::from_secs(20);
        tokio::time::timeout(wait, self.taken.recv())
            .await
            .unwrap()
            .unwrap()
    }

    pub(crate) fn is_empty(&mut self) -> bool {
        self.taken.try_recv().is_err()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}
