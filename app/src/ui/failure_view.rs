use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::{Failure, paths, visit};

/// The page for a failure; sets the response's status. Somebody not signed in is sent to sign in, and back afterwards.
#[component]
pub fn FailureView(failure: Failure) -> impl IntoView {
    set_status(&failure);
    view! { <main><h1>{failure.to_string()}</h1></main> }
}

/// The page for an address where nothing is.
#[component]
pub fn NotFound() -> impl IntoView {
    view! { <FailureView failure=Failure::NotFound/> }
}

fn set_status(failure: &Failure) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    response.set_status(failure.status());
    if *failure == Failure::SignIn {
        let back = visit().path;
        let to = format!("{}?next={}", paths::SIGN_IN, urlencode(&back));
        if let Ok(location) = http::HeaderValue::from_str(&to) {
            response.insert_header(http::header::LOCATION, location);
            response.set_status(http::StatusCode::SEE_OTHER);
        }
    }
}

/// Percent-encodes everything but letters, digits and `-_.~/`.
pub fn urlencode(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}
