//! Fault switches: what the fake does wrong when it is told to.

use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A fault, where it strikes and how often.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fault {
    pub what: What,
    /// Only requests whose path and query contain this text.
    #[serde(default)]
    pub on_path: Option<String>,
    /// Only so many times, then never again.
    #[serde(default)]
    pub times: Option<u32>,
    /// Only each n-th matching request.
    #[serde(default)]
    pub every: Option<u32>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Answers later. Joins with other faults.
    Latency(u64),
    /// Answers with this status, body and headers, before anything else is looked at.
    Status(u16, String, Vec<(String, String)>),
    /// The right answer, with its second half missing; the length header tells the short length.
    CutJson,
    /// 200 with a JSON content type and text that is not JSON.
    GarbageJson,
    /// 200 with a web page, as Plane's proxy gives for paths outside `/api/`.
    HtmlWith200,
    /// Lists never end: the first page again and again, under cursors that go on.
    EndlessPages,
    /// Lists ignore the cursor: always exactly the first page's answer.
    RepeatFirstPage,
    /// Closes the connection without an answer.
    Drop,
    /// Resets the connection (RST) without an answer.
    Reset,
    /// Takes the request and never answers.
    Silent,
    /// The right answer, head and all, at ten bytes a second.
    Trickle,
    /// The right answer, at so many bytes a second.
    SlowBytes(u64),
    /// An answer of so many bytes.
    HugeBody(u64),
    /// Rows whose values have other types: numbers for texts, texts for numbers, objects for nulls.
    WrongTypes,
    /// A page without rows that says that there is nothing more.
    EmptyPage,
    /// 302 to this address.
    Redirect(String),
    /// 429 whose `Retry-After` says this.
    RetryAfter(String),
    /// A few kilobytes of gzip that expand to so many bytes.
    GzipBomb(u64),
}

impl Fault {
    /// Everywhere, until healed.
    pub fn new(what: What) -> Self {
        Self {
            what,
            on_path: None,
            times: None,
            every: None,
        }
    }

    /// Only for paths that contain `text`.
    pub fn on(mut self, text: &str) -> Self {
        self.on_path = Some(text.to_owned());
        self
    }

    /// Only `count` times.
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Only each `n`-th matching request.
    pub fn every(mut self, n: u32) -> Self {
        self.every = Some(n);
        self
    }
}

impl From<What> for Fault {
    fn from(what: What) -> Self {
        Fault::new(what)
    }
}

/// The switches that are on, with their counts.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    on: Vec<(Fault, u32)>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.on.push((fault, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.on.clear();
    }

    /// The latency and the first other fault that strike this request.
    pub(crate) fn strike(&mut self, path_and_query: &str) -> (Duration, Option<What>) {
        let mut latency = Duration::ZERO;
        let mut struck = None;
        for (fault, seen) in &mut self.on {
            let here = fault
                .on_path
                .as_ref()
                .is_none_or(|text| path_and_query.contains(text));
            let is_latency = matches!(fault.what, What::Latency(_));
            if !here || (struck.is_some() && !is_latency) || fault.times == Some(0) {
                continue;
            }
            *seen += 1;
            if fault
                .every
                .is_some_and(|every| !seen.is_multiple_of(every.max(1)))
            {
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            match fault.what {
                What::Latency(ms) => latency += Duration::from_millis(ms),
                ref other => struck = Some(other.clone()),
            }
        }
        (latency, struck)
    }
}

