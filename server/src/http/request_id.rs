use axum::{extract::Request, middleware::Next, response::Response};
use http::HeaderValue;
use tracing::Instrument as _;
use uuid::Uuid;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of a request, in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The id of the request that this code runs for.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Gives every request an id of our own making (a caller's could forge log lines), and logs how it ended.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().simple().to_string()[..12].to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    // What a screen's address ends in is a secret.
    let path = match request.uri().path() {
        path if path.starts_with("/screen/") => "/screen/…".to_owned(),
        path => path.to_owned(),
    };
    let span = tracing::info_span!("request", id = %id, %method, %path);
    let handled = async {
        let started = tokio::time::Instant::now();
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let ms = started.elapsed().as_millis();
        match status {
            500.. => tracing::error!(status, ms, "answered"),
            400.. => tracing::info!(status, ms, "answered"),
            _ => tracing::debug!(status, ms, "answered"),
        }
        response
    };
    let mut response = CURRENT.scope(id.clone(), handled.instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
