use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use chrono::DateTime;
use domain::integration::AuthScheme;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER},
};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use tokio::{sync::watch, time::Instant};
use url::Url;

use crate::{
    Plane, Usage, Wait,
    budget::{Lane, Permit},
    calls::Recording,
    error::{self, AnswerFlaw, Error},
};

/// How long it may take to find out whether Plane is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// An answer that comes more slowly than this many bytes a second crawls.
const CRAWLS: f64 = 1024.0;

/// Waits after a 429 that does not say how long: proxies answer so.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Query parameters in order.
pub(crate) type Query<'a> = [(&'a str, &'a str)];

/// The header that carries the key.
type Header = (&'static str, HeaderValue);

/// What [`Usage`] is read from.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU32,
    rate_limited: AtomicU32,
    waited_ms: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            requests: self.requests.load(Relaxed),
            rate_limited: self.rate_limited.load(Relaxed),
            waited: Duration::from_millis(self.waited_ms.load(Relaxed)),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

impl Plane {
    /// The one way to call Plane with the key: waits for the budget, sends, and tells failures apart.
    /// `path` starts after the base URL and ends with the slash that Plane demands.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &Query<'_>,
        timeout: Duration,
    ) -> Result<String, Error> {
        let latest = self.latest(self.options.max_wait);
        let mut backoff = FIRST_BACKOFF;
        loop {
            // Who waits for an answer may ask a Plane that rests: that is how it is found to be back.
            if self.options.lane != Lane::Interactive {
                self.budget.breaker().admit()?;
            }
            let began = Instant::now();
            let waiting = Waiting(&self.waiting);
            let permit = self
                .budget
                .acquire(self.options.lane, latest, |until| {
                    waiting.tell(began, until)
                })
                .await;
            drop(waiting);
            let waited = began.elapsed();
            self.counters
                .waited_ms
                .fetch_add(waited.as_millis() as u64, Relaxed);
            let permit = permit.map_err(|retry_after| Error::RateLimited { retry_after })?;

            let key = self.key_header()?;
            self.counters.requests.fetch_add(1, Relaxed);
            let call = self.calls.begin(path, query, waited);
            let answer = self
                .within(
                    timeout,
                    self.exchange(path, query, Some((key, &permit)), &call),
                )
                .await;
            let failed = answer.as_ref().err().map(|failed| &failed.error);
            self.budget.breaker().note(failed);
            let bytes = call.end(failed.map(Error::code));
            self.counters.bytes.fetch_add(bytes, Relaxed);
            match answer {
                Ok(Answer::Json(json)) => return Ok(json),
                Err(Failed { error, counted }) => {
                    if !counted {
                        permit.give_back();
                    }
                    return Err(self.without_key(error));
                }
                Ok(Answer::TooMany(wait)) => {
                    permit.give_back();
                    self.counters.rate_limited.fetch_add(1, Relaxed);
                    let wait = wait.unwrap_or(backoff);
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                    let wait = self.budget.freeze(wait);
                    if !self.options.retry_limited || Instant::now() + wait > latest {
                        return Err(Error::RateLimited { retry_after: wait });
                    }
                }
            }
        }
    }

    /// A call that needs no key, so none is sent, and none is counted.
    pub(crate) async fn get_openly(&self, path: &str) -> Result<String, Error> {
        match self
            .within(
                self.options.times.object,
                self.exchange(path, &[], None, &Recording::none()),
            )
            .await
        {
            Ok(Answer::Json(json)) => Ok(json),
            Ok(Answer::TooMany(wait)) => Err(Error::RateLimited {
                retry_after: wait.unwrap_or(FIRST_BACKOFF),
            }),
            Err(failed) => Err(failed.error),
        }
    }

    async fn exchange(
        &self,
        path: &str,
        query: &Query<'_>,
        key: Option<(Header, &Permit<'_>)>,
        call: &Recording<'_>,
    ) -> Result<Answer, Failed> {
        let url = self.url(path, query)?;
        let mut request = self
            .http
            .get(url.clone())
            .header(ACCEPT, "application/json");
        let mut permit = None;
        if let Some(((name, value), given)) = key {
            request = request.header(name, value);
            permit = Some(given);
        }
        let began = Instant::now();
        let response = self.send(request).await.map_err(|error| {
            tracing::debug!(path, code = error.code(), "Plane could not be asked");
            let arrived = matches!(error, Error::Timeout | Error::Network | Error::BadAnswer(_));
            Failed {
                error,
                counted: arrived,
            }
        })?;
        let status = response.status();
        call.answered(status.as_u16());
        tracing::debug!(
            path,
            status = status.as_u16(),
            ms = began.elapsed().as_millis() as u64,
            "Plane answered"
        );

        if let Some(permit) = permit {
            permit.answered();
            match number(response.headers(), "x-ratelimit-remaining") {
                Some(remaining) => {
                    call.left(remaining);
                    permit.learn(remaining);
                }
                None if status.is_success() && is_json(response.headers()) => {
                    self.budget.learn_of_no_limit()
                }
                None => {}
            }
        }
        if status.is_redirection() {
            let to = response
                .headers()
                .get(LOCATION)
                .and_then(|to| other_origin(&url, to.to_str().ok()?));
            return Err(Failed {
                error: Error::Redirected { to },
                counted: false,
            });
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Answer::TooMany(retry_after(response.headers())));
        }
        if status.is_server_error() {
            return Err(Error::PlaneFault {
                status: status.as_u16(),
            }
            .into());
        }
        if !is_json(response.headers()) {
            return Err(Error::NotPlane.into());
        }
        let body = self.body(response, call).await?;
        if let Some(error) = error::from_status(status, &body) {
            // Plane looks at key and permission before it counts (plane-api.md section 2).
            let counted = !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            return Err(Failed { error, counted });
        }
        String::from_utf8(body)
            .map(Answer::Json)
            .map_err(|_| Error::BadAnswer(AnswerFlaw::NotUnderstood).into())
    }

    /// A Plane that computes is waited for, one that is gone is not: both say nothing.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let mut answer = std::pin::pin!(request.send());
        let sent = tokio::select! {
            sent = &mut answer => sent,
            () = self.is_gone() => return Err(Error::Timeout),
        };
        sent.map_err(|error| Error::from_transport(&error))
    }

    /// Ends if Plane does not answer anything for a while.
    async fn is_gone(&self) {
        let quiet = self.options.times.quiet;
        tokio::time::sleep(quiet).await;
        let asked = self
            .url("/api/instances/", &[])
            .map(|url| self.http.get(url).send());
        let answered = match asked {
            Ok(asked) => tokio::time::timeout(SIGN_OF_LIFE.min(quiet), asked).await,
            Err(_) => return,
        };
        if matches!(answered, Ok(Ok(_))) {
            std::future::pending().await
        }
    }

    /// The body, as far as it is accepted. Counted after decompression, which a small answer can inflate without bound.
    async fn body(&self, mut response: Response, call: &Recording<'_>) -> Result<Vec<u8>, Error> {
        // Kept as they came: a body that grows in one piece is there twice whenever it moves.
        let (mut chunks, mut size) = (Vec::new(), 0);
        let crawl = self.options.times.crawl;
        let began = Instant::now();
        loop {
            let chunk = tokio::time::timeout(crawl, response.chunk()).await;
            let chunk = chunk
                .map_err(|_| Error::Timeout)?
                .map_err(|error| Error::from_transport(&error))?;
            let Some(chunk) = chunk else { break };
            let took = began.elapsed();
            if took > crawl && (size as f64) < took.as_secs_f64() * CRAWLS {
                return Err(Error::Timeout);
            }
            size += chunk.len();
            call.read(chunk.len());
            if size > self.options.body_limit {
                return Err(Error::BadAnswer(AnswerFlaw::TooLarge));
            }
            chunks.push(chunk);
        }
        Ok(chunks.concat())
    }

    fn url(&self, path: &str, query: &Query<'_>) -> Result<Url, Error> {
        let mut url = Url::parse(&format!("{}{path}", self.base)).map_err(|_| Error::NotPlane)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn key_header(&self) -> Result<Header, Error> {
        let key = self.key.expose_secret().trim();
        let (name, value) = match self.auth {
            AuthScheme::ApiKey => ("x-api-key", HeaderValue::from_str(key)),
            AuthScheme::Bearer => (
                AUTHORIZATION.as_str(),
                HeaderValue::from_str(&format!("Bearer {key}")),
            ),
        };
        // A key with a line break or the like can't be one.
        let mut value = value.map_err(|_| Error::BadKey)?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// A server that echoes the key must not get it into a log or page.
    fn without_key(&self, error: Error) -> Error {
        match error {
            Error::BadRequest { status, says } => {
                let key = self.key.expose_secret().trim();
                let says = if key.is_empty() {
                    says
                } else {
                    says.replace(key, "[key]")
                };
                Error::BadRequest { status, says }
            }
            error => error,
        }
    }

    fn latest(&self, wait: Duration) -> Instant {
        let latest = Instant::now() + wait;
        self.options
            .deadline
            .map_or(latest, |deadline| deadline.min(latest))
    }

    async fn within(
        &self,
        timeout: Duration,
        exchange: impl Future<Output = Result<Answer, Failed>>,
    ) -> Result<Answer, Failed> {
        match tokio::time::timeout_at(self.latest(timeout), exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout.into()),
        }
    }
}

