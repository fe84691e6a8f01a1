use app::{IntegrationForm, PersonForm};
use domain::{actor::User, integration::IntegrationFilter, text::Email};
use serde::Deserialize;

use crate::portal::Portal;

const ADMIN: &str = "admin@demo.example";
const LEAD: &str = "lead@demo.example";

/// What the fake Plane says of itself when it starts with `--demo`.
#[derive(Deserialize)]
struct Demo {
    url: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    member: String,
    unruly: String,
    revoked: String,
}

/// Why the demo could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("this is not what `fake-plane --demo` prints: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Failure(#[from] app::Failure),
    #[error("{0}")]
    Store(#[from] store::Error),
    #[error("{0}")]
    Text(#[from] domain::text::TextError),
    #[error("{ADMIN} is there but is not an admin")]
    NoAdmin,
}

/// Makes the demo's people and integrations where they are missing, and starts a run of each integration. Goes through
/// the same doors as a person would. Prints the login once, since the password is made up here.
pub async fn connect(portal: &Portal, json: &str) -> Result<(), DemoError> {
    let demo: Demo = serde_json::from_str(json)?;
    let admin_email: Email = ADMIN.parse()?;
    if portal.store.user_for_sign_in(&admin_email).await?.is_none() {
        let password = portal
            .accounts
            .create_admin(ADMIN, "Demo Admin", None)
            .await?;
        println!("demo login: {ADMIN} / {}", password.unwrap_or_default());
    }
    let (user, _) = portal
        .store
        .user_for_sign_in(&admin_email)
        .await?
        .ok_or(DemoError::NoAdmin)?;
    let admin = User::admin(user).ok_or(DemoError::NoAdmin)?;
    let viewer = admin.clone().viewer();
    if portal
        .store
        .user_for_sign_in(&LEAD.parse()?)
        .await?
        .is_none()
    {
        let password = hex::encode(portal.rng.bytes::<10>());
        let form = PersonForm {
            name: "Demo Lead".to_owned(),
            email: LEAD.to_owned(),
            password: password.clone(),
            role: "lead".to_owned(),
        };
        portal.backend.accounts.add_person(&admin, form).await?;
        println!("demo login of a team lead: {LEAD} / {password}");
    }

    let workspaces = [
        (
            "Acme product",
            "acme",
            demo.keys.member,
            "Twelve projects and 5,000 work items of the demo's fake Plane.",
        ),
        (
            "Unruly Inc",
            "unruly",
            demo.keys.unruly,
            "This Plane misbehaves: slow, answers 429 and 500, cuts answers off.",
        ),
        (
            "Acme, revoked key",
            "acme",
            demo.keys.revoked,
            "The key was revoked in Plane: replace it to see it recover.",
        ),
    ];
    for (name, slug, key, description) in workspaces {
        let filter = IntegrationFilter {
            q: name.to_owned(),
            ..IntegrationFilter::default()
        };
        let found = portal
            .backend
            .integrations
            .list(&viewer, &filter, None)
            .await?
            .rows;
        let known = found
            .iter()
            .find(|r| r.integration.settings.integration_name.as_str() == name);
        let id = match known {
            Some(row) => row.integration.id,
            None => {
                let form = IntegrationForm {
                    integration_name: name.to_owned(),
                    base_url: demo.url.clone(),
                    workspace: slug.to_owned(),
                    api_key: key,
                    description: description.to_owned(),
                    ..IntegrationForm::default()
                };
                portal.backend.integrations.create(&admin, form).await?
            }
        };
        portal.backend.runs.start(&admin, id).await?;
    }
    Ok(())
}
