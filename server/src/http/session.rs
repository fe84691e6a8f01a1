use app::{SessionToken, Theme, Visit, session_cookie};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};

use super::{HttpState, request_id::RequestId};

/// Finds out who asks, and puts the [`Visit`] into the request: the only source of "who" for everything behind it.
pub(super) async fn load(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let session =
        cookie(request.headers(), session_cookie(state.is_secure())).map(|value| SessionToken(value.to_owned()));
    let user = match &session {
        None => None,
        Some(session) => match state.portal.accounts.who(session).await {
            Ok(user) => user,
            Err(failure) => {
                tracing::warn!(%failure, "the session could not be looked up");
                return (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE).into_response();
            }
        },
    };
    let visit = Visit {
        user,
        now: state.portal.clock.now(),
        theme: cookie(request.headers(), "hangar-theme").map(Theme::from_word).unwrap_or_default(),
        path: request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned(),
        session,
        request_id: request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        is_secure: state.is_secure(),
        assets: state.assets.clone(),
    };
    request.extensions_mut().insert(visit);
    next.run(request).await
}

/// Without the database nobody can be known, and the page that says so can't be anybody's.
const UNAVAILABLE: &str = "Hangar can't reach its database. Try again in a moment; if this stays, look at Hangar's log.\n";

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}
