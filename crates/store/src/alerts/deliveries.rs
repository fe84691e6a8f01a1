use chrono::{DateTime, Utc};
use domain::{
    actor::Viewer,
    alerts::{ChannelHealth, Delivery, DeliveryState},
    ids::{ChannelId, DeliveryId, RuleId},
    page::{Cursor, Page},
};
use surrealdb::types::{RecordId, SurrealValue};
use uuid::Uuid;

use crate::{
    Store,
    error::Error,
    shape::{count, from_text, id_of, latest_first, page, record, to_text},
};

pub(crate) const DUE: &str =
    "select * from alert_deliveries where state = 'waiting' and due_at <= $now and channel not in $busy
    order by due_at limit $limit";
/// What the same channel has not taken yet of the same incident, and that was made before.
const OLDER: &str = "select value id from alert_deliveries where incident = $parent.incident
        and channel = $parent.channel and state = 'waiting' and made_at < $parent.made_at limit 1";
pub(crate) const LATEST: &str = "select * from alert_deliveries where latest_key > $after
        and ($state = none or state = $state) and ($rule = none or rule = $rule)
    order by latest_key limit $limit";
pub(crate) const LATEST_OF: &str =
    "select * from alert_deliveries where channel = $channel and latest_key > $after
        and ($state = none or state = $state) and ($rule = none or rule = $rule)
    order by latest_key limit $limit";

#[derive(SurrealValue)]
pub(super) struct DeliveryRow {
    id: RecordId,
    channel: Uuid,
    rule: Uuid,
    incident: String,
    message: String,
    state: String,
    made_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    tries: i64,
    error: Option<String>,
    sent_at: Option<DateTime<Utc>>,
    latest_key: String,
}

impl DeliveryRow {
    pub(super) fn of(delivery: &Delivery) -> Result<Self, Error> {
        Ok(Self {
            id: record("alert_deliveries", delivery.id.0),
            channel: delivery.channel.0,
            rule: delivery.message.rule.0,
            incident: delivery.message.incident.clone(),
            message: to_text(&delivery.message)?,
            state: delivery.state.slug().to_owned(),
            made_at: delivery.made_at,
            due_at: delivery.due_at,
            tries: i64::from(delivery.tries),
            error: delivery.error.clone(),
            sent_at: delivery.sent_at,
            latest_key: latest_first(delivery.made_at, delivery.id.0),
        })
    }

    fn delivery(self) -> Result<Delivery, Error> {
        Ok(Delivery {
            id: DeliveryId(id_of(&self.id)?),
            channel: ChannelId(self.channel),
            message: from_text(&self.message)?,
            state: DeliveryState::from_slug(&self.state).unwrap_or(DeliveryState::Failed),
            made_at: self.made_at,
            due_at: self.due_at,
            tries: count(self.tries),
            error: self.error,
            sent_at: self.sent_at,
        })
    }
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Sent,
    /// `again_at`: it is tried again then; else it is given up.
    Failed {
        error: String,
        again_at: Option<DateTime<Utc>>,
    },
}

/// Which deliveries a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    pub channel: Option<ChannelId>,
    pub rule: Option<RuleId>,
    pub state: Option<DeliveryState>,
}

