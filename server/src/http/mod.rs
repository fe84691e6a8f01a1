/// The built files: hashed names, precompressed, cached for ever.
pub mod assets;
/// Who is calling, behind proxies.
mod client_address;
/// Connections: accepted, served, dropped.
pub mod connections;
/// `cargo xtask dev` only.
pub mod dev_reload;
/// Lists as files.
mod export;
/// Server functions, called by forms and by islands.
mod forms;
/// Server-sent events: a running sync, a running connection test.
mod live;
/// What Prometheus reads.
mod metrics;
/// How failures are answered.
mod refusal;
/// One id a request, on every log line and error page.
pub mod request_id;
/// Browsers that are screens on walls.
mod screens;
/// Headers, cross-site checks, limits.
mod security;
/// Cookie to person.
mod session;
/// Requests as spans of traces.
mod traced;
/// Where Plane's webhooks arrive.
mod webhooks;

use std::sync::Arc;

use app::{Assets, Visit};
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, Uri},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use ipnet::IpNet;
use leptos::{nonce::Nonce, prelude::provide_context};
use url::Url;

use secrecy::SecretString;

use crate::portal::Portal;

/// What routes and layers need.
#[derive(Clone)]
pub struct HttpState {
    pub portal: Arc<Portal>,
    /// What people and Plane see; decides cookies, HSTS and which origin may post.
    pub public_url: Url,
    pub assets: Assets,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Who may read the metrics; `None`: nobody.
    pub metrics_token: Option<SecretString>,
}

impl HttpState {
    pub fn is_secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }
}

/// The whole route table and the order of the layers: the last one named sees a request first.
pub fn router(state: HttpState) -> Router {
    // Rendering spawns; the framework takes the first executor it is told and refuses others, which is all right.
    let _ = any_spawner::Executor::init_tokio();
    let pages = Router::new()
        .route("/api/ui/{name}", post(forms::call))
        .merge(export::router())
        .route("/live/runs/{id}", get(live::run))
        .route("/live/bulk/{id}", get(live::bulk))
        .route("/live/webhooks", get(live::webhooks))
        .route("/live/connection-test", post(live::connection_test))
        .route("/live/screen", get(screens::live))
        .route("/screen/{token}", get(screens::become_one))
        .fallback(page)
        .layer(from_fn_with_state(state.clone(), session::load));

    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::send))
        .merge(pages)
        .merge(assets::router());
    let router = if state.assets.dev_reload {
        router.merge(dev_reload::router())
    } else {
        router
    };
    // A webhook has limits of its own, and no cookie that another site could use.
    let router = security::for_people(router, &state).merge(webhooks::router());
    security::for_all(router, &state)
        .layer(from_fn_with_state(state.clone(), traced::layer))
        .layer(from_fn(request_id::layer))
        .with_state(state)
}

/// Any other address: a page, or the page that says there is none.
async fn page(State(state): State<HttpState>, request: Request) -> Response {
    let method = request.method().clone();
    if method != http::Method::GET && method != http::Method::HEAD {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(http::header::ALLOW, "GET, HEAD")],
        )
            .into_response();
    }
    if let Some(address) = without_empty_fields(request.uri()) {
        return Redirect::to(&address).into_response();
    }
    let context = context(&state, &request);
    app::render::render(request, context, app::shell::shell).await
}

/// The same address without the fields that a filter's form left empty; `None` if there are none.
fn without_empty_fields(uri: &Uri) -> Option<String> {
    let (path, query) = (uri.path(), uri.query()?);
    let is_empty = |field: &&str| matches!(field.split_once('='), Some((_, "")));
    // A browser would take such a path for the address of another host.
    let leads_away = path.starts_with("//") || path.starts_with("/\\");
    if leads_away || !query.split('&').any(|field| is_empty(&field)) {
        return None;
    }
    let filled: Vec<_> = query.split('&').filter(|f| !is_empty(f)).collect();
    let joint = if filled.is_empty() { "" } else { "?" };
    Some(format!("{path}{joint}{}", filled.join("&")))
}

/// What pages and server functions find in their context: the ports, the visit, the nonce of the policy header.
fn context(state: &HttpState, request: &Request) -> impl Fn() + Clone + Send + Sync + 'static {
    let backend = state.portal.backend.clone();
    let visit = request.extensions().get::<Visit>().cloned();
    let nonce = request.extensions().get::<Nonce>().cloned();
    move || {
        provide_context(backend.clone());
        if let Some(visit) = visit.clone() {
            provide_context(visit);
        }
        if let Some(nonce) = nonce.clone() {
            provide_context(nonce);
        }
    }
}

/// Whether the portal can do its work now.
async fn ready(State(state): State<HttpState>) -> Response {
    match state.portal.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(code = error.code(), "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database can't be reached\n",
            )
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leaves_no_empty_fields_in_the_address() {
        let clean = |address: &str| without_empty_fields(&address.parse().unwrap());
        for (sent, kept) in [
            ("/runs?outcome=failed&from=&to=", "/runs?outcome=failed"),
            ("/projects?q=&integration=", "/projects"),
            ("/projects?q=&q=a%20b&x", "/projects?q=a%20b&x"),
        ] {
            assert_eq!(clean(sent).as_deref(), Some(kept), "{sent}");
        }
        for left in [
            "/",
            "/runs",
            "/runs?",
            "/runs?a=b=",
            "/runs?x",
            "//example.com/?q=",
            "/\\example.com?q=",
        ] {
            assert_eq!(clean(left), None, "{left}");
        }
    }
}
