use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use leptos::nonce::Nonce;
use tower_http::{catch_panic::CatchPanicLayer, csrf::CsrfLayer, limit::RequestBodyLimitLayer};

use super::HttpState;

/// Largest form, in bytes.
const BODY_LIMIT: usize = 1 << 20;
/// Longest that a request may take until its answer begins; a connection test and a replaced key take up to ten seconds.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Headers, cross-site checks and limits around every route.
pub(super) fn layers(router: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    let origin = state.public_url.origin().ascii_serialization();
    let csrf = CsrfLayer::new()
        .add_trusted_origin(&origin)
        .expect("a URL with a scheme and a host has an origin that can be trusted");
    router
        .layer(csrf)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(from_fn_with_state((), in_time))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(state.clone(), headers))
}

async fn in_time(State(()): State<()>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let mut response = Response::new(axum::body::Body::from("This took too long and was given up.\n"));
            *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
            response
        }
    }
}

/// Mints the nonce that scripts of this page carry, and sets the headers of every answer, errors included.
async fn headers(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let nonce: Arc<str> = BASE64_URL_SAFE_NO_PAD.encode(state.portal.rng.bytes::<16>()).into();
    request.extensions_mut().insert(Nonce::from_value(nonce.clone()));
    let mut response = next.run(request).await;

    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; manifest-src 'self'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if state.is_secure() {
        let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
    }
    // Whatever did not say how it may be kept is private.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// `same-origin` keeps the Referer that brings a form with mistakes back to its page.
const FIXED: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];
