use std::{error::Error as StdError, fmt, io, time::Duration};

use http::StatusCode;
use serde_json::Value;

/// Why a call to Plane did not give what was asked for. A closed set: callers branch on it, people read
/// [`Error::sentence`] and [`Error::advice`]. It never carries a key, nor more of a body than a short, cleaned extract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 403 `Given API token is not valid`: mistyped, expired, disabled and deleted keys look the same.
    #[error("bad key")]
    BadKey,
    /// 401: no key arrived, because something on the way drops the header or the scheme is wrong.
    #[error("no credentials arrived")]
    NoCredentials,
    /// 403 about permission: slug unknown, not a member of the workspace or project, or role too low.
    #[error("no access")]
    NoAccess,
    /// 404 of an object: deleted, archived, or never there.
    #[error("not found")]
    NotFound,
    /// 404 of a path: this version of Plane does not have it.
    #[error("not in this version of Plane")]
    NotSupported,
    /// HTML, another product's JSON, or another content type.
    #[error("not Plane")]
    NotPlane,
    /// A 3xx; redirects are never followed. `to` is the other origin, if it is one.
    #[error("redirected")]
    Redirected { to: Option<String> },
    #[error("dns failed")]
    Dns,
    #[error("connection refused")]
    Refused,
    #[error("timed out")]
    Timeout,
    #[error("tls failed: {0}")]
    Tls(TlsFlaw),
    /// The connection broke, or the network was not there.
    #[error("connection lost")]
    Network,
    /// Hangar's own rules forbid the address.
    #[error("refused by policy")]
    Policy(Forbidden),
    /// The limit is used up for this much longer.
    #[error("rate limited for {} s", retry_after.as_secs())]
    RateLimited { retry_after: Duration },
    /// The origin failed again and again, and is left alone for this much longer ([`crate::breaker`]).
    #[error("left alone for {} s", retry_after.as_secs())]
    Resting { retry_after: Duration },
    /// A 5xx.
    #[error("Plane answered {status}")]
    PlaneFault { status: u16 },
    /// Another 4xx, with Plane's own words.
    #[error("Plane answered {status}: {says}")]
    BadRequest { status: u16, says: String },
    #[error("bad answer: {0}")]
    BadAnswer(AnswerFlaw),
}

/// What is wrong with the server's TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFlaw {
    #[error("certificate expired")]
    Expired,
    #[error("certificate not valid yet")]
    NotYetValid,
    #[error("certificate from an unknown issuer")]
    UnknownIssuer,
    #[error("certificate for another name")]
    WrongName,
    #[error("no TLS on this port")]
    NotTls,
    #[error("handshake failed")]
    Handshake,
}

/// What is wrong with an answer that came as JSON with a good status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFlaw {
    #[error("not understood")]
    NotUnderstood,
    #[error("cut off")]
    Cut,
    #[error("too large")]
    TooLarge,
    /// Pages that repeat or never end (plane issue 9340).
    #[error("pages without end")]
    Endless,
}

/// What the HTTP client's address filter returns when it refuses an address; [`Error::Policy`] carries it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    pub sentence: String,
    pub advice: String,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl StdError for Forbidden {}

