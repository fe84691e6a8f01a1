use app::Failure;
use tracing::{error, warn};

/// Turns errors of the crates below into what the outside may know. Logged here, once, with a reference that joins the
/// page to the line.
pub fn from_store(error: store::Error) -> Failure {
    match error {
        store::Error::Conflict | store::Error::Fenced => Failure::Conflict {
            message: "Somebody else was changing the same thing. Load the page again and try once more.".to_owned(),
            draft: None,
        },
        store::Error::Busy => Failure::Conflict {
            message: "A sync run of this integration is under way. Cancel it or wait for its end, then try again."
                .to_owned(),
            draft: None,
        },
        store::Error::Taken { what } => Failure::field(what, "This is already taken."),
        store::Error::LastAdmin => Failure::field("person", "The last active admin can't be demoted or switched off."),
        store::Error::TooLarge { what } => Failure::field(what, "This is too large to be stored."),
        store::Error::Unreachable(_)
        | store::Error::Refused(_)
        | store::Error::Broken(_)
        | store::Error::Closed => {
            error!(code = error.code(), %error, "the database failed");
            Failure::Unavailable
        }
        _ => internal(&error, error.code()),
    }
}

/// An error that nobody outside can do anything about.
pub fn internal(error: &dyn std::fmt::Display, code: &'static str) -> Failure {
    let reference = reference();
    error!(code, reference, %error, "internal failure");
    Failure::Internal { reference }
}

/// What Plane's answer means for a person.
pub fn from_plane(error: &plane::Error) -> Failure {
    warn!(code = error.code(), "Plane refused or failed");
    Failure::Plane {
        status: error.code().to_owned(),
        message: error.sentence(),
        advice: Some(error.advice()),
    }
}

/// The current request's id, or a mark that there is none.
fn reference() -> String {
    crate::http::request_id::current().unwrap_or_else(|| "background".to_owned())
}
