use std::{any::Any, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use leptos::nonce::Nonce;
use tower_http::{
    catch_panic::CatchPanicLayer,
    csrf::{CsrfLayer, ProtectionError},
    limit::RequestBodyLimitLayer,
    timeout::TimeoutLayer,
};

use super::{HttpState, request_id};

/// Far more than any form needs.
const BODY_LIMIT: usize = 1 << 20;

/// Until an answer begins; streams go on. A connection test may take half of it.
const DEADLINE: Duration = Duration::from_secs(60);

/// What is said with every answer, whoever made it (ASVS 3.4).
const HEADERS: [(HeaderName, &str); 8] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Forms without JavaScript come back to the page they were sent from, so our own pages may be named to ourselves.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        "none",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Two years, in which a browser talks to this host by https alone.
const HSTS: &str = "max-age=63072000";

/// Limits and the cross-site check of what browsers ask for.
pub(super) fn for_people(router: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    router
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            DEADLINE,
        ))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(same_site(state))
}

/// Headers of every answer, whoever made it.
pub(super) fn for_all(router: Router<HttpState>, state: &HttpState) -> Router<HttpState> {
    router
        .layer(CatchPanicLayer::custom(after_panic))
        .layer(from_fn_with_state(state.clone(), headers))
}

/// Refuses what another site makes a browser send: by `Sec-Fetch-Site`, or by `Origin` where browsers don't say.
/// The REST interface has no cookies to abuse, and checks of its own.
fn same_site(
    state: &HttpState,
) -> CsrfLayer<impl FnMut(ProtectionError) -> Response + Clone + use<>> {
    let origin = state.public_url.origin().ascii_serialization();
    CsrfLayer::new()
        .add_trusted_origin(origin)
        .expect("the public URL was checked to be http or https with a host")
        .with_insecure_bypass(|_: &Method, uri: &Uri| is_for_programs(uri.path()))
        .with_rejection_response(|_: ProtectionError| {
            (
                StatusCode::FORBIDDEN,
                "This was sent from another site, so nothing was done.\n",
            )
                .into_response()
        })
}

fn is_for_programs(path: &str) -> bool {
    path.strip_prefix("/api/v1")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn headers(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let nonce = URL_SAFE_NO_PAD.encode(state.portal.rng.bytes::<16>());
    request
        .extensions_mut()
        .insert(Nonce::from_value(nonce.as_str()));
    let mut response = next.run(request).await;
    say(response.headers_mut(), &nonce, state.is_secure());
    response
}

fn say(headers: &mut HeaderMap, nonce: &str, is_secure: bool) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(HSTS),
        );
    }
    if let Ok(policy) = HeaderValue::from_str(&policy(nonce)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    // Only the built files say that they may be kept. Streams say `no-cache`, which still allows a copy.
    let kept = headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|value| value != "no-cache");
    if !kept {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; manifest-src 'self'"
    )
}

fn after_panic(_: Box<dyn Any + Send>) -> Response<Body> {
    let reference = request_id::current().unwrap_or_default();
    tracing::error!(reference, "a request ended in a panic");
    let says = format!("Something went wrong in Hangar. The reference is {reference}.\n");
    (StatusCode::INTERNAL_SERVER_ERROR, says).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addresses_for_programs_are_spared_the_check() {
        for path in ["/api/v1", "/api/v1/runs"] {
            assert!(is_for_programs(path), "{path}");
        }
        for path in [
            "/api/ui/sign_in",
            "/api/v10",
            "/api/webhooks",
            "//api/v1",
            "/x?/api/v1",
            "/API/V1",
            "/live/x",
        ] {
            assert!(!is_for_programs(path), "{path}");
        }
    }

    #[test]
    fn answers_are_not_kept_unless_they_say_so() {
        for (said, expected) in [
            (None, "no-store"),
            (Some("no-cache"), "no-store"),
            (
                Some("public, max-age=31536000, immutable"),
                "public, max-age=31536000, immutable",
            ),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(header::CACHE_CONTROL, said.parse().unwrap());
            }
            say(&mut headers, "n", false);
            assert_eq!(headers[header::CACHE_CONTROL], expected);
            assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
        }
    }

    #[test]
    fn the_policy_allows_nothing_inline_and_nothing_foreign() {
        let policy = policy("abc");
        assert!(policy.starts_with("default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'"));
        for never in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", "*"] {
            assert!(!policy.contains(never), "{never}");
        }
    }
}
