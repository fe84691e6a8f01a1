/// What a form says, checked field by field.
mod form;
/// The staged connection test.
pub mod probe;

use std::sync::Arc;

use app::{Failure, IntegrationForm, Integrations};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    audit::AuditEntry,
    connection_test::{ConnectionTest, TestProgress},
    ids::{DraftId, IntegrationId, TestId},
    integration::{
        AuthScheme, DeletionCost, Integration, IntegrationFilter, IntegrationRow, KeyHint,
    },
    page::{Cursor, Page},
    text::{BaseUrl, WorkspaceSlug},
};
use plane::Budgets;
use secrecy::{ExposeSecret as _, SecretString};
use store::{Change, Draft, NewIntegration, Store};

use self::form::Checked;
use crate::{
    clock::Clock,
    egress::Egress,
    failure::{from_store, internal},
    rng::Rng,
    vault::{Place, Vault},
};

const PAGE: u32 = 50;
/// How long a form that came back, and the key sealed in it, is kept.
const DRAFT_LIFE: TimeDelta = TimeDelta::hours(1);

const NO_KEY: &str =
    "Enter the API key. Plane makes one under Profile settings, Personal access tokens.";

/// Connect, test, change, replace the key, switch off, delete.
#[derive(Clone)]
pub struct IntegrationsService {
    pub store: Store,
    pub vault: Arc<Vault>,
    pub egress: Arc<Egress>,
    pub budgets: Arc<Budgets>,
    pub clock: Clock,
    pub rng: Rng,
}

/// What to test: an integration as it is stored, or a form before it is saved.
pub enum TestTarget {
    Saved(IntegrationId),
    Form(Box<IntegrationForm>),
}

/// A connection test that may be run: who it goes to, with which key.
pub struct PreparedTest {
    integration: Option<IntegrationId>,
    base: BaseUrl,
    workspace: WorkspaceSlug,
    auth: AuthScheme,
    key: SecretString,
}

impl IntegrationsService {
    /// Everything that can be refused before a test starts.
    pub async fn prepare_test(
        &self,
        admin: &Admin,
        target: TestTarget,
    ) -> Result<PreparedTest, Failure> {
        match target {
            TestTarget::Saved(id) => {
                let viewer = admin.clone().viewer();
                let integration = self
                    .store
                    .integration(&viewer, id)
                    .await
                    .map_err(from_store)?
                    .ok_or(Failure::NotFound)?;
                let key = self.key_of(&integration).await?;
                Ok(prepared(Some(id), &integration, key))
            }
            TestTarget::Form(form) => {
                let mut checked = self.check(admin, &form, KeyRule::NotNeeded).await?;
                if let (None, Some(id)) = (&checked.key, form.integration) {
                    checked.key = self.stored_key_for(admin, id, &checked).await?;
                }
                let Some(key) = checked.key else {
                    return Err(self
                        .keep(admin, &form, Failure::field("api_key", NO_KEY), None)
                        .await);
                };
                Ok(PreparedTest {
                    integration: None,
                    base: checked.settings.base_url,
                    workspace: checked.settings.workspace,
                    auth: checked.settings.auth_scheme,
                    key,
                })
            }
        }
    }

    /// Runs a test to its end and keeps the result of a saved integration.
    pub async fn run_test(
        &self,
        test: PreparedTest,
        progress: impl FnMut(TestProgress) + Send,
    ) -> Result<ConnectionTest, Failure> {
        let now = self.clock.now();
        let id = TestId(self.rng.uuid_v7(now));
        let target = probe::Target {
            base: &test.base,
            workspace: &test.workspace,
            auth: test.auth,
            budget: self
                .budgets
                .for_key(&test.base, &self.vault.fingerprint(&test.key)),
            key: test.key,
        };
        let result = probe::probe(
            &self.egress,
            target,
            id,
            test.integration,
            &self.clock,
            progress,
        )
        .await;
        if test.integration.is_some() {
            self.store
                .save_test(&result, self.clock.now())
                .await
                .map_err(from_store)?;
        }
        Ok(result)
    }

