use std::net::SocketAddr;

use app::{
    Accounts as _, Failure, SessionToken, Theme, Visit, paths, screen_cookie, session_cookie,
};
use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, header};

use super::{
    HttpState,
    client_address::{caller, client_address},
    refusal::{Asked, is_sign_in},
    request_id::RequestId,
};
use crate::accounts::Try;

/// Tells who sent a request, by its cookie, and puts that beside what pages need to know of the request.
pub(super) async fn load(
    State(state): State<HttpState>,
    mut request: Request,
    next: Next,
) -> Response {
    let name = session_cookie(state.is_secure());
    let session = cookie(request.headers(), name).map(|value| SessionToken(value.to_owned()));
    let mut visit = Visit {
        user: None,
        screen: None,
        now: state.portal.clock.now(),
        theme: cookie(request.headers(), "hangar-theme").map_or(Theme::System, Theme::from_word),
        path: request
            .uri()
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        session: session.clone(),
        request_id: request
            .extensions()
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default(),
        is_secure: state.is_secure(),
        assets: state.assets.clone(),
    };
    if let Some(session) = &session {
        match state.portal.accounts.user_of(session).await {
            Ok(user) => visit.user = user,
            Err(failure) => {
                request.extensions_mut().insert(visit);
                return Asked::by(&request, &state).refuse(failure, &state).await;
            }
        }
    }
    if is_for_screens(request.uri().path())
        && let Some(token) = cookie(request.headers(), screen_cookie(state.is_secure()))
    {
        match state.portal.screens.screen_of(token).await {
            Ok(screen) => visit.screen = screen,
            Err(failure) => {
                request.extensions_mut().insert(visit);
                return Asked::by(&request, &state).refuse(failure, &state).await;
            }
        }
    }
    request.extensions_mut().insert(visit);
    if is_sign_in(&request) {
        sign_in(&state, session, request, next).await
    } else {
        next.run(request).await
    }
}

/// A screen gets its own page and nothing else.
fn is_for_screens(path: &str) -> bool {
    [paths::SCREEN, paths::LIVE_SCREEN].contains(&path)
}

/// Signing in, at most so often from one address. Whoever succeeds leaves the session behind that the browser had.
async fn sign_in(
    state: &HttpState,
    session: Option<SessionToken>,
    request: Request,
    next: Next,
) -> Response {
    let now = state.portal.clock.now();
    let a_try = match begin_try(state, &request) {
        Ok(a_try) => a_try,
        Err(failure) => return Asked::by(&request, state).refuse(failure, state).await,
    };
    let response = next.run(request).await;
    let has_succeeded = response.headers().contains_key(header::SET_COOKIE);
    // A success forgives nothing here: it may be the guesser's own account.
    if let Some(a_try) = a_try.filter(|_| !has_succeeded && !response.status().is_server_error()) {
        a_try.failed(now);
    }
    if has_succeeded
        && let Some(old) = session
        && let Err(failure) = state.portal.accounts.sign_out(&old).await
    {
        tracing::warn!(%failure, "the session before this one was not ended");
    }
    response
}

/// `None`: the peer is not known, as in tests without a socket.
fn begin_try(state: &HttpState, request: &Request) -> Result<Option<Try>, Failure> {
    let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() else {
        return Ok(None);
    };
    let client = client_address(peer.ip(), request.headers(), &state.trusted_proxies);
    let tries = &state.portal.accounts.tries_by_address;
    tries
        .begin(&caller(client), state.portal.clock.now())
        .map(Some)
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(
            "cookie",
            "xhangar=1; hangar-theme=dark;hangar=abc=d".parse().unwrap(),
        );
        headers.append("cookie", "other=2".parse().unwrap());
        assert_eq!(cookie(&headers, "hangar"), Some("abc=d"));
        assert_eq!(cookie(&headers, "hangar-theme"), Some("dark"));
        assert_eq!(cookie(&headers, "other"), Some("2"));
        assert_eq!(cookie(&headers, "__Host-hangar"), None);
    }
}
