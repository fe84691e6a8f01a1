use std::io::IsTerminal as _;

use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, LevelFilter, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    config::LogFormat,
    traces::{Traces, is_traced},
};

/// A filter that `tracing` does not understand.
#[derive(Debug, thiserror::Error)]
#[error("--log: {filter} is not a log filter: {source}")]
pub struct FilterError {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

/// What the embedded engine complains of whenever it is closed, which is also how it is recycled; its real errors come
/// back to whoever asked it.
const CLOSING: &str = "surrealdb::core::kvs::ds=off,surrealkv::lsm=error";

/// Whether traces can be sent is told by whoever sends them, and not for each.
const SENDING: &str = "opentelemetry=off";

/// Starts logging to standard error, and tracing if there is where to. Lines carry the fields of their request's span, its id first.
pub fn start(
    filter: &str,
    format: Option<LogFormat>,
    traces: Option<&Traces>,
) -> Result<(), FilterError> {
    let human = format.map_or_else(
        || std::io::stderr().is_terminal(),
        |f| f == LogFormat::Human,
    );
    let levels = EnvFilter::builder()
        .parse(format!(
            "warn,{CLOSING},{SENDING},hangar={filter},server={filter},plane={filter},store={filter}"
        ))
        // A filter with targets of its own is taken as it is.
        .or_else(|_| EnvFilter::builder().parse(filter))
        .map_err(|source| FilterError {
            filter: filter.to_owned(),
            source,
        })?;
    let of_lines = filter_fn(|metadata| !is_traced(metadata));
    // Without a hint of its own it would take that of the levels away.
    let lines = levels.and(of_lines.with_max_level_hint(LevelFilter::TRACE));
    let registry = tracing_subscriber::registry().with(traces.map(Traces::layer));
    let colors = std::io::stderr().is_terminal();
    if human {
        registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(colors)
                    .with_target(false)
                    .with_filter(lines),
            )
            .init();
    } else {
        registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(std::io::stderr)
                    .with_filter(lines),
            )
            .init();
    }
    Ok(())
}
