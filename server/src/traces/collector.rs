use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

/// Until the collector has answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a collector says is short, or not looked at.
const ANSWER: usize = 64 << 10;

/// Sends spans with a client of [`crate::egress`].
#[derive(Debug)]
pub(super) struct Collector(pub(super) reqwest::Client);

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        tokio::time::timeout(PATIENCE, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err("there was no answer within 5 seconds".into()))
    }
}

impl Collector {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await.map_err(told)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("the collector answered {}", status.as_u16()).into());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(told)? {
            if body.len() + chunk.len() > ANSWER {
                return Err("the collector's answer is too long".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = Response::new(body.freeze());
        *whole.status_mut() = status;
        Ok(whole)
    }
}

/// The innermost reason: what stands around it says only that a request failed.
fn told(error: reqwest::Error) -> HttpError {
    let mut why: &dyn std::error::Error = &error;
    while let Some(source) = why.source() {
        why = source;
    }
    why.to_string().into()
}