impl What {
    /// The answer of a fault that does not look at the request.
    pub(crate) fn answer(&self) -> Option<Response> {
        Some(match self {
            What::Status(code, body, headers) => {
                let mut answer = text(*code, "application/json", body.clone());
                for (name, value) in headers {
                    let name = header::HeaderName::try_from(name.as_str());
                    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                        answer.headers_mut().insert(name, value);
                    }
                }
                answer
            }
            What::GarbageJson => text(200, "application/json", "{\"results\": [{]]}, nope"),
            What::HtmlWith200 => text(200, "text/html; charset=utf-8", PAGE),
            What::HugeBody(bytes) => huge(*bytes),
            What::Redirect(to) => {
                let mut answer = text(302, "text/html; charset=utf-8", "");
                if let Ok(to) = HeaderValue::from_str(to) {
                    answer.headers_mut().insert(header::LOCATION, to);
                }
                answer
            }
            What::RetryAfter(after) => {
                let body = r#"{"error_code":5900,"error_message":"RATE_LIMIT_EXCEEDED"}"#;
                let mut answer = text(429, "application/json", body);
                if let Ok(after) = HeaderValue::from_str(after) {
                    answer.headers_mut().insert(header::RETRY_AFTER, after);
                }
                answer
            }
            What::GzipBomb(bytes) => bomb(*bytes),
            _ => return None,
        })
    }

    /// Whether lists are to be answered as if no cursor had been sent.
    pub(crate) fn ignores_cursor(&self) -> bool {
        matches!(self, What::EndlessPages | What::RepeatFirstPage)
    }

    /// Spoils the body of a right answer; `page` is the page index that was asked for.
    pub(crate) fn spoil(&self, body: Vec<u8>, page: i64) -> Vec<u8> {
        match self {
            What::CutJson => body[..body.len() / 2].to_vec(),
            What::WrongTypes => in_json(body, |value| match value.get_mut("results") {
                Some(rows) => rows.as_array_mut().into_iter().flatten().for_each(twist),
                None => twist(value),
            }),
            What::EmptyPage => in_json(body, |value| {
                if value.get("results").is_some() {
                    value["results"] = json!([]);
                    value["count"] = json!(0);
                    value["next_page_results"] = json!(false);
                }
            }),
            What::EndlessPages => in_json(body, |value| {
                if let Some(cursor) = value["next_cursor"].as_str() {
                    let size = cursor.split(':').next().unwrap_or("1000").to_owned();
                    value["next_cursor"] = json!(format!("{size}:{}:0", page + 1));
                    value["next_page_results"] = json!(true);
                }
            }),
            _ => body,
        }
    }
}

const PAGE: &str = "<!doctype html><html><head><title>Plane</title></head>\
<body><div id=\"root\"></div><script src=\"/assets/index.js\"></script></body></html>";

fn text(code: u16, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::IM_A_TEAPOT);
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn in_json(body: Vec<u8>, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    match serde_json::from_slice::<Value>(&body) {
        Ok(mut value) => {
            change(&mut value);
            value.to_string().into_bytes()
        }
        Err(_) => body,
    }
}

/// Gives each member of an object a value of another type.
fn twist(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| {
            *member = match member {
                Value::Null => json!({}),
                Value::Bool(_) => json!("yes"),
                Value::Number(_) => json!("many"),
                Value::String(_) => json!(42),
                Value::Array(_) => json!("none"),
                Value::Object(_) => json!([1, "two"]),
            };
        }),
        other => *other = json!("twisted"),
    }
}

/// A page whose one row's name fills the rest of `bytes`.
fn huge(bytes: u64) -> Response {
    const CHUNK: usize = 64 * 1024;
    let filler = Bytes::from(vec![b'x'; CHUNK]);
    let start = Bytes::from_static(b"{\"results\":[{\"name\":\"");
    let end = Bytes::from_static(b"\"}]}");
    let middle = stream::unfold(bytes, move |left| {
        let chunk = filler.slice(..CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
        let rest = left - chunk.len() as u64;
        async move { (!chunk.is_empty()).then_some((Ok::<_, std::io::Error>(chunk), rest)) }
    });
    let ends = |piece| stream::iter([Ok(piece)]);
    let whole =
        futures::StreamExt::chain(futures::StreamExt::chain(ends(start), middle), ends(end));
    text(200, "application/json", Body::from_stream(whole))
}

/// One deflate block of a mebibyte of spaces, repeated: after a full flush it refers to nothing before it.
fn bomb(bytes: u64) -> Response {
    const PIECE: usize = 1024 * 1024;
    let mut block = Vec::with_capacity(PIECE);
    let mut deflate = Compress::new(Compression::best(), false);
    let spaces = vec![b' '; PIECE];
    let made = deflate.compress_vec(&spaces, &mut block, FlushCompress::Full);
    debug_assert!(made.is_ok());
    let mut zip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for _ in 0..bytes.div_ceil(PIECE as u64) {
        // The trailer is left out: who reads that far has lost already.
        let _ = zip.write_all(&block);
    }
    let mut answer = text(200, "application/json", zip);
    answer
        .headers_mut()
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answer
}

/// The right answer, dripping.
pub(crate) fn slowly(body: Vec<u8>, bytes_per_second: u64) -> Body {
    let step = usize::try_from(bytes_per_second.div_ceil(10))
        .unwrap_or(usize::MAX)
        .max(1);
    let body = Bytes::from(body);
    Body::from_stream(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let piece = rest.split_to(step.min(rest.len()));
        Some((Ok::<_, std::io::Error>(piece), rest))
    }))
}
