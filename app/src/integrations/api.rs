use std::fmt;

use domain::ids::{DraftId, IntegrationId};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Done, Failure, IntegrationForm, paths};

/// Adds an integration; goes to its page.
#[server(prefix = "/api/ui", endpoint = "create_integration")]
pub async fn create_integration(#[server(flatten)] form: Fields) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let id = crate::backend()
        .integrations
        .create(&admin, form.of(None))
        .await?;
    Done::go(paths::integration(id))
}

/// Changes an integration's settings, unless somebody else changed them since the form was loaded.
#[server(prefix = "/api/ui", endpoint = "update_integration")]
pub async fn update_integration(
    id: IntegrationId,
    #[server(flatten)] form: Fields,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .integrations
        .update(&admin, id, form.of(Some(id)))
        .await?;
    Done::go(paths::integration(id))
}

/// Switches an integration on or off; what was copied stays.
#[server(prefix = "/api/ui", endpoint = "set_integration_active")]
pub async fn set_integration_active(id: IntegrationId, is_active: bool) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .integrations
        .set_active(&admin, id, is_active)
        .await?;
    Done::go(paths::integration(id))
}

/// Puts a new key in the old one's place, once Plane has accepted it.
#[server(prefix = "/api/ui", endpoint = "replace_key")]
pub async fn replace_key(
    id: IntegrationId,
    #[server(default)] api_key: TypedKey,
    #[server(default)] key_expires_on: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .integrations
        .replace_key(&admin, id, api_key.0, &key_expires_on)
        .await?;
    Done::go(paths::integration(id))
}

/// Deletes an integration and everything that was copied with it.
#[server(prefix = "/api/ui", endpoint = "delete_integration")]
pub async fn delete_integration(
    id: IntegrationId,
    #[server(default)] typed_name: String,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    crate::backend()
        .integrations
        .delete(&admin, id, &typed_name)
        .await?;
    Done::go(paths::INTEGRATIONS)
}

/// Tests a saved integration; goes to the result.
#[server(prefix = "/api/ui", endpoint = "test_integration")]
pub async fn test_integration(id: IntegrationId) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let test = crate::backend().integrations.test(&admin, id).await?;
    Done::go(paths::connection_test(id, test.id))
}

/// Tests what stands in a form before it is saved; goes back to the form, which then shows the result.
#[server(prefix = "/api/ui", endpoint = "test_integration_form")]
pub async fn test_integration_form(
    #[server(default)] integration: Option<IntegrationId>,
    #[server(flatten)] form: Fields,
) -> Result<Done, Failure> {
    let admin = crate::admin()?;
    let draft = crate::backend()
        .integrations
        .test_form(&admin, form.of(integration))
        .await?;
    let page = integration.map_or(paths::NEW_INTEGRATION.to_owned(), paths::edit_integration);
    Done::go(paths::with_draft(&page, draft) + "#test")
}

/// The fields of an integration's form as they are sent; a missing one is empty.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Fields {
    pub integration_name: String,
    pub description: String,
    pub base_url: String,
    pub workspace: String,
    pub project_id: String,
    pub auth_scheme: String,
    pub interval_minutes: String,
    pub quiet_from: String,
    pub quiet_to: String,
    pub quiet_zone: String,
    pub test_minutes: String,
    pub key_expires_on: String,
    pub tags: String,
    pub api_key: TypedKey,
    pub version: String,
    pub draft: String,
}

impl Fields {
    /// The form as the port takes it, of the integration that is edited.
    pub fn of(self, integration: Option<IntegrationId>) -> IntegrationForm {
        IntegrationForm {
            integration_name: self.integration_name,
            description: self.description,
            base_url: self.base_url,
            workspace: self.workspace,
            project_id: self.project_id,
            auth_scheme: self.auth_scheme,
            interval_minutes: self.interval_minutes,
            quiet_from: self.quiet_from,
            quiet_to: self.quiet_to,
            quiet_zone: self.quiet_zone,
            test_minutes: self.test_minutes,
            key_expires_on: self.key_expires_on,
            tags: self.tags,
            api_key: self.api_key.0,
            integration,
            version: self.version.parse().ok(),
            draft: self.draft.parse::<DraftId>().ok(),
        }
    }
}

/// A key as somebody typed it: the framework's argument types print themselves, this one does not.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedKey(pub String);

impl fmt::Debug for TypedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leptos::server_fn::ServerFn;

    #[test]
    fn the_addresses_are_the_ones_that_forms_and_guards_name() {
        let paths = [
            CreateIntegration::PATH,
            UpdateIntegration::PATH,
            SetIntegrationActive::PATH,
            ReplaceKey::PATH,
            DeleteIntegration::PATH,
            TestIntegration::PATH,
            TestIntegrationForm::PATH,
        ];
        let names = [
            "create_integration",
            "update_integration",
            "set_integration_active",
            "replace_key",
            "delete_integration",
            "test_integration",
            "test_integration_form",
        ];
        assert_eq!(
            paths.map(str::to_owned),
            names.map(|name| format!("/api/ui/{name}"))
        );
    }

    #[test]
    fn a_typed_key_is_never_printed() {
        let form = Fields {
            api_key: TypedKey("plane_api_secret".into()),
            ..Fields::default()
        };
        let printed = format!("{:?}", CreateIntegration { form });
        assert!(!printed.contains("secret"), "{printed}");
    }
}
