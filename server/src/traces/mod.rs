//! What one thing leads to, from the request or the webhook to what it changed, as spans of one trace, sent to a collector by OTLP.
//!
//! A `tracing` span that says its `otel.kind` belongs to a trace and to nothing else: no log line shows it, and where traces are
//! off it is never made. Spans hold names, ids, counts and codes: no key, no body, no query.

/// Ended spans, on their way to the collector.
mod batches;
/// Calls to Plane.
mod calls;
/// The exporter's way out.
mod collector;
/// Where they go.
mod settings;

use std::{fmt, time::Duration};

use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId, global,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{SpanContext, Status, TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{IdGenerator, Sampler, SdkTracerProvider, SpanExporter as _},
};
use tokio::runtime::Handle;
use tracing::{Metadata, Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

pub use calls::called;
pub use settings::{TraceSettings, TraceSettingsError};

use self::{batches::Sending, collector::Collector};
use crate::rng::Rng;

/// Whoever told us of its trace, and whoever reads ours, speaks of it so.
pub const TRACEPARENT: &str = "traceparent";

/// What spans are made by.
const TRACER: &str = "hangar";

/// Why traces can't be sent.
#[derive(Debug, thiserror::Error)]
#[error("--otlp-endpoint: traces can't be sent: {0}")]
pub struct TracesError(#[from] ExporterBuildError);

/// Traces of this process.
pub struct Traces {
    provider: SdkTracerProvider,
    sending: Sending,
}

impl Traces {
    /// From now on, calls to Plane are part of traces; whatever else is, once [`Traces::layer`] is in the subscriber. Headers for
    /// the collector are read from the standard variables. They are sent in `runtime`.
    pub fn start(
        settings: &TraceSettings,
        http: reqwest::Client,
        rng: &Rng,
        runtime: &Handle,
    ) -> Result<Self, TracesError> {
        let base = settings.endpoint.as_str().trim_end_matches('/');
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Collector(http))
            .with_endpoint(format!("{base}/v1/traces"))
            .build()?;
        let resource = Resource::builder()
            .with_service_name(settings.service.clone())
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", rng.uuid_v4().to_string()),
            ])
            .build();
        exporter.set_resource(&resource);
        let (batches, sending) = batches::begin(exporter, runtime);
        let ratio = Sampler::TraceIdRatioBased(settings.sample);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_id_generator(Ids(rng.clone()))
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_span_processor(batches)
            .build();
        global::set_tracer_provider(provider.clone());
        Ok(Self { provider, sending })
    }

    /// What makes spans of a trace of `tracing`'s.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(TRACER))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_traced).with_max_level_hint(LevelFilter::INFO))
    }

    /// Sends what has ended until now, if the collector takes it soon.
    pub async fn end(self, within: Duration) {
        self.sending.end(within).await;
    }
}

/// Whether it is a span of a trace.
pub fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field("otel.kind").is_some()
}

/// The trace and the span that this code runs in, as a `traceparent`; `None` outside of any.
pub fn current() -> Option<String> {
    Context::map_current(traceparent)
}

/// What is said to spans of a trace while they last. Said to others it does nothing.
pub trait TraceSpan {
    /// Its trace and itself, as a `traceparent`; `None` if it is none of a trace.
    fn traceparent(&self) -> Option<String>;

    /// It goes on with that trace, in which it follows that span. To be said before anything happens in it.
    fn go_on(&self, traceparent: Option<&str>);

    /// It has to do with that span, too.
    fn see(&self, traceparent: &str);

    /// What is known only now.
    fn say(&self, name: &'static str, value: impl Into<opentelemetry::Value>);

    /// It failed, for a reason that has this code.
    fn fail(&self, code: &str);
}

impl TraceSpan for Span {
    fn traceparent(&self) -> Option<String> {
        traceparent(&self.context())
    }

    fn go_on(&self, known: Option<&str>) {
        if let Some(before) = known.and_then(read) {
            // It can only be too late, or a span that is not made at all.
            let _ = self.set_parent(Context::new().with_remote_span_context(before));
        }
    }

    fn see(&self, known: &str) {
        if let Some(other) = read(known) {
            self.add_link(other);
        }
    }

    fn say(&self, name: &'static str, value: impl Into<opentelemetry::Value>) {
        self.set_attribute(name, value);
    }

    fn fail(&self, code: &str) {
        self.set_attribute("error.type", code.to_owned());
        self.set_status(Status::error(""));
    }
}

fn traceparent(context: &Context) -> Option<String> {
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        let sampled = span.trace_flags() & TraceFlags::SAMPLED;
        format!("00-{}-{}-{sampled:02x}", span.trace_id(), span.span_id())
    })
}

/// What `tracestate` says is left out: it is nobody's business here, and may be long.
fn read(traceparent: &str) -> Option<SpanContext> {
    let told = Told(traceparent);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &told);
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

struct Told<'a>(&'a str);

impl Extractor for Told<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

/// Ids by our own chance.
struct Ids(Rng);

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        TraceId::from_bytes(self.0.bytes())
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(self.0.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_it_is_written() {
        let known = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for told in [known, &known.replace("-01", "-00")] {
            let context = Context::new().with_remote_span_context(read(told).unwrap());
            assert_eq!(traceparent(&context).as_deref(), Some(told));
        }
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(current(), None, "nothing is traced here");
    }
}
