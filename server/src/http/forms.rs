use app::{Done, Failure};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;

use super::{HttpState, context, refusal::Asked};

/// One door for server functions, whoever calls: a form without JavaScript is redirected or gets a page, an island gets
/// JSON. The status is always the failure's own.
pub(super) async fn call(State(state): State<HttpState>, mut request: Request) -> Response {
    let asked = Asked::by(&request, &state);

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
            asked.refuse(Failure::NotFound, &state).await
        }
        _ => {
            let failure = serde_json::from_slice(&body).unwrap_or(Failure::Internal {
                reference: "-".to_owned(),
            });
            asked.refuse(failure, &state).await
        }
    };
    for cookie in parts.headers.get_all(header::SET_COOKIE) {
        response
            .headers_mut()
            .append(header::SET_COOKIE, cookie.clone());
    }
    response
}

fn json_type() -> [(http::HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, "application/json")]
}
