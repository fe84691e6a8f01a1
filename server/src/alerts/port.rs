use std::collections::BTreeMap;

use app::{Alerts, AlertsReport, ChannelForm, DeliveryRow, Failure, RuleForm, RuleRow};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    actor::{Admin, Viewer},
    alerts::{
        Channel, ChannelHealth, ChannelKind, Delivery, DeliveryState, PREVIEW_DAYS, Rule, preview,
    },
    ids::{ChannelId, DeliveryId, RuleId},
    page::{Cursor, Page},
    problems::{Problem, ProblemEvent},
};
use store::{Attempt, DeliveryFilter, SealedChannel};

use super::{AlertsService, Secret, form, sender::LEASE, telling::Around};
use crate::{
    drafts,
    failure::{from_store, internal},
};

const PAGE: u32 = 50;
/// For so long after it was saved a webhook's signing secret is shown.
const KEY_SHOWN: TimeDelta = TimeDelta::minutes(10);

impl AlertsService {
    /// Keeps what was typed, without secrets, and puts that into the failure.
    async fn keep_form(
        &self,
        admin: &Admin,
        form: &str,
        values: BTreeMap<String, String>,
        failure: Failure,
    ) -> Failure {
        let kept_in = (&self.store, &self.clock, &self.rng);
        drafts::keep(kept_in, admin, form, values, failure).await
    }

    async fn sealed(&self, id: ChannelId) -> Result<SealedChannel, Failure> {
        let found = self.store.sealed_channel(id).await;
        found.map_err(from_store)?.ok_or(Failure::NotFound)
    }

    async fn found(&self, viewer: &Viewer, id: RuleId) -> Result<Rule, Failure> {
        let found = self.store.rule(viewer, id).await;
        found.map_err(from_store)?.ok_or(Failure::NotFound)
    }

    /// How often rules would have begun to tell lately.
    async fn previews(&self, viewer: &Viewer, rules: &[Rule]) -> Result<Vec<u32>, Failure> {
        let now = self.clock.now();
        let since = now - TimeDelta::days(PREVIEW_DAYS);
        let turns = self.store.problem_turns(viewer, since).await;
        let turns = turns.map_err(from_store)?;
        if turns.is_empty() {
            return Ok(vec![0; rules.len()]);
        }
        let rows = self.store.all_integrations(now).await.map_err(from_store)?;
        let around = Around::of(rows);
        let tags = around.tags();
        let group = |event: &ProblemEvent| around.group(event);
        Ok(rules
            .iter()
            .map(|rule| preview(rule, &turns, &tags, group, now))
            .collect())
    }

    /// Sends a sample at once, and keeps how that went.
    async fn send_sample(
        &self,
        rule: &Rule,
        channel: &Channel,
        problems: &[Problem],
        around: &Around,
    ) -> Result<(), Failure> {
        let first = around.alertable(problems).into_iter().find(|one| {
            let problem = one.problem;
            let (class, level) = (problem.class, problem.level);
            !one.is_caused && rule.concerns(class, level, problem.integration, one.tags)
        });
        let problem = first.as_ref().map(|one| one.problem);
        let name = match problem {
            Some(problem) => around.name(problem.integration),
            None => "Acme (a sample)",
        };
        let now = self.clock.now();
        let message = self.sample(rule, problem, name);
        let delivery = Delivery {
            id: DeliveryId(self.rng.uuid_v7(now)),
            channel: channel.id,
            message,
            state: DeliveryState::Waiting,
            made_at: now,
            due_at: now + LEASE,
            tries: 1,
            error: None,
            sent_at: None,
        };
        let kept = self.store.keep_delivery(&delivery).await;
        kept.map_err(from_store)?;
        let attempt = match self.try_to_send(&delivery).await {
            Ok(()) => Attempt::Sent,
            // Whoever asked for a sample is there to read why; it is not tried again.
            Err(unsent) => Attempt::Failed {
                error: unsent.says,
                again_at: None,
            },
        };
        let ended = self
            .store
            .end_delivery(&delivery, &attempt, self.clock.now())
            .await;
        ended.map_err(from_store)
    }

