use app::{Failure, IntegrationObjectives, MaintenanceForm, MaintenanceRow, TargetsForm};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use domain::{
    actor::{Admin, Viewer},
    ids::{IntegrationId, MaintenanceId},
    objective::{Maintenance, Objective, Target, Targets},
};

use super::TrendsService;
use crate::{drafts, failure::from_store};

/// For so long maintenance that is over is still listed.
const LISTED: TimeDelta = TimeDelta::days(30);
/// Characters of a reason.
const REASON_MOST: usize = 200;

impl TrendsService {
    pub(super) async fn all_objectives(
        &self,
        viewer: &Viewer,
    ) -> Result<Vec<IntegrationObjectives>, store::Error> {
        let (now, board) = (self.clock.now(), self.board().await?);
        let maintenance = self.store.maintenance(now).await?;
        let names = self.store.integration_names(viewer).await?;
        let mut all: Vec<IntegrationObjectives> = names
            .iter()
            .map(|(id, name)| IntegrationObjectives {
                integration: *id,
                name: name.clone(),
                states: board.objectives(*id),
                is_excused: maintenance.iter().any(|one| one.covers(*id, now, now)),
            })
            .collect();
        // What burns fastest, then of what the least is left.
        let worst = |one: &IntegrationObjectives| {
            let pace = one.states.iter().filter_map(|state| state.pace()).min();
            let left = one.states.iter().filter_map(|state| state.left());
            (pace, left.fold(f64::INFINITY, f64::min))
        };
        all.sort_by(|a, b| {
            let ((a_pace, a_left), (b_pace, b_left)) = (worst(a), worst(b));
            let burns = b_pace.is_some().cmp(&a_pace.is_some());
            burns
                .then(a_pace.cmp(&b_pace))
                .then(a_left.total_cmp(&b_left))
                .then_with(|| a.name.cmp(&b.name))
        });
        Ok(all)
    }

    pub(super) async fn promise(
        &self,
        admin: &Admin,
        id: IntegrationId,
        form: &TargetsForm,
    ) -> Result<(), Failure> {
        let mut errors = std::collections::BTreeMap::new();
        let mut read = |objective: Objective, text: &str| {
            Target::parse(text).unwrap_or_else(|error| {
                errors.insert(objective.word().to_owned(), error.0.to_owned());
                Targets::default().of(objective)
            })
        };
        let targets = Targets {
            freshness: read(Objective::Freshness, &form.freshness),
            success: read(Objective::Success, &form.success),
            coverage: read(Objective::Coverage, &form.coverage),
        };
        if !errors.is_empty() {
            let values = [
                ("freshness", &form.freshness),
                ("success", &form.success),
                ("coverage", &form.coverage),
            ];
            let values = values.map(|(name, text)| (name.to_owned(), text.clone()));
            let failure = Failure::invalid(errors);
            return Err(self.keep(admin, "objectives", values, failure).await);
        }
        let said = Objective::ALL.map(|one| {
            format!(
                "{} {} %",
                one.name().to_lowercase(),
                targets.of(one).percent()
            )
        });
        let says = format!("Promised {}.", said.join(", "));
        let saved = self
            .store
            .save_targets(admin, id, &targets, says, self.clock.now())
            .await;
        if !saved.map_err(from_store)? {
            return Err(Failure::NotFound);
        }
        self.read_board().await.map(drop).map_err(from_store)
    }

    pub(super) async fn announced(
        &self,
        viewer: &Viewer,
    ) -> Result<Vec<MaintenanceRow>, store::Error> {
        let from = self.clock.now() - LISTED;
        let names = self.store.integration_names(viewer).await?;
        let all = self.store.maintenance(from).await?.into_iter();
        let named = all.map(|maintenance| MaintenanceRow {
            integration_name: maintenance.integration.map(|id| {
                let name = names.get(&id).cloned();
                name.unwrap_or_else(|| "an integration that is gone".to_owned())
            }),
            maintenance,
        });
        Ok(named.collect())
    }

    /// Keeps what was typed, and puts that into the failure.
    async fn keep<const N: usize>(
        &self,
        admin: &Admin,
        form: &str,
        values: [(String, String); N],
        failure: Failure,
    ) -> Failure {
        let kept_in = (&self.store, &self.clock, &self.rng);
        drafts::keep(kept_in, admin, form, values.into(), failure).await
    }

    pub(super) async fn announce_one(
        &self,
        admin: &Admin,
        form: MaintenanceForm,
    ) -> Result<(), Failure> {
        match self.check(admin, &form).await {
            Ok((maintenance, says)) => self
                .store
                .add_maintenance(admin, &maintenance, says, self.clock.now())
                .await
                .map_err(from_store),
            Err(failure @ Failure::Invalid { .. }) => {
                let values = [
                    ("integration", form.integration),
                    ("from", form.from),
                    ("minutes", form.minutes),
                    ("reason", form.reason),
                ];
                let values = values.map(|(name, text)| (name.to_owned(), text));
                Err(self.keep(admin, "maintenance", values, failure).await)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The maintenance that was typed, and what the history says of it.
    async fn check(
        &self,
        admin: &Admin,
        form: &MaintenanceForm,
    ) -> Result<(Maintenance, String), Failure> {
        let now = self.clock.now();
        let viewer = admin.clone().viewer();
        let names = self.store.integration_names(&viewer).await;
        let names = names.map_err(from_store)?;
        let integration = match form.integration.trim() {
            "" => None,
            text => {
                let id = text.parse::<IntegrationId>().ok();
                let id = id.filter(|id| names.contains_key(id));
                Some(id.ok_or_else(|| {
                    Failure::field("integration", "This integration is not there any more.")
                })?)
            }
        };
        let from = begin(&form.from, now)?;
        let most = Maintenance::MOST.num_minutes();
        let minutes = form.minutes.trim().parse::<i64>().ok();
        let minutes = minutes
            .filter(|minutes| (1..=most).contains(minutes))
            .ok_or_else(|| {
                let says = format!("Enter a number of minutes from 1 to {most}, a week.");
                Failure::field("minutes", says)
            })?;
        let reason = form.reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_MOST {
            let says = format!("Say why, in 1 to {REASON_MOST} characters: leads read it.");
            return Err(Failure::field("reason", says));
        }
        let maintenance = Maintenance {
            id: MaintenanceId(self.rng.uuid_v7(now)),
            integration,
            from,
            until: from + TimeDelta::minutes(minutes),
            reason: reason.to_owned(),
            by: admin.user().name.to_string(),
        };
        let whose = integration.and_then(|id| names.get(&id).cloned());
        let says = format!(
            "Announced maintenance of {} from {} UTC for {minutes} min: {reason}",
            whose.unwrap_or_else(|| "all integrations".to_owned()),
            from.format("%-d %b %Y, %H:%M"),
        );
        Ok((maintenance, says))
    }
}

/// What was measured before it was announced counts.
fn begin(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(now);
    }
    let typed = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let from = typed.map(|typed| typed.and_utc());
    let far = now + TimeDelta::days(366);
    // Whoever sends a form typed the minute that has begun.
    from.filter(|from| (now - TimeDelta::minutes(5)..far).contains(from))
        .map(|from| from.max(now))
        .ok_or_else(|| {
            Failure::field(
                "from",
                "Enter a time from now on, within a year, such as 2026-11-24T22:00. It is UTC.",
            )
        })
}
