use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    time::Duration,
};

use app::{
    BurstReport, BurstRow, Failure, Inbox, IntegrationForm, Integrations as _, Rechecked,
    SilentWebhook, WebhookReport, integrations::api::TypedKey,
};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{BurstId, IntegrationId, ProjectId, ReplayId, WorkItemId},
    inbox::{Burst, BurstFilter, Retention},
    page::{Cursor, Page},
    replay::{MOST_CHOSEN, Replay, ReplayScope},
    silence::Coverage,
};
use secrecy::{ExposeSecret as _, SecretString};
use store::SealedSecret;

use super::{
    InboxService,
    address::{Seen, problems},
    hooks::{open, secret_place},
    shown::event_report,
};
use crate::failure::{from_store, internal};

const PAGE: u32 = 50;
/// So long the secret before the current one still counts: Plane uses the new one at once, but what it tries again was signed
/// before.
const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// So long a replacement may take.
const ROTATION: TimeDelta = TimeDelta::hours(24);
/// So long a secret that was made here is shown, to be copied.
const SHOWN: TimeDelta = TimeDelta::minutes(10);
/// A name that does not resolve by then is not waited for.
const RESOLVE: Duration = Duration::from_secs(1);

#[async_trait]
impl Inbox for InboxService {
    async fn webhook(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
    ) -> Result<WebhookReport, Failure> {
        let row = self.0.integrations.get(viewer, integration).await?;
        let webhook = self.store().webhook(viewer, integration).await;
        let webhook = webhook.map_err(from_store)?;
        let tests = self
            .store()
            .tests_of(viewer, integration, false, None, 1)
            .await;
        let test = tests.map_err(from_store)?.rows.pop();
        let settings = &row.integration.settings;
        let seen = Seen {
            address: &self.0.public_url,
            resolved: &self.resolved().await,
            plane_host: settings.base_url.host(),
            plane_version: test.as_ref().and_then(|test| test.plane_version.as_deref()),
        };
        let now = self.now();
        let week = now - TimeDelta::weeks(1);
        let hours = self.store().webhook_hours(integration, week).await;
        let hours = hours.map_err(from_store)?;
        let shown = webhook
            .as_ref()
            .and_then(|webhook| webhook.secret_shown_until);
        let made_secret = match viewer.is_admin() && shown.is_some_and(|until| now < until) {
            true => self.current_secret(integration).await?,
            false => None,
        };
        Ok(WebhookReport {
            day: Coverage::since(&hours, now - TimeDelta::days(1)),
            week: Coverage::since(&hours, week),
            made_secret: made_secret.map(|secret| TypedKey(secret.expose_secret().to_owned())),
            refusals: problems(&seen),
            address: webhook.as_ref().map(|webhook| self.address(&webhook.path)),
            plane_settings: format!(
                "{}/{}/settings/webhooks/",
                app_of(settings.base_url.as_str()),
                settings.workspace
            ),
            webhook,
            integration: row,
        })
    }

    async fn create_webhook(
        &self,
        admin: &Admin,
        integration: IntegrationId,
    ) -> Result<(), Failure> {
        let path = hex::encode(self.0.integrations.rng.bytes::<16>());
        let made = self
            .store()
            .create_webhook(admin, integration, &path, self.now())
            .await
            .map_err(from_store)?;
        self.0.hooks.forget();
        made.then_some(()).ok_or(Failure::NotFound)
    }

    async fn save_secret(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        secret: String,
    ) -> Result<Rechecked, Failure> {
        let secret = match checked(&secret) {
            Ok(secret) => secret,
            // The secret itself is not kept: it is of no use.
            Err(failure) => {
                let form = IntegrationForm::default();
                return Err(self.0.integrations.keep(admin, &form, failure, None).await);
            }
        };
        self.set_secret(admin, integration, &secret, None).await?;
        self.check_again(integration).await.map_err(from_store)
    }

