use std::{convert::Infallible, time::Duration};

use app::{Failure, Visit, paths, screen_cookie};
use axum::{
    Extension,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Redirect, Response, sse::Event},
};
use futures::stream;
use http::{HeaderValue, header};

use super::{
    HttpState,
    live::{refuse, sse},
    refusal::Asked,
};

/// How often a screen is told to look anew.
const PACE: Duration = Duration::from_secs(30);
/// For so many seconds a browser remembers that it is a screen: a year.
const REMEMBERED: u32 = 31_536_000;

/// Makes a browser that screen. The address holds a secret, so it leads on at once to one that does not.
pub(super) async fn become_one(
    State(state): State<HttpState>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let asked = Asked::by(&request, &state);
    match state.portal.screens.screen_of(&token).await {
        Ok(Some(_)) => {}
        Ok(None) => return asked.refuse(Failure::NotFound, &state).await,
        Err(failure) => return asked.refuse(failure, &state).await,
    }
    let name = screen_cookie(state.is_secure());
    let secure = if state.is_secure() { "Secure; " } else { "" };
    let cookie =
        format!("{name}={token}; HttpOnly; {secure}Path=/; SameSite=Lax; Max-Age={REMEMBERED}");
    let mut response = Redirect::to(paths::SCREEN).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Tells a screen to look: now, and every half minute.
pub(super) async fn live(
    State(state): State<HttpState>,
    Extension(visit): Extension<Visit>,
) -> Response {
    if visit.screen.is_none() && visit.user.is_none() {
        return refuse(Failure::SignIn);
    }
    let inbox = state.portal.inbox.clone();
    let events = stream::unfold(true, move |is_first| {
        let inbox = inbox.clone();
        async move {
            if !is_first {
                tokio::select! {
                    () = inbox.stopped() => return None,
                    () = tokio::time::sleep(PACE) => {}
                }
            }
            let event = Event::default().event("changed").data("{}");
            Some((Ok::<_, Infallible>(event), false))
        }
    });
    sse(events)
}
