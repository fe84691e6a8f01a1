use chrono::{DateTime, Utc};
use domain::{
    freshness::Freshness,
    health::Health,
    ids::{IntegrationId, UserId},
    integration::{AuthScheme, Integration, IntegrationRow, IntegrationSettings, KeyHint, Pause},
    run::RunSummary,
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    error::Error,
    shape::{count, from_json, from_text, parse},
};

/// All columns but the sealed key.
pub(crate) const COLUMNS: &str = "uid, base_url, workspace, project_id, is_active, integration_name, description, created_at,
    updated_at, auth_scheme, interval_minutes, quiet_hours, test_minutes, key_expires_on, tags, paused_at, paused_by, paused_by_name, pause_note,
    key_last_four, key_fingerprint, key_replaced_at, version";

#[derive(SurrealValue)]
pub(crate) struct Stored {
    pub(crate) uid: Uuid,
    base_url: String,
    workspace: Option<String>,
    project_id: Option<String>,
    is_active: bool,
    integration_name: Option<String>,
    description: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    auth_scheme: String,
    interval_minutes: i64,
    quiet_hours: Option<String>,
    test_minutes: i64,
    key_expires_on: Option<String>,
    tags: Vec<String>,
    paused_at: Option<DateTime<Utc>>,
    paused_by: Option<Uuid>,
    paused_by_name: Option<String>,
    pause_note: Option<String>,
    key_last_four: String,
    key_fingerprint: String,
    key_replaced_at: DateTime<Utc>,
    version: i64,
}

impl Stored {
    pub(crate) fn integration(self) -> Result<Integration, Error> {
        Ok(Integration {
            id: IntegrationId(self.uid),
            settings: IntegrationSettings {
                integration_name: parse(&self.integration_name.unwrap_or_default())?,
                description: self.description.unwrap_or_default(),
                base_url: parse(&self.base_url)?,
                workspace: parse(&self.workspace.unwrap_or_default())?,
                project_id: self.project_id.as_deref().map(parse).transpose()?,
                auth_scheme: AuthScheme::from_word(&self.auth_scheme),
                interval_minutes: count(self.interval_minutes),
                quiet_hours: self.quiet_hours.as_deref().map(parse).transpose()?,
                test_minutes: count(self.test_minutes),
                key_expires_on: self
                    .key_expires_on
                    .as_deref()
                    .and_then(|day| day.parse().ok()),
                tags: parse(&self.tags.join(","))?,
            },
            is_active: self.is_active,
            paused: self.paused_at.zip(self.paused_by).map(|(at, by)| Pause {
                at,
                by: UserId(by),
                by_name: self.paused_by_name.unwrap_or_default(),
                note: self.pause_note.unwrap_or_default(),
            }),
            key: KeyHint {
                last_four: self.key_last_four,
                fingerprint: self.key_fingerprint,
                replaced_at: self.key_replaced_at,
            },
            version: count(self.version),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// What a person sets, as it is stored.
#[derive(SurrealValue)]
pub(super) struct Settings {
    base_url: String,
    workspace: Option<String>,
    project_id: Option<String>,
    integration_name: Option<String>,
    name_key: String,
    description: Option<String>,
    auth_scheme: String,
    interval_minutes: i64,
    quiet_hours: Option<String>,
    test_minutes: i64,
    key_expires_on: Option<String>,
    tags: Vec<String>,
}

impl From<&IntegrationSettings> for Settings {
    fn from(settings: &IntegrationSettings) -> Self {
        Self {
            base_url: settings.base_url.to_string(),
            workspace: Some(settings.workspace.to_string()),
            project_id: settings.project_id.map(|id| id.to_string()),
            integration_name: Some(settings.integration_name.to_string()),
            name_key: settings.integration_name.as_str().to_lowercase(),
            description: Some(settings.description.clone()).filter(|text| !text.is_empty()),
            auth_scheme: settings.auth_scheme.word().to_owned(),
            interval_minutes: i64::from(settings.interval_minutes),
            quiet_hours: settings.quiet_hours.map(|hours| hours.to_string()),
            test_minutes: i64::from(settings.test_minutes),
            key_expires_on: settings.key_expires_on.map(|day| day.to_string()),
            tags: settings.tags.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A sentence that names what an edit changed; `None` if nothing.
pub(super) fn changed(old: &IntegrationSettings, new: &IntegrationSettings) -> Option<String> {
    let fields = [
        ("name", old.integration_name != new.integration_name),
        ("description", old.description != new.description),
        ("address", old.base_url != new.base_url),
        ("workspace", old.workspace != new.workspace),
        ("project", old.project_id != new.project_id),
        ("way the key is sent", old.auth_scheme != new.auth_scheme),
        ("interval", old.interval_minutes != new.interval_minutes),
        ("quiet hours", old.quiet_hours != new.quiet_hours),
        (
            "interval of its tests",
            old.test_minutes != new.test_minutes,
        ),
        ("key’s last day", old.key_expires_on != new.key_expires_on),
        ("tags", old.tags != new.tags),
    ];
    let names: Vec<&str> = fields
        .into_iter()
        .filter_map(|(name, changed)| changed.then_some(name))
        .collect();
    let (last, first) = names.split_last()?;
    Some(match first {
        [] => format!("Changed the {last}."),
        _ => format!("Changed the {} and the {last}.", first.join(", the ")),
    })
}

/// What lists say about an integration.
#[derive(SurrealValue)]
pub(crate) struct Facts {
    pub(crate) id: RecordId,
    member_projects: i64,
    visible_projects: i64,
    total_work_items: i64,
    complete_at: Option<DateTime<Utc>>,
    complete_requests: Option<i64>,
    last_run: Option<serde_json::Value>,
    /// `domain::health::Health` as JSON: one text costs lists far less than the objects would.
    health: Option<String>,
}

impl Facts {
    pub(crate) fn row(
        self,
        integration: Integration,
        now: DateTime<Utc>,
    ) -> Result<IntegrationRow, Error> {
        let last_run: Option<RunSummary> = self.last_run.map(from_json).transpose()?;
        let mut row = IntegrationRow {
            freshness: Freshness::Unknown,
            member_projects: count(self.member_projects),
            visible_projects: count(self.visible_projects),
            total_work_items: count(self.total_work_items),
            complete_at: self.complete_at,
            complete_requests: self.complete_requests.map(count),
            last_run,
            health: health(self.health.as_deref())?,
            integration,
        };
        row.judge_freshness(now);
        Ok(row)
    }
}

/// What is stored of a connection's health; nothing is, before its first test.
pub(crate) fn health(stored: Option<&str>) -> Result<Health, Error> {
    match stored {
        Some(text) => from_text(text),
        None => Ok(Health::default()),
    }
}
