use app::{Failure, Visit, paths, ui::failure_view::urlencode};
use axum::{
    Json,
    body::Body,
    extract::Request,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, Method, header};

use super::{HttpState, context};

/// Who asked, as far as it decides how a failure is answered: a program gets JSON, a form gets back to its page with what
/// was typed, and where no form can show it there is a page of its own. The status is always the failure's.
pub(super) struct Asked {
    pub(super) wants_page: bool,
    is_sign_in: bool,
    /// The page to go back to: the one asked for, or the one that sent the form.
    back: String,
    visit: Option<Visit>,
}

impl Asked {
    pub(super) fn by(request: &Request, state: &HttpState) -> Self {
        let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
        let own = request.uri().path_and_query().map(ToString::to_string);
        let back = own
            .filter(|_| is_page)
            .or_else(|| referring_path(request, state))
            .unwrap_or_else(|| paths::OVERVIEW.to_owned());
        Asked {
            wants_page: accepts_html(request),
            is_sign_in: is_sign_in(request),
            back,
            visit: request.extensions().get().cloned(),
        }
    }

    pub(super) async fn refuse(self, failure: Failure, state: &HttpState) -> Response {
        if !self.wants_page {
            return for_programs(failure);
        }
        let back = &self.back;
        let to = match &failure {
            Failure::Invalid {
                draft: Some(draft), ..
            }
            | Failure::Conflict {
                draft: Some(draft), ..
            } => paths::with_draft(&without(back, "draft"), *draft),
            Failure::Invalid { .. } if self.is_sign_in => sign_in_again(back, "invalid"),
            Failure::TooMany { .. } if self.is_sign_in => sign_in_again(back, "too_many"),
            Failure::SignIn => format!("{}?next={}", paths::SIGN_IN, urlencode(back)),
            _ => return self.page(failure, state).await,
        };
        Redirect::to(&to).into_response()
    }

    /// The page of a failure that no form can show; "Try again" leads back.
    async fn page(self, failure: Failure, state: &HttpState) -> Response {
        let mut request = Request::new(Body::empty());
        if let Some(visit) = self.visit {
            request.extensions_mut().insert(Visit {
                path: self.back,
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
}

/// Whether a request is somebody's try to sign in.
pub(super) fn is_sign_in(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == "/api/ui/sign_in"
}

fn for_programs(failure: Failure) -> Response {
    let wait = match &failure {
        Failure::TooMany {
            retry_after_seconds,
            ..
        } => Some(HeaderValue::from(*retry_after_seconds)),
        _ => None,
    };
    let mut response = (failure.status(), Json(failure)).into_response();
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

fn accepts_html(request: &Request) -> bool {
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The form to sign in, with where it leads afterwards and what went wrong.
fn sign_in_again(back: &str, error: &str) -> String {
    let is_form = back.split('?').next() == Some(paths::SIGN_IN);
    let kept = without(if is_form { back } else { paths::SIGN_IN }, "error");
    let joint = if kept.contains('?') { '&' } else { '?' };
    format!("{kept}{joint}error={error}")
}

/// The path and query of the page that sent this, if it is ours.
fn referring_path(request: &Request, state: &HttpState) -> Option<String> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    let url = url::Url::parse(header(header::REFERER)?).ok()?;
    let is_ours =
        url.origin() == state.public_url.origin() || header(header::HOST) == Some(url.authority());
    is_ours.then(|| match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_parameter_goes_and_the_others_stay() {
        assert_eq!(without("/a?draft=1&b=2", "draft"), "/a?b=2");
        assert_eq!(without("/a?draft=1", "draft"), "/a");
        assert_eq!(without("/a", "draft"), "/a");
    }

    #[test]
    fn a_refused_sign_in_keeps_where_it_was_to_lead() {
        assert_eq!(
            sign_in_again("/sign-in?next=/x&error=invalid", "too_many"),
            "/sign-in?next=/x&error=too_many"
        );
        assert_eq!(sign_in_again("/", "invalid"), "/sign-in?error=invalid");
    }
}
