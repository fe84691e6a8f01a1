//! Answers with the headers that Plane's middleware adds.

use std::io::Write;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::json;

use crate::rate_limit::Allowance;

/// Bodies from this size on are compressed when the client takes gzip, and vary by it.
const COMPRESSED_FROM: usize = 200;

#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: Vec<u8>,
    kind: &'static str,
    allow: Option<&'static str>,
    /// Answers made before the session is looked at don't vary by cookie.
    varies_by_cookie: bool,
    allowance: Option<Allowance>,
    more: Vec<(HeaderName, String)>,
}

impl Reply {
    pub(super) fn raw(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body: body.into(),
            kind: "application/json",
            allow: None,
            varies_by_cookie: true,
            allowance: None,
            more: Vec::new(),
        }
    }

    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::raw(status, body),
            Err(_) => Self::crash(),
        }
    }

    pub(super) fn no_content() -> Self {
        Self {
            kind: "",
            ..Self::raw(204, "")
        }
    }

    pub(super) fn detail(status: u16, detail: &str) -> Self {
        Self::json(status, &json!({ "detail": detail }))
    }

    pub(super) fn error(status: u16, error: &str) -> Self {
        Self::json(status, &json!({ "error": error }))
    }

    pub(super) fn field_error(field: &str, text: &str) -> Self {
        Self::json(400, &json!({ field: [text] }))
    }

    /// 404 of a thing.
    pub(super) fn gone() -> Self {
        Self::error(404, "The requested resource does not exist.")
    }

    /// 404 of a route; Django writes it with a space.
    pub(super) fn no_such_page() -> Self {
        Self::raw(404, r#"{"error": "Page not found."}"#)
    }

    pub(super) fn crash() -> Self {
        Self::raw(
            500,
            r#"{"error":"Something went wrong please try again later"}"#,
        )
    }

    pub(super) fn no_key() -> Self {
        Self::detail(401, "Authentication credentials were not provided.")
    }

    pub(super) fn bad_key() -> Self {
        Self::detail(403, "Given API token is not valid")
    }

    pub(super) fn no_permission() -> Self {
        Self::detail(403, "You do not have permission to perform this action.")
    }

    pub(super) fn no_method(method: &str) -> Self {
        Self::detail(405, &format!("Method \"{method}\" not allowed."))
    }

    pub(super) fn too_large() -> Self {
        let body = "{\"error\": \"REQUEST_BODY_TOO_LARGE\", \"detail\": \
                    \"The size of the request body exceeds the maximum allowed size.\"}";
        Self::raw(413, body).without_cookie()
    }

    pub(super) fn too_many(retry_after: i64) -> Self {
        let body = r#"{"error_code":5900,"error_message":"RATE_LIMIT_EXCEEDED"}"#;
        let mut reply = Self::raw(429, body);
        reply
            .more
            .push((header::RETRY_AFTER, retry_after.to_string()));
        reply
    }

    /// 301 to the path with its slash; the query is kept.
    pub(super) fn add_slash(path: &str, query: &str) -> Self {
        let mut reply = Self {
            kind: "text/html; charset=utf-8",
            ..Self::raw(301, "")
        };
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        reply
            .more
            .push((header::LOCATION, format!("{path}{query}")));
        reply
    }

    pub(super) fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    pub(super) fn without_cookie(mut self) -> Self {
        self.varies_by_cookie = false;
        self
    }

    pub(super) fn allowed(mut self, allowance: Option<Allowance>) -> Self {
        self.allowance = allowance;
        self
    }

    /// With all headers; `body` replaces the plain body, uncompressed.
    pub(super) fn render(self, gzip: bool, body: Option<Body>) -> Response {
        let is_large = self.body.len() >= COMPRESSED_FROM;
        let vary = match (is_large, self.varies_by_cookie) {
            (true, true) => "Accept-Encoding, Cookie, origin",
            (false, true) => "Cookie, origin",
            (true, false) => "Accept-Encoding, origin",
            (false, false) => "origin",
        };
        let compressed = (gzip && is_large && body.is_none()).then(|| zip(&self.body));
        let mut headers = vec![
            (header::SERVER, "uvicorn".to_owned()),
            (header::VARY, vary.to_owned()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (header::REFERRER_POLICY, "same-origin".to_owned()),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin".to_owned(),
            ),
        ];
        if !self.kind.is_empty() {
            headers.push((header::CONTENT_TYPE, self.kind.to_owned()));
        }
        if self.status != StatusCode::MOVED_PERMANENTLY {
            headers.push((header::X_FRAME_OPTIONS, "DENY".to_owned()));
        }
        if let Some(methods) = self.allow {
            headers.push((header::ALLOW, methods.to_owned()));
        }
        if let Some(Allowance { remaining, reset }) = self.allowance {
            headers.push((
                HeaderName::from_static("x-ratelimit-remaining"),
                remaining.to_string(),
            ));
            headers.push((
                HeaderName::from_static("x-ratelimit-reset"),
                reset.to_string(),
            ));
        }
        if compressed.is_some() {
            headers.push((header::CONTENT_ENCODING, "gzip".to_owned()));
        }
        headers.extend(self.more);

        let mut response = Response::new(match (compressed, body) {
            (Some(zipped), _) => Body::from(zipped),
            (None, Some(body)) => body,
            (None, None) => Body::from(self.body),
        });
        *response.status_mut() = self.status;
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn zip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).expect("a Vec takes every byte");
    encoder.finish().expect("a Vec takes every byte")
}
