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
    let asked = Asked {
        wants_page: accepts_html(&request),
        is_sign_in: request.uri().path() == "/api/ui/sign_in",
        back: referring_path(&request, &state),
        visit: request.extensions().get().cloned(),
    };

    // The framework answers forms by putting errors into the address; its answer to programs is translated here instead.
    request
        .headers_mut()
        .insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let context = context(&state, &request);
    let (parts, body) = leptos_axum::handle_server_fns_with_context(context, request)
        .await
        .into_response()
        .into_parts();
    let Ok(body) = body.collect().await.map(|b| b.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };

    let mut response = match parts.status {
        StatusCode::OK => match serde_json::from_slice::<Done>(&body) {
            Ok(done) if asked.wants_page => Redirect::to(&done.to).into_response(),
            _ => (json_type(), body).into_response(),
        },
        StatusCode::BAD_REQUEST if !parts.headers.contains_key("serverfnerror") => {
            refuse(Failure::NotFound, asked, &state).await
        }
        _ => {
            let failure = serde_json::from_slice(&body).unwrap_or(Failure::Internal {
                reference: "-".to_owned(),
            });
            refuse(failure, asked, &state).await
        }
    };
    for cookie in parts.headers.get_all(header::SET_COOKIE) {
        response
            .headers_mut()
            .append(header::SET_COOKIE, cookie.clone());
    }
    response
}

/// What decides how a failure is answered.
struct Asked {
    wants_page: bool,
    is_sign_in: bool,
    /// The page that sent the form.
    back: String,
    visit: Option<Visit>,
}

async fn refuse(failure: Failure, asked: Asked, state: &HttpState) -> Response {
    if !asked.wants_page {
        return (failure.status(), axum::Json(failure)).into_response();
    }
    let back = &asked.back;
    let to = match &failure {
        Failure::Invalid {
            draft: Some(draft), ..
        }
        | Failure::Conflict {
            draft: Some(draft), ..
        } => paths::with_draft(&without(back, "draft"), *draft),
        Failure::Invalid { .. } if asked.is_sign_in => sign_in_again(back, "invalid"),
        Failure::TooMany { .. } if asked.is_sign_in => sign_in_again(back, "too_many"),
        Failure::SignIn => format!("{}?next={}", paths::SIGN_IN, urlencode(back)),
        _ => return failure_page(failure, asked, state).await,
    };
    Redirect::to(&to).into_response()
}

/// The page of a failure that no form can show; "Try again" leads to the form's page.
async fn failure_page(failure: Failure, asked: Asked, state: &HttpState) -> Response {
    let mut request = Request::new(axum::body::Body::empty());
    if let Some(visit) = asked.visit {
        request.extensions_mut().insert(Visit {
            path: asked.back,
            ..visit
        });
    }
    let context = context(state, &request);
    let status = failure.status();
    let mut response = app::render::render(request, context, move || {
        app::shell::failure_document(failure.clone())
    })
    .await;
    *response.status_mut() = status;
    response
}

fn accepts_html(request: &Request) -> bool {
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn sign_in_again(back: &str, error: &str) -> String {
    let kept = without(back, "error");
    let joint = if kept.contains('?') { '&' } else { '?' };
    format!("{kept}{joint}error={error}")
}

/// The path and query of the page that sent this, if it is ours.
fn referring_path(request: &Request, state: &HttpState) -> String {
    request
        .headers()
        .get(header::REFERER)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| url::Url::parse(v).ok())
        .filter(|url| {
            let host = request
                .headers()
                .get(header::HOST)
                .and_then(|v| v.to_str().ok());
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
    let Some((path, query)) = path.split_once('?') else {
        return path.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(name))
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
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
        assert_eq!(
            sign_in_again("/sign-in?next=/x&error=invalid", "too_many"),
            "/sign-in?next=/x&error=too_many"
        );
    }
}