impl Error {
    /// A stable word for stores, metrics and JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Error::BadKey => "bad_key",
            Error::NoCredentials => "no_credentials",
            Error::NoAccess => "no_access",
            Error::NotFound => "not_found",
            Error::NotSupported => "not_supported",
            Error::NotPlane => "not_plane",
            Error::Redirected { .. } => "redirected",
            Error::Dns => "dns",
            Error::Refused => "refused",
            Error::Timeout => "timeout",
            Error::Tls(_) => "tls",
            Error::Network => "network",
            Error::Policy(_) => "refused_by_policy",
            Error::RateLimited { .. } => "rate_limited",
            Error::Resting { .. } => "resting",
            Error::PlaneFault { .. } => "plane_fault",
            Error::BadRequest { .. } => "bad_request",
            Error::BadAnswer(_) => "bad_answer",
        }
    }

    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Error::BadKey => "Plane refused this API key: it is mistyped, expired, switched off or deleted.".into(),
            Error::NoCredentials => "Plane got no API key: something between here and Plane drops the header, or the key is sent the wrong way.".into(),
            Error::NoAccess => "The key works, but Plane gives it no access here: its owner is not a member, their role is too low, or the workspace's slug is wrong.".into(),
            Error::NotFound => "Plane does not have this any more: it was deleted or archived, or never existed.".into(),
            Error::NotSupported => "This version of Plane does not offer what was asked for.".into(),
            Error::NotPlane => "Something answers at this address, but it is not Plane's API.".into(),
            Error::Redirected { to: Some(to) } => format!("The address redirects to {to}, and redirects are not followed."),
            Error::Redirected { to: None } => "The address answers with a redirect, and redirects are not followed.".into(),
            Error::Dns => "The host's name could not be resolved.".into(),
            Error::Refused => "Nothing accepts connections at this address and port.".into(),
            Error::Timeout => "Plane did not answer in time.".into(),
            Error::Tls(flaw) => match flaw {
                TlsFlaw::Expired => "The server's TLS certificate has expired.".into(),
                TlsFlaw::NotYetValid => "The server's TLS certificate is not valid yet.".into(),
                TlsFlaw::UnknownIssuer => "The server's TLS certificate comes from an issuer that is not trusted here.".into(),
                TlsFlaw::WrongName => "The server's TLS certificate is for another host name.".into(),
                TlsFlaw::NotTls => "The server does not speak TLS on this port.".into(),
                TlsFlaw::Handshake => "No secure connection could be agreed with the server.".into(),
            },
            Error::Network => "The connection to Plane broke off.".into(),
            Error::Policy(forbidden) => forbidden.sentence.clone(),
            Error::RateLimited { retry_after } => format!(
                "Plane's rate limit for this key is used up for another {} s.",
                retry_after.as_millis().div_ceil(1000)
            ),
            Error::Resting { retry_after } => format!(
                "Plane failed five times in a row, and is tried again in {} s.",
                retry_after.as_millis().div_ceil(1000)
            ),
            Error::PlaneFault { status } => format!("Plane itself failed with status {status}."),
            Error::BadRequest { status, says } if says.is_empty() => format!("Plane refused the request with status {status}."),
            Error::BadRequest { status, says } => format!("Plane refused the request with status {status}: {says}"),
            Error::BadAnswer(flaw) => match flaw {
                AnswerFlaw::NotUnderstood => "Plane's answer was not understood.".into(),
                AnswerFlaw::Cut => "Plane's answer was cut off before its end.".into(),
                AnswerFlaw::TooLarge => "Plane's answer is larger than is accepted.".into(),
                AnswerFlaw::Endless => "Plane's list pages repeat or do not end.".into(),
            },
        }
    }

    /// The one thing to do about it.
    pub fn advice(&self) -> String {
        match self {
            Error::BadKey => "Create a new key in Plane under Profile settings, API tokens, and replace the key here.".into(),
            Error::NoCredentials => "Set \"How the key is sent\" to X-API-Key, and check that proxies in between pass that header on.".into(),
            Error::NoAccess => "Check the slug's spelling (capitals matter), and add the key's owner to the workspace or project in Plane.".into(),
            Error::NotFound => "Look in Plane whether it still exists.".into(),
            Error::NotSupported => "Update Plane, or leave this feature unused.".into(),
            Error::NotPlane => "Enter the address of Plane's API: https://api.plane.so for Plane Cloud, or your server's own address without a path.".into(),
            Error::Redirected { to: Some(to) } => format!("If {to} is your Plane, enter that address instead."),
            Error::Redirected { to: None } => "Enter the address that the redirect leads to.".into(),
            Error::Dns => "Check the host's spelling, and that this machine's DNS knows it.".into(),
            Error::Refused => "Check the port, and that Plane is running.".into(),
            Error::Timeout => "Check that a firewall lets this machine through, and that Plane is not overloaded.".into(),
            Error::Tls(flaw) => match flaw {
                TlsFlaw::Expired => "Renew the certificate on Plane's server.".into(),
                TlsFlaw::NotYetValid => "Check the clocks of both machines.".into(),
                TlsFlaw::UnknownIssuer => "Add your organisation's CA with --extra-ca FILE (HANGAR_EXTRA_CA), or install the full certificate chain on Plane's server.".into(),
                TlsFlaw::WrongName => "Enter the host name that the certificate is for.".into(),
                TlsFlaw::NotTls => "Check the port, or use http:// if this server is meant to be reached without TLS.".into(),
                TlsFlaw::Handshake => "Check that Plane's server offers TLS 1.2 or newer.".into(),
            },
            Error::Network => "Try again; if it stays so, look at the network and proxies between here and Plane.".into(),
            Error::Policy(forbidden) => forbidden.advice.clone(),
            Error::RateLimited { .. } => "Wait, and check which other tools use the same key.".into(),
            Error::Resting { .. } => "Test the connection: that asks Plane at once.".into(),
            Error::PlaneFault { .. } => "Try again later; if it stays so, look at the log of Plane's API server.".into(),
            Error::BadRequest { .. } => "Check that this Plane's version is supported, and report this as a fault of Hangar.".into(),
            Error::BadAnswer(AnswerFlaw::NotUnderstood) => "Check that this Plane's version is supported, and report this as a fault of Hangar.".into(),
            Error::BadAnswer(AnswerFlaw::Cut) => "Try again; if it stays so, look at the timeouts of the proxies in front of Plane.".into(),
            Error::BadAnswer(_) => "Report this as a fault of Hangar, with the version of your Plane.".into(),
        }
    }

    /// Plane could not be reached at all: name, connection, TLS, time.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Error::Dns
                | Error::Refused
                | Error::Timeout
                | Error::Tls(_)
                | Error::Network
                | Error::Resting { .. }
        )
    }

    /// Plane, or the way there, does not work: what the breaker counts.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Error::Dns
                | Error::Refused
                | Error::Timeout
                | Error::Tls(_)
                | Error::Network
                | Error::PlaneFault { .. }
                | Error::BadAnswer(AnswerFlaw::Cut)
        )
    }

    /// How long nothing is sent, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::RateLimited { retry_after } | Error::Resting { retry_after } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// Plane was reached and refuses the key; trying again changes nothing.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Error::BadKey | Error::NoCredentials)
    }

    /// The same call may well succeed soon.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Dns
                | Error::Refused
                | Error::Timeout
                | Error::Network
                | Error::PlaneFault { .. }
                | Error::RateLimited { .. }
                | Error::Resting { .. }
                | Error::BadAnswer(AnswerFlaw::Cut)
        )
    }

    /// The error that a failed connect or handshake means.
    pub fn from_io(error: &io::Error) -> Self {
        from_cause(error).unwrap_or(Error::Network)
    }

    /// The error that a failed exchange means, from what caused it.
    pub fn from_transport(error: &reqwest::Error) -> Self {
        // The most telling cause is the innermost one that is known.
        let mut found = None;
        let mut source: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(cause) = source {
            found = from_cause(cause).or(found);
            source = cause.source();
        }
        match found {
            Some(found) => found,
            None if error.is_timeout() => Error::Timeout,
            None if error.is_dns() => Error::Dns,
            None if error.is_body() || error.is_decode() => Error::BadAnswer(AnswerFlaw::Cut),
            None => Error::Network,
        }
    }
}

