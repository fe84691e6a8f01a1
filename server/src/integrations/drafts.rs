//! Forms that came back: what was typed is kept for an hour, the key sealed, so that nobody has to type it again.

use std::collections::BTreeMap;

use app::{Failure, IntegrationForm};
use chrono::TimeDelta;
use domain::{actor::Admin, connection_test::ConnectionTest, ids::DraftId};
use secrecy::SecretString;
use store::Draft;

use super::{
    IntegrationsService, NO_KEY,
    form::{self, Checked},
};
use crate::{
    failure::{from_store, internal},
    vault::Place,
};

/// How long a form that came back, and the key sealed in it, is kept.
const DRAFT_LIFE: TimeDelta = TimeDelta::hours(1);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyRule {
    Demanded,
    NotNeeded,
}

impl IntegrationsService {
    /// Checks a form; what was typed is kept as a draft when something is wrong with it.
    pub(super) async fn check(
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
    pub(crate) async fn keep(
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
        failure.with_draft(kept)
    }

    pub(super) async fn save_draft(
        &self,
        admin: &Admin,
        form: &IntegrationForm,
        errors: BTreeMap<String, String>,
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
    pub(super) async fn taken(
        &self,
        admin: &Admin,
        form: &IntegrationForm,
        error: store::Error,
    ) -> Failure {
        match error {
            store::Error::Taken { .. } => {
                let failure =
                    Failure::field("integration_name", "Another integration has this name.");
                self.keep(admin, form, failure, None).await
            }
            error => from_store(error),
        }
    }

    pub(super) async fn refused_key(
        &self,
        says: String,
        typed: &IntegrationForm,
        admin: &Admin,
        test: Option<ConnectionTest>,
    ) -> Failure {
        // The refused key itself is not kept: it is of no use.
        self.keep(admin, typed, Failure::field("api_key", says), test)
            .await
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
