/// Forms that came back.
mod drafts;
/// What a form says, checked field by field.
mod form;
/// What pages and server functions may ask for.
mod port;
/// The staged connection test.
pub mod probe;

use std::sync::Arc;

use app::{Failure, IntegrationForm};
use domain::{
    actor::Admin,
    connection_test::{ConnectionTest, TestProgress},
    ids::{IntegrationId, TestId},
    integration::{AuthScheme, Integration, KeyHint},
    text::{BaseUrl, WorkspaceSlug},
    usage::{PlaneKey, Purpose},
};
use plane::BudgetKey;
use secrecy::{ExposeSecret as _, SecretString};
use store::{SealedKey, Store};
use tokio::runtime::Handle;
use tracing::{Instrument as _, Span};

use self::{drafts::KeyRule, form::Checked};
use crate::{
    budgets::Budgets,
    clock::Clock,
    egress::Egress,
    failure::{from_store, internal},
    health::usage::UsageLog,
    metrics::Metrics,
    rng::Rng,
    timing::Timing,
    traces::TraceSpan as _,
    trends::LagLog,
    vault::{Place, Vault},
};

const NO_KEY: &str =
    "Enter the API key. Plane makes one under Profile settings, Personal access tokens.";

/// Connect, test, change, replace the key, switch off, delete.
#[derive(Clone)]
pub struct IntegrationsService {
    pub store: Store,
    /// Where whatever nobody waits for is done: a long piece of work there never keeps an answer waiting.
    pub background: Handle,
    pub vault: Arc<Vault>,
    pub egress: Arc<Egress>,
    pub budgets: Arc<Budgets>,
    pub usage: UsageLog,
    pub metrics: Metrics,
    pub lags: LagLog,
    pub timing: Timing,
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
    is_scheduled: bool,
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
                    is_scheduled: false,
                })
            }
        }
    }

    /// A test of the schedule; `None`: the integration is gone.
    pub async fn prepare_check(&self, id: IntegrationId) -> Result<Option<PreparedTest>, Failure> {
        let integration = self.store.integration_for_work(id).await;
        let Some(integration) = integration.map_err(from_store)? else {
            return Ok(None);
        };
        let key = self.key_of(&integration).await?;
        Ok(Some(PreparedTest {
            is_scheduled: true,
            ..prepared(Some(id), &integration, key)
        }))
    }

    /// Runs a test to its end and keeps the result of a saved integration.
    pub async fn run_test(
        &self,
        test: PreparedTest,
        progress: impl FnMut(TestProgress) + Send,
    ) -> Result<ConnectionTest, Failure> {
        let id = TestId(self.rng.uuid_v7(self.clock.now()));
        self.run_test_as(id, test, progress).await
    }

    /// The same, with an id that was made before.
    pub async fn run_test_as(
        &self,
        id: TestId,
        test: PreparedTest,
        progress: impl FnMut(TestProgress) + Send,
    ) -> Result<ConnectionTest, Failure> {
        let span = tracing::info_span!(
            "connection test",
            otel.kind = "internal",
            hangar.test.id = %id,
            hangar.is_scheduled = test.is_scheduled,
        );
        let tested = self.run_test_in_trace(id, test, progress);
        let tested = tested.instrument(span.clone()).await;
        match &tested {
            Ok(test) if test.success => {}
            Ok(test) => span.fail(&test.status),
            Err(_) => span.fail("internal"),
        }
        tested
    }

    async fn run_test_in_trace(
        &self,
        id: TestId,
        test: PreparedTest,
        progress: impl FnMut(TestProgress) + Send,
    ) -> Result<ConnectionTest, Failure> {
        if let Some(integration) = test.integration {
            Span::current().say("hangar.integration.id", integration.to_string());
        }
        let fingerprint = self.vault.fingerprint(&test.key);
        let target = probe::Target {
            base: &test.base,
            workspace: &test.workspace,
            auth: test.auth,
            budget: self.budgets.for_key(&test.base, &fingerprint),
            on_call: self.usage.listener(
                test.integration,
                plane_key(&test.base, &fingerprint),
                match test.is_scheduled {
                    true => Purpose::HealthCheck,
                    false => Purpose::ConnectionTest,
                },
            ),
            key: test.key,
        };
        let is_scheduled = test.is_scheduled;
        let mut result = probe::probe(
            self.timing.whole_test,
            &self.egress,
            target,
            id,
            test.integration,
            &self.clock,
            progress,
        )
        .await;
        result.is_scheduled = is_scheduled;
        if test.integration.is_some() {
            self.store.save_test(&result).await.map_err(from_store)?;
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

    fn seal(&self, id: IntegrationId, key: &SecretString) -> Result<SealedKey, Failure> {
        let hint = self.hint(key);
        let sealed = self
            .vault
            .seal(&key_place(id, &hint), key)
            .map_err(|error| internal(&error, error.code()))?;
        Ok(SealedKey { sealed, hint })
    }
}

/// The key as calls with it are counted.
pub(crate) fn plane_key(base: &BaseUrl, fingerprint: &str) -> PlaneKey {
    let BudgetKey {
        origin,
        fingerprint,
    } = BudgetKey::new(base, fingerprint);
    PlaneKey {
        origin,
        fingerprint,
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
        is_scheduled: false,
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
