use leptos::prelude::*;

use crate::{Done, Failure, Theme, paths};

/// Who may call: anyone with the right password.
#[server(prefix = "/api/ui", endpoint = "sign_in")]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<Done, Failure> {
    let session = crate::backend().accounts.sign_in(&email, password).await?;
    crate::begin_session(&session);
    Done::go(local_path(&next))
}

/// Who may call: anyone; it only looks at the theme.
#[server(prefix = "/api/ui", endpoint = "set_theme")]
pub async fn set_theme(theme: String, #[server(default)] next: String) -> Result<Done, Failure> {
    crate::remember_theme(Theme::from_word(&theme));
    Done::go(local_path(&next))
}

/// A path within the portal, or the overview: a link must not lead elsewhere after signing in.
fn local_path(next: &str) -> String {
    let inside = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && !next.chars().any(char::is_control);
    if inside { next.to_owned() } else { paths::OVERVIEW.to_owned() }
}
