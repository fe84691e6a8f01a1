use std::time::{Duration, SystemTime};

use domain::usage::CallRecord;
use opentelemetry::{
    Context, KeyValue, global,
    trace::{Span as _, SpanKind, Status, TraceContextExt as _, Tracer as _},
};
use url::Url;

use super::TRACER;
use crate::metrics::purpose;

/// A call to Plane that has ended: a span of the trace that it was made in.
pub fn called(call: &CallRecord) {
    let around = Context::current();
    if !around.span().span_context().is_valid() {
        return;
    }
    let ended_at = SystemTime::from(call.ended_at);
    let took = Duration::from_millis(call.took_ms);
    let mut about = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.template", call.endpoint.clone()),
        KeyValue::new("hangar.purpose", purpose(call.purpose)),
        KeyValue::new("hangar.waited_ms", count(call.waited_ms)),
        KeyValue::new("hangar.answer_bytes", count(call.bytes)),
    ];
    if let Ok(origin) = Url::parse(&call.key.origin) {
        about.push(KeyValue::new("url.scheme", origin.scheme().to_owned()));
        let host = origin.host_str().unwrap_or_default().to_owned();
        about.push(KeyValue::new("server.address", host));
        let port = origin.port_or_known_default();
        about.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    }
    let status = call.status.map(i64::from);
    about.extend(status.map(|status| KeyValue::new("http.response.status_code", status)));
    let integration = call.integration.map(|id| id.to_string());
    about.extend(integration.map(|id| KeyValue::new("hangar.integration.id", id)));
    let error = call.error.clone();
    about.extend(error.map(|error| KeyValue::new("error.type", error)));
    let tracer = global::tracer(TRACER);
    let mut span = tracer
        .span_builder(format!("GET {}", call.endpoint))
        .with_kind(SpanKind::Client)
        .with_start_time(ended_at.checked_sub(took).unwrap_or(ended_at))
        .with_attributes(about)
        .start_with_context(&tracer, &around);
    if call.error.is_some() {
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(ended_at);
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
