use std::sync::LazyLock;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, Method};
use tracing::{Instrument as _, Span, field::Empty};

use super::{HttpState, request_id::RequestId};
use crate::traces::{TRACEPARENT, TraceSpan as _};

/// What machines ask for all the time, and what is cached for ever.
const LEFT_OUT: [&str; 4] = ["/livez", "/readyz", "/metrics", "/pkg/{*path}"];

/// Plane's webhooks begin traces of their own: what their sender says of itself is Plane's, or anybody's.
const WEBHOOKS: &str = "/api/webhooks/";

/// Makes a request a span of a trace: the caller's, if it tells of one.
pub(super) async fn layer(
    State(state): State<HttpState>,
    request: Request,
    next: Next,
) -> Response {
    let Some(span) = begun(&state, &request) else {
        return next.run(request).await;
    };
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.say("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(status.as_str());
    }
    response
}

/// `None`: where traces are off, and for what is left out.
fn begun(state: &HttpState, request: &Request) -> Option<Span> {
    let matched = request.extensions().get::<MatchedPath>();
    let matched = matched.map(MatchedPath::as_str);
    if matched.is_some_and(|route| LEFT_OUT.contains(&route)) {
        return None;
    }
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = Empty,
        http.request.method = Empty,
        http.route = Empty,
    );
    if span.is_disabled() {
        return None;
    }
    let route = matched.or_else(|| page_at(&PAGES, request.uri().path()));
    let method = method(request.method());
    span.record("http.request.method", method);
    match route {
        Some(route) => {
            span.record("otel.name", format!("{method} {route}"));
            span.record("http.route", route);
        }
        None => {
            span.record("otel.name", method);
        }
    }
    if !route.is_some_and(|route| route.starts_with(WEBHOOKS)) {
        span.go_on(told(request.headers()));
    }
    let public = &state.public_url;
    span.say("url.scheme", public.scheme().to_owned());
    let host = public.host_str().unwrap_or_default().to_owned();
    span.say("server.address", host);
    if let Some(RequestId(id)) = request.extensions().get() {
        span.say("hangar.request.id", id.clone());
    }
    Some(span)
}

fn told(headers: &HeaderMap) -> Option<&str> {
    headers.get(TRACEPARENT)?.to_str().ok()
}

/// A method may be any word; those that nobody knows are one.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The addresses of pages, such as `/integrations/{id}`, which are not in axum's table.
static PAGES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let pages = leptos_axum::generate_route_list(app::shell::App);
    pages.iter().map(|page| page.path().to_owned()).collect()
});

/// The page at a path: of several the one that says the most of it.
fn page_at<'a>(pages: &'a [String], path: &str) -> Option<&'a str> {
    let said = pages.iter().map(|page| (said_of(page, path), page));
    let (said, page) = said.max()?;
    said.map(|_| page.as_str())
}

/// How many parts of a path a page names; `None`: it is another page's.
fn said_of(page: &str, path: &str) -> Option<usize> {
    let (page, path) = (parts(page), parts(path));
    let is_free = |part: &str| part.starts_with('{');
    let mut both = page.iter().zip(&path);
    let fits = page.len() == path.len() && both.all(|(one, other)| is_free(one) || one == other);
    fits.then(|| page.iter().filter(|part| !is_free(part)).count())
}

fn parts(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_as_its_page_and_an_unknown_one_not_at_all() {
        let page = |path: &str| page_at(&PAGES, path);
        assert_eq!(page("/"), Some("/"));
        assert_eq!(page("/integrations"), Some("/integrations"));
        assert_eq!(page("/integrations/"), Some("/integrations"));
        assert_eq!(page("/integrations/new"), Some("/integrations/new"));
        assert_eq!(
            page("/integrations/plane_api_x"),
            Some("/integrations/{id}")
        );
        assert_eq!(
            page("/integrations/1/tests/2"),
            Some("/integrations/{id}/tests/{test}")
        );
        for unknown in ["/plane_api_x", "/integrations/1/plane_api_x", "/runs//1/x"] {
            assert_eq!(page(unknown), None, "{unknown}");
        }
    }
}
