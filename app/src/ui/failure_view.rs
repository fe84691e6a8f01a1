use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::{
    form::{Button, LinkButton},
    frame::{Frame, PlainFrame},
};
use crate::{Failure, paths, visit};

/// The page for a failure; sets the response's status. Somebody not signed in is sent to sign in, and back afterwards.
#[component]
pub fn FailureView(failure: Failure) -> impl IntoView {
    set_status(&failure);
    let visit = visit();
    let help = help(&failure);
    // A form's address can't be opened again.
    let again = help.again && !visit.path.starts_with("/api/");
    let status = failure.status().as_u16();
    let body = view! {
        <div class="failure">
            <p class="failure-status">{status}</p>
            <h1>{help.title}</h1>
            <p>{help.says}</p>
            {help.advice.map(|advice| view! { <p>{advice}</p> })}
            <div class="actions">
                {again.then(|| view! { <LinkButton label="Try again" href=visit.path.clone() kind=Button::Primary/> })}
                {match failure {
                    Failure::SignIn => view! { <LinkButton label="Sign in" href=paths::SIGN_IN kind=Button::Primary/> }.into_any(),
                    _ => view! { <LinkButton label="To the overview" href=paths::OVERVIEW/> }.into_any(),
                }}
            </div>
            <p class="quiet small">"Reference: " <code>{help.reference.unwrap_or(visit.request_id)}</code></p>
        </div>
    };
    if visit.user.is_some() {
        view! { <Frame title=help.title>{body}</Frame> }.into_any()
    } else {
        view! { <PlainFrame title=help.title>{body}</PlainFrame> }.into_any()
    }
}

/// The page for an address where nothing is.
#[component]
pub fn NotFound() -> impl IntoView {
    view! { <FailureView failure=Failure::NotFound/> }
}

/// What a page says about a failure: what happened, what to do.
struct Help {
    title: &'static str,
    says: String,
    advice: Option<String>,
    /// The same request can succeed a moment later.
    again: bool,
    reference: Option<String>,
}

fn help(failure: &Failure) -> Help {
    let said = failure.to_string();
    let plain = |title, says: String, advice: &str, again| Help {
        title,
        says,
        advice: (!advice.is_empty()).then(|| advice.to_owned()),
        again,
        reference: None,
    };
    match failure {
        Failure::SignIn => plain("Sign in to go on", "This page is for people who are signed in.".to_owned(), "", false),
        Failure::Forbidden => plain(
            "Only an admin may do this",
            "You can see everything here, but changes are up to an admin.".to_owned(),
            "Ask one of the admins of this portal to do it, or to make you an admin.",
            false,
        ),
        Failure::NotFound => plain(
            "There is nothing at this address",
            "What was here may have been deleted, or the address has a typing mistake.".to_owned(),
            "Projects and work items disappear from here when their integration is deleted.",
            false,
        ),
        Failure::Invalid { fields, .. } => Help {
            title: "Something in this form needs another look",
            says: said,
            advice: (!fields.is_empty()).then(|| fields.values().cloned().collect::<Vec<_>>().join(" ")),
            again: false,
            reference: None,
        },
        Failure::Conflict { .. } => {
            plain("Somebody else was faster", said, "Nothing was overwritten. Load the page again to see the newest.", true)
        }
        Failure::TooMany { retry_after_seconds, .. } => {
            plain("Too many tries", said, &format!("Wait {retry_after_seconds} s, then try again."), true)
        }
        Failure::Plane { advice, .. } => Help {
            title: "Plane did not do what was asked",
            says: said,
            advice: advice.clone(),
            again: true,
            reference: None,
        },
        Failure::Unavailable => plain(
            "Hangar can't reach its database",
            "Nothing was lost: what was saved stays saved.".to_owned(),
            "This page works again as soon as the database does. An operator finds the cause in the log and at /readyz.",
            true,
        ),
        Failure::Internal { reference } => Help {
            title: "Something went wrong in Hangar",
            says: "This is a mistake in Hangar, not yours.".to_owned(),
            advice: Some("If it happens again, give the reference below to whoever runs this portal: it leads to the log lines.".to_owned()),
            again: true,
            reference: Some(reference.clone()),
        },
    }
}

fn set_status(failure: &Failure) {
    set_response_status(failure.status());
    match failure {
        Failure::SignIn => see_other(&format!(
            "{}?next={}",
            paths::SIGN_IN,
            urlencode(&visit().path)
        )),
        Failure::TooMany {
            retry_after_seconds,
            ..
        } => {
            if let Some(response) = use_context::<ResponseOptions>() {
                response.insert_header(
                    http::header::RETRY_AFTER,
                    http::HeaderValue::from(*retry_after_seconds),
                );
            }
        }
        _ => {}
    }
}

/// Sets the status of the page that is being rendered.
pub fn set_response_status(status: http::StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

/// Sends the browser to another page of the portal instead of this one.
pub fn see_other(path: &str) {
    let (Some(response), Ok(location)) = (
        use_context::<ResponseOptions>(),
        http::HeaderValue::from_str(path),
    ) else {
        return;
    };
    response.insert_header(http::header::LOCATION, location);
    response.set_status(http::StatusCode::SEE_OTHER);
}

/// Percent-encodes everything but letters, digits and `-_.~/`.
pub fn urlencode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_failure_says_what_to_do() {
        let plane = Failure::Plane {
            status: "bad_key".to_owned(),
            message: "Plane refused this API key.".to_owned(),
            advice: Some("Create a new one in Plane.".to_owned()),
        };
        assert_eq!(help(&plane).says, "Plane refused this API key.");
        assert_eq!(
            help(&plane).advice.as_deref(),
            Some("Create a new one in Plane.")
        );
        let fields = BTreeMap::from([("role".to_owned(), "This is the last admin.".to_owned())]);
        assert_eq!(
            help(&Failure::invalid(fields)).advice.as_deref(),
            Some("This is the last admin.")
        );
        let internal = Failure::Internal {
            reference: "01J".to_owned(),
        };
        assert_eq!(help(&internal).reference.as_deref(), Some("01J"));
    }

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(urlencode("/a b?c=ü&d"), "/a%20b%3Fc%3D%C3%BC%26d");
    }
}