    async fn send_samples(&self, rule: &Rule, channels: &[&Channel]) -> Result<(), Failure> {
        let problems = self.store.unresolved_problems().await.map_err(from_store)?;
        let rows = self.store.all_integrations(self.clock.now()).await;
        let around = Around::of(rows.map_err(from_store)?);
        for channel in channels {
            self.send_sample(rule, channel, &problems, &around).await?;
        }
        Ok(())
    }

    fn new_rule(&self) -> Result<Rule, Failure> {
        let id = || RuleId(self.rng.uuid_v7(self.clock.now()));
        let built_in = Rule::built_in(id(), id());
        let [rule, _] = built_in.map_err(|error| internal(&error, "rule"))?;
        Ok(Rule { version: 0, ..rule })
    }
}

#[async_trait]
impl Alerts for AlertsService {
    async fn overview(&self, viewer: &Viewer) -> Result<AlertsReport, Failure> {
        let rules = self.store.rules().await.map_err(from_store)?;
        let would = self.previews(viewer, &rules).await?;
        let incidents = self.store.incidents().await.map_err(from_store)?;
        let rules = rules.into_iter().zip(would).map(|(rule, would)| {
            let of = incidents.get(&rule.id).map_or(&[][..], Vec::as_slice);
            // A rule that is switched off tells of nothing.
            let open = of
                .iter()
                .filter(|known| rule.is_on && known.incident.closed_at.is_none());
            RuleRow {
                open: open.map(|known| known.incident.clone()).collect(),
                rule,
                would,
            }
        });
        Ok(AlertsReport {
            rules: rules.collect(),
            channels: self.store.channels().await.map_err(from_store)?,
        })
    }

    async fn channel(&self, viewer: &Viewer, id: ChannelId) -> Result<Channel, Failure> {
        let found = self.store.channel(viewer, id).await;
        found.map_err(from_store)?.ok_or(Failure::NotFound)
    }

    async fn signing_key(&self, _admin: &Admin, id: ChannelId) -> Result<Option<String>, Failure> {
        let sealed = self.sealed(id).await?;
        let age = self.clock.now() - sealed.channel.saved_at;
        if sealed.channel.kind != ChannelKind::Webhook || age > KEY_SHOWN {
            return Ok(None);
        }
        let secret = Secret::open(&self.vault, &sealed);
        Ok(Some(
            secret.map_err(|error| internal(&error, error.code()))?.key,
        ))
    }

    async fn save_channel(&self, admin: &Admin, typed: ChannelForm) -> Result<ChannelId, Failure> {
        let now = self.clock.now();
        let kept = match typed.id {
            Some(id) => Some(self.sealed(id).await?),
            None => None,
        };
        let secret = kept
            .as_ref()
            .map(|kept| Secret::open(&self.vault, kept).unwrap_or_default());
        let kind = kept.as_ref().map(|kept| kept.channel.kind);
        let kind = kind.or_else(|| ChannelKind::from_slug(&typed.kind));
        let kind = kind.ok_or_else(|| Failure::field("kind", "Choose what the channel speaks."))?;
        let known = kept.as_ref().map(|kept| &kept.channel);
        let known = known.zip(secret.as_ref());
        let checked = form::channel(&typed, kind, known, &self.egress, self.rng.bytes());
        let values = || form::channel_values(&typed);
        let checked = match checked {
            Ok(checked) => checked,
            Err(errors) => {
                let failure = Failure::invalid(errors);
                return Err(self.keep_form(admin, "channel", values(), failure).await);
            }
        };
        let channel = Channel {
            id: typed.id.unwrap_or_else(|| ChannelId(self.rng.uuid_v7(now))),
            name: checked.name,
            kind,
            settings: checked.settings,
            is_on: typed.is_on,
            saved_at: now,
            version: typed.version + 1,
            health: ChannelHealth::default(),
        };
        let sealed = checked.secret.seal(&self.vault, &channel);
        let saved = SealedChannel {
            sealed: sealed.map_err(|error| internal(&error, error.code()))?,
            sealed_version: channel.version,
            channel,
        };
        let id = saved.channel.id;
        match self.store.save_channel(admin, &saved, now).await {
            Ok(()) => {}
            Err(error) => {
                let failure = taken(error, "Another channel has this name.");
                return Err(self.keep_form(admin, "channel", values(), failure).await);
            }
        }
        if typed.id.is_none() {
            self.add_to_rules(admin, id).await?;
        }
        Ok(id)
    }

