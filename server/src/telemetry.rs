use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::LogFormat;

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

/// Starts logging to standard error. Lines carry the fields of their request's span, its id first.
pub fn start(filter: &str, format: Option<LogFormat>) -> Result<(), FilterError> {
    let human = format.map_or_else(
        || std::io::stderr().is_terminal(),
        |f| f == LogFormat::Human,
    );
    let levels = EnvFilter::builder()
        .parse(format!(
            "warn,{CLOSING},hangar={filter},server={filter},plane={filter},store={filter}"
        ))
        // A filter with targets of its own is taken as it is.
        .or_else(|_| EnvFilter::builder().parse(filter))
        .map_err(|source| FilterError {
            filter: filter.to_owned(),
            source,
        })?;
    let registry = tracing_subscriber::registry().with(levels);
    let colors = std::io::stderr().is_terminal();
    if human {
        registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(colors)
                    .with_target(false),
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
                    .with_writer(std::io::stderr),
            )
            .init();
    }
    Ok(())
}
