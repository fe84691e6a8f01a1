use app::{Failure, IntegrationForm, Integrations};
use async_trait::async_trait;
use domain::{
    actor::{Admin, Viewer},
    audit::AuditEntry,
    connection_test::ConnectionTest,
    ids::{DraftId, IntegrationId, TestId},
    integration::{
        DeletionCost, IntegrationCounts, IntegrationFilter, IntegrationList, IntegrationRow,
    },
    page::{Cursor, Page},
};
use secrecy::SecretString;
use store::{Change, NewIntegration};

use super::{IntegrationsService, NO_KEY, TestTarget, drafts::KeyRule, form, prepared};
use crate::failure::from_store;

const PAGE: u32 = 50;

#[async_trait]
impl Integrations for IntegrationsService {
    async fn list(
        &self,
        viewer: &Viewer,
        filter: &IntegrationFilter,
        after: Option<Cursor>,
    ) -> Result<IntegrationList, Failure> {
        let now = self.clock.now();
        self.store
            .integration_rows(viewer, filter, after.as_ref(), PAGE, now)
            .await
            .map_err(from_store)
    }

    async fn counts(&self, viewer: &Viewer) -> Result<IntegrationCounts, Failure> {
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
        let new = NewIntegration {
            id,
            settings: checked.settings,
            key: self.seal(id, &key)?,
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

        let new_key = new_key.map(|key| self.seal(id, &key)).transpose()?;
        match self
            .store
            .update_integration(admin, id, version, checked.settings, new_key, now)
            .await
        {
            Ok(Change::Saved(_)) => Ok(()),
            Ok(Change::Gone) => Err(Failure::NotFound),
            Ok(Change::Conflict(_)) => {
                let message = "Somebody else changed this integration while you were editing it. Nothing was overwritten: \
                               compare, then save again."
                    .to_owned();
                let conflict = Failure::Conflict {
                    message,
                    draft: None,
                };
                Err(self.keep(admin, &form, conflict, None).await)
            }
            Err(error) => Err(self.taken(admin, &form, error).await),
        }
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
        expires_on: &str,
    ) -> Result<(), Failure> {
        let viewer = admin.clone().viewer();
        let typed = IntegrationForm {
            key_expires_on: expires_on.to_owned(),
            ..IntegrationForm::default()
        };
        let refused = async |says: String, test| self.refused_key(says, &typed, admin, test).await;
        let mut integration = self
            .store
            .integration(&viewer, id)
            .await
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?;
        let key: SecretString = match form::key(&new_key) {
            Ok(Some(key)) => key,
            Ok(None) => {
                return Err(refused("Enter the new API key.".to_owned(), None).await);
            }
            Err(says) => return Err(refused(says, None).await),
        };
        integration.settings.key_expires_on = match form::day(expires_on) {
            Ok(day) => day,
            Err(says) => {
                let failure = Failure::field("key_expires_on", says);
                return Err(self.keep(admin, &typed, failure, None).await);
            }
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
            return Err(refused(says, Some(test)).await);
        }
        let (sealed, now) = (self.seal(id, &key)?, self.clock.now());
        match self
            .store
            .replace_key(admin, integration, sealed, now)
            .await
            .map_err(from_store)?
        {
            Change::Saved(_) => Ok(()),
            Change::Gone => Err(Failure::NotFound),
            Change::Conflict(_) => {
                let says = "Somebody changed this integration while the key was tested. Test it once more; the old key \
                            stays in use.";
                Err(refused(says.to_owned(), None).await)
            }
        }
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
        only_failed: bool,
        after: Option<Cursor>,
    ) -> Result<Page<ConnectionTest>, Failure> {
        self.store
            .tests_of(viewer, id, only_failed, after.as_ref(), PAGE)
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
            .history(viewer, Some(id), after.as_ref(), PAGE)
            .await
            .map_err(from_store)
    }
}
