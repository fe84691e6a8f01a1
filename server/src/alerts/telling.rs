use std::collections::{BTreeMap, HashMap};

use app::ui::time::duration_words;
use chrono::{DateTime, Utc};
use domain::{
    actor::User,
    alerts::{
        Alertable, Channel, Decision, Delivery, DeliveryState, Incident, Message, MessageKind,
        Rule, decide, group_of,
    },
    ids::{ChannelId, IntegrationId},
    integration::IntegrationRow,
    problems::{Problem, ProblemEvent, Turn},
    tag::Tags,
};
use store::KnownIncident;
use tracing::info;

use super::AlertsService;
use crate::{health::ITSELF, integrations::plane_key};

impl AlertsService {
    /// Puts on its way what rules tell of now.
    pub(super) async fn tell(&self) -> Result<(), store::Error> {
        let now = self.clock.now();
        let rules = self.store.rules().await?;
        let channels = self.store.channels().await?;
        let is_on = |id: &ChannelId| channels.iter().any(|one| one.id == *id && one.is_on);
        let incidents = self.store.incidents().await?;
        // Without anybody to tell there is nothing to tell: whoever adds the first channel hears of what lasts by then.
        let heard = |rule: &&Rule| rule.is_on && rule.channels.iter().any(is_on);
        let heard: Vec<&Rule> = rules.iter().filter(heard).collect();
        if heard.is_empty() {
            return Ok(());
        }
        let problems = self.store.unresolved_problems().await?;
        let is_open = |known: &KnownIncident| known.incident.closed_at.is_none();
        if problems.is_empty() && !incidents.values().flatten().any(is_open) {
            return Ok(());
        }
        let around = Around::of(self.store.all_integrations(now).await?);
        let alertable = around.alertable(&problems);
        let people = self.store.all_users().await?;
        for rule in heard {
            let known = incidents.get(&rule.id).map_or(&[][..], Vec::as_slice);
            let last: Vec<Incident> = known.iter().map(|known| known.incident.clone()).collect();
            let is_quiet = rule.quiet_hours.is_some_and(|hours| hours.contain(now));
            for decision in decide(rule, &last, &alertable, is_quiet, now) {
                let before = known
                    .iter()
                    .find(|known| known.incident.group == decision.incident.group);
                let message = decision.tells.map(|kind| {
                    self.message(rule, kind, &decision.incident, &problems, &people, now)
                });
                let members: Vec<&Problem> = problems
                    .iter()
                    .filter(|problem| decision.incident.members.contains(&problem.id))
                    .collect();
                self.keep(rule, before, &decision, message, &channels, &members)
                    .await?;
            }
        }
        Ok(())
    }

    async fn keep(
        &self,
        rule: &Rule,
        before: Option<&KnownIncident>,
        decision: &Decision,
        message: Option<Message>,
        channels: &[Channel],
        members: &[&Problem],
    ) -> Result<(), store::Error> {
        let now = decision.incident.told_at;
        let incident = &decision.incident;
        let told = channels
            .iter()
            .filter(|channel| channel.is_on && rule.channels.contains(&channel.id));
        let deliveries: Vec<Delivery> = message
            .iter()
            .flat_map(|message| {
                told.clone().map(|channel| Delivery {
                    id: incident.delivery(channel.id),
                    channel: channel.id,
                    message: message.clone(),
                    state: DeliveryState::Waiting,
                    made_at: now,
                    due_at: now,
                    tries: 0,
                    error: None,
                    sent_at: None,
                })
            })
            .collect();
        let names: Vec<&str> = told.map(|channel| channel.name.as_str()).collect();
        let stories: Vec<ProblemEvent> = message
            .iter()
            .flat_map(|message| {
                members
                    .iter()
                    .map(|problem| told_of(problem, message, &names))
            })
            .collect();
        // If another portal was faster, it told the same.
        let saved = self
            .store
            .save_incident(rule, before, incident, &deliveries, &stories)
            .await?;
        if let (true, Some(message)) = (saved, message) {
            let (kind, channels) = (message.kind.word(), deliveries.len());
            info!(rule = %rule.id, kind, channels, title = message.title, "an alert is on its way");
        }
        Ok(())
    }

    /// What is told of an incident.
    fn message(
        &self,
        rule: &Rule,
        kind: MessageKind,
        incident: &Incident,
        unresolved: &[Problem],
        people: &[User],
        now: DateTime<Utc>,
    ) -> Message {
        let members: Vec<&Problem> = unresolved
            .iter()
            .filter(|problem| incident.members.contains(&problem.id))
            .collect();
        let worst = members.iter().min_by_key(|problem| problem.level);
        let since = members.iter().filter_map(|problem| problem.opened_at).min();
        let since = since.unwrap_or(incident.opened_at);
        let owners: Vec<&User> = members
            .iter()
            .filter_map(|problem| problem.owner.as_ref())
            .filter_map(|owner| people.iter().find(|person| person.id == owner.id))
            .filter(|person| person.is_active)
            .collect();
        let says = match (kind, worst) {
            (MessageKind::Closed, _) | (_, None) => {
                format!(
                    "It is over, after {}.",
                    duration_words(now - incident.opened_at)
                )
            }
            (_, Some(problem)) => problem.says.clone(),
        };
        let advice = worst.map_or("", |problem| problem.class.advice());
        let mut only = incident.members.iter();
        let url = match (only.next(), only.next()) {
            (Some(one), None) => format!("{}/problems/{one}", self.public_url),
            _ => format!("{}/problems", self.public_url),
        };
        Message {
            kind,
            rule: rule.id,
            rule_name: rule.name.to_string(),
            incident: incident.name(),
            level: incident.level,
            title: incident.title.clone(),
            says,
            advice: advice.to_owned(),
            integrations: incident.integrations.clone().into_iter().collect(),
            since,
            at: now,
            owner: owners.first().map(|person| person.name.to_string()),
            owner_addresses: match rule.to_owner {
                true => owners.iter().map(|one| one.email.to_string()).collect(),
                false => vec![],
            },
            url,
        }
    }

