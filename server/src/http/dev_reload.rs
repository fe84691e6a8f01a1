//! Reloads the browser when `cargo xtask dev` has started a new server.
//!
//! The page listens to a stream of events. When the server goes away the browser connects again by itself, hears that
//! another server is there, and loads the page anew.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use axum::{
    Router,
    http::header,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures::{Stream, StreamExt, stream};

/// `/__dev/reload.js` for the page and `/__dev/reload` for the script; mounted with `--dev-reload` only.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/__dev/reload.js", get(script))
        .route("/__dev/reload", get(events))
}

async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, SCRIPT).into_response()
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let hello = Event::default()
        .retry(Duration::from_millis(200))
        .data(this_server());
    // Never ends by itself: the end of the process is the news.
    let events = stream::once(async { Ok(hello) }).chain(stream::pending());
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// Tells one run of the server from the next.
fn this_server() -> String {
    let built = std::env::current_exe()
        .and_then(|binary| binary.metadata()?.modified())
        .ok()
        .and_then(|built| built.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    format!("{}-{}", std::process::id(), built.as_millis())
}

const SCRIPT: &str = r#"let server;
new EventSource("/__dev/reload").onmessage = ({ data }) => {
  if (server && server !== data) location.reload();
  server = data;
};
"#;

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn the_stream_says_which_server_this_is_and_stays_open() {
        let request = Request::builder()
            .uri("/__dev/reload")
            .body(Body::empty())
            .unwrap();
        let response = router::<()>().oneshot(request).await.unwrap();

        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let first = response
            .into_body()
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap();
        let first = String::from_utf8(first.to_vec()).unwrap();
        assert!(
            first.contains(&format!("data: {}", this_server())),
            "{first}"
        );
    }

    #[tokio::test]
    async fn the_script_is_served_as_a_script() {
        let request = Request::builder()
            .uri("/__dev/reload.js")
            .body(Body::empty())
            .unwrap();
        let response = router::<()>().oneshot(request).await.unwrap();

        assert_eq!(
            response.headers()["content-type"],
            "text/javascript; charset=utf-8"
        );
    }
}
