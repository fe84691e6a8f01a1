use app::{Done, Failure, Visit, paths, ui::failure_view::urlencode};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;

use super::{HttpState, context};

/// One door for server functions, whoever calls: a form without JavaScript is redirected or gets a page, an island gets
/// JSON. The status is always the failure's own.
pub(super) async fn call(State(state): State<HttpState>, mut request: Request) -> Response {
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let back = referring_path(&request, &state);
    let is_sign_in = request.uri().path() == "/api/ui/sign_in";

    // The framework answers forms by putting errors into the address; its answer to programs is translated here instead.
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let context = context(&state, &request);
    let visit = request.extensions().get::<Visit>().cloned();
    let (parts, body) =
        leptos_axum::handle_server_fns_with_context(context, request).await.into_response().into_parts();
    let Ok(body) = body.collect().await.map(|b| b.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };

    let mut response = match parts.status {
        StatusCode::OK => match serde_json::from_slice::<Done>(&body) {
            Ok(done) if wants_page => Redirect::to(&done.to).into_response(),
            _ => (json_type(), body).into_response(),
        },
        StatusCode::BAD_REQUEST if !parts.headers.contains_key("serverfnerror") => {
            answer(Failure::NotFound, wants_page, is_sign_in, &back, &state, visit).await
        }
        _ => {
            let failure = serde_json::from_slice(&body).unwrap_or(Failure::Internal { reference: "-".to_owned() });
            answer(failure, wants_page, is_sign_in, &back, &state, visit).await
        }
    };
    for cookie in parts.headers.get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    response
}

async fn answer(
    failure: Failure,
    wants_page: bool,
    is_sign_in: bool,
    back: &str,
    state: &HttpState,
    visit: Option<Visit>,
) -> Response {
    if !wants_page {
        return (failure.status(), json_type(), axum::Json(failure)).into_response();
    }
    match failure {
        Failure::Invalid { draft: Some(draft), .. } | Failure::Conflict { draft: Some(draft), .. } => {
            Redirect::to(&paths::with_draft(&without(back, "draft"), draft)).into_response()
        }
        Failure::Invalid { .. } if is_sign_in => Redirect::to(&sign_in_again(back, "invalid")).into_response(),
        Failure::TooMany { .. } if is_sign_in => Redirect::to(&sign_in_again(back, "too_many")).into_response(),
        Failure::SignIn => {
            Redirect::to(&format!("{}?next={}", paths::SIGN_IN, urlencode(back))).into_response()
        }
        failure => failure_page(failure, state, visit).await,
    }
}

fn sign_in_again(back: &str, error: &str) -> String {
    let kept = without(back, "error");
    let joint = if kept.contains('?') { '&' } else { '?' };
    format!("{kept}{joint}error={error}")
}

/// The page of a failure that no form can show.
async fn failure_page(failure: Failure, state: &HttpState, visit: Option<Visit>) -> Response {
    let mut request = Request::new(axum::body::Body::empty());
    if let Some(visit) = visit {
        request.extensions_mut().insert(visit);
    }
    let with_ports = context(state, &request);
    let status = failure.status();
    let shown = move || app::shell::failure_document(failure.clone());
    let render = leptos_axum::render_app_async_with_context(with_ports, shown);
    let mut response = render(request).await;
    *response.status_mut() = status;
    response
}

/// The path and query of the page that sent this, if it is ours.
fn referring_path(request: &Request, state: &HttpState) -> String {
    request
        .headers()
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| url::Url::parse(v).ok())
        .filter(|url| {
            let host = request.headers().get(header::HOST).and_then(|v| v.to_str().ok());
            let authority = url.authority();
            url.origin() == state.public_url.origin() || host == Some(authority)
        })
        .map(|url| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
        .unwrap_or_else(|| paths::OVERVIEW.to_owned())
}

/// `path` without one query parameter.
fn without(path: &str, name: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name)).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

fn json_type() -> [(http::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "application/json")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_parameter_goes_and_the_others_stay() {
        assert_eq!(without("/a?draft=1&b=2", "draft"), "/a?b=2");
        assert_eq!(without("/a?draft=1", "draft"), "/a");
        assert_eq!(without("/a", "draft"), "/a");
        assert_eq!(sign_in_again("/sign-in?next=/x&error=invalid", "too_many"), "/sign-in?next=/x&error=too_many");
    }
}