impl Store {
    /// Takes messages that are due for channels that are not busy, until `until`: whoever takes them sends them before then, or somebody
    /// else does. What follows a message of the same incident that its channel has not taken yet comes after it. For Hangar's own work.
    pub async fn take_deliveries(
        &self,
        limit: u32,
        busy: &[ChannelId],
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Delivery>, Error> {
        let sql = format!(
            "{{
                let $due = ({DUE});
                let $held = (select value id from $due where array::len(({OLDER})) > 0);
                let $free = (select * from $due where id not in $held);
                update $held set due_at = $until return none;
                update $free.id set due_at = $until, tries += 1 return none;
                return $free;
            }}"
        );
        let busy: Vec<Uuid> = busy.iter().map(|channel| channel.0).collect();
        // Nothing is written where nothing is due.
        let waits: Vec<DeliveryRow> = self
            .ask(DUE)
            .bind("now", now)
            .bind("busy", busy.clone())
            .bind("limit", 1)
            .read()
            .await?
            .rows(0)?;
        if waits.is_empty() {
            return Ok(vec![]);
        }
        let rows: Vec<DeliveryRow> = self
            .ask(&sql)
            .bind("now", now)
            .bind("busy", busy)
            .bind("until", until)
            .bind("limit", i64::from(limit))
            .write()
            .await?
            .rows(0)?;
        rows.into_iter()
            .map(|row| {
                let delivery = row.delivery()?;
                Ok(Delivery {
                    tries: delivery.tries + 1,
                    due_at: until,
                    ..delivery
                })
            })
            .collect()
    }

    /// Writes down what became of a try, and what that says of the channel. What comes after it in its incident waits as long as it does.
    pub async fn end_delivery(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let channel = record("alert_channels", delivery.channel.0);
        let (state, error, due_at) = match attempt {
            Attempt::Sent => (DeliveryState::Sent, None, now),
            Attempt::Failed { error, again_at } => match again_at {
                Some(at) => (DeliveryState::Waiting, Some(error.clone()), *at),
                None => (DeliveryState::Failed, Some(error.clone()), now),
            },
        };
        loop {
            let before: Option<String> = self
                .ask("select value health from only $channel")
                .bind("channel", channel.clone())
                .read()
                .await?
                .one(0)?;
            let mut health: ChannelHealth = before
                .as_deref()
                .map(from_text)
                .transpose()?
                .unwrap_or_default();
            match &error {
                None => (health.failed, health.sent_at, health.error) = (0, Some(now), None),
                Some(error) => {
                    health.failed = health.failed.saturating_add(1);
                    (health.failed_at, health.error) = (Some(now), Some(error.clone()));
                }
            }
            let is_written: bool = self
                .ask(
                    "{
                        if (select value health from only $channel) != $before { return false };
                        update $id set state = $state, error = $error, due_at = $due_at,
                            sent_at = if $state = 'sent' { $now } else { none } return none;
                        update alert_deliveries set due_at = $due_at where incident = $incident and channel = $of_channel
                            and state = 'waiting' and made_at > $made_at return none;
                        if record::exists($channel) { update $channel set health = $health return none };
                        return true;
                    }",
                )
                .bind("id", record("alert_deliveries", delivery.id.0))
                .bind("channel", channel.clone())
                .bind("incident", delivery.message.incident.clone())
                .bind("of_channel", delivery.channel.0)
                .bind("made_at", delivery.made_at)
                .bind("before", before)
                .bind("health", to_text(&health)?)
                .bind("state", state.slug().to_owned())
                .bind("error", error.clone())
                .bind("due_at", due_at)
                .bind("now", now)
                .write()
                .await?
                .value(0)?;
            if is_written {
                return Ok(());
            } // another delivery of this channel ended meanwhile
        }
    }

    /// Keeps a sample, which whoever made it sends at once.
    pub async fn keep_delivery(&self, delivery: &Delivery) -> Result<(), Error> {
        self.ask("insert ignore into alert_deliveries $row return none")
            .bind("row", DeliveryRow::of(delivery)?)
            .write()
            .await
            .map(drop)
    }

    /// What was sent, the latest first.
    pub async fn deliveries(
        &self,
        _viewer: &Viewer,
        filter: &DeliveryFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<Delivery>, Error> {
        let sql = match filter.channel {
            Some(_) => LATEST_OF,
            None => LATEST,
        };
        let rows: Vec<DeliveryRow> = self
            .ask(sql)
            .bind("channel", filter.channel.map(|id| id.0))
            .bind("rule", filter.rule.map(|id| id.0))
            .bind("state", filter.state.map(|state| state.slug().to_owned()))
            .page(after, limit)
            .read()
            .await?
            .rows(0)?;
        let rows = rows
            .into_iter()
            .map(|row| Ok((row.latest_key.clone(), row.delivery()?)));
        Ok(page(rows.collect::<Result<Vec<_>, Error>>()?, limit))
    }

    /// Forgets deliveries that were made before then, whatever became of them.
    pub async fn forget_deliveries(&self, before: DateTime<Utc>) -> Result<(), Error> {
        loop {
            let gone: i64 = self
                .ask(
                    "{
                        let $old = (select value id from alert_deliveries where latest_key > $before limit 500);
                        delete $old return none;
                        return array::len($old);
                    }",
                )
                .bind("before", latest_first(before, Uuid::max()))
                .write()
                .await?
                .value(0)?;
            if gone < 500 {
                return Ok(());
            }
        }
    }
}
