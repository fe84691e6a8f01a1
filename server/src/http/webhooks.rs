//! Where Plane's webhooks arrive. Whatever status is answered, Plane takes it for a success and never sends that event again; it
//! does when there is no answer at all (plane-api.md section 8). So 200 means "durable", a refusal is final, and whatever may be
//! better next time drops the connection.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::{ConnectInfo, Path, Request, State},
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use plane::webhook;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    HttpState,
    client_address::{caller, client_address},
    connections::Line,
};
use crate::inbox::{Answer, Delivery, KEPT_HEADERS};

/// Plane's own limit for a work item is 5 MiB, as JSON with `\uXXXX`.
const BODY_LIMIT: usize = 6 << 20;

/// Memory for bodies on their way, in KiB.
const IN_FLIGHT: usize = 64 << 10;

/// How much room a body takes at first, in KiB; more as it comes.
const FIRST_ROOM: usize = 4;

/// A header that is kept is cut to so many characters.
const HEADER: usize = 200;

pub(super) fn router() -> Router<HttpState> {
    Router::new()
        .route("/api/webhooks/plane", post(shared))
        .route("/api/webhooks/plane/", post(shared))
        .route("/api/webhooks/plane/{path}", post(own))
        .route("/api/webhooks/plane/{path}/", post(own))
        .layer(Extension(Arc::new(Semaphore::new(IN_FLIGHT))))
}

async fn shared(
    state: State<HttpState>,
    room: Extension<Arc<Semaphore>>,
    line: Option<Extension<Line>>,
    request: Request,
) -> Response {
    receive(state, room, line, None, request).await
}

async fn own(
    state: State<HttpState>,
    room: Extension<Arc<Semaphore>>,
    line: Option<Extension<Line>>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    receive(state, room, line, Some(path), request).await
}

async fn receive(
    State(state): State<HttpState>,
    Extension(room): Extension<Arc<Semaphore>>,
    line: Option<Extension<Line>>,
    path: Option<String>,
    request: Request,
) -> Response {
    let hang_up = async |why: &str| -> Response {
        tracing::warn!(why, "a delivery was dropped, to be sent again");
        match line {
            Some(Extension(line)) => match line.hang_up().await {},
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(), // not by a connection of ours
        }
    };
    let inbox = &state.portal.inbox;
    let target = match inbox.target(path.as_deref()).await {
        Ok(Some(target)) => target,
        Ok(None) => {
            return (
                StatusCode::NOT_FOUND,
                "There is no webhook at this address.\n",
            )
                .into_response();
        }
        Err(error) => return hang_up(error.code()).await,
    };
    if !is_json(request.headers()) {
        let says = "A webhook’s content type is application/json.\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, says).into_response();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let sender = peer.map_or_else(String::new, |ConnectInfo(peer)| {
        let proxies = &state.trusted_proxies;
        caller(client_address(peer.ip(), request.headers(), proxies))
    });
    let (head, body) = request.into_parts();
    let deadline = state.portal.integrations.timing.delivery;
    let read = tokio::time::timeout(deadline, read(body, &room)).await;
    let (body, _room) = match read {
        Ok(Ok(body)) => body,
        Ok(Err(Unread::TooLarge)) => {
            let says = "A delivery has at most 6 MiB.\n";
            return (StatusCode::PAYLOAD_TOO_LARGE, says).into_response();
        }
        Ok(Err(Unread::Broken)) => return hang_up("the body did not come whole").await,
        Err(_) => return hang_up("the body took too long").await,
    };
    let delivery = Delivery {
        body,
        signature: text(&head.headers, webhook::SIGNATURE),
        headers: KEPT_HEADERS
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), text(&head.headers, name)?)))
            .collect::<BTreeMap<_, _>>(),
        sender,
    };
    match inbox.receive(target, delivery).await {
        Ok(Answer::Received) => "received\n".into_response(),
        Ok(Answer::Held) => "held until the new secret is known\n".into_response(),
        Ok(Answer::Refused(why)) => {
            (StatusCode::UNAUTHORIZED, format!("{}\n", why.sentence())).into_response()
        }
        Ok(Answer::Own(proof)) => format!("{proof}\n").into_response(),
        Err(error) => hang_up(error.code()).await,
    }
}

enum Unread {
    TooLarge,
    Broken,
}

/// A body, and the room that it takes until that is dropped. What counts is what comes, not what was announced.
async fn read(
    mut body: Body,
    room: &Arc<Semaphore>,
) -> Result<(Vec<u8>, Option<OwnedSemaphorePermit>), Unread> {
    let mut whole = Vec::new();
    let (mut taken, mut held): (Option<OwnedSemaphorePermit>, usize) = (None, 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue; // trailers
        };
        let length = whole.len() + data.len();
        if length > BODY_LIMIT {
            return Err(Unread::TooLarge);
        }
        while held << 10 < length {
            let more = held.max(FIRST_ROOM);
            let permits = u32::try_from(more).map_err(|_| Unread::TooLarge)?;
            let permit = room.clone().acquire_many_owned(permits).await;
            let permit = permit.map_err(|_| Unread::Broken)?;
            match &mut taken {
                Some(taken) => taken.merge(permit),
                None => taken = Some(permit),
            }
            held += more;
        }
        whole.extend_from_slice(&data);
    }
    Ok((whole, taken))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let kind = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(HEADER).collect())
}