enum Answer {
    Json(String),
    /// 429, with the time to wait if it was told.
    TooMany(Option<Duration>),
}

struct Failed {
    error: Error,
    /// Whether Plane may have counted the call against the limit.
    counted: bool,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed {
            error,
            counted: true,
        }
    }
}

/// Shows that a call waits, for as long as it lives: a cancelled call leaves nothing behind.
struct Waiting<'a>(&'a watch::Sender<Option<Wait>>);

impl Waiting<'_> {
    fn tell(&self, since: Instant, until: Instant) {
        self.0.send_replace(Some(Wait { since, until }));
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|wait| wait.take().is_some());
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// `Retry-After` in seconds, or as a date measured against the answer's own `Date`: whose clock is wrong does not matter.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at = DateTime::parse_from_rfc2822(text).ok()?;
            let now = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
            u64::try_from((at - now).num_seconds()).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds.max(1)))
}

/// The origin a redirect leads to, if it is another one. Only the origin: the rest could hold anything.
fn other_origin(url: &Url, to: &str) -> Option<String> {
    let to = url.join(to).ok()?;
    let other = to.origin() != url.origin() && to.has_host();
    other.then(|| to.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let check = |pairs: &[(&'static str, &str)], expected: Option<u64>| {
            assert_eq!(
                retry_after(&headers(pairs)),
                expected.map(Duration::from_secs),
                "{pairs:?}"
            );
        };
        check(&[], None);
        check(&[("retry-after", "57")], Some(57));
        check(&[("retry-after", " 0 ")], Some(1));
        check(&[("retry-after", "99999999999")], Some(99_999_999_999));
        check(&[("retry-after", "-3")], None);
        check(&[("retry-after", "soon")], None);
        let at = ("retry-after", "Mon, 23 Nov 2026 18:41:30 GMT");
        check(&[at], None);
        check(&[at, ("date", "Mon, 23 Nov 2026 18:41:11 GMT")], Some(19));
        check(&[at, ("date", "Mon, 23 Nov 2026 18:50:11 GMT")], Some(1));
    }

    #[test]
    fn only_json_is_json() {
        let check = |kind: &str, expected| {
            assert_eq!(
                is_json(&headers(&[("content-type", kind)])),
                expected,
                "{kind}"
            )
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/problem+json", true);
        check("text/html; charset=utf-8", false);
        check("text/json", false);
        check("application/jsonp", false);
        assert!(!is_json(&headers(&[])));
    }

    #[test]
    fn of_a_redirect_only_another_origin_is_told() {
        let from = Url::parse("https://p.example/api/v1/users/me/").unwrap();
        let check = |to: &str, expected: Option<&str>| {
            assert_eq!(other_origin(&from, to).as_deref(), expected, "{to}")
        };
        check("/sign-in?key=secret", None);
        check("https://p.example/elsewhere", None);
        check("http://p.example/", Some("http://p.example"));
        check(
            "//sso.example:8443/login?secret=1#x",
            Some("https://sso.example:8443"),
        );
        check("javascript:alert(1)", None);
        check("https://user:secret@q.example/", Some("https://q.example"));
    }
}
