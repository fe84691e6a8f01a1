use std::collections::BTreeMap;

use domain::ids::DraftId;
use serde::{Deserialize, Serialize};
use server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};

/// Everything that can go wrong, as the outside may know it: a code, a sentence, never a source or a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Failure {
    #[error("Sign in to go on.")]
    SignIn,
    #[error("Only an admin may do this.")]
    Forbidden,
    #[error("There is nothing at this address.")]
    NotFound,
    /// Mistakes in a form, by field; what was typed is kept under `draft`.
    #[error("{message}")]
    Invalid {
        message: String,
        fields: BTreeMap<String, String>,
        draft: Option<DraftId>,
    },
    /// Somebody else was faster; nothing was overwritten.
    #[error("{message}")]
    Conflict {
        message: String,
        draft: Option<DraftId>,
    },
    #[error("{message}")]
    TooMany {
        message: String,
        retry_after_seconds: u32,
    },
    /// Plane said no, or could not be reached; `status` is a `plane::Error` code.
    #[error("{message}")]
    Plane {
        status: String,
        message: String,
        advice: Option<String>,
    },
    /// The database can't be reached.
    #[error("Hangar can't reach its database.")]
    Unavailable,
    #[error("Something went wrong in Hangar. The reference is {reference}.")]
    Internal { reference: String },
}

impl Failure {
    /// A form with mistakes, before it was kept as a draft.
    pub fn invalid(fields: BTreeMap<String, String>) -> Self {
        let message = match fields.len() {
            1 => "One field needs another look.".to_owned(),
            n => format!("{n} fields need another look."),
        };
        Failure::Invalid {
            message,
            fields,
            draft: None,
        }
    }

    /// One mistake in one field.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        Self::invalid(BTreeMap::from([(name.to_owned(), message.into())]))
    }

    /// The same refusal, now that what was typed is kept as that draft; what isn't about a form stays as it is.
    pub fn with_draft(self, id: DraftId) -> Self {
        let draft = Some(id);
        match self {
            Failure::Invalid {
                message, fields, ..
            } => Failure::Invalid {
                message,
                fields,
                draft,
            },
            Failure::Conflict { message, .. } => Failure::Conflict { message, draft },
            other => other,
        }
    }

    /// The HTTP status: never 500 for a user's mistake.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Failure::SignIn => StatusCode::UNAUTHORIZED,
            Failure::Forbidden => StatusCode::FORBIDDEN,
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Failure::Conflict { .. } => StatusCode::CONFLICT,
            Failure::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Failure::Plane { .. } => StatusCode::BAD_GATEWAY,
            Failure::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl FromServerFnError for Failure {
    type Encoder = JsonEncoding;

    /// The framework's errors echo what was sent, so their text stays here.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => Failure::Invalid {
                message:
                    "This form was not sent completely. Load the page again and send it once more."
                        .to_owned(),
                fields: BTreeMap::new(),
                draft: None,
            },
            _ => Failure::Internal {
                reference: "framework".to_owned(),
            },
        }
    }
}
