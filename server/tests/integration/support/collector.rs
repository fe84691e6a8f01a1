use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{Router, body::Bytes, extract::State, routing::post};
use http::HeaderMap;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, any_value::Value},
    trace::v1::{Span as Sent, span::SpanKind, status::StatusCode},
};
use prost::Message as _;
use tokio::{net::TcpListener, sync::watch};

/// A span as a collector got it.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub kind: SpanKind,
    pub trace: String,
    pub id: String,
    /// Empty: it is the first of its trace.
    pub parent: String,
    pub about: BTreeMap<String, String>,
    /// Traces and spans.
    pub links: Vec<(String, String)>,
    pub failed: bool,
    pub took_ns: u64,
    /// What sent it.
    pub service: String,
}

impl Span {
    /// As others would go on with it.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace, self.id)
    }
}

/// Takes traces by OTLP, as protobuf over HTTP.
#[derive(Clone)]
pub struct Collector {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    spans: watch::Sender<Vec<Span>>,
    /// All that came, so that nothing that is not decoded hides.
    bytes: watch::Sender<Vec<u8>>,
    headers: watch::Sender<HeaderMap>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            spans: watch::channel(vec![]).0,
            bytes: watch::channel(vec![]).0,
            headers: watch::channel(HeaderMap::new()).0,
        });
        let app = Router::new().route("/v1/traces", post(take));
        let app = app.with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { addr, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn spans(&self) -> Vec<Span> {
        self.shared.spans.borrow().clone()
    }

    pub fn has_seen(&self, text: &str) -> bool {
        let all = self.shared.bytes.borrow();
        all.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// Of the latest request.
    pub fn header(&self, name: &str) -> String {
        let headers = self.shared.headers.borrow();
        headers[name].to_str().unwrap().to_owned()
    }

    /// Waits for a span of this name for which this holds; the first one.
    pub async fn has(&self, name: &str, holds: impl Fn(&Span) -> bool) -> Span {
        let mut spans = self.shared.spans.subscribe();
        let find = |spans: &Vec<Span>| {
            let mut named = spans.iter().filter(|span| span.name == name);
            named.find(|span| holds(span)).cloned()
        };
        let there = spans.wait_for(|spans| find(spans).is_some());
        let there = tokio::time::timeout(std::time::Duration::from_secs(60), there).await;
        match there {
            Ok(there) => find(&there.unwrap()).unwrap(),
            Err(_) => {
                let names: Vec<String> = self.spans().into_iter().map(|span| span.name).collect();
                panic!("no such {name} among {names:?}")
            }
        }
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let mut spans = Vec::new();
    for resource in request.resource_spans {
        let about = resource.resource.unwrap().attributes;
        let service = about.into_iter().find(|one| one.key == "service.name");
        let service = text(service.unwrap().value);
        let sent = resource.scope_spans.into_iter().flat_map(|one| one.spans);
        spans.extend(sent.map(|sent| span(sent, &service)));
    }
    shared.bytes.send_modify(|all| all.extend_from_slice(&body));
    shared.headers.send_replace(headers);
    shared.spans.send_modify(|all| all.extend(spans));
}

fn span(sent: Sent, service: &str) -> Span {
    let (kind, failed) = (sent.kind(), sent.status.clone());
    assert!(sent.events.is_empty(), "log lines are none of a trace");
    Span {
        name: sent.name,
        kind,
        trace: hex::encode(sent.trace_id),
        id: hex::encode(sent.span_id),
        parent: hex::encode(sent.parent_span_id),
        about: sent
            .attributes
            .into_iter()
            .map(|one| (one.key, text(one.value)))
            .collect(),
        links: sent
            .links
            .into_iter()
            .map(|link| (hex::encode(link.trace_id), hex::encode(link.span_id)))
            .collect(),
        failed: failed.is_some_and(|status| status.code() == StatusCode::Error),
        took_ns: sent.end_time_unix_nano - sent.start_time_unix_nano,
        service: service.to_owned(),
    }
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is)) => is.to_string(),
        other => panic!("{other:?}"),
    }
}
