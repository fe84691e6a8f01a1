use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::HttpState;
use crate::metrics::CONTENT_TYPE;

/// What Prometheus reads, for whoever has the token: names of integrations are nobody else's business.
pub(super) async fn send(State(state): State<HttpState>, headers: HeaderMap) -> Response {
    let Some(token) = &state.metrics_token else {
        let says = "Metrics are off. Start Hangar with --metrics-token (HANGAR_METRICS_TOKEN) to have them read.\n";
        return (StatusCode::NOT_FOUND, says).into_response();
    };
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let is_right = given.as_bytes().ct_eq(token.expose_secret().as_bytes());
    if !bool::from(is_right) {
        let says = "Send the token of --metrics-token as Authorization: Bearer.\n";
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, ask, says).into_response();
    }
    match state.portal.metrics().await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the metrics could not be read");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the metrics could not be read\n",
            )
                .into_response()
        }
    }
}
