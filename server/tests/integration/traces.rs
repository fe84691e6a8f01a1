//! Traces as a collector gets them: one from the webhook to what it changed, through restarts, and nothing secret in any.

use std::{
    ffi::OsStr,
    path::Path,
    time::{Duration, Instant},
};

use fake_plane::{FakePlane, Fault, Options, What, seed, webhooks::signature};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::support::{Collector, HangarProcess, collector::Span, deliveries::connected, sender};

/// In an address, a name, a header and a body: nowhere in a trace.
const CANARY: &str = "canary_in_the_coal_mine";

/// A process that traces, connected to a Plane that tells it of changes.
struct Traced {
    hangar: HangarProcess,
    plane: FakePlane,
    collector: Collector,
    data: tempfile::TempDir,
    /// The integration's page.
    page: String,
    path: String,
    secret: String,
}

impl Traced {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(args: &[&str]) -> Self {
        let collector = Collector::start().await;
        let data = tempfile::tempdir().unwrap();
        HangarProcess::set_up(data.path(), &[]).stop();
        let hangar = start(data.path(), &collector, args);
        let plane = FakePlane::start(Options {
            rate_limit: None,
            ..Options::default()
        })
        .await;
        plane.given(seed::e2e);
        let (page, path) = connected(&hangar, &plane).await;
        let url = format!("{}{path}", hangar.url());
        let (_, secret) = plane.given(|state| state.add_webhook("acme", &url));
        let id = page.rsplit('/').next().unwrap();
        let fields = [("id", id), ("secret", &*secret)];
        let mut admin = hangar.admin().await;
        assert_eq!(admin.post("save_webhook_secret", &fields).await.status, 303);
        Self {
            hangar,
            plane,
            collector,
            data,
            page,
            path,
            secret,
        }
    }

    /// Delivers as Plane does.
    async fn deliver(&self, body: &str) {
        let sent = sender()
            .post(format!("{}{}", self.hangar.url(), self.path))
            .header("content-type", "application/json")
            .header(
                "x-plane-signature",
                signature(&self.secret, body.as_bytes()),
            )
            .header("x-secret", CANARY)
            .header("traceparent", OTHERS)
            .body(body.to_owned());
        assert_eq!(sent.send().await.unwrap().status(), 200);
    }

    /// What Plane tells of a work item that is gone, so that it is asked for.
    fn deletion(&self) -> String {
        let item = self.plane.given(|state| {
            let (project, item) = state.item_called("acme", "WEB-1").unwrap();
            state.delete_item(item);
            (project, item)
        });
        let (project, item) = item;
        let body = json!({
            "version": "v2", "event_id": Uuid::from_u128(9), "entity_id": item, "event": "workitem.deleted", "data": {},
            "previous_attributes": {"project_id": project, "name": CANARY, "sequence_id": 1},
        });
        body.to_string()
    }

    /// The way of the delivery whose answer was this: received, sorted.
    async fn way(&self, receive: &Span) -> Span {
        let spans = self.collector.spans();
        let request = spans.iter().find(|span| span.id == receive.parent).unwrap();
        assert_eq!(request.name, "POST /api/webhooks/plane/{path}");
        assert_eq!((request.kind, &*request.parent), (SpanKind::Server, ""));
        assert_eq!(request.about["http.response.status_code"], "200");
        assert_eq!(request.trace, receive.trace);
        assert_eq!(receive.about["hangar.webhook.answer"], "received");
        let follows = |span: &Span| span.parent == receive.id;
        let sort = self.collector.has("webhook sort", follows).await;
        assert_eq!(sort.trace, receive.trace);
        sort
    }
}