fn from_cause(cause: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(forbidden) = cause.downcast_ref::<Forbidden>() {
        return Some(Error::Policy(forbidden.clone()));
    }
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(Error::Tls(TlsFlaw::of(tls)));
    }
    let io = cause.downcast_ref::<io::Error>()?;
    // `source()` of an io::Error skips the error inside it, so it is looked into here.
    if let Some(inner) = io.get_ref().and_then(|inner| from_cause(inner)) {
        return Some(inner);
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some(Error::Refused),
        io::ErrorKind::TimedOut => Some(Error::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => Some(Error::Network),
        _ => None,
    }
}

impl TlsFlaw {
    /// The flaw that a failed handshake means.
    pub fn of(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Cert;
        match error {
            rustls::Error::InvalidCertificate(cert) => match cert {
                Cert::Expired | Cert::ExpiredContext { .. } => TlsFlaw::Expired,
                Cert::NotValidYet | Cert::NotValidYetContext { .. } => TlsFlaw::NotYetValid,
                Cert::NotValidForName | Cert::NotValidForNameContext { .. } => TlsFlaw::WrongName,
                Cert::UnknownIssuer => TlsFlaw::UnknownIssuer,
                // A self-signed certificate without the CA mark fails with one of these.
                Cert::BadSignature | Cert::BadEncoding => TlsFlaw::Handshake,
                _ => TlsFlaw::UnknownIssuer,
            },
            rustls::Error::InvalidMessage(_) => TlsFlaw::NotTls,
            _ => TlsFlaw::Handshake,
        }
    }
}

