use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use domain::{
    checks::Level,
    freshness::Kind,
    ids::IntegrationId,
    integration::{IntegrationRow, Standing},
    mirror::ProjectRow,
    problems::Problem,
};
use plane::BudgetKey;
use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    registry::Registry,
};
use store::ProjectRows;

use super::{Gauges, Labels, seconds};
use crate::{integrations::plane_key, portal::Portal};

/// What it is sent as.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why it can't be told.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the metrics could not be written: {0}")]
    Text(#[from] fmt::Error),
}

impl Portal {
    /// Everything that Prometheus is told.
    pub async fn metrics(&self) -> Result<String, ScrapeError> {
        let now = self.clock.now();
        let mut registry = Registry::with_prefix("portal");
        let rows = self.store.all_integrations(now).await?;
        let projects = self.store.all_projects(now).await?;
        integrations(&mut registry, &rows, &projects, now);
        self.keys(&mut registry, &rows);
        self.webhooks(&mut registry).await?;
        problems(&mut registry, &self.store.unresolved_problems().await?);
        let failing = Gauges::default();
        for channel in self.store.channels().await? {
            let labels = vec![("channel", channel.name.to_string())];
            set(&failing, labels, f64::from(channel.health.failed));
        }
        registry.register(
            "alert_channel_failures",
            "Tries in a row that a channel of alerts did not take",
            failing,
        );
        if let Some(space) = self.health.disk.space() {
            let free = Gauges::default();
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            set(&free, vec![], space.free as f64);
            registry.register(
                "disk_free_bytes",
                "What may still be written where the data is",
                free,
            );
        }
        if let Some(age) = self.backups.age(now).await? {
            let oldest = Gauges::default();
            set(&oldest, vec![], seconds(age));
            registry.register(
                "backup_age_seconds",
                "Age of the last backup that was verified and is still there",
                oldest,
            );
        }
        let build = Gauges::default();
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        set(&build, version, 1.0);
        registry.register("build", "Always 1; the version is a label", build);

        let mut text = String::new();
        self.integrations.metrics.write(&mut text)?;
        encode_registry(&mut text, &registry)?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    fn keys(&self, registry: &mut Registry, rows: &[IntegrationRow]) {
        let left = Gauges::default();
        for row in rows {
            let integration = &row.integration;
            let key = plane_key(&integration.settings.base_url, &integration.key.fingerprint);
            let state = self.integrations.budgets.state(&BudgetKey {
                origin: key.origin,
                fingerprint: key.fingerprint.clone(),
            });
            let ratio = f64::from(state.free) / f64::from(state.limit.max(1));
            set(&left, vec![("key_fp", key.fingerprint)], ratio);
        }
        registry.register(
            "plane_quota_remaining_ratio",
            "Calls that a key may make right now, of those that Plane allows in a minute",
            left,
        );
    }

    async fn webhooks(&self, registry: &mut Registry) -> Result<(), store::Error> {
        // Kept in the database: they go on where they were after a restart.
        let events = super::Counters::default();
        let add = |result: String, times: u64| {
            let labels = vec![("result", result)];
            events.get_or_create(&labels).inc_by(times);
        };
        let mut unheard = 0;
        for webhook in self.store.webhooks().await? {
            add("received".to_owned(), webhook.deliveries);
            add("duplicate".to_owned(), webhook.duplicates);
            unheard += webhook.missed;
            for (why, times) in &webhook.refused {
                add(format!("refused_{}", why.word().replace('-', "_")), *times);
            }
        }
        registry.register("webhook_events", "Deliveries of Plane's webhooks", events);
        let missed = Gauges::default();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        set(&missed, vec![], unheard as f64);
        registry.register(
            "webhook_missed",
            "Changes that syncs had to find since each webhook's last delivery",
            missed,
        );
        Ok(())
    }
}

fn set(family: &Gauges, labels: Labels, value: f64) {
    family.get_or_create(&labels).set(value);
}

fn integrations(
    registry: &mut Registry,
    rows: &[IntegrationRow],
    projects: &ProjectRows,
    now: DateTime<Utc>,
) {
    let mut of = BTreeMap::<IntegrationId, Vec<&ProjectRow>>::new();
    for project in projects.iter() {
        of.entry(project.integration).or_default().push(project);
    }
    let (count, freshness, drift) = (Gauges::default(), Gauges::default(), Gauges::default());
    let (key, certificate) = (Gauges::default(), Gauges::default());
    for standing in [Standing::Active, Standing::Paused, Standing::Inactive] {
        let many = rows
            .iter()
            .filter(|row| row.integration.standing() == standing);
        let word = match standing {
            Standing::Active => "active",
            Standing::Paused => "paused",
            Standing::Inactive => "inactive",
        };
        let many = u32::try_from(many.count()).unwrap_or(u32::MAX);
        set(&count, vec![("standing", word.to_owned())], f64::from(many));
    }
    for row in rows {
        let settings = &row.integration.settings;
        let name = ("integration", settings.integration_name.to_string());
        let projects = of.get(&row.integration.id).map_or(&[][..], Vec::as_slice);
        for kind in Kind::ALL {
            let copied = projects
                .iter()
                .filter(|project| project.freshness_of(kind, now).is_some())
                .filter_map(|project| project.copied.at(kind));
            if let Some(oldest) = copied.min() {
                let labels = vec![name.clone(), ("entity", kind.word().to_owned())];
                set(&freshness, labels, seconds(now - oldest));
            }
        }
        let compared: Vec<_> = projects
            .iter()
            .filter_map(|project| project.drift)
            .collect();
        if !compared.is_empty() {
            let items: u64 = compared
                .iter()
                .map(|check| check.missing + check.extra + check.different)
                .sum();
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            set(&drift, vec![name.clone()], items as f64);
        }
        if let Some(day) = settings.key_expires_on {
            let end = day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1);
            set(&key, vec![name.clone()], seconds(end - now));
        }
        if let Some(days) = row.health.certificate_days_left() {
            let left = TimeDelta::days(days.into());
            set(&certificate, vec![name], seconds(left));
        }
    }
    registry.register(
        "integrations",
        "Integrations, by whether they are synced by themselves",
        count,
    );
    registry.register(
        "freshness_seconds",
        "Age of the oldest project's copy of a kind of thing",
        freshness,
    );
    registry.register(
        "drift_items",
        "Work items that differed from Plane's when the projects were last compared",
        drift,
    );
    registry.register(
        "key_expiry_seconds",
        "Until the end of a key's last day, where it was entered",
        key,
    );
    registry.register(
        "cert_expiry_seconds",
        "Until Plane's certificate runs out, in whole days",
        certificate,
    );
}

fn problems(registry: &mut Registry, unresolved: &[Problem]) {
    let family = Gauges::default();
    let mut counts = BTreeMap::<(&str, Level), u32>::new();
    for problem in unresolved {
        *counts
            .entry((problem.class.word(), problem.level))
            .or_default() += 1;
    }
    for ((class, level), many) in counts {
        let labels = vec![
            ("class", class.to_owned()),
            ("level", level.word().to_owned()),
        ];
        set(&family, labels, f64::from(many));
    }
    registry.register("problems", "Problems that are not resolved", family);
}