    async fn make_secret(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure> {
        let random = hex::encode(self.0.integrations.rng.bytes::<16>());
        let secret = SecretString::from(format!("plane_wh_{random}"));
        let until = self.now() + SHOWN;
        self.set_secret(admin, integration, &secret, Some(until))
            .await?;
        self.0.hooks.forget();
        Ok(())
    }

    async fn hide_secret(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure> {
        let hidden = self.store().hide_secret(admin, integration).await;
        hidden.map_err(from_store)
    }

    async fn test_itself(&self, admin: &Admin, integration: IntegrationId) -> Result<(), Failure> {
        InboxService::test_itself(self, admin, integration).await
    }

    async fn keep_events(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        keeps: Retention,
    ) -> Result<(), Failure> {
        let wrong = [
            ("days", Retention::DAYS, keeps.days),
            ("megabytes", Retention::MEGABYTES, keeps.megabytes),
        ]
        .into_iter()
        .find(|(_, range, value)| !range.contains(value));
        if let Some((field, range, _)) = wrong {
            let says = format!("From {} to {}.", range.start(), range.end());
            let failure = Failure::field(field, says);
            let form = IntegrationForm::default();
            return Err(self.0.integrations.keep(admin, &form, failure, None).await);
        }
        let now = self.now();
        let is_there = self
            .store()
            .keep_events(admin, integration, keeps, now)
            .await;
        is_there
            .map_err(from_store)?
            .then_some(())
            .ok_or(Failure::NotFound)?;
        self.tidy().await.map_err(from_store)
    }

    async fn silent_webhooks(&self, viewer: &Viewer) -> Result<Vec<SilentWebhook>, Failure> {
        let silent = self.store().silent_webhooks(viewer).await;
        let mut named = Vec::new();
        for webhook in silent.map_err(from_store)? {
            let id = webhook.integration;
            let found = self.store().integration(viewer, id).await;
            let found = found.map_err(from_store)?;
            if let (Some(integration), Some((silence, since))) = (found, webhook.silence) {
                named.push(SilentWebhook {
                    integration: id,
                    integration_name: integration.settings.integration_name.to_string(),
                    silence,
                    since,
                });
            }
        }
        Ok(named)
    }

    async fn rotate(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        is_open: bool,
    ) -> Result<(), Failure> {
        let now = self.now();
        let until = is_open.then_some(now + ROTATION);
        let is_there = self
            .store()
            .rotate_webhook(admin, integration, until, now)
            .await
            .map_err(from_store)?;
        self.0.hooks.forget();
        is_there.then_some(()).ok_or(Failure::NotFound)
    }

    async fn bursts(
        &self,
        viewer: &Viewer,
        filter: &BurstFilter,
        after: Option<Cursor>,
    ) -> Result<Page<BurstRow>, Failure> {
        let page = self
            .store()
            .bursts(viewer, filter, after.as_ref(), PAGE)
            .await
            .map_err(from_store)?;
        let (mut rows, mut names) = (Vec::with_capacity(page.rows.len()), Names::default());
        for burst in page.rows {
            rows.push(self.row(viewer, burst, &mut names).await?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    async fn burst(
        &self,
        viewer: &Viewer,
        integration: IntegrationId,
        id: BurstId,
        unmasked: Option<&Admin>,
    ) -> Result<BurstReport, Failure> {
        let found = self.store().burst(viewer, integration, id).await;
        let (burst, keys) = found.map_err(from_store)?.ok_or(Failure::NotFound)?;
        let kept = self.store().kept_events(integration, &keys).await;
        let mut kept = kept.map_err(from_store)?;
        kept.sort_by_key(|event| event.received_at);
        if let Some(admin) = unmasked {
            let noted = self
                .store()
                .note_unmasked(admin, integration, id, self.now());
            noted.await.map_err(from_store)?;
        }
        let webhook = self.store().webhook(viewer, integration).await;
        let address = webhook
            .map_err(from_store)?
            .map(|webhook| self.address(&webhook.path));
        let is_copied = match (burst.project, burst.entity) {
            (Some(project), Some(item)) if burst.number.is_some() => {
                let item = WorkItemId(item);
                let name = self
                    .store()
                    .work_item_name(viewer, integration, project, item)
                    .await;
                name.map_err(from_store)?.is_some()
            }
            _ => false,
        };
        let found = self.store().integration(viewer, integration).await;
        let settings = found
            .map_err(from_store)?
            .ok_or(Failure::NotFound)?
            .settings;
        let row = self.row(viewer, burst, &mut Names::default()).await?;
        let plane_url = row.identifier.as_ref().map(|identifier| {
            let app = app_of(settings.base_url.as_str());
            format!("{app}/{}/browse/{identifier}/", settings.workspace)
        });
        Ok(BurstReport {
            row,
            events: kept
                .iter()
                .map(|event| event_report(event, unmasked.and(address.as_deref())))
                .collect(),
            is_copied,
            plane_url,
        })
    }

    async fn apply_again(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        burst: BurstId,
    ) -> Result<(), Failure> {
        let now = self.now();
        let is_over = self
            .store()
            .replay_burst(admin, integration, burst, now)
            .await;
        if is_over.map_err(from_store)? {
            self.changed();
            self.0.wake.notify_one();
        }
        Ok(())
    }

    async fn start_replay(
        &self,
        admin: &Admin,
        scope: ReplayScope,
        is_dry: bool,
    ) -> Result<ReplayId, Failure> {
        if let ReplayScope::Chosen(chosen) = &scope
            && !(1..=MOST_CHOSEN).contains(&chosen.len())
        {
            let says = "Tick at least one line.";
            let (form, failure) = (IntegrationForm::default(), Failure::field("chosen", says));
            return Err(self.0.integrations.keep(admin, &form, failure, None).await);
        }
        let started = self
            .store()
            .start_replay(admin, &scope, is_dry, self.now())
            .await;
        let id = started.map_err(from_store)?;
        self.0.replay.notify_one();
        Ok(id)
    }

    async fn replay(&self, viewer: &Viewer, id: ReplayId) -> Result<Replay, Failure> {
        let found = self.store().replay(viewer, id).await.map_err(from_store)?;
        found.ok_or(Failure::NotFound)
    }

    async fn replays(&self, viewer: &Viewer) -> Result<Vec<Replay>, Failure> {
        self.store().replays(viewer, PAGE).await.map_err(from_store)
    }

    async fn cancel_replay(&self, admin: &Admin, id: ReplayId) -> Result<(), Failure> {
        let cancelled = self.store().cancel_replay(admin, id, self.now()).await;
        if cancelled.map_err(from_store)? {
            self.changed();
        }
        Ok(())
    }
}

impl InboxService {
    async fn set_secret(
        &self,
        admin: &Admin,
        integration: IntegrationId,
        secret: &SecretString,
        shown_until: Option<DateTime<Utc>>,
    ) -> Result<(), Failure> {
        let set_at = self.now();
        let sealed = self
            .0
            .integrations
            .vault
            .seal(&secret_place(integration, set_at), secret)
            .map_err(|error| internal(&error, error.code()))?;
        let text = secret.expose_secret();
        let last_four = &text[text.len() - 4..]; // ASCII, and longer than that
        let sealed = SealedSecret { sealed, set_at };
        let saved = self
            .store()
            .save_webhook_secret(
                admin,
                integration,
                sealed,
                last_four,
                set_at + OVERLAP,
                shown_until,
            )
            .await
            .map_err(from_store)?;
        saved.then_some(()).ok_or(Failure::NotFound)
    }

    async fn current_secret(
        &self,
        integration: IntegrationId,
    ) -> Result<Option<SecretString>, Failure> {
        let known = self.hooks().await;
        let Some(hook) = known.map_err(from_store)?.of(integration) else {
            return Ok(None);
        };
        let secret = hook
            .current
            .as_ref()
            .map(|secret| open(&self.0.integrations.vault, integration, secret));
        secret
            .transpose()
            .map_err(|error| internal(&error, error.code()))
    }

    pub(super) fn address(&self, path: &str) -> String {
        let base = self.0.public_url.as_str().trim_end_matches('/');
        format!("{base}/api/webhooks/plane/{path}")
    }

    /// What Plane would find behind this portal's name.
    async fn resolved(&self) -> Vec<IpAddr> {
        let url = &self.0.public_url;
        let Some(host) = url.host_str() else {
            return Vec::new();
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let host = host.trim_matches(['[', ']']);
        let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, port))).await;
        match found {
            Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
            _ => Vec::new(),
        }
    }

    async fn row(
        &self,
        viewer: &Viewer,
        burst: Burst,
        names: &mut Names,
    ) -> Result<BurstRow, Failure> {
        let id = burst.integration;
        if let Entry::Vacant(slot) = names.integrations.entry(id) {
            let found = self.store().integration(viewer, id).await;
            let name = found
                .map_err(from_store)?
                .map(|found| found.settings.integration_name.to_string());
            slot.insert(name.unwrap_or_default());
        }
        if let Some(project) = burst.project
            && let Entry::Vacant(slot) = names.projects.entry((id, project))
        {
            let found = self.store().project(viewer, id, project).await;
            let found = found.map_err(from_store)?;
            slot.insert(found.map(|found| found.project.identifier));
        }
        let identifier = burst
            .project
            .and_then(|project| names.projects.get(&(id, project))?.clone());
        Ok(BurstRow {
            integration_name: names.integrations[&id].clone(),
            identifier: identifier
                .zip(burst.number)
                .map(|(identifier, number)| format!("{identifier}-{number}")),
            burst,
        })
    }
}

/// What the rows of one list are called; most of them share it.
#[derive(Default)]
struct Names {
    integrations: HashMap<IntegrationId, String>,
    projects: HashMap<(IntegrationId, ProjectId), Option<String>>,
}

/// A secret as it was pasted.
fn checked(text: &str) -> Result<SecretString, Failure> {
    let text = text.trim();
    let is_fine = (16..=200).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
    match is_fine {
        true => Ok(SecretString::from(text.to_owned())),
        false if text.is_empty() => Err(Failure::field(
            "secret",
            "Paste the secret that Plane shows once, when the webhook is made.",
        )),
        false => Err(Failure::field(
            "secret",
            "This is no secret of Plane’s: those are plane_wh_ and 32 more letters and digits.",
        )),
    }
}

/// Where people use the Plane whose API is at this address.
fn app_of(base: &str) -> String {
    let base = base.trim_end_matches('/');
    match base {
        "https://api.plane.so" => "https://app.plane.so".to_owned(),
        other => other.to_owned(),
    }
}