/// A trace of somebody else's.
const OTHERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn start(data: &Path, collector: &Collector, args: &[&str]) -> HangarProcess {
    let url = collector.url();
    let headers = format!("authorization=Bearer%20{CANARY}");
    let env = [("OTEL_EXPORTER_OTLP_HEADERS", OsStr::new(&headers))];
    let args = [&["--otlp-endpoint", &*url], args].concat();
    HangarProcess::start_in(&env, data, &args).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_is_one_trace_from_the_request_to_what_it_changed() {
    let traced = Traced::new().await;
    let collector = &traced.collector;

    traced.plane.given(|state| {
        let (_, item) = state.item_called("acme", "WEB-2").unwrap();
        state.edit_item(item, |item| item.name = format!("Named {CANARY}"));
    });
    let applied = |span: &Span| span.about["hangar.effect"] == "updated";
    let apply = collector.has("webhook apply", applied).await;
    let receive = collector
        .has("webhook receive", |span| span.trace == apply.trace)
        .await;
    let sort = traced.way(&receive).await;
    assert_eq!(apply.parent, sort.id);
    assert_eq!(apply.about["hangar.event"], "work_item.updated");

    // What has to be asked for: the call to Plane is part of it.
    traced.deliver(&traced.deletion()).await;
    let removed = |span: &Span| span.about["hangar.effect"] == "removed";
    let apply = collector.has("webhook apply", removed).await;
    let receive = collector
        .has("webhook receive", |span| span.trace == apply.trace)
        .await;
    let sort = traced.way(&receive).await;
    assert_eq!(apply.parent, sort.id);
    let call = |span: &Span| span.parent == apply.id;
    let call = collector.has("GET projects/:id/work-items/:id", call).await;
    assert_eq!((&call.trace, call.kind), (&apply.trace, SpanKind::Client));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "404"),
        ("hangar.purpose", "webhooks"),
        ("url.scheme", "http"),
        ("server.address", "127.0.0.1"),
        ("url.template", "projects/:id/work-items/:id"),
    ] {
        assert_eq!(call.about[name], value, "{name}");
    }
    assert!(call.failed && !apply.failed);
    assert!(call.took_ns <= apply.took_ns, "{call:?} in {apply:?}");
    let theirs = collector.spans();
    let theirs = theirs.iter().filter(|span| OTHERS.contains(&span.trace));
    assert_eq!(theirs.count(), 0, "a sender says nothing of our traces");
    traced.hangar.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_that_join_a_burst_are_seen_from_its_application() {
    let traced = Traced::new().await;
    let (project, item) = traced
        .plane
        .given(|state| state.item_called("acme", "WEB-3").unwrap());
    let told = |field: &str| {
        let body = json!({
            "event": "issue", "action": "updated", "webhook_id": Uuid::from_u128(5), "workspace_id": Uuid::from_u128(6),
            "data": {"id": item, "project": project, "name": "x", "sequence_id": 3},
            "activity": {"field": field, "old_value": "x", "new_value": field},
        });
        body.to_string()
    };
    let (one, other) = (told("name"), told("priority"));
    tokio::join!(traced.deliver(&one), traced.deliver(&other));
    let both = |span: &Span| span.about["hangar.events"] == "2";
    let apply = traced.collector.has("webhook apply", both).await;
    let elsewhere = |span: &Span| span.trace != apply.trace;
    let joined = traced.collector.has("webhook sort", elsewhere).await;
    assert_eq!(apply.links, [(joined.trace, joined.id)]);
    traced.hangar.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_on_after_a_kill() {
    let traced = Traced::new().await;
    traced
        .plane
        .fail(Fault::new(What::Silent).on("/work-items/"));
    traced.deliver(&traced.deletion()).await;
    let receive = traced.collector.has("webhook receive", |_| true).await;
    let sort = traced.way(&receive).await;
    // Its application can't end, because Plane says nothing.
    traced.hangar.kill();
    traced.plane.heal();

    let hangar = start(traced.data.path(), &traced.collector, &[]);
    let removed = |span: &Span| span.about["hangar.effect"] == "removed";
    let apply = traced.collector.has("webhook apply", removed).await;
    assert_eq!(
        (apply.trace, apply.parent),
        (receive.trace, sort.id),
        "of the process that was killed"
    );
    hangar.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_syncs_and_tests_are_traced_and_nothing_secret_is_told() {
    let traced = Traced::new().await;
    let collector = &traced.collector;
    let run = collector.has("sync run", |_| true).await;
    assert_eq!(
        (&*run.parent, &*run.about["hangar.outcome"]),
        ("", "succeeded")
    );
    assert_eq!(run.service, "hangar");
    let asked = |span: &Span| run.links == [(span.trace.clone(), span.id.clone())];
    let asked = collector.has("POST /api/ui/{name}", asked).await;
    assert_eq!(asked.about["http.response.status_code"], "303");
    let of_run = |span: &Span| span.parent == run.id;
    let call = collector.has("GET projects/:id/work-items", of_run).await;
    assert_eq!(
        (&call.trace, &*call.about["hangar.purpose"]),
        (&run.trace, "syncs")
    );

    let mut admin = traced.hangar.admin().await;
    let id = traced.page.rsplit('/').next().unwrap();
    admin.post("test_integration", &[("id", id)]).await;
    let test = collector.has("connection test", |_| true).await;
    let of_test = |span: &Span| span.parent == test.id;
    collector.has("GET users/me", of_test).await;

    // What Plane calls an event may be anything.
    let unknown = json!({"event": CANARY, "action": CANARY, "data": {"name": CANARY}});
    traced.deliver(&unknown.to_string()).await;
    let ignored = |span: &Span| span.about["hangar.event"] == "other";
    collector.has("webhook apply", ignored).await;

    // A caller's trace is gone on with; what is secret in an address is not repeated.
    let page = format!("{}?q={CANARY}", traced.page);
    let told = [("accept", "text/html"), ("traceparent", OTHERS)];
    let answer = admin.send(Method::GET, &page, &told, None).await;
    assert_eq!(answer.status, 200);
    let theirs = |span: &Span| OTHERS.contains(&span.trace);
    let request = collector.has("GET /integrations/{id}", theirs).await;
    assert_eq!(
        request.traceparent(),
        format!("00-{}-{}-01", request.trace, request.id)
    );
    assert!(OTHERS.contains(&request.parent), "{request:?}");
    let id = answer.headers["x-request-id"].to_str().unwrap();
    assert_eq!(request.about["hangar.request.id"], id);
    let unsampled = OTHERS.replace("-01", "-00").replace("4bf9", "5bf9");
    let told = [("accept", "text/html"), ("traceparent", &*unsampled)];
    admin.send(Method::GET, &page, &told, None).await;
    let lost = admin.get(&format!("/{CANARY}/{CANARY}")).await;
    assert_eq!(lost.status, 404);
    let unknown = |span: &Span| span.about["http.response.status_code"] == "404";
    let lost = collector.has("GET", unknown).await;
    assert!(!lost.about.contains_key("http.route"), "{lost:?}");
    let odd = Method::from_bytes(CANARY.as_bytes()).unwrap();
    admin.send(odd, "/runs", &[], None).await;
    collector.has("_OTHER /runs", |_| true).await;
    admin.get("/livez").await;

    // What ended is sent before the process ends.
    admin.get("/settings/profile").await;
    traced.hangar.stop();
    let spans = collector.spans();
    let is_there = |name: &str| spans.iter().any(|span| span.name == name);
    assert!(is_there("GET /settings/profile"));
    assert!(!is_there("GET /livez"));
    assert!(spans.iter().all(|span| !unsampled.contains(&span.trace)));
    assert_eq!(
        collector.header("authorization"),
        format!("Bearer {CANARY}")
    );
    let cookies = ["hangar_session", "cookie"];
    for secret in [CANARY, seed::KEY, &traced.secret, "correct horse"]
        .iter()
        .chain(&cookies)
    {
        assert!(!collector.has_seen(secret), "{secret}");
    }
    let address = traced.path.rsplit('/').next().unwrap();
    assert!(!collector.has_seen(address), "the webhook's address");
    assert!(collector.has_seen("sync run"), "it would be seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_of_the_traces_is_sent() {
    let traced = Traced::with(&["--otlp-sample", "0"]).await;
    let mut admin = traced.hangar.admin().await;
    let told = [("accept", "text/html"), ("traceparent", OTHERS)];
    admin.send(Method::GET, "/runs", &told, None).await;
    traced.collector.has("GET /runs", |_| true).await;
    traced.hangar.stop();
    let spans = traced.collector.spans();
    assert!(
        spans.iter().all(|span| OTHERS.contains(&span.trace)),
        "{spans:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_collector_hinders_nobody_and_is_told_once() {
    // One that takes connections and answers nothing, and one that is not there at all.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let urls = [&silent, &gone].map(|one| format!("http://{}", one.local_addr().unwrap()));
    drop(gone);
    let data = tempfile::tempdir().unwrap();
    HangarProcess::set_up(data.path(), &[]).stop();
    for url in urls {
        let log = data.path().join("log");
        let args = ["--otlp-endpoint", &*url];
        let hangar = HangarProcess::start_logging(&log, data.path(), &args);
        let mut admin = hangar.admin().await;
        let told = || {
            let text = std::fs::read_to_string(&log).unwrap();
            text.matches("traces could not be sent").count()
        };
        let mut slowest = Duration::ZERO;
        let begun = Instant::now();
        // A batch every half second fails, or one in five seconds.
        while told() == 0 || begun.elapsed() < Duration::from_secs(7) {
            let asked = Instant::now();
            assert_eq!(admin.get("/settings/profile").await.status, 200);
            slowest = slowest.max(asked.elapsed());
        }
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        assert_eq!(told(), 1, "{url}");
        let stopping = Instant::now();
        hangar.stop();
        assert!(
            stopping.elapsed() < Duration::from_secs(6),
            "{:?}",
            stopping.elapsed()
        );
        assert_eq!(told(), 1, "{url}");
    }
}