/// The error that an answer with this status and JSON body means; `None` if it is a success
/// (plane-api.md sections 2 and 7).
pub(crate) fn from_status(status: StatusCode, body: &[u8]) -> Option<Error> {
    if status.is_success() {
        return None;
    }
    let says = message(body);
    let about = |word: &str| {
        says.as_deref()
            .is_some_and(|says| says.to_ascii_lowercase().contains(word))
    };
    Some(match status {
        _ if status.is_server_error() => Error::PlaneFault {
            status: status.as_u16(),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if about("token") => Error::BadKey,
        StatusCode::UNAUTHORIZED if says.is_some() => Error::NoCredentials,
        StatusCode::FORBIDDEN if says.is_some() => Error::NoAccess,
        StatusCode::NOT_FOUND if about("page not found") => Error::NotSupported,
        StatusCode::NOT_FOUND if about("does not exist") || about("not found") => Error::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Error::NotPlane,
        _ => Error::BadRequest {
            status: status.as_u16(),
            says: says.unwrap_or_default(),
        },
    })
}

/// What an error body says: `detail`, `error` or `error_message`, else the first field's first text; cleaned and short.
fn message(body: &[u8]) -> Option<String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return None;
    };
    let text = ["detail", "error", "error_message"]
        .iter()
        .filter_map(|name| fields.get(*name))
        .chain(fields.values())
        .find_map(first_text)?;
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    Some(clean.take(200).collect())
}

fn first_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(values) => values.iter().find_map(first_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: Error) {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(
            from_status(status, body.as_bytes()),
            Some(expected),
            "{status} {body}"
        );
    }

    #[test]
    fn statuses_and_bodies_are_told_apart() {
        check(
            403,
            r#"{"detail":"Given API token is not valid"}"#,
            Error::BadKey,
        );
        check(
            403,
            r#"{"detail":"You do not have permission to perform this action."}"#,
            Error::NoAccess,
        );
        check(
            403,
            r#"{"error":"Only admin or creator can delete the work item"}"#,
            Error::NoAccess,
        );
        check(403, r#"{"message":1}"#, Error::NotPlane);
        check(
            401,
            r#"{"detail":"Authentication credentials were not provided."}"#,
            Error::NoCredentials,
        );
        check(401, r#"{"detail":"Token has expired"}"#, Error::BadKey);
        check(404, r#"{"error":"Page not found."}"#, Error::NotSupported);
        check(
            404,
            r#"{"error":"The requested resource does not exist."}"#,
            Error::NotFound,
        );
        check(404, r#"{"code":"no_route"}"#, Error::NotPlane);
        check(500, "", Error::PlaneFault { status: 500 });
        let says = "This field is required.".to_owned();
        check(
            400,
            r#"{"name":["This field is required."]}"#,
            Error::BadRequest { status: 400, says },
        );
        check(
            418,
            "[]",
            Error::BadRequest {
                status: 418,
                says: String::new(),
            },
        );
    }

    #[test]
    fn an_extract_is_short_and_on_one_line() {
        let body = serde_json::json!({ "detail": format!("a\nb{}", "x".repeat(5000)) }).to_string();
        let says = message(body.as_bytes()).unwrap();
        assert_eq!(says.chars().count(), 200);
        assert!(says.starts_with("a b"));
    }

    #[test]
    fn every_error_has_a_sentence_and_advice() {
        let forbidden = Forbidden {
            sentence: "No.".into(),
            advice: "Ask.".into(),
        };
        let errors = [
            Error::BadKey,
            Error::NoCredentials,
            Error::NoAccess,
            Error::NotFound,
            Error::NotSupported,
            Error::NotPlane,
            Error::Redirected { to: None },
            Error::Dns,
            Error::Refused,
            Error::Timeout,
            Error::Tls(TlsFlaw::Expired),
            Error::Network,
            Error::Policy(forbidden),
            Error::RateLimited {
                retry_after: Duration::from_secs(57),
            },
            Error::Resting {
                retry_after: Duration::from_secs(42),
            },
            Error::PlaneFault { status: 502 },
            Error::BadRequest {
                status: 400,
                says: "Bad.".into(),
            },
            Error::BadAnswer(AnswerFlaw::Cut),
        ];
        for error in &errors {
            assert!(
                error.sentence().ends_with('.') && error.advice().ends_with('.'),
                "{error:?}"
            );
        }
        let codes: std::collections::HashSet<_> = errors.iter().map(Error::code).collect();
        assert_eq!(codes.len(), errors.len());
    }
}
