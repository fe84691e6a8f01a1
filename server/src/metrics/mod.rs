//! What Prometheus reads. Names and labels are a promise: `docs/prometheus/` and `docs/grafana/` go by them.

/// What is read from the database when somebody asks.
mod scrape;

pub use scrape::{CONTENT_TYPE, ScrapeError};

use std::sync::{Arc, atomic::AtomicU64};

use chrono::TimeDelta;
use domain::{
    inbox::BurstResult,
    run::Outcome,
    usage::{CallRecord, Purpose},
};
use prometheus_client::{
    encoding::text::encode_registry,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Names and values; few of each, because every combination is a series.
type Labels = Vec<(&'static str, String)>;
type Counters = Family<Labels, Counter>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// What this process counted since it started. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    runs: Counters,
    run_seconds: Histogram,
    requests: Counters,
    request_seconds: Histograms,
    applied: Counters,
    lag_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("portal");
        let (runs, requests, applied) = (
            Counters::default(),
            Counters::default(),
            Counters::default(),
        );
        let run_seconds = Histogram::new([1., 3., 10., 30., 60., 180., 600., 1800., 3600.]);
        let request_seconds = Histograms::new_with_constructor(request_buckets);
        let lag_seconds = Histogram::new([0.25, 0.5, 1., 2., 5., 15., 60., 300., 3600.]);
        registry.register("sync_runs", "Sync runs that ended", runs.clone());
        registry.register(
            "sync_duration_seconds",
            "How long sync runs took",
            run_seconds.clone(),
        );
        registry.register("plane_requests", "Calls to Plane", requests.clone());
        registry.register(
            "plane_request_duration_seconds",
            "How long calls to Plane took, without waiting for the limit",
            request_seconds.clone(),
        );
        registry.register(
            "webhook_applied",
            "Edits that webhooks told of, by what they did to the copy",
            applied.clone(),
        );
        registry.register(
            "webhook_lag_seconds",
            "From a change in Plane to the copy that has it",
            lag_seconds.clone(),
        );
        Self(Arc::new(Inner {
            registry,
            runs,
            run_seconds,
            requests,
            request_seconds,
            applied,
            lag_seconds,
        }))
    }
}

fn request_buckets() -> Histogram {
    Histogram::new([0.025, 0.05, 0.1, 0.25, 0.5, 1., 2.5, 5., 10., 30., 90.])
}

impl Metrics {
    /// A run ended.
    pub fn run_ended(&self, integration: &str, outcome: Outcome, took: TimeDelta) {
        let labels = vec![
            ("integration", integration.to_owned()),
            ("outcome", slug(outcome.word())),
        ];
        self.0.runs.get_or_create(&labels).inc();
        self.0.run_seconds.observe(seconds(took));
    }

    /// A call to Plane ended.
    pub fn called(&self, call: &CallRecord) {
        let status = match (call.status, &call.error) {
            (Some(status), _) => status.to_string(),
            (None, Some(error)) => error.clone(),
            (None, None) => "none".to_owned(),
        };
        let purpose = ("purpose", purpose(call.purpose));
        let labels = vec![("status", status), purpose.clone()];
        self.0.requests.get_or_create(&labels).inc();
        let took = TimeDelta::milliseconds(i64::try_from(call.took_ms).unwrap_or(i64::MAX));
        let of = vec![purpose];
        self.0
            .request_seconds
            .get_or_create(&of)
            .observe(seconds(took));
    }

    /// What a webhook told of was brought into the copy, so long after it changed in Plane.
    pub fn applied(&self, result: &BurstResult, lag: Option<TimeDelta>) {
        let labels = vec![("effect", result.effect.word().to_owned())];
        self.0.applied.get_or_create(&labels).inc();
        if let Some(lag) = lag.filter(|lag| *lag >= TimeDelta::zero()) {
            self.0.lag_seconds.observe(seconds(lag));
        }
    }

    /// What was counted, as text.
    fn write(&self, text: &mut String) -> std::fmt::Result {
        encode_registry(text, &self.0.registry)
    }
}

fn seconds(length: TimeDelta) -> f64 {
    length.as_seconds_f64()
}

/// A purpose as programs read it, here and in traces.
pub(crate) fn purpose(purpose: Purpose) -> String {
    slug(purpose.word())
}

/// `Rate limited` as a label's value: `rate_limited`.
pub(crate) fn slug(word: &str) -> String {
    word.to_lowercase().replace(' ', "_")
}
