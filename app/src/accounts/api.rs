use leptos::prelude::*;

use crate::{Done, Failure, Theme, paths};

/// Who may call: anyone with the right password.
#[server(prefix = "/api/ui", endpoint = "sign_in")]
pub async fn sign_in(
    email: String,
    password: String,
    #[server(default)] next: String,
) -> Result<Done, Failure> {
    let session = crate::backend().accounts.sign_in(&email, password).await?;
    crate::begin_session(&session);
    Done::go(local_path(&next))
}

/// Who may call: anyone; without a session there is nothing to end.
#[server(prefix = "/api/ui", endpoint = "sign_out")]
pub async fn sign_out() -> Result<Done, Failure> {
    if let Some(session) = crate::visit().session {
        crate::backend().accounts.sign_out(&session).await?;
    }
    crate::end_session();
    Done::go(format!("{}?error=signed_out", paths::SIGN_IN))
}

/// Who may call: whoever has the set-up link, once.
#[server(prefix = "/api/ui", endpoint = "set_up")]
pub async fn set_up(
    token: String,
    name: String,
    email: String,
    password: String,
) -> Result<Done, Failure> {
    let form = crate::SetUpForm {
        token,
        name,
        email,
        password,
    };
    let session = crate::backend().accounts.set_up(form).await?;
    crate::begin_session(&session);
    Done::go(paths::OVERVIEW)
}

/// Who may call: anyone; it only looks at the theme.
#[server(prefix = "/api/ui", endpoint = "set_theme")]
pub async fn set_theme(theme: String, #[server(default)] next: String) -> Result<Done, Failure> {
    crate::remember_theme(Theme::from_word(&theme));
    Done::go(local_path(&next))
}

/// Who may call: admins.
#[server(prefix = "/api/ui", endpoint = "add_person")]
pub async fn add_person(
    name: String,
    email: String,
    password: String,
    role: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let form = crate::PersonForm {
        name,
        email,
        password,
        role,
    };
    crate::backend().accounts.add_person(&admin, form).await?;
    Done::go(paths::PEOPLE)
}

/// Who may call: admins.
#[server(prefix = "/api/ui", endpoint = "set_role")]
pub async fn set_role(id: String, role: String) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let person = id.parse().map_err(|_| Failure::NotFound)?;
    let role =
        role_of(&role).ok_or_else(|| Failure::field("role", "A person is an admin or a lead."))?;
    crate::backend()
        .accounts
        .set_role(&admin, person, role)
        .await?;
    Done::go(paths::PEOPLE)
}

/// Who may call: admins.
#[server(prefix = "/api/ui", endpoint = "set_person_active")]
pub async fn set_person_active(id: String, is_active: bool) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let person = id.parse().map_err(|_| Failure::NotFound)?;
    crate::backend()
        .accounts
        .set_active(&admin, person, is_active)
        .await?;
    Done::go(paths::PEOPLE)
}

/// Who may call: anyone signed in, for himself.
#[server(prefix = "/api/ui", endpoint = "change_password")]
pub async fn change_password(current: String, new: String) -> Result<Done, Failure> {
    let viewer = crate::viewer()?;
    let form = crate::PasswordForm { current, new };
    let session = crate::backend()
        .accounts
        .change_password(&viewer, form)
        .await?;
    crate::begin_session(&session);
    Done::go(format!("{}?changed=1", paths::PROFILE))
}

fn role_of(word: &str) -> Option<domain::actor::Role> {
    use domain::actor::Role;
    [Role::Admin, Role::Lead]
        .into_iter()
        .find(|role| role.word() == word)
}

/// A page of the portal, or the overview: a link must not lead elsewhere after signing in. Pages' addresses are plain ASCII,
/// as a `Location` has to be; where forms are sent to (`/api/`) is no page.
pub(super) fn local_path(next: &str) -> String {
    let inside = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.starts_with("/api/")
        && next.bytes().all(|b| b.is_ascii_graphic());
    if inside {
        next.to_owned()
    } else {
        paths::OVERVIEW.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_in_the_portal() {
        for inside in ["/", "/runs?outcome=failed", "/integrations/1#a"] {
            assert_eq!(local_path(inside), inside);
        }
        for outside in [
            "",
            "/ü",
            "/a b",
            "/api/ui/set_theme",
            "https://example.com",
            "//example.com",
            "/\\example.com",
            "runs",
            "/\n/x",
            "/a\r\nset-cookie: a=b",
        ] {
            assert_eq!(local_path(outside), "/", "{outside:?}");
        }
    }

    #[test]
    fn a_role_is_one_of_two_words() {
        assert_eq!(role_of("admin"), Some(domain::actor::Role::Admin));
        assert_eq!(role_of("owner"), None);
    }
}
