//! A request, read: parameters, key and body.

use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::Reply;

/// A request, read.
pub(super) struct Asked {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub params: Vec<(String, String)>,
    /// Spaces around the value are trimmed (`auth-08`).
    pub key: Option<String>,
    content_type: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub(super) fn new(method: Method, path: String, query: &str, headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.map(|value| value.trim().to_owned())
        };
        Self {
            method,
            path,
            query: query.to_owned(),
            params: params(query),
            key: text("x-api-key"),
            content_type: text(header::CONTENT_TYPE.as_str()).unwrap_or_default(),
            body: Vec::new(),
        }
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        // Django keeps the last of several.
        self.params
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body's members, or the refusal that Plane gives for other bodies.
    pub(super) fn members(&self) -> Result<Map<String, Value>, Reply> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        let kind = self.content_type.split(';').next().unwrap_or_default();
        if kind != "application/json" {
            let detail = format!("Unsupported media type \"{kind}\" in request.");
            return Err(Reply::detail(415, &detail));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => {
                let error = "Invalid data. Expected a dictionary.";
                Err(Reply::field_error("non_field_errors", error))
            }
            Err(_) => Err(Reply::detail(400, &parse_error(&self.body))),
        }
    }
}

/// Python's words for JSON that ends too early; the commonest of its many.
fn parse_error(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let wanted = match text.trim_end().chars().last() {
        Some(',' | '{') => "Expecting property name enclosed in double quotes",
        _ => "Expecting value",
    };
    let at = text.chars().count();
    format!(
        "JSON parse error - {wanted}: line 1 column {} (char {at})",
        at + 1
    )
}

/// A query string's names and values, decoded.
fn params(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let digits = [ahead.next().unwrap_or(0), ahead.next().unwrap_or(0)];
                match hex::decode(digits) {
                    Ok(byte) => {
                        bytes.extend(byte);
                        rest = ahead;
                    }
                    Err(_) => bytes.push(b'%'),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The log never holds a key, also when somebody puts one into the address (`url-22`).
pub(super) fn without_keys(query: &str) -> String {
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, value)) if name.contains("key") || value.contains("plane_api_") => {
            format!("{name}=***")
        }
        _ => pair.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}