    /// The key in clear, for a call to Plane.
    pub async fn key_of(&self, integration: &Integration) -> Result<SecretString, Failure> {
        let sealed = self
            .store
            .sealed_key(integration.id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        self.vault
            .unseal(&key_place(integration.id, &sealed.hint), &sealed.sealed)
            .map_err(|error| internal(&error, error.code()))
    }

    /// The key of the integration that a form edits, if it may be used for what the form now says: keys are write-only,
    /// so one never goes to another server than it was entered for.
    async fn stored_key_for(
        &self,
        admin: &Admin,
        id: IntegrationId,
        checked: &Checked,
    ) -> Result<Option<SecretString>, Failure> {
        let viewer = admin.clone().viewer();
        let integration = self
            .store
            .integration(&viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        if integration.settings.base_url != checked.settings.base_url {
            return Ok(None);
        }
        self.key_of(&integration).await.map(Some)
    }

    fn hint(&self, key: &SecretString) -> KeyHint {
        let text = key.expose_secret();
        let skip = text.chars().count().saturating_sub(4);
        KeyHint {
            last_four: text.chars().skip(skip).collect(),
            fingerprint: self.vault.fingerprint(key),
            replaced_at: self.clock.now(),
        }
    }

    fn seal(&self, id: IntegrationId, key: &SecretString) -> Result<(String, KeyHint), Failure> {
        let hint = self.hint(key);
        let sealed = self
            .vault
            .seal(&key_place(id, &hint), key)
            .map_err(|error| internal(&error, error.code()))?;
        Ok((sealed, hint))
    }

    /// Checks a form; what was typed is kept as a draft when something is wrong with it.
    async fn check(
        &self,
        admin: &Admin,
        form: &IntegrationForm,
        rule: KeyRule,
    ) -> Result<Checked, Failure> {
        let kept = self.kept_key(admin, form).await?;
        let outcome = form::check(form, &self.egress, kept);
        let failed = match outcome {
            Ok(checked) if rule == KeyRule::Demanded && checked.key.is_none() => {
                Failure::field("api_key", NO_KEY)
            }
            Ok(checked) => return Ok(checked),
            Err(errors) => Failure::invalid(errors),
        };
        Err(self.keep(admin, form, failed, None).await)
    }

    /// The key that was typed into an earlier version of this form and is kept, sealed, in its draft.
    async fn kept_key(
        &self,
        admin: &Admin,
        form: &IntegrationForm,
    ) -> Result<Option<SecretString>, Failure> {
        let Some(id) = form.draft else {
            return Ok(None);
        };
        let owner = Some(admin.user().id);
        let draft = self
            .store
            .draft(id, owner, self.clock.now())
            .await
            .map_err(from_store)?;
        let Some(sealed) = draft.and_then(|d| d.sealed_key) else {
            return Ok(None);
        };
        // A draft sealed under a key that is gone is as good as none: the field asks for it again.
        Ok(self.vault.unseal(&draft_place(id), &sealed).ok())
    }

    /// Keeps what was typed, and puts the draft's id into the failure.
    async fn keep(
        &self,
        admin: &Admin,
        form: &IntegrationForm,
        failure: Failure,
        test: Option<ConnectionTest>,
    ) -> Failure {
        let errors = match &failure {
            Failure::Invalid { fields, .. } => fields.clone(),
            _ => Default::default(),
        };
        let kept = match self
            .save_draft(admin, form, errors, Some(failure.to_string()), test)
            .await
        {
            Ok(id) => id,
            Err(failure) => return failure,
        };
        match failure {
            Failure::Invalid {
                message, fields, ..
            } => Failure::Invalid {
                message,
                fields,
                draft: Some(kept),
            },
            Failure::Conflict { message, .. } => Failure::Conflict {
                message,
                draft: Some(kept),
            },
            other => other,
        }
    }

    async fn save_draft(
        &self,
        admin: &Admin,
        form: &IntegrationForm,
        errors: std::collections::BTreeMap<String, String>,
        message: Option<String>,
        test: Option<ConnectionTest>,
    ) -> Result<DraftId, Failure> {
        let id = DraftId(self.rng.uuid_v4());
        let typed = form.api_key.trim();
        let key = if typed.is_empty() {
            self.kept_key(admin, form).await?
        } else {
            Some(typed.to_owned().into())
        };
        let sealed_key = key
            .as_ref()
            .map(|key| self.vault.seal(&draft_place(id), key))
            .transpose()
            .map_err(|error| internal(&error, error.code()))?;
        let draft = Draft {
            id,
            owner: Some(admin.user().id),
            form: "integration".to_owned(),
            values: form::values(form),
            errors,
            message,
            sealed_key,
            key_last_four: key.as_ref().map(|key| self.hint(key).last_four),
            test,
            expires_at: self.clock.now() + DRAFT_LIFE,
        };
        self.store.save_draft(&draft).await.map_err(from_store)?;
        Ok(id)
    }

    /// A name that is taken belongs to its field, and what was typed is kept.
    async fn taken(&self, admin: &Admin, form: &IntegrationForm, error: store::Error) -> Failure {
        match error {
            store::Error::Taken { .. } => {
                let failure =
                    Failure::field("integration_name", "Another integration has this name.");
                self.keep(admin, form, failure, None).await
            }
            error => from_store(error),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyRule {
    Demanded,
    NotNeeded,
}

#[async_trait]
impl Integrations for IntegrationsService {
    async fn list(
        &self,
        viewer: &Viewer,
        filter: &IntegrationFilter,
        after: Option<Cursor>,
    ) -> Result<Page<IntegrationRow>, Failure> {
        let now = self.clock.now();
        self.store
            .integration_rows(viewer, filter, after.as_ref(), PAGE, now)
            .await
            .map_err(from_store)
    }

    async fn counts(&self, viewer: &Viewer) -> Result<(u32, u32), Failure> {
        self.store
            .integration_counts(viewer)
            .await
            .map_err(from_store)
    }

    async fn get(&self, viewer: &Viewer, id: IntegrationId) -> Result<IntegrationRow, Failure> {
        let row = self
            .store
            .integration_row(viewer, id, self.clock.now())
            .await
            .map_err(from_store)?;
        row.ok_or(Failure::NotFound)
    }

    async fn create(&self, admin: &Admin, form: IntegrationForm) -> Result<IntegrationId, Failure> {
        let checked = self.check(admin, &form, KeyRule::Demanded).await?;
        let key = checked
            .key
            .ok_or_else(|| Failure::field("api_key", NO_KEY))?;
        let now = self.clock.now();
        let id = IntegrationId(self.rng.uuid_v7(now));
        let (sealed_key, hint) = self.seal(id, &key)?;
        let new = NewIntegration {
            id,
            settings: checked.settings,
            sealed_key,
            key: hint,
        };
        match self.store.create_integration(admin, new, now).await {
            Ok(integration) => Ok(integration.id),
            Err(error) => Err(self.taken(admin, &form, error).await),
        }
    }

    async fn update(
        &self,
        admin: &Admin,
        id: IntegrationId,
        form: IntegrationForm,
    ) -> Result<(), Failure> {
        let viewer = admin.clone().viewer();
        let current = self
            .store
            .integration(&viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        let version = form.version.ok_or_else(|| {
            Failure::field("version", "Load the page again and send it once more.")
        })?;
        let checked = self.check(admin, &form, KeyRule::NotNeeded).await?;
        let now = self.clock.now();

        // As above: a new address needs its key.
        let moves = checked.settings.base_url != current.settings.base_url;
        let new_key = checked.key.filter(|_| moves);
        if moves && new_key.is_none() && current.version == version {
            let failure = Failure::field(
                "api_key",
                "The stored key belongs to the old address. Enter the key for the new one.",
            );
            return Err(self.keep(admin, &form, failure, None).await);
        }

        match self
            .store
            .update_integration(admin, id, version, checked.settings, now)
            .await
        {
            Ok(Change::Saved(_)) => {}
            Ok(Change::Gone) => return Err(Failure::NotFound),
            Ok(Change::Conflict(_)) => {
                let message = "Somebody else changed this integration while you were editing it. Nothing was overwritten: \
                               compare, then save again."
                    .to_owned();
                return Err(self
                    .keep(
                        admin,
                        &form,
                        Failure::Conflict {
                            message,
                            draft: None,
                        },
                        None,
                    )
                    .await);
            }
            Err(error) => return Err(self.taken(admin, &form, error).await),
        }
        if let Some(key) = new_key {
            let (sealed, hint) = self.seal(id, &key)?;
            self.store
                .replace_key(admin, id, sealed, hint, now)
                .await
                .map_err(from_store)?;
        }
        Ok(())
    }

    async fn set_active(
        &self,
        admin: &Admin,
        id: IntegrationId,
        is_active: bool,
    ) -> Result<(), Failure> {
        let changed = self
            .store
            .set_active(admin, id, is_active, self.clock.now())
            .await
            .map_err(from_store)?;
        changed.map(drop).ok_or(Failure::NotFound)
    }

    async fn replace_key(
        &self,
        admin: &Admin,
        id: IntegrationId,
        new_key: String,
    ) -> Result<(), Failure> {
        let viewer = admin.clone().viewer();
        let integration = self
            .store
            .integration(&viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        let key: SecretString = match form::key(&new_key) {
            Ok(Some(key)) => key,
            Ok(None) => {
                return Err(self
                    .refused_key("Enter the new API key.".to_owned(), admin, None)
                    .await);
            }
            Err(says) => return Err(self.refused_key(says, admin, None).await),
        };
        let test = self
            .run_test(prepared(Some(id), &integration, key.clone()), |_| {})
            .await?;
        if !test.success {
            let says = test
                .error
                .clone()
                .unwrap_or_else(|| "The test failed.".to_owned());
            let says = format!("{says} The old key stays in use.");
            return Err(self.refused_key(says, admin, Some(test)).await);
        }
        let (sealed, hint) = self.seal(id, &key)?;
        let now = self.clock.now();
        let replaced = self
            .store
            .replace_key(admin, id, sealed, hint, now)
            .await
            .map_err(from_store)?;
        replaced.map(drop).ok_or(Failure::NotFound)
    }

    async fn deletion_cost(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
    ) -> Result<DeletionCost, Failure> {
        self.store
            .deletion_cost(viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)
    }

    async fn delete(
        &self,
        admin: &Admin,
        id: IntegrationId,
        typed_name: &str,
    ) -> Result<(), Failure> {
        let viewer = admin.clone().viewer();
        let integration = self
            .store
            .integration(&viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        let name = integration.settings.integration_name.as_str();
        if typed_name.trim() != name {
            let failure = Failure::field(
                "typed_name",
                format!("Type the name exactly as it is: {name}"),
            );
            return Err(self
                .keep(admin, &IntegrationForm::default(), failure, None)
                .await);
        }
        let deleted = self
            .store
            .delete_integration(admin, id, self.clock.now())
            .await
            .map_err(from_store)?;
        if deleted {
            Ok(())
        } else {
            Err(Failure::NotFound)
        }
    }

    async fn test(&self, admin: &Admin, id: IntegrationId) -> Result<ConnectionTest, Failure> {
        let prepared = self.prepare_test(admin, TestTarget::Saved(id)).await?;
        self.run_test(prepared, |_| {}).await
    }

    async fn test_form(&self, admin: &Admin, form: IntegrationForm) -> Result<DraftId, Failure> {
        let prepared = self
            .prepare_test(admin, TestTarget::Form(Box::new(form.clone())))
            .await?;
        let test = self.run_test(prepared, |_| {}).await?;
        self.save_draft(admin, &form, Default::default(), None, Some(test))
            .await
    }

    async fn tests(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        after: Option<Cursor>,
    ) -> Result<Page<ConnectionTest>, Failure> {
        self.store
            .tests_of(viewer, id, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }

    async fn connection_test(
        &self,
        viewer: &Viewer,
        id: TestId,
    ) -> Result<ConnectionTest, Failure> {
        self.store
            .connection_test(viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)
    }

    async fn history(
        &self,
        viewer: &Viewer,
        id: IntegrationId,
        after: Option<Cursor>,
    ) -> Result<Page<AuditEntry>, Failure> {
        self.store
            .history(viewer, id, after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }
}

impl IntegrationsService {
    async fn refused_key(
        &self,
        says: String,
        admin: &Admin,
        test: Option<ConnectionTest>,
    ) -> Failure {
        // The refused key itself is not kept: it is of no use.
        self.keep(
            admin,
            &IntegrationForm::default(),
            Failure::field("api_key", says),
            test,
        )
        .await
    }
}

fn prepared(
    id: Option<IntegrationId>,
    integration: &Integration,
    key: SecretString,
) -> PreparedTest {
    PreparedTest {
        integration: id,
        base: integration.settings.base_url.clone(),
        workspace: integration.settings.workspace.clone(),
        auth: integration.settings.auth_scheme,
        key,
    }
}

/// Where an integration's key belongs. The time it was put there stands in its row, so that an older sealed key that is
/// put back into the row does not open.
fn key_place(id: IntegrationId, hint: &KeyHint) -> Place {
    Place {
        table: "plane_integrations",
        record: id.to_string(),
        field: "api_key",
        version: hint.replaced_at.timestamp_micros().unsigned_abs(),
    }
}

fn draft_place(id: DraftId) -> Place {
    Place {
        table: "drafts",
        record: id.to_string(),
        field: "sealed_key",
        version: 1,
    }
}