    async fn delete_channel(&self, admin: &Admin, id: ChannelId) -> Result<(), Failure> {
        let channel = self.sealed(id).await?.channel;
        let done = self
            .store
            .delete_channel(admin, &channel, self.clock.now())
            .await;
        done.map_err(from_store).map(drop)
    }

    async fn save_rule(&self, admin: &Admin, typed: RuleForm) -> Result<RuleId, Failure> {
        let now = self.clock.now();
        let before = match typed.id {
            Some(id) => self.found(&admin.clone().viewer(), id).await?,
            None => self.new_rule()?,
        };
        let channels = self.store.channels().await.map_err(from_store)?;
        let values = || form::rule_values(&typed);
        let rule = match form::rule(&typed, before, &channels) {
            Ok(rule) => rule,
            Err(errors) => {
                let failure = Failure::invalid(errors);
                return Err(self.keep_form(admin, "rule", values(), failure).await);
            }
        };
        match self.store.save_rule(admin, &rule, now).await {
            Ok(()) => Ok(rule.id),
            Err(error) => {
                let failure = taken(error, "Another rule has this name.");
                Err(self.keep_form(admin, "rule", values(), failure).await)
            }
        }
    }

    async fn delete_rule(&self, admin: &Admin, id: RuleId) -> Result<(), Failure> {
        let rule = self.found(&admin.clone().viewer(), id).await?;
        let done = self.store.delete_rule(admin, &rule, self.clock.now()).await;
        done.map_err(from_store).map(drop)
    }

    async fn test_rule(&self, admin: &Admin, id: RuleId) -> Result<(), Failure> {
        let rule = self.found(&admin.clone().viewer(), id).await?;
        let channels = self.store.channels().await.map_err(from_store)?;
        let told = channels
            .iter()
            .filter(|channel| rule.channels.contains(&channel.id));
        let told: Vec<&Channel> = told.collect();
        if told.is_empty() {
            return Err(Failure::Conflict {
                message: "This rule has no channel. Choose one, then test.".to_owned(),
                draft: None,
            });
        }
        self.send_samples(&rule, &told).await
    }

    async fn test_channel(&self, _admin: &Admin, id: ChannelId) -> Result<(), Failure> {
        let channel = self.sealed(id).await?.channel;
        let rules = self.store.rules().await.map_err(from_store)?;
        let mut rules = rules.into_iter();
        let rule = match rules.find(|rule| rule.channels.contains(&id)) {
            Some(rule) => rule,
            None => self.new_rule()?,
        };
        self.send_samples(&rule, &[&channel]).await
    }

    async fn deliveries(
        &self,
        viewer: &Viewer,
        channel: Option<ChannelId>,
        rule: Option<RuleId>,
        state: Option<DeliveryState>,
        after: Option<Cursor>,
    ) -> Result<Page<DeliveryRow>, Failure> {
        let filter = DeliveryFilter {
            channel,
            rule,
            state,
        };
        let page = self
            .store
            .deliveries(viewer, &filter, after.as_ref(), PAGE)
            .await
            .map_err(from_store)?;
        let channels = self.store.channels().await.map_err(from_store)?;
        let name = |id: ChannelId| {
            let found = channels.iter().find(|channel| channel.id == id);
            found.map(|channel| channel.name.to_string())
        };
        let rows = page.rows.into_iter().map(|delivery| DeliveryRow {
            channel_name: name(delivery.channel),
            delivery,
        });
        Ok(Page {
            rows: rows.collect(),
            next: page.next,
        })
    }
}

impl AlertsService {
    /// A new channel is told by the rules that told nobody so far.
    async fn add_to_rules(&self, admin: &Admin, id: ChannelId) -> Result<(), Failure> {
        let rules = self.store.rules().await.map_err(from_store)?;
        for rule in rules.into_iter().filter(|rule| rule.channels.is_empty()) {
            let rule = Rule {
                channels: [id].into(),
                version: rule.version + 1,
                ..rule
            };
            match self.store.save_rule(admin, &rule, self.clock.now()).await {
                Ok(()) | Err(store::Error::Conflict) => {}
                Err(error) => return Err(from_store(error)),
            }
        }
        Ok(())
    }
}

fn taken(error: store::Error, says: &str) -> Failure {
    match error {
        store::Error::Taken { .. } => Failure::field("name", says),
        error => from_store(error),
    }
}
