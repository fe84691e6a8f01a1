//! Sends a recorded request to the fake and says what is different.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;

/// How much of a body must be the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Depth {
    /// Every value.
    Exact,
    /// Every value but these members', whose types must be the same.
    But(&'static [&'static str]),
    /// Names and types.
    Shape,
}

/// Ids that the fake gave to things which Plane gave other ids.
pub(crate) type Ids = HashMap<String, String>;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn send(url: &str, recording: &Value, ids: &Ids) -> Answer {
    let request = &recording["request"];
    let method: Method = request["method"].as_str().unwrap().parse().unwrap();
    let path = renamed(request["path"].as_str().unwrap(), ids);
    let mut sent = client().request(method, format!("{url}{path}"));
    for (name, value) in request["headers"].as_object().unwrap() {
        sent = sent.header(name, value.as_str().unwrap());
    }
    sent = match &request["body"] {
        Value::Null => sent,
        Value::String(text) => match text
            .strip_prefix('<')
            .and_then(|t| t.split_once(" raw bytes"))
        {
            Some((count, _)) => sent.body(vec![b'x'; count.parse().unwrap()]),
            None => sent.body(text.clone()),
        },
        body => sent.body(renamed(&body.to_string(), ids)),
    };
    let answer = sent.send().await.unwrap();
    Answer {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: answer.text().await.unwrap(),
    }
}

/// What is different, one line each. Names places, never a request's headers.
pub(crate) fn differences(
    recording: &Value,
    answer: &Answer,
    depth: Depth,
    ids: &Ids,
) -> Vec<String> {
    let expected = &recording["response"];
    let mut out = Vec::new();
    if expected["status"] != answer.status {
        out.push(format!(
            "status {} instead of {}",
            answer.status, expected["status"]
        ));
    }
    let recorded: HashMap<String, String> = expected["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| {
            let [name, value] = [0, 1].map(|n| pair[n].as_str().unwrap());
            (name.to_lowercase(), renamed(value, ids))
        })
        .collect();
    for name in [
        "allow",
        "content-type",
        "cross-origin-opener-policy",
        "location",
        "referrer-policy",
        "server",
        "vary",
        "x-content-type-options",
        "x-frame-options",
    ] {
        let got = answer
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned());
        if recorded.get(name) != got.as_ref() {
            out.push(format!(
                "header {name} is {got:?} instead of {:?}",
                recorded.get(name)
            ));
        }
    }
    for name in ["x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"] {
        if recorded.contains_key(name) != answer.headers.contains_key(name) {
            out.push(format!(
                "header {name} should be there: {}",
                recorded.contains_key(name)
            ));
        }
    }
    let text = expected["body_text"].as_str().unwrap_or_default();
    let body = match &expected["body_json"] {
        // Some bodies were kept as text alone.
        Value::Null => serde_json::from_str(text).unwrap_or(Value::Null),
        body => body.clone(),
    };
    if body.is_null() {
        if text != answer.body {
            out.push(format!("body {:?} instead of {text:?}", answer.body));
        }
        return out;
    }
    let body: Value = serde_json::from_str(&renamed(&body.to_string(), ids)).unwrap();
    match serde_json::from_str::<Value>(&answer.body) {
        Ok(got) => compare("", &body, &got, depth, &mut out),
        Err(_) => out.push("body is not JSON".to_owned()),
    }
    if answer.status >= 400 && !text.is_empty() && renamed(text, ids) != answer.body {
        out.push(format!("error text {:?} instead of {text:?}", answer.body));
    }
    out
}

pub(crate) fn compare(
    place: &str,
    expected: &Value,
    got: &Value,
    depth: Depth,
    out: &mut Vec<String>,
) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, value) in expected {
                let place = format!("{place}.{name}");
                let inner = match depth {
                    Depth::But(names) if names.contains(&name.as_str()) => Depth::Shape,
                    depth => depth,
                };
                match got.get(name) {
                    Some(got) => compare(&place, value, got, inner, out),
                    None => out.push(format!("{place} is missing")),
                }
            }
            for name in got.keys().filter(|name| !expected.contains_key(*name)) {
                out.push(format!("{place}.{name} is too much"));
            }
        }
        (Value::Array(expected), Value::Array(got)) if depth == Depth::Shape => {
            for (n, got) in got.iter().enumerate() {
                if let Some(expected) = expected.get(n).or(expected.first()) {
                    compare(&format!("{place}[{n}]"), expected, got, depth, out);
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            if expected.len() != got.len() {
                out.push(format!(
                    "{place} has {} members, not {}",
                    got.len(),
                    expected.len()
                ));
            }
            for (n, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{place}[{n}]"), expected, got, depth, out);
            }
        }
        (expected, got) if depth == Depth::Shape => {
            if std::mem::discriminant(expected) != std::mem::discriminant(got) {
                out.push(format!("{place} has another type: {got}"));
            }
        }
        (expected, got) => {
            if expected != got {
                out.push(format!("{place} is {got} instead of {expected}"));
            }
        }
    }
}

fn renamed(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (recorded, ours)| {
        text.replace(recorded, ours)
    })
}

pub(crate) fn client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    #[expect(
        clippy::disallowed_methods,
        reason = "a test talks to the fake on this machine"
    )]
    let builder = reqwest::Client::builder();
    builder
        .no_proxy()
        // The recordings were made without compression.
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}