    /// What a rule's messages look like: of the problem that it would tell of first, or of one that is made up.
    pub(super) fn sample(&self, rule: &Rule, problem: Option<&Problem>, name: &str) -> Message {
        let now = self.clock.now();
        let class = problem.map(|problem| problem.class);
        let class = class.or_else(|| rule.classes.first().copied());
        let class = class.unwrap_or(domain::problems::Class::NetworkConnect);
        let says = problem.map_or_else(
            || format!("{}. Nothing is wrong: this is a sample.", class.name()),
            |problem| format!("{} This is a sample.", problem.says),
        );
        let id = problem.map_or(IntegrationId::PORTAL, |problem| problem.integration);
        Message {
            kind: MessageKind::Test,
            rule: rule.id,
            rule_name: rule.name.to_string(),
            incident: format!("{:032x}", self.rng.uuid_v7(now).as_u128()),
            level: class.level(),
            title: class.name().to_owned(),
            says,
            advice: class.advice().to_owned(),
            integrations: vec![(id, name.to_owned())],
            since: now,
            at: now,
            owner: None,
            owner_addresses: vec![],
            url: match problem {
                Some(problem) => format!("{}/problems/{}", self.public_url, problem.id),
                None => format!("{}/problems", self.public_url),
            },
        }
    }
}

/// The line in a problem's story that says who was told.
fn told_of(problem: &Problem, message: &Message, channels: &[&str]) -> ProblemEvent {
    let how = match message.kind {
        MessageKind::Reminder => "again, ",
        _ => "",
    };
    ProblemEvent {
        problem: problem.id,
        integration: problem.integration,
        class: problem.class,
        level: problem.level,
        at: message.at,
        turn: Turn::Told,
        actor_name: None,
        says: format!(
            "Told {how}by “{}”: {}.",
            message.rule_name,
            channels.join(", ")
        ),
    }
}

/// What rules go by beside the problems themselves.
pub(super) struct Around {
    of: HashMap<IntegrationId, Known>,
    none: Known,
}

#[derive(Default)]
struct Known {
    name: String,
    tags: Tags,
    origin: String,
    fingerprint: String,
}

impl Around {
    pub(super) fn of(rows: Vec<IntegrationRow>) -> Self {
        let known = rows.into_iter().map(|row| {
            let (integration, settings) = (&row.integration, &row.integration.settings);
            let key = plane_key(&settings.base_url, &integration.key.fingerprint);
            let known = Known {
                name: settings.integration_name.to_string(),
                tags: settings.tags.clone(),
                origin: key.origin,
                fingerprint: key.fingerprint,
            };
            (integration.id, known)
        });
        Self {
            of: known.collect(),
            none: Known {
                name: ITSELF.to_owned(),
                ..Known::default()
            },
        }
    }

    pub(super) fn tags(&self) -> HashMap<IntegrationId, Tags> {
        let all = self.of.iter();
        all.map(|(id, known)| (*id, known.tags.clone())).collect()
    }

    pub(super) fn name(&self, id: IntegrationId) -> &str {
        &self.of.get(&id).unwrap_or(&self.none).name
    }

    pub(super) fn alertable<'a>(&'a self, problems: &'a [Problem]) -> Vec<Alertable<'a>> {
        let mut by_integration = BTreeMap::<IntegrationId, Vec<&Problem>>::new();
        for problem in problems {
            by_integration
                .entry(problem.integration)
                .or_default()
                .push(problem);
        }
        problems
            .iter()
            .map(|problem| {
                let others = by_integration
                    .get(&problem.integration)
                    .map_or(&[][..], Vec::as_slice);
                let is_caused = problem.cause(others.iter().copied()).is_some();
                self.one(problem, is_caused)
            })
            .collect()
    }

    /// What an event of a problem is told together with.
    pub(super) fn group(&self, event: &ProblemEvent) -> String {
        let known = self.of.get(&event.integration).unwrap_or(&self.none);
        group_of(
            event.class,
            event.problem,
            &known.origin,
            &known.fingerprint,
        )
    }

    pub(super) fn one<'a>(&'a self, problem: &'a Problem, is_caused: bool) -> Alertable<'a> {
        let known = self.of.get(&problem.integration).unwrap_or(&self.none);
        Alertable {
            problem,
            integration_name: &known.name,
            tags: &known.tags,
            origin: &known.origin,
            fingerprint: &known.fingerprint,
            is_caused,
        }
    }
}
